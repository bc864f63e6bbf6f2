"""What rehearsals share: the program as a process, and which of them run in every run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.qemu.image import Recipe
from tests.rehearse.image import HEALTHY, SOUND, Fault, build, store_certificate
from tests.support.needs import hold_back
from tests.support.scratchroot import CannotBuild

TIMEOUT = 3000.0
MARK = "rehearsals"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each rehearsal emulates whole boots for minutes: all but one are left to `make rehearsals`."""
    if MARK in (config.getoption("markexpr") or ""):
        return
    left = [item for item in items if item.get_closest_marker(MARK) is not None]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.get_closest_marker(MARK) is None]


@dataclass(frozen=True)
class Done:
    """A rehearsal that has ended."""

    code: int
    report: Mapping[str, Any]
    words: str
    """On standard error."""

    def status(self, check: str) -> str:
        """Of a check, without the first part of its id."""
        return next(str(one["status"]) for one in self.report["results"] if one["check"] == f"rehearsal-{check}")

    def boot(self, number: int = 0) -> Mapping[str, Any]:
        """The facts of a boot."""
        boots: Sequence[Mapping[str, Any]] = self.report["facts"]["rehearsal"]["boots"]
        assert len(boots) > number, (self.report["facts"]["rehearsal"]["error"], self.words)
        return boots[number]

    @property
    def causes(self) -> list[str]:
        """The errors' causes."""
        return [one["cause"] for one in self.report["causes"] if one["severity"] == "error"]


def disk_of(recipe: Recipe = HEALTHY, fault: Fault = SOUND) -> Path:
    """The image; the test is held back where none can be built."""
    try:
        return build(recipe, fault)
    except CannotBuild as error:
        hold_back(error)


def rehearse(disk: Path, folder: Path, *options: str) -> Done:
    """Run the program to its end."""
    report, certificate = folder / "report.json", store_certificate(folder)
    command = [*command_of(disk, folder), "--report", str(report), "--store-certificate", str(certificate), *options]
    environment = {**os.environ, "CI": "1", "TMPDIR": str(folder)}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=environment)
    assert report.exists(), ended.stderr
    return Done(ended.returncode, json.loads(report.read_text()), ended.stderr)


def command_of(disk: Path, folder: Path) -> list[str]:
    """The command line, without options."""
    return [sys.executable, "-m", "azpreflight", "rehearse", str(disk), "--screen", str(folder / "screen.png")]
