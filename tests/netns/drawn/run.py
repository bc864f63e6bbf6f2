"""Draw random cases, run them in the stand-in, and print how they were told against the truth.

    python -m tests.netns.drawn.run --count 500 --healthy 200 [--seed 7] [--out FILE.md|FILE.json]
    python -m tests.netns.drawn.run --case 7-123       one case again, with all that is said of it

Needs root, for network namespaces of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Optional

from azpreflight.model import Cause, Confidence, Severity
from tests.netns.drawn.compare import Judged, Outcome, Said, Told, judge, markdown
from tests.netns.drawn.draw import draw
from tests.netns.drawn.part import Case
from tests.netns.observe import CHECK, OF_IMAGES, findings
from tests.netns.standin import standin
from tests.support.scratchroot import CannotBuild

READY = {"ready": True, "not-ready": False}


def observe(case: Case) -> tuple[Told, dict[str, Any]]:
    """Build the state, run the check in its VM, and take everything down; with the whole report."""
    began = time.monotonic()
    try:
        with standin(*(part.fault for part in case.parts), ipv6=case.ipv6) as platform:
            done = platform.vm.azpreflight(*CHECK, "firstboot", "--format", "json", *OF_IMAGES)
        report = json.loads(done.stdout)
    except (ValueError, RuntimeError) as error:
        return Told(case, (), None, time.monotonic() - began, 0.0, f"no report: {str(error)[-300:]}"), {}
    ready = READY.get(report["verdict"])
    return Told(case, said(report), ready, time.monotonic() - began, done.wall_s), report


def said(report: dict[str, Any]) -> tuple[Said, ...]:
    """The causes of a report, without notes."""
    every = (
        Said(Cause(one["cause"]), Severity(one["severity"]), Confidence(one["confidence"]), one["summary"])
        for one in report["causes"]
    )
    return tuple(one for one in every if one.severity is not Severity.NOTE)


def run(cases: Sequence[Case], jobs: int) -> Iterator[Judged]:
    """All cases, in the order in which they end."""
    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = [pool.submit(observe, case) for case in cases]
        for done in as_completed(waiting):
            yield judge(done.result()[0])
    finally:
        pool.shutdown(cancel_futures=True)  # who interrupts waits for what is being taken down, and for no more


def show(case: Case) -> int:
    """One case, with all that was said."""
    print(f"{case.name}: {case.words}{'; dual stack' if case.ipv6 else ''}")
    for part in case.parts:
        for role, command in part.fault.commands:
            print(f"  {role}# {command}")
        for address, behaviour in part.fault.dns.items():
            print(f"  dns {address}: {behaviour}")
    told, report = observe(case)
    judged = judge(told)
    for one in told.said:
        print(f"{one.severity.value} {one.cause.value} ({one.confidence.value}): {one.summary}")
    if report:
        print("\n".join(f"    {line}" for line in findings(report)))
    print(
        f"{judged.outcome.value}{': ' + judged.why if judged.why else ''} ({told.check_s:.1f} s of {told.seconds:.1f})"
    )
    return 0 if judged.outcome is Outcome.RIGHT else 1


def named(name: str) -> Case:
    """The case of this name. Raises ValueError."""
    seed, _, number = name.partition("-")
    return draw(int(seed), int(number.lstrip("h")), number.startswith("h"))


def written(judged: Iterable[Judged]) -> str:
    """Everything as JSON, for a program that compares two runs."""
    rows = [
        {
            "case": one.told.case.name,
            "words": one.told.case.words,
            "truth": one.truth,
            "first": one.first,
            "outcome": one.outcome.value,
            "why": one.why,
            "ready": one.told.ready,
            "seconds": round(one.told.seconds, 2),
        }
        for one in judged
    ]
    return json.dumps(rows, indent=1) + "\n"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Draw and run; 0 if all cases were told rightly."""
    parser = argparse.ArgumentParser(prog="python -m tests.netns.drawn.run")
    parser.add_argument("--count", type=int, default=100, help="cases with faults")
    parser.add_argument("--healthy", type=int, help="healthy ones; two fifths as many if not given")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="at a time")
    parser.add_argument("--out", type=Path, help="write the table there as well: FILE.md or FILE.json")
    parser.add_argument("--case", action="append", type=named, default=[], help="only this one, in full")
    asked = parser.parse_args(arguments)
    if os.geteuid() != 0:
        sys.stderr.write("this needs root, for network namespaces of its own; try it with sudo\n")
        return 2
    try:
        if asked.case:
            return max(show(case) for case in asked.case)
        healthy = asked.count * 2 // 5 if asked.healthy is None else asked.healthy
        numbers = range(asked.first, asked.first + max(asked.count, healthy))
        cases = [draw(asked.seed, number) for number in numbers[: asked.count]]
        cases += [draw(asked.seed, number, healthy=True) for number in numbers[:healthy]]
        return table(cases, asked.jobs, asked.out)
    except CannotBuild as error:
        sys.stderr.write(f"{error}\n")
        return 2


def table(cases: Sequence[Case], jobs: int, out: Optional[Path]) -> int:
    """Run them all, a line for each that was not told rightly as it ends, and the table."""
    judged = []
    for one in run(cases, jobs):
        judged.append(one)
        if one.outcome is not Outcome.RIGHT:
            print(f"{one.told.case.name} {one.outcome.value}: {one.told.case.words}\n    {one.why}", flush=True)
        if len(judged) % 50 == 0:
            print(f"{len(judged)} of {len(cases)}", flush=True)
    text = markdown(judged)
    print(f"\n{text}")
    if out is not None:
        out.write_text(written(judged) if out.suffix == ".json" else text)
    return 0 if all(one.outcome is Outcome.RIGHT for one in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
