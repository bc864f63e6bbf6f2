"""Many machines as text, JSON and JSON lines. Pure; the logs come from machines that are not trusted."""

import json
from collections import Counter
from typing import Any, Optional

from azpreflight import codec
from azpreflight.fleet import Fleet, Group, Machine
from azpreflight.model import Readiness
from azpreflight.render.plain import plain, wrapped

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
    """The numbers, then each cause once with its machines, then those that cannot be told about.

    `quiet` is the numbers alone; `verbose` names every machine.
    """
    blocks = [_numbers(fleet)]
    if not quiet:
        blocks += [_group(group, verbose) for group in fleet.groups]
        shown = [Readiness.UNDECIDED, None, *([Readiness.READY] if verbose else [])]
        blocks += [_others(fleet, verdict, verbose) for verdict in shown]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _numbers(fleet: Fleet) -> _Lines:
    count = Counter(one.verdict for one in fleet.machines)
    parts = [f"{count[verdict]} {word}" for verdict, word in _WORDS.items() if count[verdict]]
    lines = [f"{_number(len(fleet.machines), 'machine')}" + (f": {', '.join(parts)}" if parts else "")]
    if fleet.older:
        lines.append(f"not counted: {_number(fleet.older, 'log')} with an older report of one of these machines")
    return lines


def _group(group: Group, verbose: bool) -> _Lines:
    cause = group.cause
    head = f"{cause.cause.value} ({_number(len(group.machines), 'machine')}): {cause.summary}"
    return [
        *wrapped(head, f"{cause.severity.value:<9}", INDENT),
        *wrapped(cause.remedy, f"{INDENT}mend it: ", INDENT + "  "),
        *(f"{INDENT}  {plain(command)}" for command in cause.commands),
        *_names([_with_others(one) for one in group.machines], verbose),
    ]


def _others(fleet: Fleet, verdict: Optional[Readiness], verbose: bool) -> _Lines:
    """Machines with a reason of their own, or without any cause to be found under."""
    machines = [one for one in fleet.machines if one.verdict is verdict and (one.reason or not one.causes)]
    if not machines:
        return []
    names = [one.log + (f": {one.reason}" if one.reason else "") for one in machines]
    return [f"{_WORDS[verdict]} ({_number(len(machines), 'machine')})", *_names(names, verbose)]


def _names(names: "list[str]", verbose: bool) -> _Lines:
    shown = names if verbose else names[:NAMES_MOST]
    lines = [f"{INDENT}* {plain(name)}" for name in shown]
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
    count = Counter(one.verdict for one in fleet.machines)
    document = {
        "schema": SCHEMA,
        "totals": {
            "machines": len(fleet.machines),
            **{verdict.value: count[verdict] for verdict in Readiness},
            "without_report": count[None],
            "older_logs": fleet.older,
        },
        "groups": [_document(group) for group in fleet.groups],
        "machines": [codec.encode(one) for one in fleet.machines],
    }
    return json.dumps(document, indent=2) + "\n"


def _document(group: Group) -> "dict[str, Any]":
    cause: dict[str, Any] = codec.encode(group.cause)
    shared = ("cause", "check", "severity", "summary", "remedy", "commands")
    return {**{name: cause[name] for name in shared}, "logs": [one.log for one in group.machines]}


def render_lines(fleet: Fleet) -> str:
    """A line for each machine."""
    return "".join(json.dumps({"schema": SCHEMA, **codec.encode(one)}) + "\n" for one in fleet.machines)
