"""What was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.probes.startup.directories import DirectoryFacts
from azpreflight.probes.startup.entry import EntryFacts
from azpreflight.probes.startup.filesystems import FilesystemFacts
from azpreflight.probes.startup.grow import GrowFacts
from azpreflight.probes.startup.memory import MemoryFacts
from azpreflight.probes.startup.names import NameFacts
from azpreflight.probes.startup.nic import NicFacts
from azpreflight.probes.startup.order import OrderFacts
from azpreflight.probes.startup.selinux import SelinuxFacts
from azpreflight.probes.startup.target import TargetFacts
from azpreflight.probes.startup.units import UnitFacts
from azpreflight.probes.startup.volumes import VolumeFacts


@dataclass(frozen=True)
class StartupFacts:
    """All that was found, subject by subject. None: that subject could not be read, and `errors` says why."""

    entry: Optional[EntryFacts] = None
    filesystems: Optional[FilesystemFacts] = None
    grow: Optional[GrowFacts] = None
    memory: Optional[MemoryFacts] = None
    volumes: Optional[VolumeFacts] = None
    target: Optional[TargetFacts] = None
    order: Optional[OrderFacts] = None
    nic: Optional[NicFacts] = None
    names: Optional[NameFacts] = None
    selinux: Optional[SelinuxFacts] = None
    units: Optional[UnitFacts] = None
    directories: Optional[DirectoryFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be read, by the name of its field."""
