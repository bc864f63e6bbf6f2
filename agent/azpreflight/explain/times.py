"""When a line of a log was written: since boot, or by a clock whose time zone is not known."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Optional

from azpreflight.dataclass import dataclass

_UPTIME = re.compile(r"^[^\[]{0,60}\[ {0,5}([0-9]{1,7}\.[0-9]{3,6})\]")
"""`[   12.345678]`, as the kernel and systemd write it on a console; behind a prompt or a half line too."""
_CLOCK = re.compile(
    r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?", re.ASCII
)
"""RFC 3339 of waagent, azure-init and journalctl, cloud-init's with a comma, old waagent's with slashes."""
_SYSLOG = re.compile(
    r"^([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))? ", re.ASCII
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UP = re.compile(
    r" at \w{3}, (\d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2}) \+0000\. {1,2}(?:.{0,80} )?Up (\d{1,7}\.\d{1,3}) seconds"
)
"""cloud-init at the beginning and the end of each stage: the clock and the seconds since boot in one line."""
NO_YEAR = 2000
"""Syslog writes none; this one has a 29 February."""


_AFTER_NO_YEAR = datetime(NO_YEAR + 1, 1, 1, tzinfo=timezone.utc).timestamp()


@dataclass(frozen=True)
class Written:
    """When."""

    uptime: Optional[float] = None
    """Seconds since boot."""
    clock: Optional[float] = None
    """Seconds of the log's own clock."""

    @property
    def has_year(self) -> bool:
        """The clock is comparable with that of another log."""
        return self.clock is not None and self.clock >= _AFTER_NO_YEAR

    @property
    def booted(self) -> Optional[float]:
        """When the kernel began, by that clock; None where the line does not have both."""
        return None if self.uptime is None or self.clock is None else self.clock - self.uptime


def written(line: str) -> Written:
    """The times in a line."""
    head = _head(line)
    both = _UP.search(line)
    if both is not None:
        return Written(float(both[2]), _rfc2822(both[1]) if head is None else head)
    uptime = _UPTIME.match(line)
    return Written(float(uptime[1]) if uptime else None, _of(_CLOCK.search(line)) if head is None else head)


def _head(line: str) -> Optional[float]:
    """By whoever keeps the log, which may quote a line of another clock: the one of syslog and of the journal is local
    time, and waagent's in the same line is UTC."""
    old = _SYSLOG.match(line)
    if old is None or old[1] not in _MONTHS:
        return _of(_CLOCK.match(line))
    try:
        return _seconds(NO_YEAR, _MONTHS.index(old[1]) + 1, *map(int, old.groups()[1:5]), fraction=old[6])
    except ValueError:  # there is no such day
        return None


def _of(found: Optional[re.Match[str]]) -> Optional[float]:
    try:
        return None if found is None else _seconds(*map(int, found.groups()[:6]), fraction=found[7])
    except ValueError:
        return None


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int, *, fraction: Optional[str]) -> float:
    whole = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc).timestamp()
    return whole + float(f"0.{fraction or 0}")


def _rfc2822(text: str) -> Optional[float]:
    day, month, year, time = text.split()
    if month not in _MONTHS:
        return None
    try:
        return _seconds(int(year), _MONTHS.index(month) + 1, int(day), *map(int, time.split(":")), fraction=None)
    except ValueError:
        return None
