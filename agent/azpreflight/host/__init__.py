"""The only door to the machine.

A `Host` reads a file, lists a directory, runs a program, opens a socket, asks a name server, makes a request. Every
call has a deadline. "Cannot look" raises `HostError` with a sentence; "looked, and it is absent" is None; what a
network answers, silence included, is a value, because for a network probe that is the observation.
"""

from __future__ import annotations

from azpreflight.host.api import (
    NOT_TLS,
    Completed,
    DnsAnswer,
    Hop,
    Host,
    HostError,
    HttpAnswer,
    Outcome,
    Phase,
    Route,
    TcpAnswer,
)
from azpreflight.host.file_types import FileInfo, FileKind, Room
from azpreflight.host.interfaces import Interface, LinkFilter
from azpreflight.host.local import LocalHost
from azpreflight.host.reading import reading
from azpreflight.host.tables import MAIN, NamedLink, Routing, RoutingRule, TableRoute

__all__ = [
    "MAIN",
    "NOT_TLS",
    "Completed",
    "DnsAnswer",
    "FileInfo",
    "FileKind",
    "Hop",
    "Host",
    "HostError",
    "HttpAnswer",
    "Interface",
    "LinkFilter",
    "LocalHost",
    "NamedLink",
    "Outcome",
    "Phase",
    "Room",
    "Route",
    "Routing",
    "RoutingRule",
    "TableRoute",
    "TcpAnswer",
    "reading",
]
