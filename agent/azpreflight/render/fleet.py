"""Many machines as text, JSON and JSON lines. Pure; the logs come from machines that are not trusted.

What names every machine is made piece by piece, because there may be a million.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from azpreflight.engine.fleet import Dispute, Fleet, Machine
from azpreflight.engine.tally import (
    DIMENSIONS,
    DOUBT,
    NO_REPORT,
    UNKNOWN,
    UNREAD,
    Common,
    Group,
    Tally,
    entry,
    groups,
)
from azpreflight.model import Cause, Readiness, Severity, codec
from azpreflight.text import Columns, printable, wrapped

SCHEMA = "azpreflight.fleet/1"
INDENT = " " * 9
"""As wide as "warning" and two blanks, as in the text of a report."""
ALL = Columns()
VALUES_MOST = 5
"""Images, regions and the like that are named in text; the others are a number."""
_WORDS = {
    Readiness.NOT_READY.value: "not ready",
    Readiness.UNDECIDED.value: "undecided",
    Readiness.READY.value: "ready",
    NO_REPORT: NO_REPORT,
    UNREAD: "not read",
}

_Lines = list[str]


def render(fleet: Fleet, *, verbose: bool = False, quiet: bool = False, width: Columns = ALL) -> str:
    """The numbers, then what logs disagree about, each cause once with its machines, the unknown ones, and the totals.

    Fixes and commands are words of a log, and shown as that, and never of one machine for another.
    `quiet` is the numbers alone; `verbose` has the ready ones too. How many are named is the tally's.
    """
    blocks = [_numbers(fleet, width)]
    if not quiet:
        blocks += [_dispute(one, width) for one in fleet.disputes]
        blocks += [_group(group, width) for group in groups(fleet.tally)]
        shown = [Readiness.UNDECIDED.value, NO_REPORT, UNREAD, *([Readiness.READY.value] if verbose else [])]
        blocks += [_others(fleet.tally, word, width) for word in shown]
        blocks += [_totals(fleet.tally, width)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _numbers(fleet: Fleet, width: Columns) -> _Lines:
    count = fleet.tally.verdicts
    parts = [f"{count[verdict]:,} {word}" for verdict, word in _WORDS.items() if count.get(verdict)]
    parts += [f"{len(fleet.disputes)} of which logs disagree"] if fleet.disputes else []
    head = _number(_machines(fleet), "machine") + (f": {', '.join(parts)}" if parts else "")
    lines = wrapped(head, rest=INDENT, width=width.names)
    if fleet.older:
        words = f"not counted: {_number(fleet.older, 'log')} with the same or an older report of one of these machines"
        lines += wrapped(words, rest=INDENT, width=width.names)
    disputed = [one for dispute in fleet.disputes for one in dispute.machines]
    doubted = fleet.tally.others.get(DOUBT, ())
    lines += [line for one in (*doubted, *disputed) for line in _doubt(one, width)]
    left = fleet.tally.doubts - len(doubted)
    return [*lines, *([f"in doubt: {left:,} more, which --verbose names"] if left else [])]


def _machines(fleet: Fleet) -> int:
    return sum(fleet.tally.verdicts.values()) + len(fleet.disputes)


def _doubt(one: Machine, width: Columns) -> _Lines:
    whys = [f"{one.doubt}; the worst of them counts"] if one.doubt else []
    whys += [f"an older report counts, because the newest is lost, {one.lost}"] if one.lost else []
    return [line for why in whys for line in wrapped(f"in doubt: {one.log}: {why}", rest=INDENT, width=width.prose)]


def _dispute(dispute: Dispute, width: Columns) -> _Lines:
    """Each log with what it says; no log is more to be believed than the other."""
    head = f"{_number(len(dispute.machines), 'log')} claim VM {dispute.vm_id} and disagree"
    names = [line for one in dispute.machines for line in _item(_claim(one), width)]
    return [*wrapped(head, rest=INDENT, width=width.prose), *names]


def _item(words: str, width: Columns) -> _Lines:
    """Of a list."""
    return wrapped(words, f"{INDENT}* ", f"{INDENT}  ", width.names)


def _claim(one: Machine) -> str:
    root = f", {one.causes[0].cause.value}" if one.causes else ""
    return f"{one.log}: {_WORDS[one.verdict.value if one.verdict else NO_REPORT]}{root}, at {one.started_at}"


def _group(group: Group, width: Columns) -> _Lines:
    """What they have in common, and what each says; what all say in the same words is there once."""
    key, said = group.key, group.said
    words = said.summary if said is not None else key.words
    head = f"{key.cause} ({_number(group.count, 'machine')}): {words}"
    lines = wrapped(head, f"{key.severity:<9}", INDENT, width.prose)
    lines += [line for one in group.common for line in wrapped(sentence(one), INDENT, INDENT + "  ", width.prose)]
    if said is not None:
        whose = f"the report in {group.machines[0].log}" if group.count == 1 else f"each of the {group.count:,} reports"
        lines += _to_do(whose, said.fix, said.commands, width, INDENT)
    for one in group.machines:
        lines += _member(one, group, width)
    return lines + _more(group.count - len(group.machines))


def _member(one: Machine, group: Group, width: Columns) -> _Lines:
    """The name with the other causes of the machine; and what it says, unless all say it."""
    others = sorted({found.cause.value for found in one.causes} - {group.key.cause})
    also = f": also {', '.join(others)}" if others else ""
    lines = _item(one.log + also, width)
    if group.said is not None:
        return lines
    own = entry(one, group.key)
    inner = INDENT + "    "
    return [*lines, *wrapped(own.summary, inner, inner, width.prose), *_to_do("it", own.fix, own.commands, width)]


def _to_do(whose: str, fix: str, commands: tuple[str, ...], width: Columns, indent: str = INDENT + "    ") -> _Lines:
    """The words of a log, as such."""
    whole = wrapped(f'{whose} says: "{fix}"', indent, indent + "  ", width.prose)
    return [*whole, *(f'{indent}  "{printable(command)}"' for command in commands)]


def sentence(one: Common) -> str:
    """all 212 are in subnet 10.0.0.0/24; none of the 1,900 healthy are."""
    members = f"all {one.known:,}" if one.members == one.known else f"{one.members:,} of {one.known:,}"
    healthy = f"{one.healthy:,}" if one.healthy else "none"
    verb, words = _SHARED[one.dimension]
    return f"{members} {verb} {words} {one.value}; {healthy} of the {one.healthy_known:,} healthy {verb}"


_SHARED = {
    "image": ("are", "of image"),
    "image version": ("are", "of image version"),
    "region": ("are", "in region"),
    "size": ("are", "of size"),
    "subnet": ("are", "in subnet"),
    "agent": ("have", "waagent"),
    "os": ("run", "OS"),
}
"""How a machine has what it has."""


def _others(tally: Tally, word: str, width: Columns) -> _Lines:
    """Machines with a reason of their own, or without any cause to be found under."""
    machines = tally.others.get(word, ())
    if not machines:
        return []
    count = tally.verdicts[word] if word != Readiness.UNDECIDED.value else len(machines)
    names = [one.log + (f": {one.reason}" if one.reason else "") for one in machines]
    lines = [line for name in names for line in _item(name, width)]
    return [f"{_WORDS[word]} ({_number(tally.verdicts[word], 'machine')})", *lines, *_more(count - len(machines))]


def _more(left: int) -> _Lines:
    return [f"{INDENT}* and {left:,} more, which --verbose names"] if left > 0 else []


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


# --- totals -------------------------------------------------------------------------------------------------------


def _totals(tally: Tally, width: Columns) -> _Lines:
    """Causes, then every dimension that more than one value is known of."""
    if sum(tally.verdicts.values()) < 2:
        return []
    causes = [f"{cause} {count:,} ({severity})" for (cause, severity), count in _causes(tally)]
    lines = wrapped(f"by cause: {', '.join(causes)}", rest=INDENT, width=width.prose) if causes else []
    for dimension in DIMENSIONS:
        rows = _rows(tally, dimension)
        if [row for row in rows if row["value"] != UNKNOWN]:
            lines += wrapped(f"by {dimension}: {'; '.join(_values(rows))}", rest=INDENT, width=width.prose)
    return lines


def _causes(tally: Tally) -> list[tuple[tuple[str, str], int]]:
    def order(item: tuple[tuple[str, str], int]) -> tuple[int, int, int]:
        (cause, severity), count = item
        return -Severity(severity).rank, -count, list(Cause).index(Cause(cause))

    return sorted(tally.causes.items(), key=order)


def _rows(tally: Tally, dimension: str) -> list[dict[str, Any]]:
    """A row for each value with its machines by verdict; those with most that are not ready first."""
    rows: dict[str, dict[str, Any]] = {}
    for count, number in tally.counts.items():
        if count.dimension == dimension:
            row = rows.setdefault(count.value, {"value": count.value, "machines": 0, **dict.fromkeys(KEYS.values(), 0)})
            row[KEYS[count.verdict]] += number
            row["machines"] += number
    return sorted(rows.values(), key=lambda row: (-row["not-ready"], -row["machines"], row["value"]))


def _values(rows: list[dict[str, Any]]) -> _Lines:
    shown = [f"{row['value']} {row['not-ready']:,} of {row['machines']:,} not ready" for row in rows[:VALUES_MOST]]
    return [*shown, *([f"and {len(rows) - VALUES_MOST:,} more"] if len(rows) > VALUES_MOST else [])]


# --- JSON ---------------------------------------------------------------------------------------------------------

KEYS = {
    **{verdict.value: verdict.value for verdict in Readiness},
    NO_REPORT: "without_report",
    UNREAD: "unread",
}
"""Verdicts as they are called in JSON."""


def render_json(fleet: Fleet) -> Iterator[str]:
    """One document in pieces: numbers, the groups with their first machines, and every machine."""
    tally = fleet.tally
    head = {
        "schema": SCHEMA,
        "totals": {
            "machines": _machines(fleet),
            **{key: tally.verdicts.get(word, 0) for word, key in KEYS.items()},
            "older_logs": fleet.older,
            "disputed": len(fleet.disputes),
        },
        "causes": [{"cause": cause, "severity": worst, "machines": n} for (cause, worst), n in _causes(tally)],
        "by": {dimension: _rows(tally, dimension) for dimension in DIMENSIONS},
        "disputes": [{"vm_id": one.vm_id, "logs": [claim.log for claim in one.machines]} for one in fleet.disputes],
        "groups": [_document(group) for group in groups(tally)],
    }
    yield json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "machines": ['
    separator = "\n"
    for one in fleet.machines:
        yield f"{separator}    {json.dumps(codec.encode(one))}"
        separator = ",\n"
    yield "\n  ]\n}\n"


def _document(group: Group) -> dict[str, Any]:
    """The words are those of every machine of it, or null where they differ: each machine has its own."""
    said = group.said
    return {
        **group.key._asdict(),
        "machines": group.count,
        "summary": said.summary if said is not None else None,
        "fix": said.fix if said is not None else None,
        "commands": list(said.commands) if said is not None else None,
        "common": [codec.encode(one) for one in group.common],
        "logs": [one.log for one in group.machines],
    }


def render_lines(fleet: Fleet) -> Iterator[str]:
    """A line for each machine."""
    for one in fleet.machines:
        yield json.dumps({"schema": SCHEMA, **codec.encode(one)}) + "\n"
