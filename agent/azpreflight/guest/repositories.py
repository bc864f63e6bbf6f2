"""The package repositories that an image is configured with, as apt, dnf, yum and zypper read them.

Extensions install packages by them, and on images of Red Hat and SUSE from Azure they are Azure's own (RHUI and the
SMT servers), so that they are witnesses of a way out that no goal state names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from azpreflight.guest.globs import matching
from azpreflight.host import Host, HostError

LIMIT = 1 << 16
"""Bytes of one file; Ubuntu's has some 3 KiB."""
FILES = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*.list",
    "/etc/apt/sources.list.d/*.sources",
    "/etc/yum.repos.d/*.repo",
    "/etc/zypp/repos.d/*.repo",
)
_HEAD = re.compile(r"deb[ \t]+(?:\[[^\]]*\][ \t]+)?|URIs:|(?:baseurl|mirrorlist|metalink)[ \t]*=")
"""How a line begins that names servers: sources.list(5) in both of its forms, and dnf.conf(5), which zypper shares."""
_URL = re.compile(r"(https?)://(?:[^/@]*@)?([A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)(?:[/?]|$)")
"""One word."""
_SECTION = re.compile(r"^(?=\[)", re.MULTILINE)
_OFF = re.compile(
    r"^(?:enabled[ \t]*=[ \t]*(?:0|false|no|off)|Enabled:[ \t]*(?:no|false|without|off|disable))[ \t\r]*$", re.MULTILINE
)
_STANZA = re.compile(r"\n[ \t\r]*\n")


def look(host: Host) -> tuple[str, ...]:
    """The root of each server that a repository in use is on: "https://HOST/". What cannot be read names none."""
    found: list[str] = []
    for pattern in FILES:
        for path in matching(host, pattern):
            with suppress(HostError):
                found += servers(host.text(path, LIMIT) or "", path)
    return tuple(dict.fromkeys(found))


def servers(text: str, path: str) -> Iterator[str]:
    """Those in one file, without user, password and path, which may hold a subscription's key."""
    parts = _SECTION.split(text) if path.endswith(".repo") else _STANZA.split(text)
    for part in parts:
        if not _OFF.search(part):
            yield from _first_urls(part)


def _first_urls(part: str) -> Iterator[str]:
    """The first server of each entry; lines that begin with a blank go on with the one before."""
    wanted = False
    for line in part.splitlines():
        head = _HEAD.match(line)
        wanted = head is not None or (wanted and line[:1] in (" ", "\t"))
        words = line[head.end() if head is not None else 0 :].split() if wanted else []
        url = next((match for match in map(_URL.match, words) if match is not None), None)
        if url is not None:
            yield f"{url.group(1)}://{url.group(2)}/"
            wanted = False
