"""What became of the agents at this boot: units that died, and what cloud-init says of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.guest import unit_runs
from azpreflight.host import Completed
from azpreflight.model import Platform, Run, Severity
from azpreflight.probes.agents import PROBE
from tests.support.fakes import FakeHost
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.agents import (
    DONE,
    FIRSTBOOT,
    LOCAL_WANTED,
    NO_CLOUD_INIT,
    RUN,
    STAGES,
    SYSTEMD_RUNS,
    booted,
    conf,
    host,
    unit,
)

RECORDED = Path(__file__).parents[2] / "data" / "cloud-init"
LOCALE = (
    Severity.WARNING,
    "cloud-init's stage modules-config met 1 error: locale: update-locale failed",
)
SCRIPT = (
    Severity.WARNING,
    "cloud-init's stage modules-final met 1 error: scripts-user: Runparts: 1 failures (runcmd) in 1 attempted commands",
)
NO_HOME = "cloud-init's stage modules-final met 1 error: ssh-authkey-fingerprints: getpwnam(): name not found: '{}'"
FROM_IMDS = (
    Severity.WARNING,
    "cloud-init could not read the provisioning disc and took its data from IMDS, which has neither custom data nor a "
    "password: a VM that was given them does not have them",
)
NO_DATA = "cloud-init found no data{}: it made no user, and set neither host name nor keys"


def at_first_boot(on: FakeHost, check: str, run: Run = FIRSTBOOT) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.message) for finding in findings(judged(on, run, PROBE), check)]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (unit("walinuxagent.service", "activating"), []),
        (unit("walinuxagent.service", "inactive", ConditionResult="no", ConditionTimestampMonotonic="0"), []),
        (unit("walinuxagent.service", NRestarts="1"), []),
        (unit("walinuxagent.service", LoadState="not-found", ActiveState="failed"), []),
        (
            unit("walinuxagent.service", "failed", Result="exit-code"),
            [(Severity.WARNING, "walinuxagent.service has failed (exit-code): extensions of this VM do not run")],
        ),
        (
            unit("walinuxagent.service", "activating", NRestarts="40"),
            [
                (
                    Severity.WARNING,
                    "walinuxagent.service has been started again 40 times, and ended every time: extensions of this VM "
                    "do not run",
                )
            ],
        ),
        (
            unit("walinuxagent.service", "inactive", ConditionResult="no"),
            [
                (
                    Severity.WARNING,
                    "walinuxagent.service was not started, because a condition of its unit does not hold: extensions "
                    "of this VM do not run",
                )
            ],
        ),
        (
            unit("cloud-init-local.service", "failed", Result="exit-code"),
            [
                (
                    Severity.ERROR,
                    "cloud-init-local.service has failed (exit-code): cloud-init did not provision this VM, or not "
                    "wholly",
                )
            ],
        ),
        (
            unit("cloud-final.service", "failed", Result="timeout"),
            [
                (
                    Severity.WARNING,
                    "cloud-final.service has failed (timeout): part of what cloud-init was to do is not done",
                )
            ],
        ),
    ],
)
def test_units_that_died_are_named(block: str, expected: list[tuple[Severity, str]]) -> None:
    """Failed, started over and over, or kept from starting; not what is about to start or has not been tried."""
    assert at_first_boot(booted(block), "agents-units") == expected


def test_a_dead_waagent_that_provisions_is_an_error() -> None:
    """Then nobody does."""
    alone = host({**conf("Provisioning.Agent=waagent"), **SYSTEMD_RUNS}, *NO_CLOUD_INIT)
    ask = unit_runs.command(("walinuxagent.service",))
    dead = replace(alone, programs={ask: Completed(0, unit("walinuxagent.service", "failed"), "")})
    ((severity, message),) = at_first_boot(dead, "agents-units")
    assert (severity, message.endswith("this VM is not provisioned")) == (Severity.ERROR, True)


def test_a_condition_holds_elsewhere_than_on_azure() -> None:
    """Debian's unit asks for Hyper-V, and is right not to start under another hypervisor."""
    kept = booted(unit("walinuxagent.service", "inactive", ConditionResult="no"))
    assert at_first_boot(kept, "agents-units", replace(FIRSTBOOT, platform=Platform.NONE)) == []


def test_a_unit_asked_for_by_two_names_is_told_once() -> None:
    """cloud-init.service is another name of cloud-init-network.service in newer versions."""
    block = unit("cloud-init-network.service", "failed", Result="exit-code")
    assert len(at_first_boot(booted(block, block), "agents-units")) == 1


