"""The whole program among servers, tools and disks that mean harm: some rows of the table; `make hostile` runs all."""

from __future__ import annotations

import pytest

from tests.fuzz import hostile
from tests.fuzz.hostile import DISKS, TOOLS, Ran, among_servers, check, in_disk, network, replace_tools
from tests.netns.standin import standin
from tests.netns.vm import Vm

pytestmark = pytest.mark.root

SECONDS = 5.0
ROWS = dict(network())
SOME = (
    "platform: drips its head",
    "platform: interim answers",
    "platform: addresses without end",
    "platform: escapes",
    "store: trailers without end",
    "store: a body that unfolds",
    "names: a flood",
    "names: drips",
    "names: a name in a circle",
)
SOME_TOOLS = ("leave a child of a child", "flood with zeros", "print rules without a name", "print escapes")


@pytest.mark.parametrize("name", SOME)
def test_a_run_among_hostile_servers_ends_with_a_report(name: str) -> None:
    """In its time, without a bug, and nothing stays."""
    assert among_servers(name, ROWS[name], SECONDS).problems == ()


def test_a_run_with_hostile_tools_ends_with_a_report() -> None:
    """Each of them in the place of every program that an inspection runs."""
    with standin() as platform:
        for kind in SOME_TOOLS:
            replace_tools(platform.vm, TOOLS[kind])
            assert check(platform.vm, kind, SECONDS).problems == ()


@pytest.mark.xdist_group("images")
@pytest.mark.parametrize("kind", DISKS)
def test_a_run_on_a_hostile_disk_ends_with_a_report(kind: str) -> None:
    """It is as it was afterwards, and nothing is mounted."""
    assert [in_disk(kind, seed, SECONDS).problems for seed in range(min(2, DISKS[kind][1]))] in ([()], [(), ()])


def test_what_is_left_is_seen() -> None:
    """A program that goes on in the VM is a problem of the row."""
    with standin() as platform:
        assert left_by(platform.vm, "exit 0") == []
        assert left_by(platform.vm, f"setsid {hostile.NAP} </dev/null >/dev/null 2>&1 &") == [hostile.NAP]


def left_by(vm: Vm, script: str) -> list[str]:
    vm.run("sh", "-c", script)
    return hostile.programs_left(vm)


def test_a_late_run_is_seen() -> None:
    """By its clock, or by how long the program takes to start at that moment."""
    assert [Ran("x", wall, 0.2, ()).late(5.0) for wall in (5.9, 6.1)] == [False, True]
    assert [Ran("x", wall, 2.0, ()).late(5.0) for wall in (10.9, 11.1)] == [False, True]
