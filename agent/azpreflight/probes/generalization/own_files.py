"""What azpreflight itself leaves: its reports, which have the VM's id, host name and addresses in them.

`seal` removes them and leaves only its stamp, which has nothing of the machine in it. The daemon of the next VM writes
its own. What `arm` enabled is removed by `seal`, by `disarm`, and by itself when a deprovisioned machine is powered
off; in an image that was captured otherwise it is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import loads
from azpreflight.guest.limits import KEPT
from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.paths import ARMED, UNFINISHED, UNFINISHED_LIMIT
from azpreflight.probes.generalization.check import NOTE, check
from azpreflight.probes.generalization.leftover import leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

TRACES = ("/var/lib/azpreflight/*", "/var/log/azpreflight/*")


@dataclass(frozen=True)
class OwnFacts:
    """Reports and state of azpreflight."""

    paths: tuple[str, ...] = ()
    armed: tuple[str, ...] = ()
    """What `arm` has left of itself."""
    deleting: Optional[str] = None
    """The user whom a `seal` that has not come to its end was to delete."""


def look(host: Host, run: Run) -> OwnFacts:
    """Names of files, and the one that `seal` remembers."""
    armed = tuple(path for path in ARMED if host.info(path, follow=False) is not None)
    return OwnFacts(matching(host, TRACES)[:KEPT], armed, _deleting(host))


def _deleting(host: Host) -> Optional[str]:
    """None without such a file, and for one that `seal` has not written."""
    try:
        value = loads(host.text(UNFINISHED, UNFINISHED_LIMIT) or "{}")
    except ValueError:
        return None
    user = value.get("user") if isinstance(value, dict) else None
    return plain(user) if isinstance(user, str) else None


def judge(facts: OwnFacts, run: Run) -> Iterator[Verdict]:
    """No report on this machine goes into the image, and no service that waits for its capture."""
    if facts.armed and run.root != "/":
        is_armed = ARMED[0] in facts.armed
        yield leftover(
            run,
            Severity.NOTE,
            f"{'the image is still armed for its capture' if is_armed else 'not armed, but left by arm'}: "
            f"{several(facts.armed)}",
            "Power a build VM off in order, or let azpreflight disarm undo it before the capture.",
            (f"rm -rf {files(facts.armed)}",),
            cleaned=False,
        )
    if facts.paths:
        yield leftover(
            run,
            Severity.NOTE,
            f"azpreflight's own reports on this machine: {several(facts.paths)}",
            "Delete them, or let azpreflight seal do it.",
            (f"rm -rf {files(facts.paths)}",),
            cleaned=False,
        )


CHECKS = (check("gen-azpreflight", "no azpreflight report is left", part("own", judge), NOTE),)
