"""What a stand-in that runs by itself says: where it listens, or why it cannot. Pure."""

from __future__ import annotations

import errno
from json import dumps
from pathlib import PurePath

from azpreflight.standin.alone import AUTHORITY, port_name
from azpreflight.standin.config import Listener
from azpreflight.standin.servers.start import CannotListen

PATHS = {"wire": "/?comp=versions", "hostgaplugin": "/versions", "imds": "/metadata/instance?api-version=2021-08-01"}
"""Something that each answers; the metadata service wants the header `Metadata: true` with it."""


def text(opened: tuple[Listener, ...], directory: PurePath) -> list[str]:
    """Lines for a person."""
    width = max((len(one.part) for one in opened), default=0)
    ports = [f"  {one.part:{width}}  {where(one)}" for one in opened]
    trust = f"The store's certificate is issued by {directory / AUTHORITY}; a guest has to trust it."
    return ["The stand-in is ready; Ctrl-C ends it.", *ports, trust]


def json(opened: tuple[Listener, ...], directory: PurePath) -> list[str]:
    """One line for a program."""
    ports = [{"part": one.part, "address": one.address, "port": one.port, "url": where(one)} for one in opened]
    return [dumps({"listeners": ports, "authority": str(directory / AUTHORITY)})]


def where(listener: Listener) -> str:
    """A URL, or address and port of what is no HTTP."""
    if listener.part in ("dns", "dhcp", "ntp"):
        return f"{listener.address} port {listener.port}"
    scheme = "https" if listener.tls else "http"
    return f"{scheme}://{listener.address}:{listener.port}{PATHS.get(listener.part, '/')}"


def advice(error: CannotListen) -> str:
    """What is wrong with a port, and what to do about it."""
    number = error.error.errno
    if number == errno.EADDRINUSE:
        return f"{error}: choose another with --port {port_name(error.listener)}=PORT, or leave it out with --parts"
    if number == errno.EADDRNOTAVAIL:
        return (
            f"{error}: run in a network namespace that has the address, as --help shows "
            f"(ip -n NAME address add {error.listener.address}/32 dev lo)"
        )
    if number in (errno.EACCES, errno.EPERM):
        return f"{error}: that needs root; without, listen on 127.0.0.1 at ports above 1023"
    if number == errno.ENODEV:
        return f"{error}: name an interface of this network namespace; `ip link` lists them"
    return str(error)
