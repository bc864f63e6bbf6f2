"""Credentials, dumps, logs and what else is left in files."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from tests.support.fakes import Link
from tests.support.judging import by_check, findings, judged
from tests.support.machines import agents as test_probe_agents
from tests.support.machines.generalization import HERE, LIB, PROBES, RUN, host, verdict, waagent_host

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
        "/etc/systemd/system/multi-user.target.wants/azure-init.service": Link(unit),
    }
    changes = {**wanted, **test_probe_agents.conf("Provisioning.Agent=disabled"), f"{LIB}/provisioned": HERE}
    assert verdict(waagent_host(changes), RUN, "gen-provisioned-sentinel") == ("fail", ("note",))
    without = waagent_host({f"{LIB}/provisioned": HERE})
    assert verdict(without, RUN, "gen-provisioned-sentinel") == ("fail", ("error",))
