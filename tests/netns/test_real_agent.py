"""The stand-in platform against the real agent: what passes here passes there.

Debian's waagent runs in the VM as on Azure, finds the wire server, fetches the goal state, the manifest and the
package, installs and enables the extension, and reports success.
"""

from __future__ import annotations

import json
import time

import pytest

from azpreflight.guest import proxy_files
from azpreflight.probes.proxy import ProxyFacts, ProxySetting, Reader
from azpreflight.probes.proxy.facts import agent_proxy
from azpreflight.standin.extension import HELLO
from tests.netns import faults
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
    return f"('{HELLO.name}', 'success')" in log(platform)


@pytest.mark.parametrize("form", [(), (faults.FAST_TRACK,)], ids=["fabric", "fast-track"])
def test_the_real_agent_installs_the_extension(form: tuple[Fault, ...]) -> None:
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


def test_the_environment_of_the_running_agent_is_told() -> None:
    """No file sets the proxy: it was given to the agent when that was started, as by `systemctl set-environment`."""
    proxy = (f"https_proxy={faults.PROXY_PLACE}", f"http_proxy={faults.PROXY_PLACE}", faults.NO_PROXY)
    wait = "for step in $(seq 200); do test -s /run/waagent.pid && exit; sleep 0.05; done; exit 1"
    with (
        standin(PROVISIONED, faults.proxy("closed")) as platform,
        platform.vm.running("env", *proxy, "/usr/sbin/waagent", "-daemon"),
    ):
        assert platform.vm.run("sh", "-c", wait).status == 0
        done = platform.vm.azpreflight(*CHECK, "firstboot", "--format", "json")
    causes = json.loads(done.stdout)["causes"]
    assert causes[0]["cause"] == "proxy", causes
    assert "the environment of the running agent (process " in causes[0]["summary"]


ASK_FOR_PROXY = """
import os
from azurelinuxagent.common.utils import restutil
for value in os.environ["VALUES"].split():
    os.environ["https_proxy"] = value
    host, port = restutil._get_http_proxy(secure=True)
    print(host + ":" + str(port) if host and port else None)
"""
PROXIES = (
    "http://10.0.0.8:3128",
    "HTTP://u:p@proxy:3128/",
    "//10.0.0.8:3128",
    "10.0.0.8:3128",
    "proxy:3128",
    "http://proxy",
    "http://u:p@ss#w@proxy:3128",
)


def test_the_real_agent_reads_a_proxy_as_azpreflight_does() -> None:
    """Whatever azpreflight says that the agent would use, it does use, and nothing else."""
    with standin() as platform:
        done = platform.vm.run("env", f"VALUES={' '.join(PROXIES)}", "/usr/bin/python3", "-c", ASK_FOR_PROXY)
    settings = [
        ProxySetting(
            "unit", Reader.WAAGENT, https=proxy_files.proxy_of(value), https_mistake=proxy_files.mistake(value)
        )
        for value in PROXIES
    ]
    told = [agent_proxy(ProxyFacts((setting,)), "https://x.blob.core.windows.net/") for setting in settings]
    assert done.stdout.splitlines() == [str(proxy) for proxy in told], done.stderr
