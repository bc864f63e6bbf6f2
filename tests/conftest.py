"""What all tests share: those that need root are skipped without it at home, and fail in CI."""

import os
import shutil
from typing import Optional

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")
"""No deadline for a single example: it would measure the machine. In CI the same examples each time."""

TOOLS = ("ip", "nsenter", "unshare", "iptables", "nft", "mmdebstrap")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold back a test marked `root` on a machine that cannot run it."""
    missing = _missing() if item.get_closest_marker("root") else None
    if missing is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"in CI this test must run, but {missing}")
    pytest.skip(missing)


def _missing() -> Optional[str]:
    """What this machine lacks for network namespaces and scratch roots."""
    if os.geteuid() != 0:
        return "it needs root, for network namespaces of its own"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"there is no program {', '.join(absent)}" if absent else None


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Print what tests have measured, also where other processes ran them: `record_property("measured", ...)`."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "measured":
                terminalreporter.write_line(str(value))
