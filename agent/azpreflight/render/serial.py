"""The report for a serial console: a summary that a person reads in a boot log, then the whole report in a frame.

The log is often all that is left of a VM, and it shows 100 columns at best, so the summary says in at most 12 lines
what is wrong, how to fix it and where to read on. Everything is printable ASCII: some consoles choke on the rest, and
a log is shown in terminals that would obey an escape sequence.
"""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any, Optional

from azpreflight.console import frame
from azpreflight.console.brief import brief, whole
from azpreflight.engine import timeline, waivers
from azpreflight.engine.assess import own_error
from azpreflight.engine.baseline import sentences
from azpreflight.model import CauseEntry, Readiness, Report, Result, Severity, Status
from azpreflight.render import json as render_json
from azpreflight.text import WIDTH, printable

COLUMNS = WIDTH
PREFIX = "azpreflight: "
"""Begins every line, so that they can be picked out of a console that others write to."""
LINES = 12
NOTICE_LINES = 4
NAMED = 4
"""Ids of checks that fit into two lines with a sentence around them."""
CAUSES_SHOWN = 3
CAUSE_LINES = 8
"""Lines for all causes together."""
SUMMARY_LINES = 2
OWN_SHOWN = 3
"""Failed checks that stand for no cause, a line each."""
READY_MOST, RECORD_MOST = 10_700, 14_700
"""Bytes of a frame on the wire where all is well, and where it is not: with the summary 12 and 16 kB, 1.4 s at 115,200
baud. A VM keeps the whole report in its file."""
EVERYTHING = ("facts", "results", "extensions")
"""What is left out where there is no room at all, in this order."""
TRAITS = (("agents", "waagent"), ("platform", "metadata"))
"""Facts that `fleet` tells machines apart by."""
LARGE = 1 << 32
"""More than any fact has bytes: what passed goes before what did not."""
PASSED = ("pass", "notapplicable")
_INDENT = "  "


def render(report: Report, path: Optional[str] = None) -> str:
    """Summary and frame, a line each; `path` is where the VM itself keeps the report, if it does."""
    lines, omitted = framed(report)
    return "".join(f"{line}\n" for line in (*summary(report, path, lines, omitted), *lines))


def notice(sentence: str) -> str:
    """What there is to say where there is no report."""
    return "".join(f"{PREFIX}{line}\n" for line in _lines(sentence, NOTICE_LINES))


# --- the frame ----------------------------------------------------------------------------------------------------


