"""Whether the units of a boot wait for one another in a cycle.

systemd breaks a cycle by dropping one of its units that the default target does not require, and goes on without it:
a service of one's own that is to run before cloud-init, and has default dependencies, costs cloud-init's stage or
itself. Which one, is decided by the order in which units happen to be loaded (systemd.unit(5); systemd,
src/core/transaction.c).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import boot_jobs
from azpreflight.guest.limits import KEPT
from azpreflight.guest.unit_order import Cycle, Edge, cycles
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

NEEDED = (
    *("cloud-init", "cloud-config", "cloud-final", "waagent", "walinuxagent", "azure-init", "ssh", "sshd"),
    *(
        "NetworkManager",
        "networking",
        "wicked",
        "network",
        "dbus",
        "local-fs",
        "remote-fs",
        "sysinit",
        "basic",
        "sockets",
    ),
    *("multi-user", "graphical", "systemd-"),
)
"""How the names of units begin without which a VM is not provisioned, reached or logged into."""
PLAIN = re.compile(r"[\w./@:-]+")


@dataclass(frozen=True)
class Step:
    """One unit before the next, and where that is said."""

    unit: str
    path: Optional[str] = None
    word: str = ""


@dataclass(frozen=True)
class CycleFacts:
    """One cycle, from the step that most likely is the mistake."""

    steps: tuple[Step, ...]
    dropped: tuple[str, ...]
    """What systemd may drop to break it; none: it cannot be broken."""


@dataclass(frozen=True)
class OrderFacts:
    """The cycles of the next boot; None: the image has no default.target of systemd."""

    cycles: Optional[tuple[CycleFacts, ...]] = None
    jobs: int = 0


def look(host: Host, run: Run) -> OrderFacts:
    """Files and links of all units that default.target leads to."""
    found = boot_jobs.jobs(host)
    if found is None:
        return OrderFacts()
    return OrderFacts(tuple(_facts(one, found.required) for one in cycles(found.order)), len(found.units))


def _facts(cycle: Cycle, required: frozenset[str]) -> CycleFacts:
    steps = tuple(Step(edge.first, edge.path, _word(edge)) for edge in cycle.edges)
    return CycleFacts(steps, tuple(sorted(cycle.among - required))[:KEPT])


def _word(edge: Edge) -> str:
    return edge.word if edge.path is not None else ""


def judge(facts: OrderFacts, run: Run) -> Iterator[Verdict]:
    """No unit of the boot waits for itself."""
    if facts.cycles is None:
        yield NotApplicable("no default.target of systemd is installed here")
    for cycle in facts.cycles or ():
        yield _finding(cycle)


def _finding(cycle: CycleFacts) -> Finding:
    names = [step.unit for step in cycle.steps]
    way = " before ".join(map(plain, names[:5])) + (" before others" if len(names) > 5 else "")
    needed = [name for name in cycle.dropped if name.startswith(NEEDED)]
    only = len(cycle.dropped) == 1
    if not cycle.dropped:
        consequence = "systemd cannot break it, and starts rescue.target instead"
    elif only:
        consequence = f"systemd does not start {plain(cycle.dropped[0])}"
    else:
        consequence = f"systemd drops one or more of {several(needed or cycle.dropped)}"
    fix, commands = _fix(cycle.steps)
    return Finding(
        Severity.ERROR if needed or not cycle.dropped else Severity.WARNING,
        f"an ordering cycle: {way} before {plain(names[0])}{_where(cycle.steps[0])}; {consequence}",
        fix,
        commands,
        confidence=Confidence.CERTAIN if only or not cycle.dropped else Confidence.LIKELY,
        confidence_reason="seen directly"
        if only or not cycle.dropped
        else "which units are dropped is chance, at every boot",
    )


def _where(step: Step) -> str:
    if step.path is None:
        return ""
    return f" ({plain(step.word)} in {plain(step.path)})" if step.word else f" (by {plain(step.path)})"


def _fix(steps: tuple[Step, ...]) -> tuple[str, tuple[str, ...]]:
    step = steps[0]
    if step.path is None:
        return "Remove one of these orderings, or set DefaultDependencies=no where a unit must start that early.", ()
    path, (key, _, word) = step.path, step.word.partition("=")
    usable = PLAIN.fullmatch(path) is not None and (not word or PLAIN.fullmatch(word) is not None)
    if path == "/etc/fstab":
        return "Remove the x-systemd option from that line of fstab, or add nofail to it.", ()
    if not key:
        again = f"/etc/systemd/system/multi-user.target.wants/{posixpath.basename(path)}"
        fix = "Remove the link, and have a later target start the unit."
        return fix, (f"mkdir -p {posixpath.dirname(again)}", f"mv {path} {again}") if usable else ()
    fix = f"Remove {plain(step.word)}, or set DefaultDependencies=no where the unit must start that early."
    pattern = re.escape(word).replace("/", r"\/")
    edit = f"sed -i -E '/^[[:space:]]*{key}[[:space:]]*=/s/([=[:space:]]){pattern}([[:space:]]|$)/\\1\\2/g'"
    return fix, _edited(path, edit) if usable else ()


def _edited(path: str, edit: str) -> tuple[str, ...]:
    """A file of a package is copied first; its drop-ins cannot take back an ordering (systemd.unit(5))."""
    if path.startswith("/etc/"):
        return (f"{edit} {path}",)
    copy = f"/etc/systemd/system/{posixpath.basename(path)}"
    return (f"cp {path} {copy}", f"{edit} {copy}") if posixpath.dirname(path).endswith("/systemd/system") else ()


CHECKS = (
    check("boot-order", "systemd finds no ordering cycle on the way to the default target", part("order", judge)),
)
