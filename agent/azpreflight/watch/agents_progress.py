"""How far the agents have come, by what they have written since this boot began."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone

from azpreflight.azure.log_signatures import EXTENSIONS_DONE, PROVISIONED
from azpreflight.guest import writers
from azpreflight.host import Host, HostError
from azpreflight.probes.logs.collect import parse
from azpreflight.probes.logs.facts import PATHS
from azpreflight.watch.boot_policy import Progress

LOG_LIMIT = 8 << 20
"""Bytes of a log that are read."""
_STAMP = re.compile(rb"^(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)", re.MULTILINE)
"""Both agents begin a line with the time in UTC."""


class AgentLogs:
    """The agents' logs of this boot: what an earlier one wrote, of the image or of the VM, says nothing about it."""

    def __init__(self, host: Host, booted: float, now: float) -> None:
        """Both in seconds since the epoch. What the agents have written between them counts, because a watch that is
        starved by the boot may begin after they have ended, and all that they write later."""
        self._host = host
        self._offsets: Mapping[str, int] = {
            path: _of_others(self._content(path), _written_at(booted), _written_at(now)) for path in PATHS.values()
        }

    def progress(self, nothing_to_install: bool) -> Progress:
        """`nothing_to_install`: the goal state of this VM names no extension."""
        seen = {sighting.id for log, path in PATHS.items() for sighting in parse(self._written(path), log)}
        return Progress(
            provisioned=not seen.isdisjoint(PROVISIONED),
            extensions_done=EXTENSIONS_DONE in seen or nothing_to_install,
        )

    def _written(self, path: str) -> str:
        content, offset = self._content(path), self._offsets[path]
        return content[offset if offset <= len(content) else 0 :].decode("utf-8", "replace")

    def _content(self, path: str) -> bytes:
        try:
            return (self._host.read(path, LOG_LIMIT) or b"") if writers.believed(self._host, path) else b""
        except HostError:
            return b""


def _of_others(content: bytes, first: bytes, last: bytes) -> int:
    """Bytes of a log up to the end of its last line that was not written between these times."""
    stamps = [(b"-".join(found.groups()), found.end()) for found in _STAMP.finditer(content)]
    strange = [end for stamp, end in stamps if not first <= stamp <= last]
    if not stamps or not strange:
        return 0 if stamps else len(content)
    return content.find(b"\n", strange[-1]) + 1 or len(content)


def _written_at(seconds: float) -> bytes:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d-%H:%M:%S").encode()


def size(host: Host, path: str) -> int:
    """Bytes of a file; 0 for one that is not there, or that cannot be inspected."""
    try:
        info = host.info(path)
    except HostError:
        return 0
    return 0 if info is None else info.size
