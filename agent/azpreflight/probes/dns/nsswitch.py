"""The line "hosts:" of nsswitch.conf: who is asked for a name, in which order, and what ends the search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Optional

from azpreflight.host import Host, HostError

PATH = "/etc/nsswitch.conf"
LIMIT = 1 << 16
SHOWN = 200
"""Characters of the line that are kept."""
ASKS_DNS = ("dns", "resolve")
OF_OTHER_NAMES = ("mdns", "mdns4", "mdns6", "mdns_minimal", "mdns4_minimal", "mdns6_minimal")
"""Modules that answer for names below .local alone, whatever they return for others."""
_WORD = re.compile(r"\[[^]]{0,80}\]|[A-Za-z0-9_]{1,40}")


def hosts_line(host: Host) -> Optional[str]:
    """What follows "hosts:"; the first such line counts."""
    text = ""
    with suppress(HostError):
        text = host.text(PATH, LIMIT) or ""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return next((line[len("hosts:") :].strip()[:SHOWN] for line in lines if line.startswith("hosts:")), None)


def ends_before_dns(line: str) -> Optional[str]:
    """The module and its action that end the search for what the module does not know, before DNS is asked."""
    return next(_endings(_WORD.findall(line)), None)


def _endings(words: list[str]) -> Iterator[str]:
    for word, after in zip(words, words[1:]):
        if word in ASKS_DNS:
            return
        if after.startswith("[") and word not in OF_OTHER_NAMES and _returns(after[1:-1].lower().split()):
            yield f"{word} {after}"


def _returns(actions: list[str]) -> bool:
    """On "not found"; !X=return means every status but X (nsswitch.conf(5))."""
    last = [action for action in actions if action.startswith(("notfound=", "!"))]
    return any(action.endswith("=return") and not action.startswith("!notfound") for action in last)
