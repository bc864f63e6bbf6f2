"""What a machine leaves in its image, judged by what it does to the next VM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.azure import imds
from azpreflight.azure.answer import Answer
from azpreflight.guest import passwords
from azpreflight.host import FileInfo, FileKind, Outcome, Phase
from azpreflight.host.removable import Verb
from azpreflight.model import Finding, Platform, Profile, Run, Severity, Stage, Status
from azpreflight.model.codec import encode
from azpreflight.paths import UNFINISHED
from azpreflight.probes import agents, generalization
from azpreflight.probes.generalization import provisioned_marker
from azpreflight.probes.generalization.leftover import DEPROVISION
from azpreflight.probes.generalization.provisioned_marker import same_vm, swapped
from azpreflight.probes.platform import PlatformFacts
from azpreflight.seal import cleanup
from azpreflight.seal.cleanup import Change
from tests.support.fakes import Denied, FakeHost, Fifo, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.unit.probes import test_agents as test_probe_agents

PROBES = (agents.PROBE, generalization.PROBE)
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
BUILD = replace(RUN, stage=Stage.BUILD)
FIRST_BOOT = replace(RUN, stage=Stage.FIRSTBOOT)
SPECIALIZED = replace(RUN, profile=Profile.SPECIALIZED)

HERE = "b6f2d6a4-61f5-4f7d-9a0e-3c9d8d1f2a55"
HERE_SWAPPED = "a4d6f2b6-f561-7d4f-9a0e-3c9d8d1f2a55"
ELSEWHERE = "0c8bd3a1-5bd9-4b38-9a6c-54c7a4fd5a11"
HASH = "$6$saltsalt$" + "a" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "b" * 43 + " someone@somewhere"
REFUSED_KEY = f"no-port-forwarding,command=\"echo 'Please login as the user'\" {KEY}"
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


def test_a_deprovisioned_machine_passes() -> None:
    """An empty lease stub, an emptied sudoers file and a locked root are no leftovers."""
    found = statuses(judged(*HEALTHY, *PROBES))
    assert {status for check, status in found.items() if check.startswith("gen-")} == {"pass"}


@pytest.mark.parametrize("check", [check.id for check in generalization.PROBE.checks])
def test_each_check_speaks_and_alone(check: str) -> None:
    """Every check fails on its own broken machine, as bad as it says it can be, and no other of this probe does.

    What joins them all speaks beside another, and others beside it.
    """
    report = judged(*BROKEN[check], *PROBES)
    failed = {result.check: result.severity for result in report.results if result.status is Status.FAIL}
    declared = {one.id: one.severity for one in generalization.PROBE.checks}
    assert failed[check] is declared[check]
    assert check == "gen-deprovisioned" or set(failed) - {"gen-deprovisioned"} == {check}


@pytest.mark.parametrize(
    ("changes", "run", "status", "severities"),
    [
        ({}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": HERE}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": HERE.upper() + "\n"}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": HERE_SWAPPED}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": ELSEWHERE}, FIRST_BOOT, "fail", ("error",)),
        ({"/var/lib/waagent/provisioned": ""}, FIRST_BOOT, "fail", ("error",)),
        ({"/var/lib/waagent/provisioned": HERE}, RUN, "fail", ("error",)),
        ({"/var/lib/waagent/provisioned": HERE}, BUILD, "fail", ("note",)),
        ({"/var/lib/waagent/provisioned": HERE}, SPECIALIZED, "pass", ()),
        ({}, SPECIALIZED, "fail", ("warning",)),
        ({"/var/lib/waagent/provisioned": Denied()}, RUN, "unknown", ()),
        ({"/var/lib/waagent/provisioned": Fifo()}, RUN, "unknown", ()),
        (
            {"/var/lib/waagent/provisioned": HERE, "/sys/class/dmi/id/product_uuid": Denied()},
            FIRST_BOOT,
            "unknown",
            (),
        ),
    ],
)
def test_the_sentinel_where_waagent_provisions(
    changes: dict[str, Any], run: Run, status: str, severities: tuple[str, ...]
) -> None:
    """Another VM's id is the error at first boot, any sentinel at capture, and a missing one in a specialised image."""
    assert verdict(waagent_host(changes), run, "gen-provisioned-sentinel") == (status, severities)


