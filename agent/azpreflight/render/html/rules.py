"""The guest's firewall: which rules decide over what provisioning needs, and all rules with those marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.page import badge, commands, folded, printed, section
from azpreflight.render.html.seen import Tree, obj, objects, tree, word
from azpreflight.text import count

LINES = 400
"""Of one dump; those that decide are shown wherever they are. The JSON has all."""
AROUND = 3
"""Lines before and after one that decides."""
MARKED = 20
"""Lines of one dump that are marked: a rule may stand there a thousand times."""
SHOWN = 10
"""Rules that decide and are shown at once; the others are folded."""
_COUNTERS = re.compile(r"\[\d{1,20}:\d{1,20}\] ")
_HANDLE = re.compile(r" # handle \d{1,20}")


def rules(facts: Mapping[str, Any]) -> Element:
    """The section; nothing where no rules were read, or there are none."""
    live, saved = tree(facts, "firewall"), objects(tree(facts, "firewall_boot").get("boots"))
    dumps = [one for one in objects(live.get("dumps")) if word(one.get("text")) or one.get("error")]
    flows = [*objects(live.get("flows")), *(one for boot in saved for one in objects(boot.get("flows")))]
    deciders = _deciders(flows)
    if not dumps and not deciders:
        return together()
    cards = [_decider(rule, verdicts) for rule, verdicts in deciders.values()]
    return section(
        "rules",
        "Firewall rules",
        element("p", _lead(live, deciders), class_="lead"),
        cards[:SHOWN],
        folded(f"{count(len(cards) - SHOWN, 'more rule')}", cards[SHOWN:]) if len(cards) > SHOWN else None,
        [_dump(one, [rule for rule, _ in deciders.values()]) for one in dumps],
    )


def _lead(live: Tree, deciders: Mapping[str, tuple[Tree, list[str]]]) -> str:
    number = len(objects(live.get("chains")))
    head = f"{count(number, 'chain')} in force" if number else "no chain in force"
    if not deciders:
        return f"{head}; none of the rules stands in the way of a flow that provisioning needs."
    said = "one rule or policy is" if len(deciders) == 1 else f"{len(deciders)} rules or policies are"
    return f"{head}; {said} in the way of what provisioning needs."


def _deciders(flows: list[Tree]) -> dict[str, tuple[Tree, list[str]]]:
    """Each rule that decides over a flow of root's, and what it does, by its place and text."""
    found: dict[str, tuple[Tree, list[str]]] = {}
    for one in flows:
        rule, flow, outcome = obj(one.get("decider")), obj(one.get("flow")), word(one.get("outcome")) or "unknown"
        if not rule or outcome == "allowed" or flow.get("uid") not in (0, None):
            continue
        key = f"{rule.get('backend')} {rule.get('table')} {rule.get('chain')} {rule.get('number')} {rule.get('text')}"
        said = f"{outcome}: {flow.get('protocol')} {flow.get('address')}:{flow.get('port')}"
        found.setdefault(key, (rule, []))[1].append(said)
    return found


def _decider(rule: Tree, verdicts: list[str]) -> Element:
    number, packets, owner = word(rule.get("number")), word(rule.get("packets")), word(rule.get("owner"))
    where = ", ".join(word(rule.get(name)) or "?" for name in ("backend", "family", "table"))
    place = f"{f'rule {number}' if number else 'policy'} of {word(rule.get('chain')) or '?'} ({where})"
    file = word(rule.get("file"))
    if file:
        place += f", {file}" + (f" line {rule['line']}" if word(rule.get("line")) else "")
    place += f", installed by {owner}" if owner else ""
    command = word(rule.get("command"))
    return element(
        "article",
        element("h3", badge("decides", "error"), " ", place),
        printed([element("mark", word(rule.get("text")) or "")], "The rule"),
        element("p", ", ".join(dict.fromkeys(verdicts)) + (f"; {packets} packets so far" if packets else "")),
        commands([command]) if command else None,
        class_="card error",
    )


def _dump(dump: Tree, deciders: list[Tree]) -> Element:
    lines = (word(dump.get("text")) or "").splitlines()
    told = frozenset(islice(_decided(lines, deciders), MARKED))
    near = {place for at in told for place in range(at - AROUND, at + AROUND + 1)}
    shown = [place for place in range(len(lines)) if place < LINES or place in near]
    error = word(dump.get("error"))
    left = len(lines) - len(shown)
    return folded(
        together(
            element("span", word(dump.get("name")) or "rules", class_="id"),
            f" ({count(len(lines), 'line')})",
            _marked(told),
        ),
        element("p", element("code", word(dump.get("command")) or ""), class_="quiet"),
        element("p", f"incomplete: {error}") if error else None,
        printed(_lines(lines, shown, told), f"Rules of {word(dump.get('name')) or 'the firewall'}"),
        element("p", f"and {left} more lines, see --format json", class_="quiet") if left > 0 else None,
    )


def _marked(told: frozenset[int]) -> Child:
    return together(" ", badge(f"{len(told)} marked", "error")) if told else None


def _lines(lines: list[str], shown: list[int], told: frozenset[int]) -> Iterator[Child]:
    before = -1
    for place in shown:
        if place != before + 1:
            yield "..."
        before = place
        text = lines[place].replace("\t", "    ")
        yield element("mark", text) if place in told else text


def _decided(lines: list[str], deciders: list[Tree]) -> Iterator[int]:
    """Places of the lines that are a rule, or the policy, that decides."""
    table = chain = ""
    for place, line in enumerate(lines):
        words = line.split()
        if words[:1] == ["table"] and len(words) > 2:
            table = words[2]
        elif words[:1] == ["chain"] and len(words) > 1:
            chain = words[1]
        elif line.startswith("*"):
            table = line[1:].strip()
        if any(_is(one, line, table, chain) for one in deciders):
            yield place


def _is(rule: Tree, line: str, table: str, chain: str) -> bool:
    if word(rule.get("table")) not in (table, None):
        return False
    own = word(rule.get("chain"))
    if rule.get("number") is None:
        policy = (word(rule.get("text")) or "").lower()
        return line.startswith(f":{own} {policy[7:].upper()} ") or (chain == own and f"{policy};" in line)
    return _compared(line) == _compared(word(rule.get("text")) or "")


def _compared(line: str) -> str:
    """The rule without counters and handle."""
    counters = _COUNTERS.match(line)
    return _HANDLE.sub("", line[counters.end() :] if counters else line).strip()
