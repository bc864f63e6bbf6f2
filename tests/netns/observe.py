"""Run azpreflight in a scenario and compare what it says with the table."""

import json
import time
from dataclasses import dataclass
from typing import Any

from tests.netns.documents import SIGNATURE
from tests.netns.scenarios import Scenario
from tests.netns.standin import standin
from tests.netns.vm import Done

CHECK = ("check", "--platform", "azure", "--stage")
"""What is run; the stage comes after it."""
BUDGET = 10.0
"""Seconds that the program gives itself."""
STARTUP = 1.5
"""Seconds for the interpreter to start and the report to be printed, on a machine that is busy with other tests."""


@dataclass(frozen=True)
class Observation:
    """What azpreflight said of a scenario, and what the servers saw of azpreflight."""

    done: Done
    report: "dict[str, Any]"
    requests: "tuple[dict[str, Any], ...]"
    total_s: float
    """With building and removing the stand-in platform."""

    @property
    def causes(self) -> "tuple[str, ...]":
        """The causes, first one first."""
        return tuple(entry["cause"] for entry in self.report["causes"])


def observe(scenario: Scenario) -> Observation:
    """Build the scenario, run the check in its VM, and take everything down."""
    began = time.monotonic()
    with standin(*scenario.faults, ipv6=scenario.ipv6) as platform:
        done = platform.vm.azpreflight(*CHECK, scenario.stage.value, "--format", "json")
        requests = tuple(platform.requests())
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"{scenario.name}: no report, exit {done.status}\n{done.stderr}") from None
    return Observation(done, report, requests, time.monotonic() - began)


def problems(scenario: Scenario, seen: Observation) -> "tuple[str, ...]":
    """How the observation differs from the table and from what holds everywhere; empty if it does not. Pure."""
    first = seen.report["causes"][0] if seen.causes else None
    expectations = (
        ("first cause", scenario.cause and scenario.cause.value, first and first["cause"]),
        ("severity", scenario.severity and scenario.severity.value, first and first["severity"]),
        ("further causes", sorted(cause.value for cause in scenario.further), sorted(seen.causes[1:])),
        ("exit code", scenario.exit_code, seen.done.status),
        ("verdict", scenario.verdict.value, seen.report["verdict"]),
        ("words on standard error", "", seen.done.stderr),
        ("requests that change something", [], _changing(seen)),
        ("a signature in the report", False, SIGNATURE in seen.done.stdout),
        ("within its budget", True, seen.done.wall_s < BUDGET + STARTUP),
    )
    return tuple(f"{what}: {wanted!r} expected, {got!r} seen" for what, wanted, got in expectations if wanted != got)


def _changing(seen: Observation) -> "list[str]":
    """Requests that neither read nor open a proxy's tunnel: azpreflight must never report anything to the platform."""
    return [
        f"{entry['method']} {entry['target']}"
        for entry in seen.requests
        if entry.get("method", "GET") not in ("GET", "HEAD", "CONNECT")
    ]


def findings(report: "dict[str, Any]") -> "list[str]":
    """Every finding and every undecided check in a line, for the reader of a failing test."""
    lines = []
    for result in report["results"]:
        because = f" (because of {', '.join(result['because_of'])})" if result["because_of"] else ""
        lines += [f"{found['severity']} {result['check']}: {found['message']}{because}" for found in result["findings"]]
        if result["status"] == "unknown":
            lines.append(f"unknown {result['check']}: {result['reason']}")
    return lines
