"""The package repositories that an image is configured with, as apt, dnf, yum and zypper read them.

Extensions install packages by them, and on images of Red Hat and SUSE from Azure they are Azure's own (RHUI and the
SMT servers), so that they are witnesses of a way out that no goal state names.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from azpreflight.host import Host, HostError
from azpreflight.probes.paths import matching

LIMIT = 1 << 16
"""Bytes of one file; Ubuntu's has some 3 KiB."""
FILES = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*.list",
    "/etc/apt/sources.list.d/*.sources",
    "/etc/yum.repos.d/*.repo",
    "/etc/zypp/repos.d/*.repo",
)
_URL = re.compile(
    r"^(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*(?:\S+\s+)*?|(?:baseurl|mirrorlist|metalink)\s*=\s*)"
    r"(https?)://(?:[^/\s@]*@)?([A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)(?:[/\s?]|$)",
    re.MULTILINE,
)
"""sources.list(5) in both of its forms, and dnf.conf(5), which zypper shares."""
_SECTION = re.compile(r"^(?=\[)", re.MULTILINE)
_OFF = re.compile(
    r"^(?:enabled\s*=\s*(?:0|false|no|off)|Enabled:\s*(?:no|false|without|off|disable))\s*$", re.MULTILINE
)
_STANZA = re.compile(r"\n\s*\n")


def look(host: Host) -> "tuple[str, ...]":
    """The root of each server that a repository in use is on: "https://HOST/". What cannot be read names none."""
    found: list[str] = []
    for pattern in FILES:
        for path in matching(host, pattern):
            with suppress(HostError):
                found += servers(host.text(path, LIMIT) or "", path)
    return tuple(dict.fromkeys(found))


def servers(text: str, path: str) -> "Iterator[str]":
    """Those in one file, without user, password and path, which may hold a subscription's key."""
    parts = _SECTION.split(text) if path.endswith(".repo") else _STANZA.split(text)
    for part in parts:
        if not _OFF.search(part):
            yield from (f"{scheme}://{place}/" for scheme, place in _URL.findall(part))
