"""What a pipeline is told of a report: one annotation a cause and a finding without one, and what is not known.

Pipelines show few annotations a step (GitHub ten of a kind), so symptoms and further findings of a cause are not told
apart; the other formats have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import undecided
from azpreflight.model import CauseEntry, Report, Result, Severity
from azpreflight.render import arrangement


@dataclass(frozen=True)
class Annotation:
    """One thing to be told, in lines."""

    severity: Severity
    title: str
    lines: tuple[str, ...]


def annotated(report: Report) -> Iterator[Annotation]:
    """The worst first; a check that may be an error and could not be decided is told as one."""
    found = [*(_cause(entry) for entry in report.causes), *_others(report.results), *_undecided(report.results)]
    yield from sorted(found, key=lambda one: -one.severity.rank)


def _cause(entry: CauseEntry) -> Annotation:
    lines = (entry.summary, *_fix(entry.fix, entry.commands), *_about("causes", entry.cause.value))
    return Annotation(entry.severity, entry.cause.value, lines)


def _others(results: Sequence[Result]) -> Iterator[Annotation]:
    for check, one in arrangement.without_cause(results):
        lines = (arrangement.message_of(one), *_fix(one.fix, one.commands), *_about("checks", check))
        yield Annotation(one.severity, check, lines)


def _undecided(results: Sequence[Result]) -> Iterator[Annotation]:
    for severity, reason, checks in arrangement.unknown([one for one in results if undecided(one)]):
        yield Annotation(severity, "could not be determined", (f"{', '.join(checks)}: {reason}",))


def _fix(sentence: str, commands: Sequence[str]) -> tuple[str, ...]:
    label = "" if sentence.startswith(arrangement.SAID) else "fix: "
    return (f"{label}{sentence}", *(f"  $ {command}" for command in commands))


def _about(folder: str, page_id: str) -> tuple[str, ...]:
    found = arrangement.address(folder, page_id)
    return (f"more: {found}",) if found else ()