def test_the_sentinel_is_a_note_where_cloud_init_provisions() -> None:
    """cloud-init has its own way to notice a new VM."""
    other = host({"/var/lib/waagent/provisioned": ELSEWHERE})
    assert verdict(other, FIRST_BOOT, "gen-provisioned-sentinel") == ("fail", ("note",))
    assert verdict(other, RUN, "gen-provisioned-sentinel") == ("fail", ("note",))
    assert verdict(other, SPECIALIZED, "gen-provisioned-sentinel") == ("notapplicable", ())


@pytest.mark.parametrize(("told", "severities"), [(HERE, ()), (ELSEWHERE, (Severity.ERROR,))])
def test_the_sentinel_is_held_against_the_metadata_where_the_firmware_tells_no_id(
    told: str, severities: tuple[Severity, ...]
) -> None:
    """Where the firmware's id cannot be seen, as in a container, the platform's own word counts."""
    agents_facts = agents.gather(waagent_host({}), FIRST_BOOT)
    answer = Answer(imds.URL, Outcome.OK, Phase.HTTP, 0.1, 200)
    platform = PlatformFacts(True, metadata=imds.Metadata(answer, imds.Instance(vm_id=told)))
    run = replace(FIRST_BOOT, needed={"agents": agents_facts, "platform": platform})
    verdicts = provisioned_marker.judge(provisioned_marker.SentinelFacts("/var/lib/waagent/provisioned", HERE), run)
    assert tuple(finding.severity for finding in verdicts if isinstance(finding, Finding)) == severities


@given(st.uuids())
def test_the_byte_order_of_an_id_does_not_matter(uuid: Any) -> None:
    """Swapping twice is the identity, and both orders are one VM."""
    assert swapped(swapped(str(uuid))) == str(uuid)
    assert same_vm(str(uuid), swapped(str(uuid)).upper())


@given(st.text(max_size=60))
def test_what_is_no_id_is_compared_as_it_is(text: str) -> None:
    """An agent's file may hold anything."""
    assert same_vm(text, text)


def test_the_library_by_consequence() -> None:
    """Keys and settings leak, an installed handler is not installed again, the rest is litter."""
    lib = "/var/lib/waagent"
    handler = f"{lib}/Microsoft.Azure.Extensions.CustomScript-2.1.10"
    found = {
        f"{lib}/ovf-env.xml": OVF,
        f"{lib}/A0EC2ED7D954A2B359791263DE1C17AF13941531.prv": PRIVATE_KEY,
        f"{lib}/disable_agent": "",
        f"{handler}/HandlerManifest.json": "[]",
        f"{handler}/config/HandlerState": "Enabled",
        f"{lib}/GoalState.1.xml": "<x/>",
    }
    report = judged(host(found), RUN, *PROBES)
    severities = [finding.severity.value for finding in findings(report, "gen-waagent-library")]
    assert severities == ["error", "error", "error", "warning"]
    assert verdict(host({f"{lib}/Incarnation": "1"}), RUN, "gen-waagent-library") == ("fail", ("note",))
    assert verdict(host(found), BUILD, "gen-waagent-library") == ("fail", ("note",) * 4)


def test_at_first_boot_only_the_sleeping_agent_counts() -> None:
    """A VM that runs has a library of its own."""
    lib = {"/var/lib/waagent/TransportPrivate.pem": PRIVATE_KEY, "/var/lib/waagent/ovf-env.xml": OVF}
    assert verdict(host(lib), FIRST_BOOT, "gen-waagent-library") == ("pass", ())
    asleep = {"/var/lib/waagent/disable_agent": ""}
    assert verdict(host(asleep), FIRST_BOOT, "gen-waagent-library") == ("fail", ("warning",))


