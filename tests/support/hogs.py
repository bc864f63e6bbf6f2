"""The command line with probes that take the whole process along: `python -m tests.support.hogs NAMES ARGUMENTS`.

Each is a real one: a regular expression that is quadratic, memory without an end, a program that does not want to end.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from azpreflight.cli import inspecting, judging
from azpreflight.cli import main as cli
from azpreflight.host import Host
from azpreflight.model import Check, Finding, Probe, Run, Severity

LINES = "\n" * (1 << 20)


@dataclass(frozen=True)
class Facts:
    """How many of the probes that are needed were there."""

    needed: int


def good(host: Host, run: Run) -> Facts:
    """Looks at a file, by a helper thread."""
    host.text("/etc/os-release")
    return Facts(len(run.needed))


def holds(host: Host, run: Run) -> Facts:
    """A quadratic expression, in C, for hours: no other thread gets its turn."""
    return Facts(len(re.findall(r"^\s*x", LINES, re.MULTILINE)))


def helped(host: Host, run: Run) -> Facts:
    """The same in a thread that the probe has started."""
    return host.together((lambda: holds(host, run),))[0]


def spins(host: Host, run: Run) -> Facts:
    """In Python, so that the others get their turns."""
    while True:
        time.sleep(0)


def takes(host: Host, run: Run) -> Facts:
    """All memory that is to be had."""
    text = "x" * (1 << 20)
    while True:
        text += text


def dies(host: Host, run: Run) -> Facts:
    """Ended by the kernel, as where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Facts(0)


def large(host: Host, run: Run) -> Facts:
    """Sees more than is kept: what it saw would make a report of many MiB."""
    return Facts("x" * (9 << 20))  # type: ignore[arg-type]


def programs(host: Host, run: Run) -> Facts:
    """A program that starts another in a session of its own; neither wants to end."""
    nap = os.environ["NAP"]
    script = f"trap '' TERM HUP INT; setsid sh -c \"trap '' TERM HUP INT; sleep {nap} & wait\" & sleep {nap} & wait"
    host.run(["sh", "-c", script], 600)
    return Facts(0)


def none(facts: Facts, run: Run) -> Iterator[Finding]:
    """A judge that finds nothing."""
    return iter(())


def judge(facts: Facts, run: Run) -> Iterator[Finding]:
    """A judge that is quadratic."""
    yield Finding(Severity.ERROR, str(len(re.findall(r"^\s*x", LINES, re.MULTILINE))), "Wait.")


def probe(name: str, gather: Any, *needs: str) -> Probe[Facts]:
    """One probe with a check of its name, which passes."""
    check = Check(name, f"{name} is well", judge if name == "judged" else none, Severity.ERROR, offline=True)
    return Probe(name, Facts, gather, (check,), needs)


PROBES = {
    one.name: one
    for one in (
        *(probe(f"good{number}", good) for number in range(8)),
        probe("after", good, "good0", "holds"),
        probe("judged", good),
        *(probe(gather.__name__, gather) for gather in (holds, helped, spins, takes, dies, large, programs)),
    )
}


def main() -> int:
    """Run the command with these probes alone."""
    inspecting.PROBES = judging.PROBES = tuple(PROBES[name] for name in sys.argv[1].split(","))
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
