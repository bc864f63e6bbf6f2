"""From the text of a log to what each boot in it shows: one pass, and memory that does not grow with the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Optional

from azpreflight.azure import log_evidence
from azpreflight.azure.log_signatures import (
    AZURE_INIT,
    BY_ID,
    CLOUD_INIT,
    DS_IDENTIFY,
    KERNEL_ENDED,
    KERNEL_STARTED,
    PROXY_AGENT,
    WAAGENT,
)
from azpreflight.console.frame import START
from azpreflight.dataclass import dataclass
from azpreflight.explain.forms import lines
from azpreflight.explain.index import Hit, hits
from azpreflight.explain.meanings import conclusive, matters
from azpreflight.explain.model import LogKind
from azpreflight.explain.times import Written, written
from azpreflight.text import plain

AGENT_STARTED = "waagent-started"
STAGES_STARTED = "cloud-init-started"
_FRAME = START


@dataclass(frozen=True)
class Place:
    """A line of the log that means something."""

    line: int
    words: str
    """The line; of one whose pattern may be shown as it is, what that matches."""
    verbatim: bool
    written: Written
    value: Optional[str] = None
    """The version, id or time in it."""

    @property
    def text(self) -> str:
        """As it may be shown: on one line of printable ASCII, and without what may be a secret."""
        return plain(self.words, log_evidence.SHOWN) if self.verbatim else log_evidence.shown(self.words)


@dataclass(frozen=True)
class Sighting:
    """One signature in a boot."""

    id: str
    count: int
    first: Place
    last: Place


@dataclass(frozen=True)
class Boot:
    """What the log shows of one boot."""

    sightings: Mapping[str, Sighting]
    """By the id of the signature."""
    booted: Optional[float] = None
    """When the kernel began, by the log's clock."""
    began: Optional[float] = None
    """The first time of that clock."""

    def seconds(self, when: Written) -> Optional[float]:
        """Since boot; where that is not known since the first line with a time."""
        if when.uptime is not None:
            return round(when.uptime, 3)
        since = self.booted if self.booted is not None else self.began
        return None if when.clock is None or since is None else round(when.clock - since, 3)


@dataclass(frozen=True)
class Scanned:
    """What was found in one log."""

    kind: LogKind
    newest: Boot
    boots: int
    end: Optional[Place]
    """The last line that is not empty."""
    framed: bool = False
    """There is a report of azpreflight's in the log."""
    earlier: bool = False
    """`newest` is the boot before the last one, of which the log shows nothing that matters."""


def scan(chunks: Iterable[bytes]) -> Scanned:
    """Read a log, in pieces of any size."""
    reader = _Reader()
    kind = LogKind.UNKNOWN
    for found, text in lines(chunks):
        kind = found
        reader.read(text)
    return reader.result(kind)


def place_of(hit: Hit, line: int) -> Place:
    """The line that a signature was found in, by its number."""
    verbatim = hit.signature.verbatim
    words = hit.match.group() if verbatim else hit.line
    return Place(line, words, verbatim, written(hit.head), hit.match.groupdict().get("value"))


class _Reader:
    """Goes through a log; keeps the boot that it is in, and the one before."""

    def __init__(self) -> None:
        self._seen: dict[str, Sighting] = {}
        self._booted: Optional[float] = None
        self._began: Optional[float] = None
        self._before = Boot({})
        self._boots = 0
        self._line = 1
        self._end: Optional[tuple[int, bytes]] = None
        self._framed = False

    def read(self, text: bytes) -> None:
        """The next lines of the log."""
        at, line = 0, self._line
        for hit in hits(text):
            line += text.count(b"\n", at, hit.start)
            at = hit.start
            self._note(hit, line)
        self._remember_end(text)
        self._framed = self._framed or _FRAME in text
        self._line += text.count(b"\n")

    def _remember_end(self, text: bytes) -> None:
        rest = text.rstrip()
        last = rest[rest.rfind(b"\n") + 1 :]
        if last and _FRAME not in last:
            self._end = self._line + rest.count(b"\n"), last[: log_evidence.LINE]

    def _note(self, hit: Hit, line: int) -> None:
        name = hit.signature.id
        if name == KERNEL_STARTED:
            self._begin()
            self._boots += 1
        elif name in (AGENT_STARTED, STAGES_STARTED) and name in self._seen and KERNEL_STARTED not in self._seen:
            self._begin()  # a file of an agent has no line of the kernel, and the agent begins again
        self._sight(name, place_of(hit, line))
        if name == KERNEL_ENDED:
            self._begin()

    def _sight(self, name: str, place: Place) -> None:
        seen = self._seen.get(name)
        self._seen[name] = replace(seen, count=seen.count + 1, last=place) if seen else Sighting(name, 1, place, place)
        self._booted = place.written.booted if self._booted is None else self._booted
        self._began = place.written.clock if self._began is None else self._began

    def _boot(self) -> Boot:
        return Boot(self._seen, self._booted, self._began)

    def _begin(self) -> None:
        boot = self._boot()
        if matters(boot.sightings):
            self._before = boot
        self._seen, self._booted, self._began = {}, None, None

    def result(self, kind: LogKind) -> Scanned:
        """What there was up to now."""
        end, boot = None, self._boot()
        if self._end is not None:
            text = self._end[1].decode("utf-8", "replace")
            end = Place(self._end[0], text, False, written(text))
        older = matters(self._before.sightings) and not conclusive(boot.sightings)
        newest = self._before if older else boot
        return Scanned(
            kind=_by_writer(newest) if kind is LogKind.UNKNOWN else kind,
            newest=newest,
            boots=max(self._boots, 1),
            end=end,
            framed=self._framed,
            earlier=older and bool(boot.sightings),
        )


_KINDS: Mapping[str, LogKind] = {
    WAAGENT: LogKind.WAAGENT,
    CLOUD_INIT: LogKind.CLOUD_INIT,
    DS_IDENTIFY: LogKind.CLOUD_INIT,
    AZURE_INIT: LogKind.AZURE_INIT,
    PROXY_AGENT: LogKind.PROXY_AGENT,
}
"""By the agent that writes it; everybody else writes on the console."""


def _by_writer(boot: Boot) -> LogKind:
    """Of an excerpt, whose form does not show what it is from: by who wrote its first line that means something."""
    first = min(boot.sightings.values(), key=lambda seen: seen.first.line, default=None)
    return LogKind.UNKNOWN if first is None else _KINDS.get(BY_ID[first.id].log, LogKind.SERIAL)
