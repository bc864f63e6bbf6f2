"""The verdict on the waivers of the configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.model import Check, Finding, NotApplicable, Run, Severity, Verdict, Waiver, WaiverState
from azpreflight.probes.configuration.facts import ConfigurationFacts
from azpreflight.text import plain


def judge_waivers(facts: ConfigurationFacts, run: Run) -> Iterator[Verdict]:
    """Every waiver is still valid, and still needed where its check was judged."""
    if not run.config.waive:
        yield NotApplicable("the configuration waives nothing")
    for use in run.waivers:
        if use.state is WaiverState.EXPIRED:
            yield _expired(use.waiver)
        elif use.state is WaiverState.UNUSED:
            yield _unused(use.waiver)


def _expired(waiver: Waiver) -> Finding:
    return Finding(
        Severity.ERROR,
        f"the waiver of {_subject(waiver)} expired on {waiver.until} ({plain(waiver.reason)})",
        f"Fix what {waiver.check} reports and remove the waiver, or give it a new last day and a reason that still"
        " holds.",
        evidence={"check": waiver.check, "until": waiver.until or "", "reason": plain(waiver.reason, 200)},
    )


def _unused(waiver: Waiver) -> Finding:
    return Finding(
        Severity.NOTE,
        f"the waiver of {_subject(waiver)} matches no finding ({plain(waiver.reason)})",
        "Remove the waiver, or correct what it matches.",
        evidence={"check": waiver.check, "reason": plain(waiver.reason, 200)},
    )


def _subject(waiver: Waiver) -> str:
    return waiver.check if waiver.match is None else f'{waiver.check} "{plain(waiver.match)}"'


CHECKS = (
    Check(
        "configuration-waivers",
        "every waiver is valid and needed",
        judge_waivers,
        Severity.ERROR,
        offline=True,
        after_waivers=True,
    ),
)
