"""Many machines as a page: the numbers, the causes as bars, every machine as a mark, and what lies behind each cause.

The logs come from machines that are not trusted: what they say is to be done is shown as their words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Optional

from azpreflight.engine.fleet import Dispute, Fleet, Machine
from azpreflight.engine.tally import Group, Key, Said, entry, groups
from azpreflight.model import Cause, Readiness, Severity
from azpreflight.render import arrangement
from azpreflight.render.fleet import sentence
from azpreflight.render.html.drawing import box
from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.page import badge, document, fix, folded, page_link, section
from azpreflight.text import count

WORDS = {
    Readiness.NOT_READY: ("not ready", "not-ready"),
    Readiness.UNDECIDED: ("undecided", "undecided"),
    None: ("without a report", "none"),
    Readiness.READY: ("ready", "ready"),
}
"""In the order in which machines are shown: the word, and its class."""
WARNED = ("ready, with a warning", "warned")
DISPUTED = ("logs disagree", "disputed")
KINDS = (*list(WORDS.values())[:-1], DISPUTED, WARNED, WORDS[Readiness.READY])
"""Of marks."""
ACROSS = 1000
"""Units of the longest bar."""
_KINDS = {"not-ready": "error", "undecided": "warning", "none": "na", "ready": "pass", "disputed": "unknown"}


def render(fleet: Fleet) -> str:
    """One page with nothing outside of it."""
    disputed = {one.log for dispute in fleet.disputes for one in dispute.machines}
    every = list(fleet.machines)
    certain = [one for one in every if one.log not in disputed]
    found = groups(fleet.tally)
    total = len(certain) + len(fleet.disputes)
    numbers = Counter(WORDS[one.verdict] for one in certain)
    numbers[DISPUTED] = len(fleet.disputes)
    said = ", ".join(f"{numbers[word]} {word[0]}" for word in (*WORDS.values(), DISPUTED) if numbers[word])
    title = count(total, "machine") + (f": {said}" if said else "")
    sections = [
        _causes(certain, total, {group.cause.cause for group in found}),
        _matrix(certain, fleet.disputes, title),
        _groups(found),
        _others(certain),
        _disputes(fleet.disputes),
        _doubts(every),
    ]
    head = together(element("p", "azpreflight fleet", class_="tool"), element("h1", title), _tiles(numbers))
    older = f"{count(fleet.older, 'log')} with the same or an older report of one of these machines not counted."
    return document(
        f"azpreflight fleet: {title}", head, sections, element("p", older if fleet.older else "All logs count.")
    )


def _tiles(numbers: Counter[tuple[str, str]]) -> Element:
    shown = [word for word in (*WORDS.values(), DISPUTED) if numbers[word]]
    return element(
        "ul",
        [
            element("li", element("b", str(numbers[word])), element("span", word[0]), class_=_KINDS[word[1]])
            for word in shown
        ],
        class_="tiles",
    )


# --- causes -------------------------------------------------------------------------------------------------------


def _causes(machines: Sequence[Machine], total: int, first: AbstractSet[Cause]) -> Element:
    """A bar for each cause, as long as the part of the machines that have it, as their first cause or another.
    `first`: causes that have machines of their own below."""
    severities: dict[Cause, Severity] = {}
    found: Counter[Cause] = Counter()
    for one in machines:
        for cause in {each.cause for each in one.causes}:
            found[cause] += 1
        for each in one.causes:
            before = severities.get(each.cause, Severity.NOTE)
            severities[each.cause] = max(before, each.severity, key=lambda severity: severity.rank)
    if not found:
        return together()
    ordered = sorted(found, key=lambda cause: (-severities[cause].rank, -found[cause]))
    bars = [_bar(cause, found[cause], total, severities[cause], cause in first) for cause in ordered]
    return section(
        "causes",
        "Causes",
        element("p", "Machines that have each cause, alone or among others.", class_="quiet"),
        element("ul", bars, class_="bars"),
    )


def _bar(cause: Cause, number: int, total: int, severity: Severity, linked: bool) -> Element:
    part = number / max(total, 1)
    return element(
        "li",
        element("span", f"{number} of {total} ({part:.1%})", class_="number"),
        badge(severity.value, severity.value),
        " ",
        element("a", cause.value, href=f"#of-{cause.value}") if linked else cause.value,
        element(
            "svg",
            box(0, 0, max(ACROSS * part, 4), 12, f"bar {severity.value}"),
            viewBox=f"0 0 {ACROSS} 12",
            preserveAspectRatio="none",
            aria_hidden="true",
        ),
    )


# --- machines -----------------------------------------------------------------------------------------------------


def _matrix(machines: Sequence[Machine], disputes: Sequence[Dispute], title: str) -> Element:
    """A mark for every machine, the worst first and those of one cause together."""
    found = [(KINDS.index(_kind(one)), _root(one), one.log) for one in machines]
    found += [(KINDS.index(DISPUTED), one.vm_id, "logs disagree") for one in disputes]
    marks = [element("i", class_=KINDS[kind][1], title=f"{name}: {root}") for kind, root, name in sorted(found)]
    if not marks:
        return together()
    numbers = Counter(kind for kind, _, _ in found)
    legend = [
        element("li", element("i", class_=kind, aria_hidden="true"), f"{word} ({numbers[place]})")
        for place, (word, kind) in enumerate(KINDS)
        if numbers[place]
    ]
    return section(
        "machines",
        "Machines",
        element("ul", legend, class_="legend"),
        element("div", marks, class_="matrix", role="img", aria_label=title),
    )


def _kind(one: Machine) -> tuple[str, str]:
    return WARNED if one.verdict is Readiness.READY and one.causes else WORDS[one.verdict]


def _root(one: Machine) -> str:
    return one.causes[0].cause.value if one.causes else one.reason or WORDS[one.verdict][0]


def _groups(found_groups: Sequence[Group]) -> Element:
    """Machines with the same cause, found in the same words, whatever was measured."""
    by_cause: dict[Cause, list[Group]] = {}
    for group in found_groups:
        by_cause.setdefault(group.cause.cause, []).append(group)
    if not found_groups:
        return together()
    parts = [
        element(
            "div",
            element("h3", cause.value, id=f"of-{cause.value}"),
            [_group(one) for one in found],
            page_link("causes", cause.value),
        )
        for cause, found in by_cause.items()
    ]
    return section("groups", "Machines by cause", parts)


def _group(group: Group) -> Element:
    """What all say is there once; where they differ, each has its own, and never that of another."""
    key, said = group.key, group.said
    name = f"Machines with {key.cause}"
    own = None if said is not None else key
    return folded(
        together(
            badge(key.severity, key.severity),
            " ",
            element("strong", count(group.count, "machine")),
            f": {said.summary if said is not None else key.words}",
        ),
        element("ul", [element("li", sentence(one)) for one in group.common]) if group.common else together(),
        fix(_words(group.machines[0].log, said), ()) if said is not None else together(),
        _machines(group.machines, name, own),
        kind=f"card {key.severity}",
    )


def _words(log: str, said: Said) -> str:
    return f"{arrangement.SAID}{log} says: " + "; ".join(f'"{words}"' for words in (said.fix, *said.commands))


def _machines(machines: Iterable[Machine], name: str, own: Optional[Key] = None) -> Element:
    """A row each; `own`: with what its log says of this group's cause."""
    titles = ("Log", "Verdict", "System", "Time", "VM", "Also", *(("Its log says",) if own is not None else ()))
    heads = [element("th", head, scope="col") for head in titles]
    rows = [element("tr", element("th", one.log, scope="row"), _cells(one), _said(one, own)) for one in machines]
    table = element("table", element("thead", element("tr", heads)), element("tbody", rows))
    return element("div", table, class_="scroll", tabindex="0", role="group", aria_label=name)


