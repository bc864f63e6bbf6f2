"""The stand-in platform against the real agent: what passes here passes there.

Debian's waagent runs in the VM as on Azure, finds the wire server, fetches the goal state, the manifest and the
package, installs and enables the extension, and reports success.
"""

import json
import time

import pytest

from tests.netns import documents, faults
from tests.netns.observe import CHECK
from tests.netns.standin import Fault, StandIn, standin

pytestmark = pytest.mark.root

PATIENCE = 60.0
"""Seconds until the agent has reported the extension's status; it takes some 7."""
CONFIGURATION = """\
Provisioning.Agent=waagent
Extensions.Enabled=y
AutoUpdate.Enabled=n
OS.EnableFirewall=y
ResourceDisk.Format=n
"""
PROVISIONED = Fault(files={"/etc/waagent.conf": CONFIGURATION, **faults.PROVISIONED_HERE.files})
"""A VM that was provisioned before, because there is no provisioning disc; no resource disk either."""


def await_status(platform: StandIn) -> None:
    """Wait until the agent has uploaded a status and knows that the extension works."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if any(asked.get("target") == "/status" for asked in platform.requests()) and succeeded(platform):
            return
        time.sleep(0.5)
    pytest.fail(f"the agent reported no success:\n{log(platform)[-4000:]}")


def log(platform: StandIn) -> str:
    """waagent.log of the VM."""
    return platform.vm.run("cat", "/var/log/waagent.log").stdout


def succeeded(platform: StandIn) -> bool:
    """The agent's own words for an extension that works."""
    return f"('{documents.HELLO.name}', 'success')" in log(platform)


@pytest.mark.parametrize("form", [(), (faults.FAST_TRACK,)], ids=["fabric", "fast-track"])
def test_the_real_agent_installs_the_extension(form: "tuple[Fault, ...]") -> None:
    """By either form of the goal state; manifest and package come straight from the store."""
    with standin(PROVISIONED, *form) as platform:
        with platform.vm.running("/usr/sbin/waagent", "-daemon"):
            await_status(platform)
        asked = platform.requests()
    fetched = {entry["target"].rpartition("/")[2] for entry in asked if entry["service"] == "store"}
    assert fetched == {"Example.Standin.Hello_manifest.xml", "Example.Standin.Hello__1.0.0.zip"}
    assert any(entry["service"] == "wire" and entry["method"] == "POST" for entry in asked)


def test_a_vm_with_a_working_agent_is_healthy() -> None:
    """After the agent's work its files, its log and its own firewall rules are there, and nothing of it is wrong."""
    with standin(PROVISIONED) as platform:
        with platform.vm.running("/usr/sbin/waagent", "-daemon"):
            await_status(platform)
        rules = platform.vm.run("iptables-save").stdout
        done = platform.vm.azpreflight(*CHECK, "firstboot", "--format", "json")
    assert "--uid-owner 0" in rules
    report = json.loads(done.stdout)
    assert report["causes"] == []
    assert done.status == 0
