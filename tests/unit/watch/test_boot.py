"""What the watch of a first boot remembers, and how far it sees that the agents have come."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from azpreflight.host import LocalHost
from azpreflight.probes.logs.facts import PATHS
from azpreflight.sinks.errors import SinkError
from azpreflight.watch.agents_progress import AgentLogs
from azpreflight.watch.boot_policy import Progress
from azpreflight.watch.state import Memory, remember, remembered
from tests.support.fakes import FakeHost

VM = "7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55"
STATE = "/var/lib/azpreflight/daemon.json"

# --- memory -------------------------------------------------------------------------------------------------------


def test_a_vm_is_watched_through_the_platforms_restart_and_then_no_more() -> None:
    first = Memory(VM).ended(well=False)
    assert not first.over
    assert first.ended(well=False).over


def test_what_ended_well_is_over() -> None:
    assert Memory(VM).ended(well=True).over


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    memory = Memory(VM, boots=1)
    remember(memory, str(tmp_path / "lib" / "daemon.json"))
    assert remembered(LocalHost(), VM, str(tmp_path / "lib" / "daemon.json")) == memory


@pytest.mark.parametrize(
    "content",
    ["", "null", "[]", "{", '{"watched": "x"}', f'{{"vm": "{VM}", "boots": "two"}}', '{"vm": "another"}', "x" * 5000],
)
def test_what_is_not_of_this_vm_is_its_first_boot(content: str) -> None:
    assert remembered(FakeHost(files={STATE: content}), VM) is None


def test_a_machine_without_an_id_is_always_new() -> None:
    assert remembered(FakeHost(files={STATE: '{"vm": ""}'}), None) is None


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "lib").touch()
    with pytest.raises(SinkError, match="cannot write"):
        remember(Memory(VM), str(tmp_path / "lib" / "daemon.json"))


# --- the agents' logs ---------------------------------------------------------------------------------------------

WAAGENT = PATHS["waagent"]
DONE = (
    "2026-11-22T17:30:00.000000Z INFO Daemon Daemon Provisioning complete\n"
    "2026-11-22T17:31:00.000000Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState completed [incarnation_1]\n"
)


BOOTED = datetime(2026, 11, 22, 17, 29, 55, tzinfo=timezone.utc).timestamp()
"""Before all that the agent wrote."""


def test_what_an_earlier_boot_wrote_does_not_count() -> None:
    host = FakeHost(files={WAAGENT: DONE})
    agents = AgentLogs(host, BOOTED + 3600, BOOTED + 3610)
    assert agents.progress(nothing_to_install=False) == Progress(provisioned=False, extensions_done=False)
    host.files[WAAGENT] = DONE + DONE  # type: ignore[index]  # a dict
    assert agents.progress(nothing_to_install=False).provisioned


def test_a_watch_that_begins_when_the_agent_has_ended_takes_what_it_wrote_in_this_boot() -> None:
    """On a machine that is starved by its boot it begins a minute after boot."""
    earlier = DONE.replace("2026-11-22", "2026-11-21") + "and a line without a time\n"
    for written in (DONE, earlier + DONE):
        agents = AgentLogs(FakeHost(files={WAAGENT: written}), BOOTED, BOOTED + 70)
        assert agents.progress(nothing_to_install=False).provisioned
    half = AgentLogs(FakeHost(files={WAAGENT: DONE}), BOOTED + 30, BOOTED + 70)
    assert not half.progress(nothing_to_install=False).provisioned


def test_what_an_image_has_of_a_machine_whose_clock_was_ahead_does_not_count() -> None:
    agents = AgentLogs(FakeHost(files={WAAGENT: DONE}), BOOTED - 3600, BOOTED - 3590)
    assert not agents.progress(nothing_to_install=False).provisioned


def test_a_log_that_was_begun_anew_is_read_from_its_start() -> None:
    host = FakeHost(files={WAAGENT: "x" * 10_000})
    agents = AgentLogs(host, BOOTED, BOOTED)
    host.files[WAAGENT] = DONE  # type: ignore[index]  # a dict
    assert agents.progress(nothing_to_install=False).provisioned


def test_without_extensions_there_is_nothing_to_wait_for() -> None:
    assert AgentLogs(FakeHost(), BOOTED, BOOTED).progress(nothing_to_install=True).extensions_done
