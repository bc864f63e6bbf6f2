"""What azpreflight itself leaves: its reports, which have the VM's id, host name and addresses in them.

`seal` removes them and leaves only its stamp, which has nothing of the machine in it. The daemon of the next VM writes
its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.common import KEPT, leftover, matching
from azpreflight.probes.wording import files, several

TRACES = ("/var/lib/azpreflight/*", "/var/log/azpreflight/*")


@dataclass(frozen=True)
class OwnFacts:
    """Reports and state of azpreflight."""

    paths: tuple[str, ...] = ()


def look(host: Host, run: Run) -> OwnFacts:
    """Names only."""
    return OwnFacts(matching(host, TRACES)[:KEPT])


def judge(facts: OwnFacts, run: Run) -> Iterator[Verdict]:
    """No report on this machine goes into the image."""
    if facts.paths:
        yield leftover(
            run,
            Severity.NOTE,
            f"azpreflight's own reports on this machine: {several(facts.paths)}",
            "Delete them, or let azpreflight seal do it.",
            (f"rm -rf {files(facts.paths)}",),
            cleaned=False,
        )
