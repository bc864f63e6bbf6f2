"""A check that a site has written into its configuration, instead of code."""

from __future__ import annotations

from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.model.vocabulary import Severity, Stage

PREFIX = "site-"
"""Begins the id of each, so that none can be taken for one of azpreflight's own."""


class SiteKind(str, Enum):
    """What is inspected; the words are the keys of the configuration."""

    FILE = "file"
    UNIT = "unit"
    PACKAGE = "package"
    KERNEL_PARAMETER = "kernel_parameter"
    """Of the kernel command line."""
    SYSCTL = "sysctl"
    NAME = "name"
    TCP = "tcp"
    URL = "url"

    @property
    def of_network(self) -> bool:
        """It asks the network around the machine."""
        return self in (SiteKind.NAME, SiteKind.TCP, SiteKind.URL)

    @property
    def offline(self) -> bool:
        """Files alone decide it, so that a mounted image can be asked."""
        return not self.of_network and self is not SiteKind.SYSCTL


@dataclass(frozen=True)
class SiteCheck:
    """What is expected of one object. What is None, or empty, is not asked."""

    id: str
    """With the prefix."""
    kind: SiteKind
    subject: str
    """A path, a unit, a package, a parameter, a name, HOST:PORT, or a URL without user and query."""
    severity: Severity = Severity.ERROR
    message: Optional[str] = None
    """What stands before the measured value."""
    fix: Optional[str] = None
    stages: tuple[Stage, ...] = ()
    """Empty: every stage; what asks the network is then a note before first boot, as the network is another one."""

    present: bool = True
    """Of a file, a package, a parameter: it is there. Of a name: it resolves. Of an endpoint: it is reachable."""
    contains: tuple[str, ...] = ()
    """Texts of which the file has each."""
    lacks: tuple[str, ...] = ()
    """Texts of which the file has none."""
    mode: Optional[str] = None
    """Octal, without leading zeros."""
    owner: Optional[str] = None
    """Name or number of the user."""
    group: Optional[str] = None
    state: Optional[str] = None
    """Of a unit: enabled, disabled, masked, absent."""
    versions: tuple[str, ...] = ()
    """Versions of a package of which one is installed; a part that ends in * matches all that begin so."""
    value: Optional[str] = None
    """Of a parameter or a sysctl."""
    server: Optional[str] = None
    """The address of the server that is asked for the name; None: as this machine resolves it."""
    within: tuple[str, ...] = ()
    """Networks: every address of the name is in one of them."""
    status: Optional[int] = None
    """Of HTTP; None: any answer will do."""
    timeout: float = 2.0
    """Seconds for each answer of the network."""
