"""What was seen of each object that a check of the site's own asks about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.azure.answer import Answer
from azpreflight.dataclass import dataclass

NO_ADDRESS = "no address"
"""The detail of an answer that is none: the name exists, and has no address."""


@dataclass(frozen=True)
class SiteSeen:
    """One object. What was not asked, or could not be seen, is None or empty."""

    error: Optional[str] = None
    """Why it could not be inspected."""
    present: Optional[bool] = None
    """A file, package or parameter is there; a name resolves; an endpoint answers."""
    mode: Optional[str] = None
    """Octal, without leading zeros."""
    owner: Optional[str] = None
    """By name, or by number where passwd has no name for it."""
    uid: Optional[int] = None
    group: Optional[str] = None
    gid: Optional[int] = None
    texts: tuple[str, ...] = ()
    """Of the texts that are asked about, those that the file has. The content itself may be a secret."""
    state: Optional[str] = None
    """Of a unit: enabled, disabled, masked or absent."""
    versions: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """Of a parameter or a sysctl."""
    source: Optional[str] = None
    """The file, or the address of the name server, that says so."""
    addresses: tuple[str, ...] = ()
    answer: Optional[Answer] = None
    """Of an endpoint, or of a name that does not resolve."""


@dataclass(frozen=True)
class SiteFacts:
    """By the id of the check."""

    seen: Mapping[str, SiteSeen] = field(default_factory=dict)
