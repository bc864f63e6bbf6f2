"""What is asked: the configuration, and the run that it is a part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Optional, TypeVar

from azpreflight.dataclass import dataclass
from azpreflight.model.site import SiteCheck
from azpreflight.model.vocabulary import Platform, Profile, Severity, Stage
from azpreflight.model.waiver import Waiver, WaiverUse


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
    seal_fixes: Optional[tuple[str, ...]] = None
    """Ids of the checks whose findings `seal` fixes itself, beyond what the agents clean; None: its own list."""
    kvp: Optional[str] = None
    """auto or never: whether the daemon tells the host its verdict through Hyper-V's key-value exchange; None: auto."""
    waive: tuple[Waiver, ...] = ()
    """Findings that count for less, the first that matches deciding."""
    checks: tuple[SiteCheck, ...] = ()
    """Checks of the site's own."""


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
    waivers: tuple[WaiverUse, ...] = ()
    """What became of each waiver, for a check that is judged after the waivers."""

    @property
    def offline(self) -> bool:
        """True where files alone are inspected: nothing runs, and there is no network."""
        return self.files_only or self.root != "/"

    def facts(self, kind: type[T]) -> Optional[T]:
        """The needed facts of this type, or None if their probe could not look."""
        return next((facts for facts in self.needed.values() if isinstance(facts, kind)), None)
