"""Whom the public settings of an extension name: hosts of addresses, storage accounts, workspaces. Parsing only.

Settings are an extension's own affair, and their keys differ. An address is known by its form, wherever it stands: a
file of CustomScript, a certificate of Key Vault, a vault of disk encryption, a proxy. Of an address only scheme, host
and port are kept: path, query and user may be secrets (SAS), and are no matter of the network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from azpreflight.azure.addresses import WIRE_SERVER

DEPTH_MOST, TEXTS_MOST, ORIGINS_MOST = 8, 400, 8
"""Of nested settings, of texts that are inspected, and of servers of one extension that are kept."""
ADDRESS = re.compile(r"https?://[!-~]{1,2000}", re.IGNORECASE)
HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62}\.){0,20}[a-z0-9_-]{1,63}")
ACCOUNT_KEYS = ("storageaccount", "storageaccountname")
ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
"""A storage account's name (Microsoft Learn, "Storage account overview")."""
WORKSPACE_KEY = "workspaceid"
WORKSPACE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A Log Analytics workspace, as extensions that send to one are told it (Microsoft Learn, "Log Analytics virtual
machine extension for Linux", workspaceId)."""


def origins(settings: Any) -> tuple[str, ...]:
    """https://host/ of every address in them, in order, each once."""
    found = (origin for _, text in _texts(settings, "", 0) for origin in _origin(text))
    return tuple(dict.fromkeys(found))[:ORIGINS_MOST]


def accounts(settings: Any) -> tuple[str, ...]:
    """Names of storage accounts that stand in them without an address."""
    named = (text.lower() for key, text in _texts(settings, "", 0) if key.lower() in ACCOUNT_KEYS)
    return tuple(dict.fromkeys(name for name in named if ACCOUNT.fullmatch(name)))[:ORIGINS_MOST]


def workspaces(settings: Any) -> tuple[str, ...]:
    """Ids of Log Analytics workspaces, in lower case."""
    named = (text.lower() for key, text in _texts(settings, "", 0) if key.lower() == WORKSPACE_KEY)
    return tuple(dict.fromkeys(name for name in named if WORKSPACE.fullmatch(name)))[:ORIGINS_MOST]


def _texts(value: Any, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """(key, text) of all texts, at most TEXTS_MOST of each level."""
    if isinstance(value, str):
        yield key, value.strip()
    elif depth < DEPTH_MOST and isinstance(value, Mapping):
        for name, one in list(value.items())[:TEXTS_MOST]:
            yield from _texts(one, str(name), depth + 1)
    elif depth < DEPTH_MOST and isinstance(value, list):
        for one in value[:TEXTS_MOST]:
            yield from _texts(one, key, depth + 1)


def _origin(text: str) -> Iterator[str]:
    if ADDRESS.fullmatch(text) is None:
        return
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return
    if HOST.fullmatch(host) is None or not _may_be_asked(host):
        return
    yield f"{parts.scheme.lower()}://{host}{f':{port}' if port else ''}/"


def _may_be_asked(host: str) -> bool:
    """Not this machine, nor the platform's own addresses, which other probes ask."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost"
    return not (address.is_loopback or address.is_link_local or host == WIRE_SERVER)
