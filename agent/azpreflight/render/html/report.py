"""A report as a page: the verdict first, why, what was seen of the network and of the boot, every check, the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from azpreflight.dataclass import dataclass
from azpreflight.engine.baseline import sentences
from azpreflight.model import Report, Severity, Status
from azpreflight.render import arrangement, json
from azpreflight.render.html import boot, causes, checks, facts, path, rules
from azpreflight.render.html.element import Child, Element, element, together
from azpreflight.render.html.page import badge, document, section
from azpreflight.text import count

_TITLES = {
    "causes": "Causes",
    "others": "Other findings",
    "unknown": "Not determined",
    "sealed": "Since capture",
    "network": "Network path",
    "boot": "First boot",
    "rules": "Firewall rules",
    "extensions": "Extensions",
    "checks": "All checks",
    "facts": "Facts",
}
"""What a page may have, in its order, as its contents call it."""


def render(report: Report, origin: Child = None) -> str:
    """One page with nothing outside of it. `origin` says where the report comes from."""
    made = _sections(report)
    title = f"{arrangement.verdict_word(report)}: {arrangement.verdict_sentence(report)}"
    head = together(_verdict(report), origin, _tiles(report), _about(report), _contents(made))
    return document(f"azpreflight: {title}", head, [one for _, one in made], _foot(report))


def _sections(report: Report) -> list[tuple[str, Element]]:
    """The parts of the page below its head by their names, without those that have nothing to say."""
    made = {
        "causes": causes.causes(report.causes, report.results),
        "others": causes.others(report.results),
        "unknown": causes.unknown(report.results),
        "sealed": _sealed(sentences(report.since_capture)),
        "network": path.network_path(report.facts),
        "boot": boot.boot(report.timeline),
        "rules": rules.rules(report.facts),
        "extensions": causes.extensions(report.extensions),
        "checks": checks.checks(report.results),
        "facts": facts.facts(json.document(report)["facts"]),
    }
    return [(name, made[name]) for name in _TITLES if made[name].markup]


def _verdict(report: Report) -> Element:
    word = badge(arrangement.verdict_word(report), report.verdict.value)
    sentence = arrangement.verdict_sentence(report)
    return together(
        element("p", f"{report.tool.name} {report.tool.version}", class_="tool"),
        element("h1", word, " ", sentence[:1].upper() + sentence[1:]),
    )


@dataclass(frozen=True)
class _Tile:
    number: int
    word: str
    kind: str


def _tiles(report: Report) -> Element:
    """The numbers that a glance takes in."""
    status = Counter(one.status for one in report.results)
    severity = Counter(finding.severity for one in report.results for finding in one.findings)
    tiles = [
        _Tile(severity[Severity.ERROR], "error", "error"),
        _Tile(severity[Severity.WARNING], "warning", "warning"),
        _Tile(severity[Severity.NOTE], "note", "note"),
        _Tile(status[Status.UNKNOWN], "not determined", "unknown"),
        _Tile(status[Status.PASS], "passed", "pass"),
        _Tile(status[Status.NOT_APPLICABLE], "not applicable", "na"),
    ]
    return element("ul", [_tile(one) for one in tiles if one.number or one.kind == "pass"], class_="tiles")


def _tile(one: _Tile) -> Element:
    plural = "s" if one.number != 1 and one.word == one.kind else ""
    return element("li", element("b", str(one.number)), element("span", one.word + plural), class_=one.kind)


def _about(report: Report) -> Element:
    """What was asked of which machine, and when."""
    run = report.run
    system = " ".join(word for word in (run.os.id, run.os.version_id) if word) or "unknown"
    rows = {
        "Stage": f"{run.stage.value}, {run.profile.value}",
        "Platform": run.platform.value,
        "System": system + (f", kernel {run.kernel}" if run.kernel else ""),
        "VM": run.vm_id,
        "Disk image" if run.image else "Root": run.root,
        "Time": f"{run.started_at}, {run.duration_s:.2f} s",
        "Seen": "files only" if run.files_only else None,
        "Rights": None if run.privileged else "not root",
        "Ignored": count(len(report.ignored), "check") if report.ignored else None,
    }
    return element(
        "dl",
        [element("div", element("dt", name), element("dd", said)) for name, said in rows.items() if said],
        class_="about",
    )


def _contents(made: Sequence[tuple[str, Element]]) -> Child:
    if len(made) < 2:
        return None
    links = [element("li", element("a", _TITLES[name], href=f"#{name}")) for name, _ in made]
    return element("nav", element("ul", links), aria_label="Contents")


def _sealed(told: Iterable[str]) -> Element:
    found = [element("p", one) for one in told]
    return section("sealed", "Since the image was sealed", found) if found else together()


def _foot(report: Report) -> Child:
    lines = [f"{arrangement.counts(report)}.", f"{arrangement.subject(report)}."]
    lines += [f"Left out, as too long: {', '.join(report.cut)}."] if report.cut else []
    return [element("p", one) for one in lines]
