"""What a log without a report says: the one result, for people, programs and whole fleets."""

from __future__ import annotations

from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.model import Cause, Confidence, Readiness, Severity


class LogKind(str, Enum):
    """Which log it is, by its content."""

    SERIAL = "serial"
    WAAGENT = "waagent"
    CLOUD_INIT = "cloud-init"
    JOURNAL = "journal"
    BUNDLE = "bundle"
    AZURE_INIT = "azure-init"
    PROXY_AGENT = "azure-proxy-agent"
    TELEMETRY = "kvp"
    """A pool of Hyper-V's key-value exchange, in which cloud-init reports to the host."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LogLine:
    """A line of the log."""

    line: int
    """Its number, from 1; of a pool or a binary export that of the record."""
    text: str
    """In known words and typed values, on one line of printable ASCII."""
    at_s: Optional[float] = None
    """Seconds, as in LogMilestone."""
    file: Optional[str] = None
    """The member of a bundle that it stands in; None where the log is one file."""


@dataclass(frozen=True)
class LogMilestone:
    """Something that the boot reached, by the first line that shows it."""

    at_s: Optional[float]
    """Seconds since boot; where the log does not show when that was, since its first line with a time; None for a
    line without one."""
    milestone: str
    """A word of azure.log_signatures.Step."""
    line: int
    file: Optional[str] = None


@dataclass(frozen=True)
class LogCause:
    """Why the boot, or an extension, failed, as far as a log can show it."""

    cause: Cause
    severity: Severity
    confidence: Confidence
    """Likely at best: who writes a log reports what failed, and seldom why."""
    confidence_reason: str
    summary: str
    fix: str
    commands: tuple[str, ...]
    evidence: tuple[LogLine, ...]


@dataclass(frozen=True)
class Remark:
    """A line that is worth knowing and is no cause by itself."""

    means: str
    evidence: LogLine
    count: int = 1


@dataclass(frozen=True)
class ExplainedLog:
    """What one log says of the newest boot in it."""

    file: str
    kind: LogKind
    provisioner: Optional[str]
    """waagent, cloud-init or azure-init; None where the log does not show it."""
    verdict: Readiness
    """ready: the log shows that the VM was provisioned, and no cause; undecided: neither that nor a cause."""
    timeline: tuple[LogMilestone, ...]
    causes: tuple[LogCause, ...]
    """The most likely first."""
    not_in_this_log: tuple[str, ...]
    """Steps of a first boot that no line of this log shows: it does not follow that they did not happen."""
    remarks: tuple[Remark, ...] = ()
    last: Optional[LogMilestone] = None
    """The last step that the log shows."""
    ends: Optional[LogLine] = None
    """The last line of the log."""
    boots: int = 1
    """Boots that begin in this log; the newest counts."""
    kernel: Optional[str] = None
    """Version of the kernel."""
    os: Optional[str] = None
    """What systemd greets with."""
    agent: Optional[str] = None
    """Version of the agent that provisioned; where it is not shown which did, of the one that was seen."""
    vm_id: Optional[str] = None
    has_report: bool = False
    """A report of azpreflight's is in it, which says more: decode reads it."""
    unread: Optional[str] = None
    """Which part of the log was not inspected; None if all of it was."""
