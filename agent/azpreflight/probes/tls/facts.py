"""The store of certificates of authorities that this machine trusts."""

from __future__ import annotations

from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.os_release import Distribution

ROOTS = ("DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017")
"""Roots that the endpoints of storage and of management chain to, by the subject's common name (Microsoft Learn, "Azure
Certificate Authority details")."""


@dataclass(frozen=True)
class CaStoreFacts:
    """The store of this machine."""

    bundle: Optional[str]
    """The file that counts; None if there is none."""
    certificates: int
    """How many it has."""
    single: bool
    """Without a bundle: there are certificates one by one, which OpenSSL finds too."""
    distribution: Distribution
    roots: tuple[str, ...] = ()
    """Of the roots that Azure's endpoints chain to, those that the bundle has."""
    read: int = 0
    """Certificates of the bundle that could be decoded."""
    hollow: Optional[str] = None
    """A bundle that is there and empty, where no other is."""

    @property
    def empty(self) -> bool:
        """Nobody is trusted."""
        return not self.certificates and not self.single
