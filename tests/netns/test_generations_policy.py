"""waagent 2.16 and an extension policy that lay in the image: what it refuses, and that the printed fix helps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Callable

import pytest

from azpreflight.standin.extension import HELLO
from tests.netns.generations import CONFIGURATION, GENERATIONS, bring_up, by_waagent, installed, until
from tests.netns.standin import StandIn, standin
from tests.support.scratchroot import tree_for_test

pytestmark = pytest.mark.root

POLICY = "/etc/waagent_policy.json"
NEWEST = GENERATIONS[-1]


def listing(*extensions: str) -> str:
    """A policy that lets only these run."""
    policies = {"allowListedExtensionsOnly": True, "extensions": {name: {} for name in extensions}}
    return json.dumps({"policyVersion": "0.1.0", "extensionPolicies": policies})


def refused(asked: list[dict[str, Any]]) -> bool:
    """The agent has reported an error of the extension."""
    reports = [entry.get("reported", {}).get("extensions", {}) for entry in asked]
    return any(one.get(HELLO.name) == "error" for one in reports)


def after(platform: StandIn, policy: str, met: Callable[[list[dict[str, Any]]], bool]) -> str:
    """The agent starts with this file and goes on until that is met; its log."""
    write = f"rm -f /run/waagent.pid /var/log/waagent.log; printf %s '{policy}' > {POLICY}"
    assert platform.vm.run("sh", "-c", write).status == 0
    asked = len(platform.requests())
    with platform.vm.running("/usr/sbin/waagent", "-daemon"):
        until(platform, lambda whole: met(whole[asked:]))
    return platform.vm.run("cat", "/var/log/waagent.log").stdout


def test_a_policy_of_the_image_refuses_extensions_until_it_is_corrected() -> None:
    """A mistake refuses all, a list what is not on it; corrected, and the agent restarted, the extension runs."""
    ready = replace(by_waagent(), files={"/etc/waagent.conf": CONFIGURATION.format(provisioner="disabled")})
    with standin(ready, root=tree_for_test(NEWEST.suite, NEWEST.packages)) as platform:
        bring_up(platform)
        broken = after(platform, "{", refused)
        unlisted = after(platform, listing(), refused)
        after(platform, listing(HELLO.name), installed)
    assert "Extension will not be processed" in broken
    assert "not specified as an allowed extension" in unlisted
