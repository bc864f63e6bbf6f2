"""What was seen, and what was said of it: the snapshot and the report, with all that they consist of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.model.run import Config
from azpreflight.model.verdict import ExtensionVerdict, Finding, Waived
from azpreflight.model.vocabulary import Cause, Confidence, Platform, Profile, Readiness, Severity, Stage, Status


@dataclass(frozen=True)
class Tool:
    """The program that wrote a report."""

    name: str
    version: str


@dataclass(frozen=True)
class Os:
    """ID and VERSION_ID of os-release(5)."""

    id: Optional[str]
    version_id: Optional[str]


@dataclass(frozen=True)
class RunInfo:
    """Where, when and for which question a snapshot was taken."""

    stage: Stage
    profile: Profile
    platform: Platform
    root: Optional[str]
    """Where the image is mounted, or the file of the disk image that it is in; None for the running system."""
    started_at: str
    """UTC, RFC 3339."""
    duration_s: float
    vm_id: Optional[str]
    """The SMBIOS system UUID, lower case, as the guest reads it."""
    boot_id: Optional[str]
    os: Os
    kernel: Optional[str]
    privileged: bool
    """True for root; what an ordinary user cannot see is unknown."""
    files_only: bool = False
    """True where the files of a running system were inspected as those of an image are."""
    image: bool = False
    """`root` is the file of a disk image, which was mounted for this run alone."""


@dataclass(frozen=True)
class Gathered:
    """What one probe brought home: facts, or the reason why there are none."""

    facts: Any
    """The probe's facts; None if it could not look."""
    reason: Optional[str] = None
    traceback: Optional[str] = None
    """Set only for a bug in the probe."""
    duration_s: float = 0.0


@dataclass(frozen=True)
class SinceCapture:
    """What passed when the image was sealed and fails on this VM of it: the image was the same."""

    sealed_by: str
    """The version of azpreflight that sealed the image."""
    network: tuple[str, ...]
    """Ids of checks that look at what is around the VM: its virtual network is not that of the build VM."""
    image: tuple[str, ...]
    """Ids of checks of the machine itself: it has changed since it was sealed."""


@dataclass(frozen=True)
class Snapshot:
    """All facts of one run by probe name; can be saved and judged again elsewhere."""

    tool: Tool
    run: RunInfo
    config: Config
    extensions: tuple[str, ...]
    probes: Mapping[str, Gathered]
    stamp: Optional[str] = None
    """At first boot, what `seal` left in the image, as it stands there; None without it."""


@dataclass(frozen=True)
class Result:
    """What became of one check."""

    check: str
    title: str
    probe: str
    status: Status
    severity: Optional[Severity]
    """The worst of the findings; for an undecided check what a failure would be; None for a pass."""
    cause: Optional[Cause]
    because_of: tuple[str, ...]
    """Ids of the failed checks that explain all findings of this one."""
    reason: Optional[str]
    """Why the check is unknown or not applicable."""
    duration_s: float
    """Seconds that the probe behind the check took to gather."""
    findings: tuple[Finding, ...]
    traceback: Optional[str] = None
    """Set only for a bug in azpreflight."""


@dataclass(frozen=True)
class CauseEntry:
    """One cause with all that is known about it."""

    cause: Cause
    check: str
    """The check whose finding is the worst."""
    severity: Severity
    confidence: Confidence
    confidence_reason: str
    summary: str
    fix: str
    commands: tuple[str, ...]
    symptoms: tuple[str, ...]
    """Ids of the checks that failed because of it."""
    evidence: tuple[str, ...] = ()
    """What witnesses saw of it, such as lines of the agents' logs."""
    waived: Optional[Waived] = None
    """Set where the finding that it speaks of is waived."""


@dataclass(frozen=True)
class Milestone:
    """Something that a first boot reaches, or waits for."""

    name: str
    at_s: Optional[float]
    """Seconds since boot when it was first seen; None if it has not been reached."""
    waited_s: float
    """Seconds since the milestone before it."""
    allowed_s: Optional[float]
    """Seconds since boot that the platform or the agent allows for it; None where nobody sets a limit."""


@dataclass(frozen=True)
class Report:
    """Results, diagnosis and run metadata; everything printed is made from it."""

    tool: Tool
    run: RunInfo
    verdict: Readiness
    causes: tuple[CauseEntry, ...]
    results: tuple[Result, ...]
    extensions: tuple[ExtensionVerdict, ...]
    facts: Mapping[str, Any]
    """Facts by probe name, as the probes' own dataclasses."""
    timeline: tuple[Milestone, ...] = ()
    """At first boot, when the daemon watched it."""
    ignored: tuple[str, ...] = ()
    """Ids of checks that were not judged because the user said so."""
    since_capture: Optional[SinceCapture] = None
    """At first boot of a sealed image, what has changed; None where nothing tells."""
    cut: tuple[str, ...] = ()
    """Places of this document that were too long for it, and how much of each is left out; it was judged whole."""