def test_where_systemd_does_not_answer_it_is_unknown() -> None:
    """Before first boot nobody asks, and where another init runs there is nothing to ask."""
    assert statuses(judged(host(SYSTEMD_RUNS), FIRSTBOOT, PROBE))["agents-units"] == "unknown"
    assert statuses(judged(host({}), FIRSTBOOT, PROBE))["agents-units"] == "notapplicable"
    assert statuses(judged(host({}), RUN, PROBE))["agents-units"] == "notapplicable"


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (booted(), []),
        (booted(**{"init-local": {"errors": [], "start": 1.0, "finished": None}}), []),
        (
            booted(**{"init-local": {**DONE, "errors": ["failed to read IMDS", "b"]}}),
            [(Severity.ERROR, "cloud-init's stage init-local met 2 errors: failed to read IMDS")],
        ),
        (
            booted(**{"modules-final": {**DONE, "errors": ["('scripts-user', RuntimeError('password=geheim'))"]}}),
            [
                (
                    Severity.WARNING,
                    "cloud-init's stage modules-final met 1 error: scripts-user: ...",
                )
            ],
        ),
        (
            booted(status={"v1": {**STAGES, "datasource": "DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud]"}}),
            [
                (
                    Severity.ERROR,
                    "cloud-init took its data from DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud] and not from "
                    "Azure: this VM is not provisioned",
                )
            ],
        ),
        (
            host({"/run/cloud-init/disabled": "", **SYSTEMD_RUNS}),
            [
                (
                    Severity.ERROR,
                    "cloud-init was switched off at this boot, as if this were no machine of a cloud",
                )
            ],
        ),
    ],
)
def test_what_cloud_init_says_of_itself(on: FakeHost, expected: list[tuple[Severity, str]]) -> None:
    """Its errors by stage, where its data came from, and whether it ran at all; never a secret."""
    assert at_first_boot(on, "agents-cloud-init") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("healthy-25.1", []),
        ("imds-22.4", [FROM_IMDS, LOCALE]),
        ("imds-25.1", [FROM_IMDS]),
        ("no-data-22.4", [(Severity.ERROR, NO_DATA.format(""))]),
        (
            "no-data-25.1",
            [(Severity.ERROR, NO_DATA.format(" (InvalidMetaDataException('No OVF or IMDS available'))"))],
        ),
        ("script-22.4", [LOCALE, SCRIPT]),
        ("script-25.1", [SCRIPT]),
        (
            "custom-data-25.1",
            [
                (
                    Severity.WARNING,
                    "cloud-init passed over configuration that is no YAML (Invalid format at line 2 column 10): "
                    "nothing of it was done",
                )
            ],
        ),
        (
            "another-card-22.4",
            [
                (
                    Severity.ERROR,
                    f"cloud-init's stage {stage} met 1 error: Not all expected physical devices present: "
                    "{'00:0d:3a:12:34:56'}",
                )
                for stage in ("init", "init-local")
            ]
            + [LOCALE, (Severity.WARNING, NO_HOME.format("newuser").replace("'newuser'", "..."))],
        ),
        (
            "no-user-22.4",
            [
                FROM_IMDS,
                (
                    Severity.ERROR,
                    "cloud-init's stage init met 1 error: users-groups: useradd: invalid user name '': use --badname "
                    "to ignore",
                ),
                LOCALE,
                (Severity.WARNING, NO_HOME.format("")),
            ],
        ),
    ],
)
def test_what_the_real_cloud_init_wrote_down(name: str, expected: list[tuple[Severity, str]]) -> None:
    """Recorded from real runs that went wrong in these ways, and from one that did not (tests/data/cloud-init)."""
    on = booted(status=(RECORDED / f"{name}.json").read_text())
    assert at_first_boot(on, "agents-cloud-init") == expected


FAILED = "Unexpected error while running command.\nCommand: {}\nExit code: 9\nReason: -\nStdout: {}\nStderr: {}"
"""What becomes of a program that failed (cloudinit/subp.py)."""
USERADD = "['useradd', 'newuser', '--password', '$6$rounds=4096$salt$hash', '-m']"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FAILED.format(USERADD, "-", "useradd: it exists"), "useradd: it exists"),
        (FAILED.format(USERADD, "", ""), "useradd failed"),
        (FAILED.format(USERADD, "x" * 5000, "-"), "useradd failed"),
        (FAILED.format("echo newuser:geheim | chpasswd", "-", "-"), "echo failed"),
        ("invalid hash $6$salt$hash", "invalid hash ..."),
    ],
    ids=["its words", "no words", "cut", "a line for a shell", "a hash in its words"],
)
def test_of_a_program_that_failed_the_arguments_are_not_told(error: str, expected: str) -> None:
    """One may be a password's hash. A stage writes the error of a module as Python shows it, or its own as text."""
    of_module = "('users_groups', ProcessExecutionError(\"{}\"))".format(error.replace("\n", "\\n"))
    for shown, said in ((of_module, f"users_groups: {expected}"), (error, expected)):
        on = booted(**{"init": {**DONE, "errors": [shown]}})
        message = f"cloud-init's stage init met 1 error: {said}"
        assert at_first_boot(on, "agents-cloud-init") == [(Severity.ERROR, message)]


@pytest.mark.parametrize("status", ["{", "[" * 100_000, "[]", '{"v1": 7}', '{"v1": {"init": {"errors": 7}}}'])
def test_a_status_that_makes_no_sense_breaks_nothing(status: str) -> None:
    """It is unknown, or says nothing."""
    assert by_check(judged(booted(status=status), FIRSTBOOT, PROBE))["agents-cloud-init"].traceback is None


def test_another_provisioner_may_do_without_cloud_init() -> None:
    """Its absence is no error where waagent provisions, and what it says wrong is a warning."""
    disabled = {**conf("Provisioning.Agent=auto"), "/run/cloud-init/disabled": "", **SYSTEMD_RUNS}
    assert at_first_boot(host(disabled, LOCAL_WANTED), "agents-cloud-init") == []
    assert statuses(judged(host(SYSTEMD_RUNS), FIRSTBOOT, PROBE))["agents-cloud-init"] == "unknown"
