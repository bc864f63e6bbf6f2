"""Whether sshd runs once a VM is provisioned: keys that come too late, a socket in the way, and a unit that failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.model import Profile, Run, Severity, Stage
from azpreflight.probes import agents, ssh
from azpreflight.probes.ssh.collect import enabled_by_preset
from tests.support.fakes import FakeHost, Fifo, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines import agents as with_agents
from tests.support.machines.ssh import BROKEN, FIRSTBOOT, HEALTHY, KEY, OVERRIDE, RUN, SERVICE, SOCKET, host

PROBE = ssh.PROBE
KEYGEN = "/lib/systemd/system/sshd-keygen.service"
AT_FIRST_BOOT = {
    KEYGEN: "[Unit]\nConditionFirstBoot=yes\n[Service]\nExecStart=ssh-keygen -A\n",
    "/etc/systemd/system/ssh.service.wants/sshd-keygen.service": Link(KEYGEN),
}
"""Debian 13."""


def report(on: FakeHost, run: Run = RUN) -> Any:
    return judged(replace(on, root=run.root), run, agents.PROBE, PROBE)


def said(on: FakeHost, run: Run = RUN) -> list[str]:
    return [finding.message for finding in findings(report(on, run), "ssh-start")]


def test_a_healthy_image_passes() -> None:
    """At every stage, and where it is mounted."""
    for run in (RUN, FIRSTBOOT, replace(RUN, root="/mnt")):
        found = statuses(report(HEALTHY[0], run))
        assert {found[check.id] for check in PROBE.checks} == {"pass", "notapplicable"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks(check: str) -> None:
    """Every check fails on its own broken machine."""
    (finding,) = findings(report(*BROKEN[check]), check)
    assert finding.severity is Severity.ERROR


LATE = "ssh.service starts without host keys, and waagent makes them too late"
HELD = "ssh.socket and ssh.service both start"
NEVER = "no SSH server starts at the next boot: ssh.service is disabled and ssh.socket disabled"
NOBODY = "ssh.service starts without host keys, and nobody makes them"
REGENERATE_N = with_agents.conf("Provisioning.Agent=waagent", "Provisioning.RegenerateSshHostKeyPair=n")


@pytest.mark.parametrize(
    ("changes", "removed", "begins"),
    [
        ({}, (), LATE),
        (AT_FIRST_BOOT, (), LATE),
        ({**AT_FIRST_BOOT, "/etc/machine-id": "uninitialized\n"}, (), HELD),
        (AT_FIRST_BOOT, ("/etc/machine-id",), HELD),
        (AT_FIRST_BOOT, ("/etc/machine-id", SOCKET), None),
        ({**AT_FIRST_BOOT, "/etc/systemd/system-preset/0.preset": "disable ssh.*\n"}, ("/etc/machine-id",), None),
        ({**OVERRIDE, "/etc/systemd/system/sockets.target.wants/ssh.socket": Link(SOCKET)}, (), HELD),
        ({**OVERRIDE, "/etc/systemd/system/ssh.socket": Link("/dev/null")}, ("/etc/machine-id",), None),
        (KEY, (), None),
        ({"/etc/ssh/ssh_host_rsa_key": ""}, (), LATE),
        (REGENERATE_N, (), NOBODY),
        ({SERVICE: "[Unit]\nWants=sshd-keygen.target\n"}, (), None),
        ({SERVICE: "[Service]\nExecStartPre=/usr/sbin/sshd-gen-keys-start\n"}, (), None),
        ({"/etc/os-release": "ID=azurelinux\n"}, (), None),
        ({"/etc/os-release": 'ID=sles\nID_LIKE="suse"\n'}, (), None),
        ({}, ("/etc/systemd/system/multi-user.target.wants/ssh.service",), NEVER),
    ],
)
def test_how_sshd_dies(changes: dict[str, Any], removed: tuple[str, ...], begins: str | None) -> None:
    """By keys that come too late, or by a socket that systemd's presets enable; not where something makes keys."""
    found = said(host(changes, *removed))
    assert len(found) == (begins is not None)
    assert all(message.startswith(begins or "") for message in found)


