"""Fleets of any size, made of reports that are written down; the same each time."""

from __future__ import annotations

import datetime
from dataclasses import replace

from azpreflight.engine.fleet import Fleet, Machine, fleet, machine
from azpreflight.model import Report
from tests.support.examples import whole_report
from tests.support.reports import BROKEN, READY, UNDECIDED

NOW = datetime.datetime(2026, 11, 28, tzinfo=datetime.timezone.utc)


def some(number: int) -> Fleet:
    """Every ninth is broken, every thirteenth has another cause, every twentieth no report; two logs disagree."""
    others = [whole_report(name) for name in ("gen-users", "dns-servers", "path-tunnel")]
    made = [_machine(place, others) for place in range(number)]
    disputed = replace(READY, run=replace(READY.run, vm_id=made[0].vm_id))
    return fleet([*made, replace(machine("copy.log", disputed), doubt="it has two machines' reports")], NOW)


def _machine(place: int, others: list[Report]) -> Machine:
    if place % 20 == 19:
        return Machine(f"vm-{place:04}.log", reason="no report in this log")
    chosen = BROKEN if place % 9 == 0 else others[place // 13 % len(others)] if place % 13 == 0 else READY
    chosen = UNDECIDED if place % 31 == 30 else chosen
    report = replace(chosen, run=replace(chosen.run, vm_id=f"00000000-0000-4000-8000-{place:012}"))
    return machine(f"vm-{place:04}.log", report)
