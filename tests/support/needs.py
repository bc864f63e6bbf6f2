"""What a test needs of the machine: without it the test is skipped at home, and fails in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import NoReturn

import pytest


def hold_back(reason: object) -> NoReturn:
    """Skip the test at home, with the reason; in CI it fails."""
    if os.environ.get("CI"):
        pytest.fail(f"in CI this test must run, but {reason}")
    pytest.skip(str(reason))


def need_programs(*programs: str) -> None:
    """Hold the test back where one of them is not installed."""
    absent = without(programs)
    if absent:
        hold_back(absent)


def without(programs: Iterable[str]) -> str:
    """Which of the programs are not installed, as a reason; empty if all are."""
    absent = [program for program in programs if shutil.which(program) is None]
    return f"there is no program {', '.join(absent)}" if absent else ""
