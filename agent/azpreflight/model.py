"""The words of azpreflight as frozen dataclasses.

A probe looks at the machine through a host and returns facts; checks judge facts; findings are grouped into causes; a
report is what everything printed is made from. Nothing here touches the machine and nothing here imports the rest.
The closed sets of words are those of `vocabulary`, and are imported from here like the types that use them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Optional, TypeVar, Union

from azpreflight import vocabulary

Cause = vocabulary.Cause
Confidence = vocabulary.Confidence
Platform = vocabulary.Platform
Profile = vocabulary.Profile
Readiness = vocabulary.Readiness
Severity = vocabulary.Severity
Stage = vocabulary.Stage
Status = vocabulary.Status

# --- what a judge may say -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    `message` is one line of ASCII, lower case, without a full stop, with the measured value in it. `remedy` is one
    sentence; `commands` mend it on this machine, in order. No field ever holds a secret.
    """

    severity: Severity
    message: str
    remedy: str
    commands: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    flow: Optional[str] = None
    """The flow that it speaks of: "tcp 168.63.129.16:80", "udp 10.0.0.4:53", "name x.blob.core.windows.net" or "any".
    None for what has nothing to do with the network."""
    takes_down: tuple[str, ...] = ()
    """Further flows that cannot work while this is wrong; "name *" and "tcp *:443" are allowed here and in `flow`."""
    confidence: Confidence = Confidence.CERTAIN
    confidence_reason: str = "seen directly"
    baked: bool = False
    """True for something that is part of the image itself, so that it is judged in full at every stage although the
    check looks at the surroundings (a static name server, a saved rule, a proxy)."""


@dataclass(frozen=True)
class NotApplicable:
    """The check has no meaning here."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """The check could not look, or saw nothing that decides it."""

    reason: str


Verdict = Union[Finding, NotApplicable, Unknown]


# --- what a probe is ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """What `/etc/azpreflight/config.yaml` says. Every key has a default, so the file may be absent."""

    cloud: Optional[str] = None
    """public, usgov or china; None: as the instance metadata says, else public."""
    region: Optional[str] = None
    """The region's short name, such as westeurope; None: as the instance metadata says."""
    endpoints: tuple[str, ...] = ()
    """URLs that must be reachable, besides those that this VM's goal state names."""
    ignore: tuple[str, ...] = ()
    """Ids of checks that are not run."""
    fail_on: Optional[Severity] = None
    """Exit 1 at this severity and above; None: error."""
    timeout: Optional[float] = None
    """Seconds for the whole run; None: the built-in budget."""
    seal_mends: Optional[tuple[str, ...]] = None
    """Ids of the checks whose findings `seal` mends itself, beyond what the agents clean; None: its own list."""
    kvp: Optional[str] = None
    """auto or never: whether the daemon tells the host its verdict through Hyper-V's key-value exchange; None: auto."""


F = TypeVar("F")
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """What this run was asked, and the facts of the probes that a probe or a judge declared to need."""

    stage: Stage = Stage.CAPTURE
    profile: Profile = Profile.GENERALIZED
    platform: Platform = Platform.NONE
    root: str = "/"
    """Where the image is mounted; "/" is the running system."""
    config: Config = field(default_factory=Config)
    extensions: tuple[str, ...] = ()
    """Names of extensions that the VM will have, besides those of its goal state."""
    needed: Mapping[str, Any] = field(default_factory=dict)
    """Facts by probe name; a probe that could not look is absent."""
    files_only: bool = False
    """Look at the files of the running system as if they were those of a mounted image."""

    @property
    def offline(self) -> bool:
        """True where files alone are looked at: nothing runs, and there is no network."""
        return self.files_only or self.root != "/"

    def facts(self, kind: type[T]) -> Optional[T]:
        """The needed facts of this type, or None if their probe could not look."""
        return next((facts for facts in self.needed.values() if isinstance(facts, kind)), None)


Judge = Callable[[Any, Run], Iterator[Verdict]]
ALL_STAGES = tuple(Stage)
ALL_PROFILES = tuple(Profile)


@dataclass(frozen=True)
class Check:
    """One question with a permanent kebab-case id; yielding nothing from the judge is a pass."""

    id: str
    title: str
    """An assertion that is true on a pass."""
    judge: Judge
    """Pure: facts of its probe and the run in, verdicts out."""
    severity: Severity
    """The worst that a failure can be; an undecided check whose failure would be an error makes the exit code 3."""
    cause: Optional[Cause] = None
    depends_on: tuple[str, ...] = ()
    """Ids of checks whose findings may explain this one's, flow by flow."""
    reads: tuple[str, ...] = ()
    """Names of further probes whose facts the judge, but not the gathering, needs."""
    stages: tuple[Stage, ...] = ALL_STAGES
    profiles: tuple[Profile, ...] = ALL_PROFILES
    azure_only: bool = False
    """Asks for the platform's own endpoints, so it has no meaning elsewhere."""
    offline: bool = False
    """Can be judged on a mounted image."""
    surroundings: bool = False
    """Looks at the network around this machine and not at the image: before first boot its findings are notes."""


@dataclass(frozen=True)
class Probe(Generic[F]):
    """Everything about one subject: its facts type, how to gather them, its checks."""

    name: str
    facts: type[F]
    gather: Callable[[Any, Run], F]
    """The only side effects, through a `azpreflight.host.Host` (this layer must not import it, hence Any)."""
    checks: tuple[Check, ...]
    needs: tuple[str, ...] = ()
    """Names of probes whose facts gathering needs, and judging too."""
    extensions: Optional[Callable[[F, "Run"], "tuple[ExtensionVerdict, ...]"]] = None
    """For the one probe that knows the packages: what becomes of each extension of this VM. Pure."""
    witness: Optional[Callable[[F], "Iterator[tuple[Cause, str]]"]] = None
    """For probes that saw evidence of causes which other probes decide, such as lines of a log. Pure."""


# --- what was seen, and what was said -----------------------------------------------------------------------------


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
    """True where the files of a running system were looked at as those of an image are."""
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
    remedy: str
    commands: tuple[str, ...]
    symptoms: tuple[str, ...]
    """Ids of the checks that failed because of it."""
    evidence: tuple[str, ...] = ()
    """What witnesses saw of it, such as lines of the agents' logs."""


@dataclass(frozen=True)
class ExtensionVerdict:
    """Whether one extension of this VM will install, and will work."""

    name: str
    package: str
    """How its package arrives: direct, hostgaplugin, none or unknown."""
    will_work: str
    """yes, no or unknown."""
    why: str


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
