"""What was said against the truth, and the table of both. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from azpreflight.model import Cause, Confidence, Severity
from tests.netns.drawn.part import Case, Part


class Outcome(str, Enum):
    """How well a case was told, the worst first."""

    WRONG_CERTAIN = "wrong, certain"
    ALARM = "false alarm"
    WRONG = "wrong"
    MISSED = "missed"
    VERDICT = "wrong verdict"
    RIGHT = "right"


@dataclass(frozen=True)
class Said:
    """A cause of the report."""

    cause: Cause
    severity: Severity
    confidence: Confidence
    summary: str


@dataclass(frozen=True)
class Told:
    """A case, and what the program said of it."""

    case: Case
    said: tuple[Said, ...]
    """Without notes, which keep nobody from anything."""
    ready: Optional[bool]
    """None: undecided."""
    seconds: float
    check_s: float
    error: str = ""
    """Why there is no report."""


@dataclass(frozen=True)
class Judged:
    """A case that was told, and what is to be said of that."""

    told: Told
    outcome: Outcome
    why: str = ""

    @property
    def truth(self) -> str:
        """The first cause that was expected."""
        seen = [part for part in self.told.case.wrong if self.told.case.seen(part)]
        return "+".join(sorted({word(part) for part in seen or self.told.case.wrong})) or "healthy"

    @property
    def first(self) -> str:
        """The first cause that was said, with its confidence."""
        if self.told.error:
            return "no report"
        return f"{self.told.said[0].cause.value} ({self.told.said[0].confidence.value})" if self.told.said else "-"


def word(part: Part) -> str:
    """The causes that are true of a part."""
    return "/".join(sorted(cause.value for cause in part.causes))


def judge(told: Told) -> Judged:
    """The worst that is to be said of it."""
    if told.error:
        return Judged(told, Outcome.MISSED, told.error)
    case = told.case
    faulty = case.wrong
    for said in told.said:
        sure = said.confidence is Confidence.CERTAIN
        if any(said.cause in part.causes or (said.cause in part.likely and not sure) for part in faulty):
            continue
        outcome = Outcome.ALARM if not faulty else Outcome.WRONG_CERTAIN if sure else Outcome.WRONG
        return Judged(told, outcome, f"{said.cause.value} ({said.confidence.value}): {said.summary}")
    causes = {said.cause for said in told.said}
    for part in faulty:
        if case.seen(part) and not part.optional and not causes & (part.causes | part.likely):
            return Judged(told, Outcome.MISSED, f"{part.dimension}: {part.name}")
    if faulty and told.ready is not None and _verdict(case) not in (None, told.ready):
        return Judged(told, Outcome.VERDICT, "ready" if told.ready else "not ready")
    if not faulty and not told.ready:
        return Judged(told, Outcome.VERDICT, "undecided" if told.ready is None else "not ready")
    return Judged(told, Outcome.RIGHT)


def _verdict(case: Case) -> Optional[bool]:
    """Whether the machine is ready: of two faults one may spoil it alone, but not both save it."""
    verdicts = [part.ready for part in case.wrong]
    if False in [part.ready for part in case.wrong if case.seen(part)]:
        return False
    return True if len(verdicts) == 1 and verdicts[0] else None


def confusion(judged: Iterable[Judged]) -> list[tuple[str, str, int]]:
    """Truth, first cause with its confidence, and how often, the most frequent first within a truth."""
    counted = Counter((one.truth, one.first) for one in judged)
    return sorted(((*pair, count) for pair, count in counted.items()), key=lambda row: (row[0], -row[2], row[1]))


def summary(judged: Sequence[Judged]) -> list[tuple[str, int, dict[Outcome, int]]]:
    """Single faults, double faults and healthy ones: how many, and how many of each outcome."""
    groups = {"single": [], "double": [], "healthy": []}  # type: dict[str, list[Judged]]
    for one in judged:
        many = len(one.told.case.wrong)
        groups["healthy" if many == 0 else "single" if many == 1 else "double"].append(one)
    return [(name, len(group), dict(Counter(one.outcome for one in group))) for name, group in groups.items()]


def markdown(judged: Sequence[Judged]) -> str:
    """Counts, the confusion table, and every case that was not told rightly."""
    lines = ["| | cases | " + " | ".join(outcome.value for outcome in reversed(Outcome)) + " |"]
    lines.append("|---" * (len(Outcome) + 2) + "|")
    for name, count, counted in summary(judged):
        cells = " | ".join(str(counted.get(outcome, 0)) for outcome in reversed(Outcome))
        lines.append(f"| {name} | {count} | {cells} |")
    lines += ["", "| truth | first cause said | cases |", "|---|---|---|"]
    lines += [f"| {truth} | {first} | {count} |" for truth, first, count in confusion(judged)]
    order = list(Outcome)
    wrong = sorted(
        (one for one in judged if one.outcome is not Outcome.RIGHT), key=lambda one: order.index(one.outcome)
    )
    if wrong:
        lines += ["", "| case | outcome | what is wrong with it | said |", "|---|---|---|---|"]
    lines += [f"| {row.told.case.name} | {row.outcome.value} | {row.told.case.words} | {row.why} |" for row in wrong]
    seconds = sorted(one.told.seconds for one in judged)
    if seconds:
        lines += ["", f"Seconds for a case: median {seconds[len(seconds) // 2]:.1f}, most {seconds[-1]:.1f}."]
    return "\n".join(lines) + "\n"
