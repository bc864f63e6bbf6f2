"""The words of azpreflight as frozen dataclasses.

A probe looks at the machine through a host and returns facts; checks judge facts; findings are grouped into causes; a
report is what everything printed is made from. Nothing here touches the machine and nothing here imports the rest.
Every type is imported from here, and so are the closed sets of words of `vocabulary`.
"""

from __future__ import annotations

from azpreflight.model.probe import ALL_PROFILES, Check, Judge, Probe
from azpreflight.model.report import (
    CauseEntry,
    Gathered,
    Milestone,
    Os,
    Report,
    Result,
    RunInfo,
    SinceCapture,
    Snapshot,
    Tool,
)
from azpreflight.model.run import Config, Run
from azpreflight.model.site import SiteCheck, SiteKind
from azpreflight.model.verdict import ExtensionVerdict, Finding, NotApplicable, Unknown, Verdict, Waived
from azpreflight.model.vocabulary import (
    ALL_STAGES,
    Cause,
    Confidence,
    Platform,
    Profile,
    Readiness,
    Severity,
    Stage,
    Status,
)
from azpreflight.model.waiver import Waiver, WaiverState, WaiverUse

__all__ = [
    "ALL_PROFILES",
    "ALL_STAGES",
    "Cause",
    "CauseEntry",
    "Check",
    "Confidence",
    "Config",
    "ExtensionVerdict",
    "Finding",
    "Gathered",
    "Judge",
    "Milestone",
    "NotApplicable",
    "Os",
    "Platform",
    "Probe",
    "Profile",
    "Readiness",
    "Report",
    "Result",
    "Run",
    "RunInfo",
    "Severity",
    "SinceCapture",
    "SiteCheck",
    "SiteKind",
    "Snapshot",
    "Stage",
    "Status",
    "Tool",
    "Unknown",
    "Verdict",
    "Waived",
    "Waiver",
    "WaiverState",
    "WaiverUse",
]
