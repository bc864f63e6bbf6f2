"""The program as a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from azpreflight.probes import PROBES

Captured = pytest.CaptureFixture[str]
OFFLINE = next(check.id for probe in PROBES for check in probe.checks if check.offline)


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The program itself, as a process."""
    command = [sys.executable, "-m", "azpreflight", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]  # keywords of subprocess.run