def test_host_keys_that_are_replaced_are_a_note() -> None:
    """By cloud-init unless ssh_deletekeys is false, by waagent with RegenerateSshHostKeyPair=y."""
    keys = {"/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY, "/etc/ssh/ssh_host_rsa_key.pub": KEY}
    check = "gen-ssh-host-keys"
    assert verdict(host(keys), RUN, check) == ("fail", ("note",))
    kept = {**keys, "/etc/cloud/cloud.cfg.d/keep.cfg": "ssh_deletekeys: false\n"}
    assert verdict(host(kept), RUN, check) == ("fail", ("error",))
    assert verdict(waagent_host(keys), RUN, check) == ("fail", ("note",))
    off = test_probe_agents.conf("Provisioning.Agent=auto", "Provisioning.RegenerateSshHostKeyPair=n")
    assert verdict(waagent_host({**keys, **off}), RUN, check) == ("fail", ("error",))
    (finding,) = findings(judged(waagent_host({**keys, **off}), RUN, *PROBES), check)
    assert finding.commands == ("rm -f /etc/ssh/ssh_host_*key*",)


UBUNTU = {"/etc/os-release": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04\n"}
STUB = Link("../run/systemd/resolve/stub-resolv.conf")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "pass"),
        ({"/etc/resolv.conf": STUB}, "pass"),
        ({"/etc/resolv.conf": STUB, "/run/systemd/resolve/stub-resolv.conf": "nameserver 10.0.0.53\n"}, "pass"),
        ({"/etc/resolv.conf": "nameserver 127.0.0.53\nnameserver 168.63.129.16\n"}, "pass"),
        ({"/etc/resolv.conf": "search example.com\n"}, "pass"),
        ({"/etc/resolv.conf": "nameserver 10.0.0.53\n"}, "fail"),
        ({"/etc/resolv.conf": Link("resolv.fixed"), "/etc/resolv.fixed": "nameserver fd00::53\n"}, "fail"),
        ({"/etc/resolv.conf": Fifo()}, "pass"),
    ],
)
def test_resolv_conf(changes: dict[str, Any], status: str) -> None:
    """Only servers of this network, in a file that outlives the boot, are a leftover."""
    assert verdict(host(changes), RUN, "gen-resolv-conf")[0] == status


def test_resolv_conf_as_the_distribution_deprovisions_it() -> None:
    """waagent deletes it on Debian, and does not touch it on Ubuntu since 18.04."""
    file = {"/etc/resolv.conf": "nameserver 10.0.0.53\n"}
    (debian,) = findings(judged(host(file), BUILD, *PROBES), "gen-resolv-conf")
    (ubuntu,) = findings(judged(host({**file, **UBUNTU}), BUILD, *PROBES), "gen-resolv-conf")
    assert (debian.severity, debian.commands) == (Severity.NOTE, ("waagent -force -deprovision+user",))
    assert (ubuntu.severity, ubuntu.commands) == (Severity.WARNING, ("rm -f /etc/resolv.conf",))


PEOPLE = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\nazureuser:x:1000:1000::/home/azureuser:/bin/bash\n"
    "packer:x:1001:1001::/home/packer:/bin/bash\ngames:x:5:60::/usr/games:/usr/sbin/nologin\n",
    "/etc/shadow": f"root:*:1::::::\nazureuser:{HASH}:1::::::\npacker:!:1::::::\ngames:{HASH}:1::::::\n",
    "/home/packer/.ssh/authorized_keys": f"# mine\n{KEY}\n{KEY}\n",
    "/home/azureuser": None,
}


def test_users_that_can_log_in() -> None:
    """With a hash or a key; not with a lock, and not without a shell. Only the user of ovf-env.xml is deprovisioned."""
    machine = host({**PEOPLE, "/var/lib/waagent/ovf-env.xml": OVF})
    azureuser, packer = findings(judged(machine, BUILD, *PROBES), "gen-users")
    assert azureuser.message == "user azureuser (uid 1000) can log in with a password"
    assert (azureuser.severity, azureuser.commands) == (Severity.NOTE, ("waagent -force -deprovision+user",))
    assert packer.message == "user packer (uid 1001) can log in with 2 authorized keys"
    assert (packer.severity, packer.commands) == (Severity.ERROR, ("userdel --force --remove packer",))


def test_without_ovf_env_waagent_deletes_nobody() -> None:
    """The documented order of commands removes the file first."""
    azureuser, _ = findings(judged(host(PEOPLE), RUN, *PROBES), "gen-users")
    assert "no ovf-env.xml names a user" in azureuser.fix
    assert azureuser.commands == ("userdel --force --remove azureuser",)


def test_what_an_installer_wrote_down_is_unknown_where_it_is_too_large() -> None:
    """And only that."""
    found = statuses(judged(host({"/root/anaconda-ks.cfg": "# package\n" * 110_000}), RUN, *PROBES))
    assert [check for check, status in found.items() if status == "unknown"] == ["gen-password-backup"]


