"""The units as systemd itself judges them: nothing to complain of, and little that they could do wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.systemd.building import SUITES, build_vm, running

pytestmark = pytest.mark.root

UNITS = ("azpreflight.service", "azpreflight-capture.service", "azpreflight-rehearsal@.service")
SOCKET = "azpreflight-rehearsal.socket"
MOST_EXPOSED = 3.0
"""Of 10, of which waagent's own unit has 9.6."""


@pytest.mark.parametrize("suite", SUITES)
def test_systemd_has_nothing_to_complain_of(suite: str, deb: Path) -> None:
    """`verify` tells of unknown settings, missing programs and impossible orders; `security` adds up what it may do."""
    with build_vm(suite, deb) as root, running(root) as machine:
        for unit in (*UNITS, SOCKET):
            verified = machine.run(f"systemd-analyze verify --man=no {unit.replace('@', '@1')}")
            assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
        for unit in UNITS:
            exposed = machine.run(f"systemd-analyze security --offline=yes /usr/lib/systemd/system/{unit}").stdout
            (level,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", exposed)
            assert float(level) <= MOST_EXPOSED
