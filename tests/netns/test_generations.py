"""The stand-in against real agents that provision for real, of four generations: nothing says that it is done already.

A VM is provisioned once the platform hears Ready; what the agents ask for on the way is what docs/standin.md lists.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from azpreflight.standin.identity import STANDIN
from tests.netns.generations import (
    BULLSEYE,
    GENERATIONS,
    Generation,
    bring_up,
    by_cloud_init,
    by_waagent,
    endpoint,
    installed,
    power_on,
    states,
    until,
)
from tests.netns.standin import standin
from tests.support.scratchroot import tree_for_test

pytestmark = pytest.mark.root

PAGE = Path(__file__).parents[2] / "docs" / "standin.md"
DAEMON = ("/usr/sbin/waagent", "-daemon")


def documented() -> set[str]:
    """The endpoints in the tables of the page."""
    return set(re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE))


def assert_answered(asked: list[dict[str, Any]]) -> None:
    """Every request is one that the page lists; 404 is due for vmSettings alone, as on a host without FastTrack."""
    assert {endpoint(entry) for entry in asked} - documented() == set()
    refused = {endpoint(entry) for entry in asked if entry.get("status", 200) >= 400}
    assert refused <= {"hostgaplugin GET /vmSettings"}


@pytest.mark.parametrize("generation", GENERATIONS[1:], ids=lambda one: one.waagent)
def test_waagent_provisions(generation: Generation) -> None:
    """From a disc: host name, user, keys; it says that it starts, and Ready, and then installs the extension."""
    with standin(by_waagent(), root=tree_for_test(generation.suite, generation.packages)) as platform:
        bring_up(platform)
        with platform.vm.running(*DAEMON):
            asked = until(platform, lambda asked: installed(asked) and "Ready" in states(asked))
        name = platform.vm.run("hostname").stdout.strip()
        user = platform.vm.run("id", "-un", STANDIN.user).stdout.strip()
    assert states(asked) == ["NotReady Provisioning", "Ready"]
    assert (name, user) == (STANDIN.host_name, STANDIN.user)
    assert_answered(asked)


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda one: f"{one.cloud_init} {one.waagent}")
def test_cloud_init_provisions_and_waagent_installs(generation: Generation) -> None:
    """As Debian sets them: cloud-init says Ready, and waagent does the extensions; only 2.16 then says nothing more."""
    with standin(by_cloud_init(), root=tree_for_test(generation.suite, generation.packages)) as platform:
        power_on(platform)
        local = platform.vm.run("cloud-init", "init", "--local")
        bring_up(platform)
        provisioned = platform.requests()
        if generation is BULLSEYE:  # says it in the network stage, in which it then waits for a resource disk
            with platform.vm.running("cloud-init", "init"):
                provisioned = until(platform, lambda asked: bool(states(asked)))
        with platform.vm.running(*DAEMON):
            asked = until(platform, installed)
        name = platform.vm.run("hostname").stdout.strip()
    assert states(provisioned) == ["Ready"], local
    assert states(asked) == ["Ready", *generation.beside]
    assert name == STANDIN.host_name
    assert_answered(asked)


def test_debian_11_cannot_be_provisioned_by_waagent() -> None:
    """2.2.47 needs array.tostring, which its Python has no more: the platform hears that it starts, and never Ready."""
    with standin(by_waagent(), root=tree_for_test(BULLSEYE.suite, BULLSEYE.packages)) as platform:
        bring_up(platform)
        with platform.vm.running(*DAEMON):
            asked = until(platform, lambda asked: states(asked).count("NotReady Provisioning") == 2)
        log = platform.vm.run("cat", "/var/log/waagent.log").stdout
    assert "'array.array' object has no attribute 'tostring'" in log
    assert "Ready" not in states(asked)