def test_an_ordinary_user_cannot_judge_passwords() -> None:
    """An unreadable shadow is unknown for the checks that need it, and the others still judge."""
    found = statuses(judged(host({"/etc/shadow": Denied()}), RUN, *PROBES))
    assert {check for check, status in found.items() if status == "unknown"} == {
        "gen-deprovisioned",
        "gen-users",
        "gen-root-password",
        "gen-password-backup",
    }


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("", passwords.Password.EMPTY),
        ("*", passwords.Password.LOCKED),
        ("!", passwords.Password.LOCKED),
        ("!!", passwords.Password.LOCKED),
        ("*LOCK*", passwords.Password.LOCKED),
        (f"!{HASH}", passwords.Password.LOCKED),
        ("x", passwords.Password.LOCKED),
        (HASH, passwords.Password.HASH),
        ("ab1234567890c", passwords.Password.HASH),
        ("$y$j9T$" + "c" * 66, passwords.Password.HASH),
    ],
)
def test_password_fields(field: str, kind: passwords.Password) -> None:
    """As shadow(5) and crypt(5) have them."""
    assert passwords.kind(field) is kind


@pytest.mark.parametrize(
    ("path", "text", "severities"),
    [
        ("/root/anaconda-ks.cfg", f"rootpw --iscrypted {HASH}\n", ("warning",)),
        ("/root/anaconda-ks.cfg", "rootpw --lock\nuser --name=a --password=$y$j9T$\n", ()),
        ("/etc/cloud/cloud.cfg.d/99-installer.cfg", f"users: [{{name: a, passwd: {HASH}}}]\n", ("warning",)),
        ("/root/autoinst.xml", f"<user_password>{HASH}</user_password>\n", ("warning",)),
        ("/root/original-ks.cfg", Fifo(), ()),
    ],
)
def test_what_an_installer_wrote_down(path: str, text: Any, severities: tuple[str, ...]) -> None:
    """Every installation from a disc leaves its answers, and the hash is never printed."""
    report = judged(host({path: text}), RUN, *PROBES)
    found = findings(report, "gen-password-backup")
    assert tuple(one.severity.value for one in found) == severities
    assert all(one.message == f"an installer wrote down a password hash: {path}" for one in found)
    assert HASH[:20] not in repr(report)


def test_seal_removes_what_an_installer_wrote_and_no_configuration() -> None:
    """cloud-init reads the last of these."""
    paths = ("/root/anaconda-ks.cfg", "/etc/cloud/cloud.cfg.d/99-installer.cfg")
    facts = generalization.PROBE.gather(host(dict.fromkeys(paths, HASH)), RUN)
    assert cleanup.changes(facts, RUN, ("gen-password-backup",)) == (Change(Verb.REMOVE, paths[0]),)


def test_the_name_is_taken_out_of_a_mounted_image_too() -> None:
    """hostnamectl needs a running systemd, and no agent is here that would deprovision."""
    bare = FakeHost(files={"/etc/hostname": "template\n"})
    (finding,) = findings(judged(bare, RUN, *PROBES), "gen-hostname")
    assert finding.commands == ("echo localhost > /etc/hostname",)


def test_a_locked_hash_in_the_backup_still_leaks() -> None:
    """A lock keeps out, and does not hide."""
    assert passwords.hashed(f"a:!{HASH}:1\nb:*LOCK*:1\nc:!!:1\n") == ("a",)


def test_keys_that_cloud_init_refuses_are_a_note() -> None:
    """Root's copy of the user's key has a command that turns the caller away."""
    refused = host({"/root/.ssh/authorized_keys": REFUSED_KEY})
    assert verdict(refused, RUN, "gen-authorized-keys") == ("fail", ("note",))


def test_a_home_without_an_account_may_still_have_keys() -> None:
    """userdel without -r leaves it, and the next user of that uid inherits it."""
    orphan = host({"/home/gone/.ssh/authorized_keys": KEY})
    assert verdict(orphan, RUN, "gen-authorized-keys") == ("fail", ("warning",))


def test_what_stops_cloud_init() -> None:
    """Three leftovers block, each with its reason; without cloud-init they are litter."""
    blocked = {f"/var/lib/cloud/{name}": "" for name in ("instance/manual-clean", "seed/azure/ovf-env.xml")}
    assert verdict(host(blocked), RUN, "gen-cloud-init-state") == ("fail", ("error", "error"))
    only_waagent = waagent_host({})
    only_waagent = replace(only_waagent, files={**only_waagent.files, **blocked})
    assert verdict(only_waagent, RUN, "gen-cloud-init-state") == ("fail", ("note", "note"))