def test_keys_that_deprovisioning_will_delete_count_as_gone() -> None:
    """While the machine is being built they are there, and waagent -deprovision deletes what it regenerates."""
    build = replace(RUN, stage=Stage.BUILD)
    assert said(host(KEY), build) != []
    assert said(host({**KEY, **REGENERATE_N}), build) == []


def test_cloud_init_makes_keys_in_time() -> None:
    """It runs before sshd."""
    assert said(host({}, cloud_init=True)) == []


def test_a_specialised_image_keeps_its_keys() -> None:
    """Nothing is provisioned."""
    assert statuses(report(host({}), replace(RUN, profile=Profile.SPECIALIZED)))["ssh-start"] == "notapplicable"


def test_without_a_server() -> None:
    """There is nothing to start."""
    bare = host({}, SERVICE, "/etc/systemd/system/multi-user.target.wants/ssh.service")
    assert statuses(report(bare))["ssh-start"] == "notapplicable"
    assert statuses(report(bare, FIRSTBOOT))["ssh-state"] == "notapplicable"


@pytest.mark.parametrize("state", ["active", "activating", "inactive", "reloading"])
def test_only_a_failed_service_is_a_finding(state: str) -> None:
    """One that is not started yet, or by a socket, has not failed."""
    assert statuses(report(host({}, state=state), FIRSTBOOT))["ssh-state"] == "pass"


def test_a_state_that_cannot_be_asked_is_unknown() -> None:
    """No systemctl, or no answer."""
    without = by_check(report(replace(host({}), programs={}), FIRSTBOOT))["ssh-state"]
    assert (without.status.value, without.reason) == ("unknown", "no program systemctl")
    assert statuses(report(host({}, state=""), FIRSTBOOT))["ssh-state"] == "unknown"


@pytest.mark.parametrize(
    ("texts", "enabled"),
    [
        ([], True),
        (["disable *\n"], False),
        (["# enable ssh.socket\ndisable ssh.socket\n", "enable *\n"], False),
        (["enable ssh.*\n", "disable *\n"], True),
    ],
)
def test_presets(texts: list[str], enabled: bool) -> None:
    """The first line that matches decides, and without one a unit is enabled."""
    assert enabled_by_preset(texts, "ssh.socket") is enabled


WANTED = "/etc/systemd/system/multi-user.target.wants/ssh.service"


@pytest.mark.parametrize(
    ("changes", "removed", "says"),
    [
        ({"/etc/systemd/system/ssh.service": Link("/dev/null")}, (), "ssh.service is masked"),
        ({"/etc/systemd/system/ssh.service": ""}, (), "ssh.service is masked"),
        ({}, (WANTED,), "ssh.service is disabled"),
        ({"/etc/systemd/system/sockets.target.wants/ssh.socket": Link(SOCKET)}, (WANTED,), None),
        ({"/etc/systemd/system/multi-user.target.d/a.conf": "[Unit]\nUpholds=ssh.service\n"}, (WANTED,), None),
        (
            {"/lib/systemd/system/dropbear.service": "", "/etc/systemd/system/a.target.wants/dropbear.service": ""},
            (),
            None,
        ),
        ({}, (WANTED, "/etc/machine-id"), None),
        (
            {"/etc/systemd/system-preset/0.preset": "disable *\n"},
            (WANTED, "/etc/machine-id"),
            "ssh.service is disabled",
        ),
    ],
)
def test_an_ssh_server_starts_at_all(changes: dict[str, Any], removed: tuple[str, ...], says: str | None) -> None:
    """Whoever provisions: enabled, by its socket, by a target's drop-in, or by systemd's presets at a first boot."""
    machine = host({**OVERRIDE, "/dev/null": Fifo(), **changes}, *removed, cloud_init=True)
    report_ = report(machine)
    assert statuses(report_)["ssh-start"] == ("pass" if says is None else "fail")
    assert all((says or "") in one.message for one in findings(report_, "ssh-start"))
