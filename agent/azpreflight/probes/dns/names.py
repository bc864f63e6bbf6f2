"""The names that are asked for: those of addresses, and one beside them that should not exist. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Optional
from urllib.parse import urlsplit

NOWHERE = "azpreflight-no-such-name"
"""A label that no storage account can have (letters and digits only), and no host is likely to have."""
IMPOSSIBLE = f"{NOWHERE}.invalid"
"""A name that cannot exist (RFC 6761, section 6.4): a server with an address for it has one for everything."""

MAX_NAMES = 6
"""Names that are asked for: enough to tell a server's fault from a name's."""
_HOST = re.compile(r"([a-z0-9_-]{1,63}\.)+[a-z0-9_-]{0,62}[a-z]")
"""A name with a dot; the last letter keeps literal addresses out."""


def hosts_of(uris: Sequence[str]) -> tuple[str, ...]:
    """The host names of these URIs, in order, without literal addresses, at most `MAX_NAMES`."""
    hosts = dict.fromkeys(_host(uri) for uri in uris)
    return tuple(host for host in hosts if host)[:MAX_NAMES]


def _host(uri: str) -> str:
    try:
        host = (urlsplit(uri).hostname or "").rstrip(".")
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) and len(host) <= 253 else ""


def sibling_of(name: str) -> Optional[str]:
    """A name in the same zone that hardly exists; None directly below a top-level domain."""
    zone = name.partition(".")[2]
    return f"{NOWHERE}.{zone}" if "." in zone else None