def test_cloud_init_state_without_consequence_is_a_note_and_user_data_a_warning() -> None:
    """cloud-init notices a new VM by itself, and does not hide the old one's user data."""
    state = {f"/var/lib/cloud/instances/{HERE}/x": "", "/var/lib/cloud/instance": Link(f"instances/{HERE}")}
    assert verdict(host(state), RUN, "gen-cloud-init-state") == ("fail", ("note",))
    remains = {"/var/lib/cloud/data/previous-hostname": "template\n"}
    assert verdict(host(remains), RUN, "gen-cloud-init-state") == ("fail", ("note",))
    data = {**state, f"/var/lib/cloud/instances/{HERE}/user-data.txt": "#cloud-config\npassword: hunter2\n"}
    report = judged(host(data), RUN, *PROBES)
    assert [finding.severity for finding in findings(report, "gen-cloud-init-state")] == [Severity.WARNING]
    assert findings(report, "gen-cloud-init-state")[0].commands == ("cloud-init clean --logs --seed",)
    assert "hunter2" not in str(encode(report))


@pytest.mark.parametrize(
    ("current", "previous", "status"),
    [(HERE, ELSEWHERE, "fail"), (HERE, HERE, "pass"), (HERE, "NO_PREVIOUS_INSTANCE_ID", "pass"), (HERE, "", "pass")],
)
def test_cloud_init_remembers_the_image_at_first_boot(current: str, previous: str, status: str) -> None:
    """Another VM's id before this one came in with the image; a second boot has the same id twice."""
    state = {"/var/lib/cloud/data/instance-id": current + "\n", "/var/lib/cloud/data/previous-instance-id": previous}
    assert verdict(host(state), FIRST_BOOT, "gen-cloud-init-state")[0] == status


def test_a_vm_that_has_started_is_not_accused() -> None:
    """Host keys, users, ids and logs of a running VM are its own."""
    running = {
        **PEOPLE,
        "/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY,
        "/etc/machine-id": "0" * 32,
        "/etc/hostname": "newvm\n",
        "/var/lib/waagent/provisioned": HERE,
        "/var/lib/waagent/ovf-env.xml": OVF,
        "/var/log/waagent.log": "INFO\n",
        "/etc/resolv.conf": "nameserver 10.0.0.53\n",
    }
    found = statuses(judged(host(running), FIRST_BOOT, *PROBES))
    assert set(found.values()) == {"pass", "notapplicable"}


def test_a_specialised_image_is_asked_little() -> None:
    """The sentinel, the sleeping agent and fstab; everything else belongs to the one machine that it is."""
    found = statuses(judged(host(PEOPLE), SPECIALIZED, *PROBES))
    asked = {check for check, status in found.items() if status != "notapplicable"}
    assert {check for check in asked if not check.startswith("agents-")} == {"gen-waagent-library", "gen-fstab"}


def test_no_secret_is_in_a_report() -> None:
    """Neither a hash nor a key, nor anything out of a history or a file of the agent."""
    everything: dict[str, Any] = {}
    for machine, _ in BROKEN.values():
        everything.update({path: node for path, node in machine.files.items() if CLEAN.get(path) != node})
    text = str(encode(judged(host({**everything, **PEOPLE}), RUN, *PROBES)))
    for secret in (HASH, HASH[12:40], KEY.split()[1], "b3BlbnNzaC1r", "0123456789abcdef", "HostName"):
        assert secret not in text, secret


@pytest.mark.parametrize("node", [Denied(), Fifo(), b"\xff\xfe\x00" * 50, "", "\n" * 5000, None])
@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/login.defs",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/machine-id",
        "/etc/resolv.conf",
        "/etc/sudoers.d/90-cloud-init-users",
        "/root/.ssh/authorized_keys",
        "/var/lib/waagent/ovf-env.xml",
        "/var/lib/waagent/provisioned",
        "/var/lib/cloud/data/instance-id",
        "/etc/waagent.conf",
        "/etc/os-release",
    ],
)
def test_a_file_may_be_anything(path: str, node: Any) -> None:
    """Unreadable, no file, binary, empty or a directory: no bug, and every check has a result."""
    for run in (RUN, FIRST_BOOT):
        report = judged(host({path: node}), run, *PROBES)
        assert all(result.traceback is None for result in report.results)


@given(
    st.dictionaries(st.sampled_from(["/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/sudoers.d/waagent"]), st.text())
)
def test_text_may_say_anything(texts: dict[str, Any]) -> None:
    """Messages stay one line of ASCII whatever the files say."""
    report = judged(host(texts), RUN, *PROBES)
    for result in report.results:
        assert result.traceback is None
        for finding in result.findings:
            assert finding.message.isascii() and finding.message.isprintable()
            assert all(command.isprintable() for command in finding.commands)


