"""How far deprovisioning came."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest

from azpreflight.paths import UNFINISHED
from azpreflight.probes.generalization.leftover import DEPROVISION
from tests.support.fakes import FakeHost
from tests.support.judging import findings, judged
from tests.support.machines.generalization import (
    LIB,
    PEOPLE,
    PRIVATE_KEY,
    PROBES,
    PROVISIONED,
    RUN,
    host,
    verdict,
    waagent_host,
)

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


def test_a_log_of_waagent_alone_is_no_half_way() -> None:
    """That deprovisioning was begun is told from its own effects."""
    machine = host({"/var/log/waagent.log": "2026-01-01 INFO\n", "/etc/hostname": "build\n"})
    assert not findings(judged(machine, RUN, *PROBES), "gen-deprovisioned")
    assert [one.severity.value for one in findings(judged(machine, RUN, *PROBES), "gen-agent-logs")] == ["warning"]
