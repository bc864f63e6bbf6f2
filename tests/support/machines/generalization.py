"""Machines for the checks of generalization: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.model import Platform, Run, Stage
from azpreflight.probes import agents, generalization
from tests.support.fakes import FakeHost
from tests.support.judging import by_check, judged
from tests.support.machines import agents as test_probe_agents

PROBES = (agents.PROBE, generalization.PROBE)
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
BUILD = replace(RUN, stage=Stage.BUILD)
FIRST_BOOT = replace(RUN, stage=Stage.FIRSTBOOT)

HERE = "b6f2d6a4-61f5-4f7d-9a0e-3c9d8d1f2a55"
ELSEWHERE = "0c8bd3a1-5bd9-4b38-9a6c-54c7a4fd5a11"
HASH = "$6$saltsalt$" + "a" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "b" * 43 + " someone@somewhere"
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
OVF = "<ns1:UserName>azureuser</ns1:UserName><ns1:HostName>template</ns1:HostName>"

CLEAN: dict[str, Any] = {
    **test_probe_agents.FILES,
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n",
    "/etc/shadow": "root:*LOCK*:14600::::::\nsshd:!:19000::::::\n",
    "/etc/shadow-": "root:*:14600::::::\n",
    "/etc/login.defs": "UID_MIN 1000\n",
    "/etc/hostname": "localhost.localdomain\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/machine-id": "",
    "/etc/sudoers.d/waagent": "",
    "/var/lib/waagent": None,
    "/var/lib/dhcp/dhclient.leases": 'default-duid "\\000\\001";\n',
    "/sys/class/dmi/id/product_uuid": HERE.upper() + "\n",
}
WAAGENT_ONLY = test_probe_agents.conf("Provisioning.Agent=auto")


def host(changes: dict[str, Any], root: str = "/") -> FakeHost:
    """A deprovisioned machine that cloud-init would provision, with some files changed."""
    return FakeHost(files={**CLEAN, **changes}, root=root)


def waagent_host(changes: dict[str, Any]) -> FakeHost:
    """The same without cloud-init."""
    files = {**CLEAN, **WAAGENT_ONLY, **changes}
    return FakeHost(files={path: node for path, node in files.items() if "cloud" not in path})


HEALTHY = (host({}), RUN)
LIB = "/var/lib/waagent"
PROVISIONED = {f"{LIB}/provisioned": HERE, f"{LIB}/ovf-env.xml": OVF, "/etc/hostname": "template\n"}
BROKEN = {
    "gen-deprovisioned": (host({**PROVISIONED, "/usr/sbin/sshd": "", "/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY}), RUN),
    "gen-provisioned-sentinel": (waagent_host({"/var/lib/waagent/provisioned": ELSEWHERE}), FIRST_BOOT),
    "gen-waagent-library": (host({"/var/lib/waagent/TransportPrivate.pem": PRIVATE_KEY}), RUN),
    "gen-cloud-init-state": (host({"/var/lib/cloud/data/reported_ready": ""}), RUN),
    "gen-users": (
        host(
            {
                "/etc/passwd": "root:x:0:0::/root:/bin/sh\nazureuser:x:1000:1000::/home/azureuser:/bin/bash\n",
                "/etc/shadow": f"root:*:1::::::\nazureuser:{HASH}:19000::::::\n",
            }
        ),
        RUN,
    ),
    "gen-root-password": (host({"/etc/shadow": f"root:{HASH}:1::::::\n"}), RUN),
    "gen-password-backup": (host({"/etc/shadow-": f"azureuser:{HASH}:1::::::\n"}), RUN),
    "gen-authorized-keys": (host({"/root/.ssh/authorized_keys": KEY + "\n"}), RUN),
    "gen-private-keys": (host({"/root/.ssh/id_ed25519": PRIVATE_KEY}), RUN),
    "gen-sudoers": (host({"/etc/sudoers.d/90-cloud-init-users": "azureuser ALL=(ALL) NOPASSWD:ALL\n"}), RUN),
    "gen-ssh-host-keys": (
        host({"/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY, "/etc/cloud/cloud.cfg.d/keep.cfg": "ssh_deletekeys: false\n"}),
        RUN,
    ),
    "gen-resolv-conf": (host({"/etc/resolv.conf": "nameserver 10.0.0.53\n"}), RUN),
    "gen-dhcp-leases": (host({"/var/lib/dhcp/dhclient.eth0.leases": "lease {\n}\n"}), RUN),
    "gen-machine-id": (host({"/etc/machine-id": "0123456789abcdef0123456789abcdef\n"}), RUN),
    "gen-random-seed": (host({"/var/lib/systemd/credential.secret": b"\x00" * 64}), RUN),
    "gen-hostname": (host({"/etc/hostname": "buildvm\n"}), RUN),
    "gen-shell-history": (host({"/root/.bash_history": "ls\n"}), RUN),
    "gen-agent-logs": (host({"/var/log/waagent.log.1": "INFO\n"}), RUN),
    "gen-credentials": (host({"/root/.azure/msal_token_cache.json": "{}"}), RUN),
    "gen-crash-dumps": (host({"/var/crash/202601/vmcore": "x"}), RUN),
    "gen-system-logs": (host({"/var/log/wtmp": b"\x07" * 384}), RUN),
    "gen-network-config": (host({"/etc/network/interfaces.d/eth0": "iface eth0 inet static\n"}), RUN),
    "gen-enrolment": (host({"/etc/krb5.keytab": b"\x05\x02"}), RUN),
    "gen-fstab": (host({"/etc/fstab": "/dev/sdc1 /data ext4 defaults 0 2\n"}), RUN),
    "gen-litter": (host({"/swapfile": b"SWAPSPACE2"}), RUN),
    "gen-azpreflight": (host({"/var/lib/azpreflight/report.json": "{}"}), RUN),
}


def verdict(machine: FakeHost, run: Run, check: str) -> tuple[str, tuple[str, ...]]:
    """The status of one check, and the severities of its findings."""
    result = by_check(judged(machine, run, *PROBES))[check]
    return result.status.value, tuple(finding.severity.value for finding in result.findings)


PEOPLE = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\nazureuser:x:1000:1000::/home/azureuser:/bin/bash\n"
    "packer:x:1001:1001::/home/packer:/bin/bash\ngames:x:5:60::/usr/games:/usr/sbin/nologin\n",
    "/etc/shadow": f"root:*:1::::::\nazureuser:{HASH}:1::::::\npacker:!:1::::::\ngames:{HASH}:1::::::\n",
    "/home/packer/.ssh/authorized_keys": f"# mine\n{KEY}\n{KEY}\n",
    "/home/azureuser": None,
}
