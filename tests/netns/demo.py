"""Show scenarios of the stand-in platform on a terminal.

    python -m tests.netns.demo                  list the scenarios
    python -m tests.netns.demo NAME             run azpreflight in a VM that has this fault, and show what it prints
    python -m tests.netns.demo --table [NAME..] run all (or these), and print the table with times

Needs root, for network namespaces of its own; nothing of the machine's own network is touched. The first run builds a
scratch Debian tree with the real agent in it, which takes about half a minute.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Optional

from tests.netns.observe import CHECK, observe, problems
from tests.netns.scenarios import BY_NAME, TABLE, Scenario
from tests.netns.standin import standin
from tests.support.scratchroot import CannotBuild

HEAD = ("scenario", "first cause", "severity", "exit", "check s", "all s")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one of the three forms; 0 where azpreflight said what the table says."""
    parser = argparse.ArgumentParser(prog="python -m tests.netns.demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a scenario")
    parser.add_argument("--table", action="store_true", help="run them all and print a table")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BY_NAME]
    if unknown:
        sys.stderr.write(f"no scenario {', '.join(unknown)}; these exist:\n\n{listing()}")
        return 2
    if not asked.names and not asked.table:
        sys.stdout.write(listing())
        return 0
    if os.geteuid() != 0:
        sys.stderr.write("this needs root, for network namespaces of its own; try it with sudo\n")
        return 2
    chosen = [BY_NAME[name] for name in asked.names] or list(TABLE)
    try:
        return table(chosen) if asked.table else max(show(scenario) for scenario in chosen)
    except CannotBuild as error:
        sys.stderr.write(f"{error}\n")
        return 2


def listing() -> str:
    """All scenarios, a line each."""
    width = max(len(scenario.name) for scenario in TABLE)
    lines = [f"  {scenario.name:{width}}  {scenario.broken}\n" for scenario in TABLE]
    return "".join(("scenarios:\n", *lines))


def show(scenario: Scenario) -> int:
    """Run the check in its text form and print it; 0 if the exit code is the expected one."""
    print(f"A VM in the stand-in platform; what is wrong: {scenario.broken}.\n")
    command = (*CHECK, scenario.stage.value)
    print(f"standin# azpreflight {' '.join(command)}", flush=True)
    with standin(*scenario.faults, ipv6=scenario.ipv6) as platform:
        done = platform.vm.azpreflight(*command)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    print(f"\n(exit status {done.status}, {done.wall_s:.1f} s)")
    return 0 if done.status == scenario.exit_code else 1


def table(chosen: Sequence[Scenario]) -> int:
    """Run the scenarios one after the other; 0 if all were told rightly."""
    widths = (max(len(scenario.name) for scenario in chosen), 22, 8, 4, 7, 6)
    _row(HEAD, widths)
    wrong = 0
    for scenario in chosen:
        seen = observe(scenario)
        differences = problems(scenario, seen)
        wrong += bool(differences)
        severity = seen.report["causes"][0]["severity"] if seen.causes else "-"
        times = (f"{seen.done.wall_s:.2f}", f"{seen.total_s:.2f}")
        first = seen.causes[0] if seen.causes else "-"
        _row((scenario.name, first, severity, str(seen.done.status), *times), widths, ", ".join(seen.causes[1:]))
        for difference in differences:
            print(f"    WRONG {difference}")
    print(f"\n{len(chosen) - wrong} of {len(chosen)} scenarios told rightly")
    return 1 if wrong else 0


def _row(cells: Sequence[str], widths: Sequence[int], also: str = "") -> None:
    line = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths))
    print(f"{line}  also {also}" if also else line.rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
