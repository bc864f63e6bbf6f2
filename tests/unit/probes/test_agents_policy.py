"""The policy file of the agent, which refuses extensions or is not read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from azpreflight.probes.agents import PROBE
from tests.support.judging import by_check, judged, statuses
from tests.support.machines.agents import POLICY, RUN, conf, host, version

ALLOW = {
    "policyVersion": "0.1.0",
    "extensionPolicies": {
        "allowListedExtensionsOnly": True,
        "extensions": {"Microsoft.Azure.Extensions.CustomScript": {}},
    },
}
SIGNED = {"policyVersion": "0.1.0", "extensionPolicies": {"signatureRequired": True}}
NEW = version("2.16.0.2")
OLD_ALONE = {**version("2.15.0.1"), **conf("AutoUpdate.Enabled=n")}
HANDLER = {**OLD_ALONE, **conf("AutoUpdate.UpdateToLatestVersion=n"), "/var/lib/waagent/WALinuxAgent-2.16.0.2": None}


def policy_of(changes: dict[str, Any], text: str, *extensions: str) -> tuple[str, list[str], str]:
    """Status, severities and first message."""
    run = replace(RUN, extensions=extensions)
    result = by_check(judged(host({**changes, POLICY: text}), run, PROBE))["agents-policy"]
    first = result.findings[0].message if result.findings else result.reason or ""
    return result.status.value, [one.severity.value for one in result.findings], first


@pytest.mark.parametrize(
    ("changes", "text", "extensions", "status", "severities", "says"),
    [
        (NEW, json.dumps(ALLOW), ("CustomScript",), "pass", [], ""),
        (NEW, json.dumps(ALLOW), ("VMAccessForLinux",), "fail", ["error"], "does not list Microsoft.OSTCExtensions"),
        (NEW, json.dumps(ALLOW), (), "fail", ["note"], "microsoft.azure.extensions.customscript"),
        (NEW, json.dumps(SIGNED), (), "fail", ["warning"], "demands signatures"),
        (NEW, '{"policyVersion": "0.2.0"}', (), "fail", ["error"], "newer than 0.1.0"),
        (NEW, '{"policyVersion": "0.1.0", "allow": []}', (), "fail", ["error"], "a key beside"),
        (NEW, "not json", (), "fail", ["error"], "refuses every extension"),
        (version("2.15.0.1"), "not json", (), "fail", ["warning"], "from 2.16 on, to which waagent 2.15.0.1 updates"),
        (OLD_ALONE, "not json", (), "notapplicable", [], "does not read"),
        (HANDLER, "not json", (), "fail", ["error"], "refuses every extension"),
        ({**NEW, **conf("Debug.EnableExtensionPolicy=n")}, "not json", (), "notapplicable", [], "does not read"),
        ({**OLD_ALONE, **conf("Debug.EnableExtensionPolicy=y")}, "{}", (), "fail", ["error"], "policyVersion"),
    ],
)
def test_a_policy_file_is_told_by_the_version_that_reads_it(
    changes: dict[str, Any], text: str, extensions: tuple[str, ...], status: str, severities: list[str], says: str
) -> None:
    """The handler's, which may be newer than the package and will be."""
    told = policy_of(changes, text, *extensions)
    assert (told[0], told[1], says in told[2]) == (status, severities, True)


def test_without_a_policy_file_nothing_is_refused() -> None:
    """The usual image."""
    assert statuses(judged(host(NEW), RUN, PROBE))["agents-policy"] == "notapplicable"
