"""What a probe is, with its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, Optional, TypeVar

from azpreflight.dataclass import dataclass
from azpreflight.model.run import Config, Run
from azpreflight.model.verdict import ExtensionVerdict, Verdict
from azpreflight.model.vocabulary import ALL_STAGES, Cause, Profile, Severity, Stage

F = TypeVar("F")

Judge = Callable[[Any, Run], Iterator[Verdict]]
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
    environment: bool = False
    """Looks at the network around this machine and not at the image: before first boot its findings are notes."""
    after_waivers: bool = False
    """Judged after all others, with what became of the waivers."""


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
    extensions: Optional[Callable[[F, Run], tuple[ExtensionVerdict, ...]]] = None
    """For the one probe that knows the packages: what becomes of each extension of this VM. Pure."""
    witness: Optional[Callable[[F], Iterator[tuple[Cause, str]]]] = None
    """For probes that saw evidence of causes which other probes decide, such as lines of a log. Pure."""
    configured: Optional[Callable[[Config], tuple[Check, ...]]] = None
    """For the one probe whose checks the configuration defines. Pure."""

    def checks_in(self, config: Config) -> tuple[Check, ...]:
        """All checks of this probe where this configuration is in force."""
        return self.checks if self.configured is None else (*self.checks, *self.configured(config))