def test_empty_leases_and_stubs_do_not_count() -> None:
    """dhclient writes a stub without a lease when the machine goes down."""
    stub = {"/var/lib/dhcp/dhclient.eth0.leases": 'default-duid "x";\n'}
    assert verdict(host(stub), RUN, "gen-dhcp-leases") == ("pass", ())
    empty = {"/var/lib/NetworkManager/internal-x.lease": FileInfo(FileKind.FILE, 0, 0o600, 0, 0, 0.0)}
    assert verdict(host(empty), RUN, "gen-dhcp-leases") == ("pass", ())


@pytest.mark.parametrize(("text", "status"), [("", "pass"), ("uninitialized\n", "pass"), ("f" * 32 + "\n", "fail")])
def test_machine_id(text: str, status: str) -> None:
    """Empty and uninitialized both make a new one."""
    assert verdict(host({"/etc/machine-id": text}), RUN, "gen-machine-id")[0] == status


KEYS = {"/usr/sbin/sshd": "", "/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY}
SUDO = {"/etc/sudoers.d/waagent": "azureuser ALL=(ALL) ALL\n"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"/etc/hostname": "buildvm\n"}, None),
        ({"/etc/hostname": "buildvm\n", **KEYS}, None),
        ({**PROVISIONED, **KEYS}, "never deprovisioned"),
        ({**PROVISIONED, "/usr/sbin/sshd": ""}, "half-way: done SSH host keys deleted"),
        ({**PROVISIONED, "/etc/hostname": "localhost.localdomain\n"}, "not done library emptied"),
        ({"/etc/hostname": "buildvm\n", **PEOPLE, **SUDO}, "not done host name reset"),
        ({"/etc/hostname": "localhost.localdomain\n", **PEOPLE, **SUDO}, "; not done user azureuser deleted"),
        ({"/var/log/waagent.log": "INFO\n"}, "started again"),
        ({f"{LIB}/GoalState.1.xml": "<x/>"}, "started again"),
    ],
)
def test_how_far_deprovisioning_came(changes: dict[str, Any], said: Optional[str]) -> None:
    """Never, half-way with its steps, started again; a machine that was never provisioned has nothing to undo."""
    found = findings(judged(waagent_host(changes), RUN, *PROBES), "gen-deprovisioned")
    assert [said in finding.message for finding in found if said] == ([True] if said else [])
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ('{"user": "azureuser"}', True),
        ('{"user": "gone"}', False),
        ('{"user": null}', False),
        ('{"user": ["azureuser"]}', False),
        ("[" * 4000, False),
        ("", False),
    ],
)
def test_the_user_whom_an_unfinished_seal_was_to_delete_is_a_step_not_done(content: str, left: bool) -> None:
    """Nothing else names the user any more; the fix is what waagent will not do."""
    report = judged(waagent_host({**PEOPLE, UNFINISHED: content}), RUN, *PROBES)
    found = findings(report, "gen-deprovisioned")
    assert [finding.message.partition("; ")[2] for finding in found] == ["not done user azureuser deleted"] * left
    assert [finding.commands for finding in found] == [("userdel --force --remove azureuser",)] * left


def test_without_accounts_nobody_is_known_to_be_kept_out() -> None:
    """An empty passwd is no evidence."""
    for broken in ("", "\x00\x01 no accounts\n", None):
        assert verdict(host({"/etc/passwd": broken}), RUN, "gen-users") == ("unknown", ())


@pytest.mark.parametrize(("field", "status"), [("x", "pass"), ("*", "pass"), ("", "fail"), (HASH, "fail")])
def test_a_password_may_stand_in_passwd_itself(field: str, status: str) -> None:
    """It counts there unless the field is an x."""
    passwd = f"root:{field}:0:0::/root:/bin/sh\n"
    assert verdict(host({"/etc/passwd": passwd}), RUN, "gen-root-password")[0] == status
    assert HASH not in str(encode(judged(host({"/etc/passwd": passwd}), RUN, *PROBES)))


def test_an_image_that_is_still_armed_is_told() -> None:
    """The running machine disarms itself when it is powered off; an image that is mounted does so no more."""
    link = {"/etc/systemd/system/sysinit.target.wants/azpreflight-capture.service": "[Unit]\n"}
    assert verdict(host(link), RUN, "gen-azpreflight") == ("pass", ())
    assert verdict(host(link), replace(RUN, root="/mnt"), "gen-azpreflight") == ("fail", ("note",))


