"""Rules that are innocent: the real connection fails, the rehearsal lets it through, and the report says so."""

from __future__ import annotations

import pytest

from azpreflight.model import Cause, Severity
from azpreflight.probes.network.clearance import NO_RULES, REHEARSED
from tests.netns import faults
from tests.netns.observe import observe
from tests.netns.scenarios import Scenario
from tests.netns.standin import Fault

pytestmark = pytest.mark.root

OTHER_RULES = faults.on(
    "vm", "iptables-nft -P INPUT DROP", "iptables-nft -A INPUT -i lo -j ACCEPT",
    "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "iptables-nft -A OUTPUT -d 10.9.9.9 -j DROP",
)  # fmt: skip


@pytest.mark.parametrize(("rules", "reason"), [(OTHER_RULES, REHEARSED), (Fault(), NO_RULES)], ids=["rules", "none"])
def test_rules_are_cleared_of_what_others_do(rules: Fault, reason: str) -> None:
    gone = (faults.WIRE_SERVER_GONE, faults.EDGE_DROPS, rules)
    scenario = Scenario("gone", "others drop", gone, Cause.PLATFORM_UNREACHABLE, Severity.ERROR)
    report = observe(scenario).report
    said = {entry["cause"]: entry["confidence_reason"] for entry in report["causes"]}
    assert set(said) == {"platform-unreachable", "no-egress"}
    assert all(words.endswith(reason) for words in said.values()), said


def test_a_rule_that_blocks_is_certain_and_explains() -> None:
    """No finding of its own for what the rule stops."""
    scenario = Scenario("blocked", "a rule", (faults.IPTABLES_NFT_DROPS_WIRE_SERVER, OTHER_RULES))
    (entry,) = observe(scenario).report["causes"]
    assert (entry["cause"], entry["confidence"]) == ("guest-firewall", "certain")
    assert "wireserver-http" in entry["symptoms"]
