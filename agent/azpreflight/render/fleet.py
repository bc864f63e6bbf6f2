"""Many machines as text, JSON and JSON lines. Pure; the logs come from machines that are not trusted."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Optional

from azpreflight.engine.fleet import Dispute, Fleet, Group, Machine
from azpreflight.model import Readiness, codec
from azpreflight.text import printable, wrapped

SCHEMA = "azpreflight.fleet/1"
NAMES_MOST = 10
"""Machines of a group that are named; the others are a number, unless every name is wanted."""
INDENT = " " * 9
"""As wide as "warning" and two blanks, as in the text of a report."""
_WORDS = {
    Readiness.NOT_READY: "not ready",
    Readiness.UNDECIDED: "undecided",
    Readiness.READY: "ready",
    None: "without a report",
}

_Lines = list[str]


def render(fleet: Fleet, *, verbose: bool = False, quiet: bool = False) -> str:
    """The numbers, then what logs disagree about, each cause once with its machines, and the unknown ones.

    Remedies and commands are words of a log, and shown as that.
    `quiet` is the numbers alone; `verbose` names every machine.
    """
    blocks = [_numbers(fleet)]
    if not quiet:
        blocks += [_dispute(one) for one in fleet.disputes]
        blocks += [_group(group, verbose) for group in fleet.groups]
        shown = [Readiness.UNDECIDED, None, *([Readiness.READY] if verbose else [])]
        blocks += [_others(fleet, verdict, verbose) for verdict in shown]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _numbers(fleet: Fleet) -> _Lines:
    certain = _certain(fleet)
    count = Counter(one.verdict for one in certain)
    parts = [f"{count[verdict]} {word}" for verdict, word in _WORDS.items() if count[verdict]]
    parts += [f"{len(fleet.disputes)} of which logs disagree"] if fleet.disputes else []
    lines = [_number(len(certain) + len(fleet.disputes), "machine") + (f": {', '.join(parts)}" if parts else "")]
    if fleet.older:
        lines.append(
            f"not counted: {_number(fleet.older, 'log')} with the same or an older report of one of these machines"
        )
    return [*lines, *(line for one in fleet.machines if one.doubt for line in _doubt(one))]


def _doubt(one: Machine) -> _Lines:
    return wrapped(f"in doubt: {one.log}: {one.doubt}; the worst of them counts", rest=INDENT)


def _certain(fleet: Fleet) -> list[Machine]:
    """Those that no two logs disagree about."""
    disputed = {one.log for dispute in fleet.disputes for one in dispute.machines}
    return [one for one in fleet.machines if one.log not in disputed]


def _dispute(dispute: Dispute) -> _Lines:
    """Each log with what it says; no log is more to be believed than the other."""
    head = f"{_number(len(dispute.machines), 'log')} claim VM {dispute.vm_id} and disagree"
    return [*wrapped(head, rest=INDENT), *_names([_claim(one) for one in dispute.machines], verbose=True)]


def _claim(one: Machine) -> str:
    root = f", {one.causes[0].cause.value}" if one.causes else ""
    return f"{one.log}: {_WORDS[one.verdict]}{root}, at {one.started_at}"


def _group(group: Group, verbose: bool) -> _Lines:
    cause = group.cause
    head = f"{cause.cause.value} ({_number(len(group.machines), 'machine')}): {cause.summary}"
    return [
        *wrapped(head, f"{cause.severity.value:<9}", INDENT),
        *wrapped(f'the report in {group.machines[0].log} says: "{cause.fix}"', INDENT, INDENT + "  "),
        *(f'{INDENT}  "{printable(command)}"' for command in cause.commands),
        *_names([_with_others(one) for one in group.machines], verbose),
    ]


def _others(fleet: Fleet, verdict: Optional[Readiness], verbose: bool) -> _Lines:
    """Machines with a reason of their own, or without any cause to be found under."""
    machines = [one for one in _certain(fleet) if one.verdict is verdict and (one.reason or not one.causes)]
    if not machines:
        return []
    names = [one.log + (f": {one.reason}" if one.reason else "") for one in machines]
    return [f"{_WORDS[verdict]} ({_number(len(machines), 'machine')})", *_names(names, verbose)]


def _names(names: list[str], verbose: bool) -> _Lines:
    shown = names if verbose else names[:NAMES_MOST]
    lines = [f"{INDENT}* {printable(name)}" for name in shown]
    left = len(names) - len(shown)
    return [*lines, f"{INDENT}* and {left} more, which --verbose names"] if left else lines


def _with_others(one: Machine) -> str:
    """The name with the other causes of the machine."""
    others = sorted({entry.cause.value for entry in one.causes[1:]})
    return one.log + (f": also {', '.join(others)}" if others else "")


def _number(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


# --- JSON ---------------------------------------------------------------------------------------------------------


def render_json(fleet: Fleet) -> str:
    """One document: numbers, the groups by the logs of their machines, and every machine."""
    certain = _certain(fleet)
    count = Counter(one.verdict for one in certain)
    document = {
        "schema": SCHEMA,
        "totals": {
            "machines": len(certain) + len(fleet.disputes),
            **{verdict.value: count[verdict] for verdict in Readiness},
            "without_report": count[None],
            "older_logs": fleet.older,
            "disputed": len(fleet.disputes),
        },
        "disputes": [{"vm_id": one.vm_id, "logs": [claim.log for claim in one.machines]} for one in fleet.disputes],
        "groups": [_document(group) for group in fleet.groups],
        "machines": [codec.encode(one) for one in fleet.machines],
    }
    return json.dumps(document, indent=2) + "\n"


def _document(group: Group) -> dict[str, Any]:
    cause: dict[str, Any] = codec.encode(group.cause)
    shared = ("cause", "check", "severity", "summary", "fix", "commands")
    return {**{name: cause[name] for name in shared}, "logs": [one.log for one in group.machines]}


def render_lines(fleet: Fleet) -> str:
    """A line for each machine."""
    return "".join(json.dumps({"schema": SCHEMA, **codec.encode(one)}) + "\n" for one in fleet.machines)