def test_what_deprovisioning_would_do_is_said_only_where_it_would() -> None:
    """waagent deletes the one user whom ovf-env.xml names and takes that user's line out of its own sudoers file."""
    rules = {"/etc/sudoers.d/waagent": "azureuser ALL=(ALL) ALL\n"}
    (gone,) = findings(judged(host({**PEOPLE, **rules}), RUN, *PROBES), "gen-sudoers")
    assert gone.commands == ("rm -f /etc/sudoers.d/waagent",)
    named = {"/var/lib/waagent/ovf-env.xml": "<UserName>azureuser</UserName>"}
    (cleaned,) = findings(judged(host({**PEOPLE, **rules, **named}), RUN, *PROBES), "gen-sudoers")
    assert cleaned.commands == (DEPROVISION,)
    files = host({**PEOPLE, **rules, **named}).files
    without = FakeHost(files={path: node for path, node in files.items() if not path.endswith("/waagent")})
    report = judged(FakeHost(files={**without.files, **rules}), RUN, *PROBES)
    said = [one for check in ("gen-users", "gen-sudoers", "gen-deprovisioned") for one in findings(report, check)]
    assert [one for one in said if DEPROVISION in one.commands or one.fix.startswith("Deprovision")] == []


def test_a_second_account_of_root_is_a_user_of_this_machine() -> None:
    """Whatever its uid."""
    people = {
        "/etc/passwd": "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n",
        "/etc/shadow": "toor::1::::::\n",
    }
    messages = [one.message for one in findings(judged(host(people), RUN, *PROBES), "gen-users")]
    assert messages == ["user toor (uid 0) can log in with an empty password"]


def test_a_log_of_waagent_alone_is_no_half_way() -> None:
    """That deprovisioning was begun is told from its own effects."""
    machine = host({"/var/log/waagent.log": "2026-01-01 INFO\n", "/etc/hostname": "build\n"})
    assert not findings(judged(machine, RUN, *PROBES), "gen-deprovisioned")
    assert [one.severity.value for one in findings(judged(machine, RUN, *PROBES), "gen-agent-logs")] == ["warning"]


PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        ("/root/.aws/credentials", "[default]", "warning"),
        ("/home/x/.docker/config.json", '{"auths": {"a": {"auth": "eA=="}}}', "warning"),
        ("/home/x/.docker/config.json", '{"detachKeys": "x"}', None),
        ("/home/x/.kube/config", "users: [{user: {token: x}}]", "warning"),
        ("/root/.netrc", "machine a", "warning"),
        ("/root/.netrc", "", None),
        ("/home/x/.config/pip/pip.conf", "index-url = https://a:b@c/", "warning"),
        ("/root/deploy", PRIVATE, "warning"),
        ("/home/x/keys/any.name", PRIVATE, "warning"),
        ("/home/x/putty", "PuTTY-User-Key-File-3: ssh-ed25519\n", "warning"),
        ("/home/x/cert.pem", "-----BEGIN CERTIFICATE-----\nx\n", None),
        ("/root/.ssh/known_hosts", "a ssh-ed25519 x\n", "note"),
        ("/home/x/notes", "token\n", None),
    ],
)
def test_credentials(path: str, text: str, severity: Optional[str]) -> None:
    """By name, by a word, or by the first line of a key; what is in them is told nobody."""
    found = findings(judged(host({path: text}), RUN, *PROBES), "gen-credentials")
    assert [one.severity.value for one in found] == ([severity] if severity else [])
    assert all(path in one.message and (not text.strip() or text.strip() not in str(one)) for one in found)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/var/lib/systemd/coredump/core.a.0.zst", True),
        ("/core.4711", True),
        ("/root/core", True),
        ("/var/crash/x.crash", True),
        ("/var/crash/kexec_cmd", False),
        ("/home/x/core.py", False),
    ],
)
def test_dumps(path: str, left: bool) -> None:
    """Of the kernel, of programs, by whichever service."""
    assert bool(findings(judged(host({path: "x"}), RUN, *PROBES), "gen-crash-dumps")) == left


