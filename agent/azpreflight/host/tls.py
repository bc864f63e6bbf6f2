"""TLS with the certificates that the system trusts, and the issuer of what a server presents.

What counts is whether the guest agent's own Python would trust the server. It uses the store of the distribution, not
the bundle that comes with an HTTP library, so neither that bundle nor SSL_CERT_FILE may have a say here. Where
something on the way replaces certificates, the issuer is the one fact that names it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from functools import cache
from threading import Lock
from typing import Any, Optional

from azpreflight.host.ca_store import BUNDLES, DIRECTORY

COMMON_NAME, ORGANIZATION = bytes((0x55, 4, 3)), bytes((0x55, 4, 10))
"""Object identifiers 2.5.4.3 and 2.5.4.10 in DER (X.520)."""
SEQUENCE, EXPLICIT_VERSION = 0x30, 0xA0
MAX_AUTHORITIES = 6
"""Addresses of one certificate that are kept; Azure's have four."""

_LOADING = Lock()


def bundle() -> Optional[str]:
    """The system's CA bundle; None if this machine has none."""
    return next((path for path in BUNDLES if os.path.isfile(path) and os.path.getsize(path)), None)


def trusting(store: Optional[str]) -> ssl.SSLContext:
    """A context that trusts the certificates in the file `store`, or where that is None those that lie one by one.

    Parsing a distribution's bundle takes some 40 ms, hence once a process, however many threads ask for it at the same
    time; a context may be shared between them.
    """
    with _LOADING:
        return _load(store)


@cache
def _load(store: Optional[str]) -> ssl.SSLContext:
    if store is not None:
        return ssl.create_default_context(cafile=store)
    return ssl.create_default_context(capath=DIRECTORY if os.path.isdir(DIRECTORY) else os.devnull)


@cache
def looking() -> ssl.SSLContext:
    """A context that trusts anything: for a handshake after which nothing is sent, to see what is presented."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def issuer_of_verified(certificate: dict[str, Any]) -> Optional[str]:
    """The issuer in what `SSLSocket.getpeercert()` returns for a verified peer: "CN=..., O=..."."""
    fields = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    return _written(fields.get("commonName"), fields.get("organizationName"))


def authorities_of_verified(certificate: dict[str, Any]) -> tuple[str, ...]:
    """Its authority information access and distribution points (RFC 5280, sections 4.2.1.13 and 4.2.2.1), over HTTP."""
    kinds = ("caIssuers", "crlDistributionPoints", "OCSP")
    urls = [url for kind in kinds for url in certificate.get(kind, ()) if url.lower().startswith("http://")]
    return tuple(url for url in dict.fromkeys(urls) if url.isascii() and url.isprintable())[:MAX_AUTHORITIES]


def issuer_of_der(certificate: bytes) -> Optional[str]:
    """The issuer of an X.509 certificate in DER (RFC 5280, section 4.1); None if it is malformed."""
    try:
        signed = _content(certificate, SEQUENCE)
        fields = [(tag, value) for tag, value in _items(_content(signed, SEQUENCE)) if tag != EXPLICIT_VERSION]
        issuer = fields[2][1]  # after the serial number and the signature algorithm
        names = dict(_attributes(issuer))
    except (IndexError, ValueError):
        return None
    return _written(names.get(COMMON_NAME), names.get(ORGANIZATION))


def _written(common_name: Optional[str], organization: Optional[str]) -> Optional[str]:
    parts = [f"{key}={value}" for key, value in (("CN", common_name), ("O", organization)) if value]
    return ", ".join(parts).encode("ascii", "backslashreplace").decode() or None


def _attributes(name: bytes) -> Iterator[tuple[bytes, str]]:
    """Type and value of each attribute of a distinguished name."""
    for _, relative in _items(name):
        for _, attribute in _items(relative):
            (_, kind), (_, value) = list(_items(attribute))[:2]
            yield kind, value.decode("utf-8", "replace")


def _content(data: bytes, tag: int) -> bytes:
    """The content of the first item, which must be of this tag."""
    found, content = next(_items(data), (None, b""))
    if found != tag:
        raise ValueError("not the expected DER item")
    return content


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER item in a row; ValueError past the end."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("a DER item is cut off")
        yield tag, data[at : at + length]
        at += length
