"""A stand-in that runs by itself, to test an agent, an extension or an image with: where it listens and what it keeps.

On a loopback address every part has a free port, and no right is needed. In a network namespace with the platform's own
addresses a guest is served as on Azure.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from azpreflight import foreign
from azpreflight.standin import addresses
from azpreflight.standin.certificates import SERVER_NAMES, Authority, issue, make_authority
from azpreflight.standin.config import TIME_SOURCE, Listener, internet, platform
from azpreflight.standin.extension import Extension

PARTS = ("wire", "hostgaplugin", "imds", "store", "dns", "ntp")
"""All but DHCP, which needs an interface."""
NAME_SERVER = Listener("dns", addresses.WIRE_SERVER, addresses.DNS)
LEASES = Listener("dhcp", addresses.WIRE_SERVER, addresses.DHCP)
AUTHORITY, AUTHORITY_KEY, CERTIFICATE = "authority.pem", "authority.key", "store.pem"
"""Files of the directory: who issued the store's certificate, that one's key, and the certificate with its key."""
PACKAGE_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9.-]{0,127})__(?P<version>[0-9.]{1,40})\.zip")


class Network(Enum):
    """What is wrong in the network around the guest, as far as servers can show it."""

    OPEN = "open"
    NO_EGRESS = "no-egress"
    DNS_DEAD = "dns-dead"
    TLS_INTERCEPTION = "tls-interception"


@dataclass(frozen=True)
class Place:
    """Where to listen."""

    address: str
    """A loopback address; empty: the platform's own addresses and ports."""
    parts: tuple[str, ...] = PARTS
    ports: Mapping[str, int] = field(default_factory=dict)
    """By part; a part that is not named gets a free one, or its own at the platform's addresses."""


class BadExtension(ValueError):
    """A file that is no extension's package; the message says why."""


def listeners(place: Place, network: Network) -> tuple[Listener, ...]:
    """Who listens where, and how well. Pure."""
    every = (*platform({}), *internet(), NAME_SERVER, TIME_SOURCE, LEASES)
    chosen = [_behaving(one, network) for one in every if one.part in place.parts]
    if place.address:
        chosen = list(dict.fromkeys(replace(one, address=place.address, port=0) for one in chosen))
    return tuple(replace(one, port=place.ports.get(port_name(one), one.port)) for one in chosen)


def port_name(listener: Listener) -> str:
    """What its port is called on the command line: the store has two."""
    return "store-http" if listener.part == "store" and not listener.tls else listener.part


def _behaving(listener: Listener, network: Network) -> Listener:
    silent = {Network.NO_EGRESS: "store", Network.DNS_DEAD: "dns"}
    return replace(listener, behaviour="silent") if silent.get(network) == listener.part else listener


def authority_in(directory: Path) -> Authority:
    """The certificate authority that is kept in a directory, made if there is none; OSError as the files have it."""
    certificate, key = directory / AUTHORITY, directory / AUTHORITY_KEY
    if not certificate.exists():
        made = make_authority()
        _write_private(key, made.key)
        certificate.write_text(made.certificate)
    return Authority(certificate.read_text(), key.read_text())


def certificate_in(directory: Path, authority: Authority, address: str) -> Path:
    """A fresh certificate for the store, issued by this authority."""
    path = directory / CERTIFICATE
    _write_private(path, issue(authority, (*SERVER_NAMES, *((address,) if address else ()))))
    return path


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def extension_of(file: str) -> Extension:
    """The extension whose package a file is, called NAME__VERSION.zip as publishers do; BadExtension if it is none."""
    named = PACKAGE_NAME.fullmatch(Path(file).name)
    if named is None:
        raise BadExtension(
            f"{file} is not named as a package is: call it NAME__VERSION.zip, as Example.Hello__1.0.0.zip"
        )
    try:
        with zipfile.ZipFile(file) as archive, foreign.edge(BadExtension, KeyError):
            foreign.loads(archive.read("HandlerManifest.json"))
    except zipfile.BadZipFile:
        raise BadExtension(f"{file} is not a zip file") from None
    except KeyError:
        raise BadExtension(f"{file} has no HandlerManifest.json at its top") from None
    except BadExtension as error:
        raise BadExtension(f"HandlerManifest.json of {file} cannot be read: {error}") from None
    return Extension(named["name"], named["version"], file=str(Path(file).absolute()))