def _said(one: Machine, own: Optional[Key]) -> list[Element]:
    if own is None:
        return []
    found = entry(one, own)
    return [element("td", "; ".join(f'"{words}"' for words in (found.summary, found.fix, *found.commands)))]


def _cells(one: Machine) -> list[Element]:
    word, kind = WORDS[one.verdict]
    system = " ".join(part for part in (one.os.id, one.os.version_id) if part) if one.os is not None else None
    also = ", ".join(sorted({found.cause.value for found in one.causes[1:]}))
    cells: list[Child] = [badge(word, kind), system or "-", one.started_at or "-", one.vm_id or "-", also or "-"]
    return [element("td", cell) for cell in cells]


# --- what has no cause --------------------------------------------------------------------------------------------


def _others(machines: Sequence[Machine]) -> Element:
    """Machines without a cause to be found under, by verdict."""
    parts = [_without(machines, verdict) for verdict in WORDS]
    found = [one for one in parts if one is not None]
    return section("others", "Other machines", found) if found else together()


def _without(machines: Sequence[Machine], verdict: Optional[Readiness]) -> Optional[Element]:
    found = [one for one in machines if one.verdict is verdict and (one.reason or not one.causes)]
    if not found:
        return None
    word, kind = WORDS[verdict]
    rows = [element("li", element("strong", one.log), f": {one.reason}" if one.reason else None) for one in found]
    return folded(
        together(badge(word, kind), " ", count(len(found), "machine")),
        element("ul", rows, class_="plain-list"),
        kind="card",
    )


def _disputes(disputes: Sequence[Dispute]) -> Element:
    """Logs that claim one machine and disagree; none is more to be believed than another."""
    if not disputes:
        return together()
    cards = [
        element(
            "article",
            element("h3", f"{count(len(one.machines), 'log')} claim VM {one.vm_id}"),
            _machines(one.machines, f"Logs of VM {one.vm_id}"),
            class_="card",
        )
        for one in disputes
    ]
    return section("disputes", "Logs that disagree", cards)


def _doubts(machines: Sequence[Machine]) -> Element:
    doubted = [element("li", element("strong", one.log), f": {one.doubt}") for one in machines if one.doubt]
    if not doubted:
        return together()
    lead = element("p", "The worst of their reports counts.", class_="quiet")
    return section("doubts", "Reports whose order is in doubt", lead, element("ul", doubted))
