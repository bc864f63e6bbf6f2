"""Why a service is being stopped: is the machine powered off, is it only started again, or is it neither?

systemd stops services in all three cases and tells them nothing; its queue has a job for the target that it is on the
way to (systemd.special(7)).
"""

from __future__ import annotations

from enum import Enum

from azpreflight.host import Host, HostError

JOBS = ("systemctl", "list-jobs", "--no-legend", "--no-pager", "--full")
JOBS_TIMEOUT = 3.0
"""Seconds: root asks the manager over its own socket, and it answers at once, also while it stops everything."""
OFF = ("poweroff.target", "halt.target")
AGAIN = ("reboot.target", "kexec.target", "soft-reboot.target")


class Ending(str, Enum):
    """What becomes of the machine."""

    OFF = "off"
    AGAIN = "again"
    """It is started again at once."""
    STAYS = "stays"
    UNKNOWN = "unknown"
    """The manager did not say."""


def ending(host: Host) -> Ending:
    """What the manager is doing to this machine now."""
    try:
        done = host.run(JOBS, JOBS_TIMEOUT)
    except HostError:
        return Ending.UNKNOWN
    return ending_of(done.stdout) if done.status == 0 else Ending.UNKNOWN


def ending_of(jobs: str) -> Ending:
    """The same from the manager's list of jobs, one a line: number, unit, type, state."""
    started = {row[1] for row in map(str.split, jobs.splitlines()) if len(row) >= 3 and row[2] == "start"}
    if started.intersection(OFF):
        return Ending.OFF
    return Ending.AGAIN if started.intersection(AGAIN) else Ending.STAYS
