"""Run azpreflight in a scenario and compare what it says with the table."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from azpreflight.model import Severity
from azpreflight.probes import PROBES
from azpreflight.render.json import parse_report
from azpreflight.standin.documents import SIGNATURE
from tests.netns.scenario import Scenario
from tests.netns.standin import standin
from tests.netns.vm import Done, Vm
from tests.support.records import wrong_with_record

CHECK = ("check", "--platform", "azure", "--stage")
"""What is run; the stage comes after it."""
OF_IMAGES = tuple(
    word
    for probe in PROBES
    if probe.name in ("startup", "login")
    for check in probe.checks
    for word in ("--ignore", check.id)
)
"""Checks of what an image boots and lets in with: the stand-in's VM is a network and the files of its agents."""
BUDGET = 10.0
"""Seconds that the program gives itself."""
STARTUP = 1.5
"""Seconds for the interpreter to start and the report to be printed, on a machine that is busy with other tests."""


@dataclass(frozen=True)
class Observation:
    """What azpreflight said of a scenario, and what the servers saw of azpreflight."""

    done: Done
    report: dict[str, Any]
    requests: tuple[dict[str, Any], ...]
    total_s: float
    """With building and removing the stand-in platform."""
    left: tuple[str, ...] = ()
    """Causes and failed commands after the printed commands were run, where a scenario is to be fixed by them."""

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes, first one first."""
        return tuple(entry["cause"] for entry in self.report["causes"])


def observe(scenario: Scenario) -> Observation:
    """Build the scenario, run the check in its VM, and take everything down."""
    began = time.monotonic()
    with standin(*scenario.faults, ipv6=scenario.ipv6) as platform:
        done = platform.vm.azpreflight(*CHECK, scenario.stage.value, "--format", "json", *OF_IMAGES)
        requests = tuple(platform.requests())
        left = _after_the_commands(platform.vm, scenario, done.stdout) if scenario.fixed else ()
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"{scenario.name}: no report, exit {done.status}\n{done.stderr}") from None
    return Observation(done, report, requests, time.monotonic() - began, left)


def _after_the_commands(vm: Vm, scenario: Scenario, printed: str) -> tuple[str, ...]:
    """What fails of the commands that were printed, and the causes that are left after them."""
    commands = [command for cause in json.loads(printed)["causes"] for command in cause["commands"]]
    done = [(command, vm.run("sh", "-c", command)) for command in commands]
    failed = [f"{command}: {ended.stderr.strip() or ended.status}" for command, ended in done if ended.status]
    again = vm.azpreflight(*CHECK, scenario.stage.value, "--format", "json", *OF_IMAGES)
    left = [cause for cause in json.loads(again.stdout)["causes"] if cause["severity"] != Severity.NOTE.value]
    return (*failed, *(f"{cause['cause']}: {cause['summary']}" for cause in left))


def problems(scenario: Scenario, seen: Observation) -> tuple[str, ...]:
    """How the observation differs from the table and from what holds everywhere; empty if it does not. Pure."""
    first = seen.report["causes"][0] if seen.causes else None
    expectations: tuple[tuple[str, Any, Any], ...] = (
        ("first cause", scenario.cause and scenario.cause.value, first and first["cause"]),
        ("severity", scenario.severity and scenario.severity.value, first and first["severity"]),
        ("further causes", sorted(cause.value for cause in scenario.further), sorted(seen.causes[1:])),
        ("exit code", scenario.exit_code, seen.done.status),
        ("verdict", scenario.verdict.value, seen.report["verdict"]),
        ("words", [], [words for words in scenario.says if not first or words not in first["summary"]]),
        ("silent checks", [], [one["check"] for one in seen.report["results"] if _speaks(one, scenario)]),
        ("confidence", scenario.sure and scenario.sure.value, scenario.sure and first and first["confidence"]),
        ("what is left after its commands", (), seen.left),
        ("words on standard error", "", seen.done.stderr),
        ("requests that change something", [], _changing(seen)),
        ("a signature in the report", False, SIGNATURE in seen.done.stdout),
        ("what is wrong with its record", [], wrong_with_record(parse_report(seen.done.stdout))),
        ("within its budget", True, seen.done.wall_s < BUDGET + STARTUP),
    )
    return tuple(f"{what}: {wanted!r} expected, {got!r} seen" for what, wanted, got in expectations if wanted != got)


def _speaks(result: dict[str, Any], scenario: Scenario) -> bool:
    return result["check"] in scenario.silent and bool(result["findings"])


def _changing(seen: Observation) -> list[str]:
    """Requests that neither read nor open a proxy's tunnel: azpreflight must never report anything to the platform."""
    return [
        f"{entry['method']} {entry['target']}"
        for entry in seen.requests
        if entry.get("method", "GET") not in ("GET", "HEAD", "CONNECT")
    ]


def findings(report: dict[str, Any]) -> list[str]:
    """Every finding and every undecided check in a line, for the reader of a failing test."""
    lines = []
    for result in report["results"]:
        because = f" (because of {', '.join(result['because_of'])})" if result["because_of"] else ""
        lines += [f"{found['severity']} {result['check']}: {found['message']}{because}" for found in result["findings"]]
        if result["status"] == "unknown":
            lines.append(f"unknown {result['check']}: {result['reason']}")
    return lines
