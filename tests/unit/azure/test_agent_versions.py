"""What the agents' versions do, and which version is at work."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.azure import agent_versions
from azpreflight.azure.agent_versions import (
    ENFORCES_POLICY,
    FEATURES,
    HASHING,
    NEWEST_WAAGENT,
    READY_NEEDS_PLUGIN,
    Agent,
    Behaviour,
    Versions,
    delays,
    number,
    versions,
)

TABLE = [value for value in vars(agent_versions).values() if isinstance(value, Behaviour)]


@pytest.mark.parametrize(
    ("version", "holds"),
    [
        ("2.2.47", False),
        ("2.7.3.0", True),
        ("2.15.0.1", True),
        ("2.15.9", True),
        ("2.16.0.2", False),
        (None, None),
        ("x", None),
    ],
)
def test_a_behaviour_has_a_first_and_a_last_version(version: Optional[str], holds: Optional[bool]) -> None:
    """The last one stands for all of its line; what is not known is not guessed."""
    assert READY_NEEDS_PLUGIN.holds(version) is holds


def test_what_all_versions_do_holds_for_an_unknown_one() -> None:
    """Nothing has to be known for it."""
    assert Behaviour(Agent.WAAGENT, "it starts", "init/").holds(None) is True


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what)
def test_each_row_has_a_source_and_versions_in_order(row: Behaviour) -> None:
    """A row without a version would hold for all, and needs no table."""
    assert row.source and (row.first or row.last)
    assert number(row.first or "0") <= number(row.last or "99")


def test_the_newest_does_what_is_asked_of_it() -> None:
    """Nothing in the table is newer than what it was compared with."""
    assert all(row.holds(NEWEST_WAAGENT) for row in FEATURES)
    firsts = [row.first or "0" for table in (TABLE, HASHING) for row in table if row.agent is Agent.WAAGENT]
    assert max(map(number, firsts)) <= number(NEWEST_WAAGENT)


LIBRARY = ("WALinuxAgent-2.16.0.2", "WALinuxAgent-2.9.1.1", "WALinuxAgent-2.16.0.2.zip", "ovf-env.xml")


@pytest.mark.parametrize(
    ("installed", "names", "enabled", "latest", "handler", "updates"),
    [
        ("2.7.3.0", (), True, None, "2.7.3.0", True),
        ("2.7.3.0", LIBRARY, True, None, "2.16.0.2", True),
        ("2.7.3.0", LIBRARY, False, None, "2.7.3.0", False),
        ("2.7.3.0", LIBRARY, False, True, "2.7.3.0", False),
        ("2.12.0.2", LIBRARY, False, True, "2.16.0.2", True),
        ("2.12.0.2", LIBRARY, True, False, "2.16.0.2", False),
        ("2.17.0.1", LIBRARY, True, None, "2.17.0.1", True),
        (None, LIBRARY, True, None, None, True),
        ("2.7.3.0", None, True, None, None, True),
    ],
)
def test_the_handler_is_the_newest_that_the_settings_allow(
    installed: Optional[str],
    names: Optional[tuple[str, ...]],
    enabled: bool,
    latest: Optional[bool],
    handler: Optional[str],
    updates: bool,
) -> None:
    """2.7 does not know the new key; a library that cannot be read leaves it open."""
    found = versions(installed, names, enabled, latest)
    assert (found.handler, found.updates) == (handler, updates)


def test_what_an_older_handler_lacks() -> None:
    """By its version, not by that of the package."""
    assert ENFORCES_POLICY in Versions("2.15.0.1").lacks
    assert Versions("2.15.0.1", ("2.16.0.2",)).lacks == ()
    assert Versions(None).lacks == ()


def test_delays_follow_the_version() -> None:
    """2.16 gives up on silence at once."""
    old, new = delays("2.15.0.1"), delays("2.16.0.2")
    assert old is not None and new is not None
    assert (old.silent, new.silent, delays(None)) == (91, 5, None)
