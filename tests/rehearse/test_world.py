"""The network of a rehearsal, made and taken away in a namespace of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from azpreflight import package

pytestmark = pytest.mark.root

PROGRAM = """
import subprocess, sys, tempfile
from pathlib import Path
sys.path.append({home!r})
from azpreflight.rehearse.facts import Network
from azpreflight.rehearse.worker.servers import world
from azpreflight.standin.certificates import issue, make_authority
from azpreflight.standin.identity import STANDIN

def shown():
    words = [("ip", "rule"), ("ip", "-br", "link"), ("ip", "route", "show", "table", "all", "type", "unicast")]
    return [subprocess.run(line, capture_output=True, text=True, check=True).stdout for line in words]

with tempfile.TemporaryDirectory() as folder:
    store = Path(folder, "store.pem")
    store.write_text(issue(make_authority()))
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)
    before = shown()
    for network in Network:
        with world(network, STANDIN, Path(folder), str(store)):
            assert "vnet" in shown()[1]
        assert shown() == before, (network, shown(), before)
    print("all")
"""


def test_each_network_can_be_made_after_another() -> None:
    """With its servers listening; nothing of it is left in the namespace, as two VMs of one rehearsal need."""
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c"]
    done = subprocess.run(
        [*command, PROGRAM.format(home=package.HOME)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "all\n"), done.stderr
