"""Crash dumps and cores of this machine: pages of its memory, with whatever secrets were in them."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT
from azpreflight.host import Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import WARNING, check
from azpreflight.probes.generalization.leftover import filled, leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, several

PLACES = (
    *("/var/crash/*", "/var/crash/*/*", "/var/lib/systemd/coredump/*", "/var/lib/systemd/pstore/*/*"),
    *("/var/spool/abrt/*/coredump", "/var/lib/apport/coredump/*", "/var/cores/*"),
    *("/core", "/core.[0-9]*", "/root/core", "/root/core.[0-9]*", "/home/*/core.[0-9]*"),
)
"""Where kdump, systemd-coredump, abrt, apport and the kernel's own pattern put them."""
HARMLESS = (".lock", ".upload", ".uploaded", "kexec_cmd", "README")
"""Files in these directories that are no dump."""


@dataclass(frozen=True)
class DumpFacts:
    """Paths of dumps."""

    paths: tuple[str, ...] = ()


def look(host: Host, run: Run) -> DumpFacts:
    """Names and sizes. HostError without root."""
    found = filled(host, matching(host, PLACES))
    return DumpFacts(tuple(path for path in found if not path.endswith(HARMLESS))[:KEPT])


def judge(facts: DumpFacts, run: Run) -> Iterator[Verdict]:
    """No memory of this machine goes into the image."""
    if facts.paths:
        message = f"{count(len(facts.paths), 'dump')} of this machine's memory: {several(facts.paths)}"
        yield leftover(run, Severity.WARNING, message, "Delete them.", (f"rm -f {files(facts.paths)}",), cleaned=False)


CHECKS = (check("gen-crash-dumps", "no dump of this machine's memory is left", part("dumps", judge), WARNING),)
