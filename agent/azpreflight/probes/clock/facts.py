"""What the clocks of the servers say of this machine's own, by the dates of their answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional
from urllib.parse import urlsplit

from azpreflight.azure.answer import Answer
from azpreflight.dataclass import dataclass
from azpreflight.probes.platform.facts import PlatformFacts

SERVICES = ("chrony.service", "chronyd.service", "systemd-timesyncd.service", "ntp.service", "ntpd.service")


@dataclass(frozen=True)
class ClockFacts:
    """Who keeps this machine's clock."""

    services: tuple[str, ...]
    """Time services that the next boot starts."""
    host_clock: bool
    """The host's clock is there as a PTP device."""
    local_time: bool = False
    """/etc/adjtime has the hardware's clock in local time (adjtime_config(5))."""


@dataclass(frozen=True)
class ClockReading:
    """What one server's clock said."""

    server: str
    ahead_s: float
    """Seconds that it is ahead of this machine's clock."""


def witnesses(platform: Optional[PlatformFacts], public: Sequence[Answer]) -> tuple[ClockReading, ...]:
    """The clocks of the VM's own host if it told the time, else those of public servers."""
    return tuple(_readings(_platform_answers(platform))) or tuple(_readings(public))


def _platform_answers(platform: Optional[PlatformFacts]) -> tuple[Answer, ...]:
    if platform is None:
        return ()
    looked = (platform.wire_server, platform.plugin, platform.goal, platform.metadata)
    return tuple(found.answer for found in looked if found is not None)


def _readings(answers: Sequence[Answer]) -> Iterator[ClockReading]:
    """One for each server."""
    dated = {urlsplit(answer.url).hostname: answer.ahead_s for answer in answers if answer.ahead_s is not None}
    yield from (ClockReading(server or "", ahead) for server, ahead in dated.items())


def ahead_of(readings: Sequence[ClockReading]) -> Optional[float]:
    """Seconds that the true time is ahead of this machine's clock; None if nobody tells."""
    ahead = sorted(reading.ahead_s for reading in readings)
    half = len(ahead) // 2
    return (ahead[half] + ahead[~half]) / 2 if ahead else None


def span(seconds: float) -> str:
    """A time in its largest unit: "400 days", "2 h", "7 min", "12 s"."""
    size = abs(seconds)
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if size >= 2 * unit:
            return f"{size / unit:.0f} {name}"
    return f"{size:.0f} s"
