"""Reports of a first boot: one that is ready, and others that fail."""

from __future__ import annotations

from dataclasses import replace

from azpreflight.model import (
    Cause,
    CauseEntry,
    Confidence,
    Os,
    Platform,
    Profile,
    Readiness,
    Report,
    RunInfo,
    Severity,
    Stage,
    Tool,
)

RUN = RunInfo(
    Stage.FIRSTBOOT,
    Profile.GENERALIZED,
    Platform.AZURE,
    None,
    "2026-01-01T00:00:00Z",
    0.1,
    "a",
    "b",
    Os(None, None),
    None,
    True,
)
READY = Report(Tool("azpreflight", "0"), RUN, Readiness.READY, (), (), (), {})


def failing(cause: Cause) -> Report:
    entry = CauseEntry(cause, "check", Severity.ERROR, Confidence.CERTAIN, "seen", "broken", "fix it", (), ())
    return replace(READY, verdict=Readiness.NOT_READY, causes=(entry,))
