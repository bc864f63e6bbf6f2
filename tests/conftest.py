"""What all tests share: those that need root are skipped without it at home, and fail in CI."""

from __future__ import annotations

import os
from typing import Optional

import pytest
from hypothesis import settings

from tests.support.needs import hold_back, without

settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("house")
"""No deadline for a single example: it would measure the machine. In CI the same examples each time."""

TOOLS = {
    "root": ("ip", "nsenter", "unshare", "iptables", "nft", "mmdebstrap"),
    "emulator": ("qemu-system-x86_64", "qemu-img", "mke2fs", "genisoimage", "dnsmasq", "dpkg-buildpackage"),
}
"""Programs by the mark of the tests that need them."""


LONG = 100
"""Characters of a parameter that may stand in the name of a test, which is in the environment of all that it starts."""


def pytest_make_parametrize_id(val: object) -> Optional[str]:
    """A short name for a long parameter; None: the usual one."""
    return f"{len(val)}-long" if isinstance(val, (str, bytes)) and len(val) > LONG else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold back a test on a machine that cannot run it: one that needs root, or programs."""
    missing = _missing({mark.name for mark in item.iter_markers()}.intersection(TOOLS))
    if missing:
        hold_back(missing)


def _missing(marks: set[str]) -> str:
    """What this machine lacks for tests with these marks, as a reason; empty for nothing."""
    if marks and os.geteuid() != 0:
        return "it needs root, for network namespaces of its own"
    return without(tool for mark in sorted(marks) for tool in TOOLS[mark])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured, also where other processes ran them: `record_property("measured", ...)`."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "measured":
                terminalreporter.write_line(str(value))
