"""How far the agents have come, by what they have written since the watch began."""

from collections.abc import Mapping

from azpreflight.firstboot.policy import Progress
from azpreflight.host import Host, HostError
from azpreflight.probes import logs
from azpreflight.probes.signatures import EXTENSION_STATUS, EXTENSIONS_DONE, PROVISIONED

LOG_LIMIT = 8 << 20
"""Bytes of a log that are read."""


class AgentLogs:
    """The agents' logs from some point on: what an earlier boot wrote says nothing about this one."""

    def __init__(self, host: Host, from_start: bool) -> None:
        """`from_start` takes all that is there; otherwise only what is written from now on counts."""
        self._host = host
        self._offsets: Mapping[str, int] = {path: 0 if from_start else size(host, path) for path in logs.PATHS.values()}

    def progress(self, nothing_to_install: bool) -> Progress:
        """`nothing_to_install`: the goal state of this VM names no extension."""
        seen = {sighting.id for log, path in logs.PATHS.items() for sighting in logs.parse(self._written(path), log)}
        return Progress(
            provisioned=not seen.isdisjoint(PROVISIONED),
            extensions_done=EXTENSIONS_DONE in seen or EXTENSION_STATUS in seen or nothing_to_install,
        )

    def _written(self, path: str) -> str:
        try:
            content = self._host.read(path, LOG_LIMIT) or b""
        except HostError:
            return ""
        offset = self._offsets[path]
        return content[offset if offset <= len(content) else 0 :].decode("utf-8", "replace")


def size(host: Host, path: str) -> int:
    """Bytes of a file; 0 for one that is not there, or that cannot be looked at."""
    try:
        info = host.info(path)
    except HostError:
        return 0
    return 0 if info is None else info.size