def test_any_other_log_is_counted_and_named() -> None:
    """The names of logs that are told apart are not all there are."""
    logs: dict[str, Any] = {
        "/var/log/nginx/access.log": "x",
        "/var/log/own": "x",
        "/var/log/empty.log": "",
        "/var/log/waagent.log.9": "x",
        "/var/log/README": Link("/usr/share/doc/README"),
        "/usr/share/doc/README": "x",
        "/var/log/faillog": "\0" * 9,
        "/var/log/apt/history.log": "x",
    }
    (found,) = findings(judged(host(logs), RUN, *PROBES), "gen-system-logs")
    assert (found.severity.value, found.message) == (
        "note",
        "2 other files of /var/log: /var/log/nginx/access.log and /var/log/own",
    )


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, False),
        ({"/var/lib/dpkg/info/other.list": "/usr/bin/x\n"}, True),
        ({"/var/lib/dpkg/info/walinuxagent.list": "/usr/lib/systemd/system/azure.slice\n"}, False),
    ],
)
def test_a_file_of_a_package_is_no_litter(files: dict[str, str], left: bool) -> None:
    """Nobody is told to delete what a package owns; of rpm's it cannot be told, so nothing is said."""
    slice_ = {"/lib/systemd/system/azure.slice": "[Slice]\n", **files}
    assert bool(findings(judged(host(slice_), RUN, *PROBES), "gen-litter")) == left


# --- what the third provisioner leaves, and what an older cloud-init does -------------------------------------------

AZURE_INIT_RULE = {"/etc/sudoers.d/azure-init-user": "builder ALL=(ALL) NOPASSWD: ALL\n"}


@pytest.mark.parametrize(
    ("changes", "check", "path"),
    [
        (AZURE_INIT_RULE, "gen-sudoers", "/etc/sudoers.d/azure-init-user makes builder root"),
        (
            {"/etc/ssh/sshd_config.d/50-azure-init.conf": "PasswordAuthentication no\n"},
            "gen-litter",
            "50-azure-init.conf",
        ),
        ({"/var/log/azure-init.log": "INFO\n"}, "gen-system-logs", "/var/log/azure-init.log"),
        ({"/var/log/auth.log.1": "Accepted\n"}, "gen-system-logs", "/var/log/auth.log.1"),
        ({"/var/log/azure-proxy-agent/ProxyAgent.log": "x\n"}, "gen-system-logs", "ProxyAgent.log"),
    ],
)
def test_what_no_agent_cleans(changes: dict[str, Any], check: str, path: str) -> None:
    """Each file is named, and an image without it passes."""
    (found,) = by_check(judged(host(changes), RUN, *PROBES))[check].findings
    assert path in found.message
    assert verdict(host({}), RUN, check) == ("pass", ())


@pytest.mark.parametrize(
    ("version", "commands"),
    [
        ("22.4.2", ("cloud-init clean --logs --seed", "rm -f /var/log/cloud-init.log.1")),
        ("25.1.4", ("cloud-init clean --logs --seed",)),
    ],
)
def test_a_rotated_log_that_an_older_cloud_init_leaves_is_removed_by_hand(
    version: str, commands: tuple[str, ...]
) -> None:
    """From 24.1 on it goes with the others."""
    files = {
        "/var/log/cloud-init.log": "x\n",
        "/var/log/cloud-init.log.1": "x\n",
        "/usr/lib/python3/dist-packages/cloudinit/version.py": f'__VERSION__ = "{version}"\n',
    }
    (found,) = by_check(judged(host(files), RUN, *PROBES))["gen-agent-logs"].findings
    assert found.commands == commands


def test_a_link_file_with_cloud_init_in_its_name_is_written_by_nobody() -> None:
    """cloud-init writes .network and no .link, so this one stays."""
    link = {"/etc/systemd/network/50-cloud-init.link": "[Match]\nMACAddress=00:0d:3a:00:00:01\n"}
    assert verdict(host(link), RUN, "gen-network-config") == ("fail", ("error",))
    network = {"/etc/systemd/network/10-cloud-init-eth0.network": "[Match]\nMACAddress=00:0d:3a:00:00:01\n"}
    assert verdict(host(network), RUN, "gen-network-config") == ("fail", ("note",))


def test_the_marker_means_nothing_to_azure_init() -> None:
    """waagent would take the VM for provisioned, and does not provision."""
    unit = "/lib/systemd/system/azure-init.service"
    wanted = {
        unit: "[Unit]\n",
        "/etc/systemd/system/multi-user.target.wants/azure-init.service": test_probe_agents.Link(unit),
    }
    changes = {**wanted, **test_probe_agents.conf("Provisioning.Agent=disabled"), f"{LIB}/provisioned": HERE}
    assert verdict(waagent_host(changes), RUN, "gen-provisioned-sentinel") == ("fail", ("note",))
    without = waagent_host({f"{LIB}/provisioned": HERE})
    assert verdict(without, RUN, "gen-provisioned-sentinel") == ("fail", ("error",))