def framed(report: Report) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of the frame, and the JSON paths of what had to be left out; no lines if not even the causes fit.

    Facts are left out until the record is short, and all else only where there is no room at all.
    """
    document = brief(render_json.document(report))
    facts = tuple(_facts(document))
    most = READY_MOST if report.verdict is Readiness.READY else RECORD_MOST
    least, enough = 0, len(facts)
    while least < enough:
        middle = (least + enough) // 2
        size = frame.size(_text(document, facts[:middle]))
        least, enough = (least, middle) if size is not None and size <= most else (middle + 1, enough)
    for further in range(len(EVERYTHING) + 1):
        left_out = (*facts[:least], *EVERYTHING[:further])
        lines = frame.encode(_text(document, left_out))
        if lines is not None:
            return lines, _named(left_out)
    return (), EVERYTHING


def _text(document: dict[str, Any], paths: Sequence[str]) -> bytes:
    """What is put into the frame, without what these JSON paths name."""
    for path in paths:
        document = _without(document, path.split("."))
    text = json.dumps({"omitted": _named(paths), "report": document}, separators=(",", ":"))
    return text.encode("ascii")


def _named(paths: Sequence[str]) -> tuple[str, ...]:
    """Without those that are below others."""
    return tuple(path for path in paths if not any(path.startswith(f"{other}.") for other in paths))


def _facts(document: dict[str, Any]) -> list[str]:
    """JSON paths of the facts, the least missed first: probes whose checks all pass by their size, then each fact by
    its size, and at last those that tell many machines apart."""
    failed = {row["probe"] for row in whole(document)["results"] if row["status"] not in PASSED}
    apart = {probe for probe, _ in TRAITS}
    sizes: dict[str, int] = {}
    for probe, facts in document["facts"].items():
        if not isinstance(facts, dict) or probe not in failed | apart:
            sizes[f"facts.{probe}"] = len(json.dumps(facts)) + (LARGE if isinstance(facts, dict) else 0)
        else:
            named = {name: len(json.dumps(value)) for name, value in facts.items()}
            sizes |= {f"facts.{probe}.{name}": size for name, size in named.items() if (probe, name) not in TRAITS}
    last = [f"facts.{probe}.{name}" for probe, name in TRAITS if name in (document["facts"].get(probe) or {})]
    return [*sorted(sizes, key=lambda path: -sizes[path]), *last]


def _without(value: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    if len(path) == 1:
        return {key: item for key, item in value.items() if key != path[0]}
    return {**value, path[0]: _without(value[path[0]], path[1:])}


# --- the summary --------------------------------------------------------------------------------------------------


def summary(
    report: Report, path: Optional[str], lines: Sequence[str] = (), omitted: Sequence[str] = ()
) -> tuple[str, ...]:
    """At most 12 lines of at most 100 columns: verdict, causes, fixes, where to read on."""
    coming_up = [line for sentence in timeline.sentences(report.timeline)[-1:] for line in _lines(sentence, 1)]
    since = [line for sentence in sentences(report.since_capture, NAMED) for line in _lines(sentence, 2)]
    found = [*_lines(_head(report), 1), *(_causes(report.causes) or _undecided(report)), *_own_errors(report.results)]
    where = _where(path, lines, omitted)
    room = LINES - len(since) - len(coming_up) - len(where)
    text = [*[*found, *_lines(_counts(report), 1)][:room], *since, *coming_up, *where]
    return tuple(PREFIX + line for line in text)


def _lines(text: str, count: int, indent: str = "") -> list[str]:
    """The text as at most so many lines, printable ASCII, with an ellipsis where it is cut."""
    return textwrap.wrap(
        printable(text),
        COLUMNS - len(PREFIX),
        initial_indent=indent,
        subsequent_indent=indent + _INDENT,
        max_lines=count,
        placeholder=" ...",
        break_on_hyphens=False,
    )


def _head(report: Report) -> str:
    run = report.run
    verdict = report.verdict.value.replace("-", " ").upper()
    machine = f", vm {run.vm_id}" if run.vm_id else ""
    return f"{verdict} at {run.stage.value}, {run.started_at}{machine}"


def _causes(causes: Sequence[CauseEntry]) -> list[str]:
    """The first causes, in at most 8 lines: all that fits of each, and no sentence without its object.

    A fix or a command is there in full or not at all: half of one sends its reader the wrong way.
    """
    shown = causes[:CAUSES_SHOWN]
    more = len(causes) - len(shown)
    room = CAUSE_LINES - len(shown) - bool(more)
    wanted = [_further(entry) for entry in shown]
    taken: list[list[list[str]]] = [[] for _ in shown]
    for wish in range(max(map(len, wanted), default=0)):
        for place, parts in enumerate(wanted):
            part = parts[wish] if wish < len(parts) else []
            if len(part) <= room:
                taken[place].append(part)
                room -= len(part)
    lines = [
        line
        for number, (entry, parts) in enumerate(zip(shown, taken), 1)
        for line in (*_first(number, entry), *(line for part in parts for line in part))
    ]
    return lines + (_lines(f"and {more} more cause{'s' if more > 1 else ''}", 1) if more else [])


def _first(number: int, entry: CauseEntry) -> list[str]:
    """One line: which cause it is, how sure that is, and where to read what to do."""
    word = entry.cause.value if entry.severity is Severity.ERROR else f"{entry.cause.value} ({entry.severity.value})"
    return _lines(f"{number}. {word}, {entry.confidence.value}; see azpreflight explain {entry.cause.value}", 1)


def _further(entry: CauseEntry) -> list[list[str]]:
    """What else there is to say of a cause, the most needed first; each is said in full, or not at all."""
    return [
        _lines(entry.summary, SUMMARY_LINES, _INDENT),
        _lines(waivers.words(entry.waived), SUMMARY_LINES, _INDENT) if entry.waived is not None else [],
        _whole(f"fix: {entry.fix}"),
        _whole(f"run: {' && '.join(entry.commands)}") if entry.commands else [],
        _whole(f"explains: {', '.join(entry.symptoms)}") if entry.symptoms else [],
    ]


def _whole(text: str) -> list[str]:
    """All lines of the text; none where it takes more than a cause may have."""
    lines = _lines(text, CAUSE_LINES, _INDENT)
    return [] if lines and lines[-1].endswith(" ...") else lines


def _own_errors(results: Sequence[Result]) -> list[str]:
    """Errors that stand for no cause, such as those of a site's own checks: the first of each check."""
    found = [(result.check, result.findings[0].message) for result in results if own_error(result)]
    lines = [line for check, message in found[:OWN_SHOWN] for line in _lines(f"error: {check}: {message}", 1)]
    more = len(found) - OWN_SHOWN
    return lines + (_lines(f"and {more} more checks failed", 1) if more > 0 else [])


def _undecided(report: Report) -> list[str]:
    """Which checks are unknown, where that is all there is to say."""
    if report.verdict is not Readiness.UNDECIDED:
        return []
    unknown = [result for result in report.results if _matters(result)]
    lines = [line for result in unknown[:7] for line in _lines(f"unknown: {result.check}: {result.reason}", 1)]
    more = len(unknown) - 7
    return lines + (_lines(f"and {more} more that are unknown", 1) if more > 0 else [])


def _matters(result: Result) -> bool:
    return result.status is Status.UNKNOWN and result.severity is Severity.ERROR


def _counts(report: Report) -> str:
    counts = Counter(result.status for result in report.results)
    words = {
        Status.PASS: "passed",
        Status.FAIL: "failed",
        Status.UNKNOWN: "unknown",
        Status.NOT_APPLICABLE: "not applicable",
    }
    counted = ", ".join(f"{counts[status]} {word}" for status, word in words.items())
    return f"checks: {counted}; took {report.run.duration_s:.1f} s"


def _where(path: Optional[str], lines: Sequence[str], omitted: Sequence[str]) -> list[str]:
    below = f"azpreflight decode of the next {len(lines)} lines" if lines else None
    places = " or ".join(place for place in (path, below) if place) or "azpreflight check in the VM"
    text = _lines(f"report: {places}", 1)
    if omitted:
        what = "left out of these lines" if lines else "too long for this console even without"
        text += _lines(f"{what}: {', '.join(omitted)}", 1)
    return text
