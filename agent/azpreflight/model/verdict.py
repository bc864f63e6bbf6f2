"""What a judge may say of one question, and what is said of one extension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional, Union

from azpreflight.dataclass import dataclass
from azpreflight.model.vocabulary import Confidence, Severity


@dataclass(frozen=True)
class Waived:
    """Why a finding counts for less than its check says."""

    reason: str
    until: Optional[str]
    """The last day, YYYY-MM-DD; None: for good."""
    severity_before: Severity


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    `message` is one line of ASCII, lower case, without a full stop, with the measured value in it. `fix` is one
    sentence; `commands` fix it on this machine, in order. No field ever holds a secret.
    """

    severity: Severity
    message: str
    fix: str
    commands: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    flow: Optional[str] = None
    """The flow that it speaks of: "tcp 168.63.129.16:80", "udp 10.0.0.4:53", "name x.blob.core.windows.net" or "any".
    None for what has nothing to do with the network."""
    breaks: tuple[str, ...] = ()
    """Further flows that cannot work while this is wrong; "name *" and "tcp *:443" are allowed here and in `flow`."""
    confidence: Confidence = Confidence.CERTAIN
    confidence_reason: str = "seen directly"
    in_image: bool = False
    """True for something that is part of the image itself, so that it is judged in full at every stage although the
    check looks at the environment (a static name server, a saved rule, a proxy)."""
    waived: Optional[Waived] = None
    """Set where the configuration waives it; `severity` is then what it was lowered to."""


@dataclass(frozen=True)
class NotApplicable:
    """The check has no meaning here."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """The check could not look, or saw nothing that decides it."""

    reason: str


Verdict = Union[Finding, NotApplicable, Unknown]


@dataclass(frozen=True)
class ExtensionVerdict:
    """Whether one extension of this VM will install, and will work."""

    name: str
    package: str
    """How its package arrives: direct, hostgaplugin, none or unknown."""
    will_work: str
    """yes, no or unknown."""
    why: str
