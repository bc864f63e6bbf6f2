"""Rules that are in the kernel and that no tool of the VM can print: whatever passes is not proven to pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.netns import faults
from tests.netns.observe import CHECK
from tests.netns.standin import Fault, standin

pytestmark = pytest.mark.root

EXTENSION = "libxt_recent.so"
WITHOUT_EXTENSION = Fault(files={str(path): None for path in Path("/usr/lib").glob(f"*/xtables/{EXTENSION}")})
"""The image was made smaller, and nobody uses the extension but one rule."""


@pytest.mark.parametrize("backend", ["legacy", "nft"])
def test_a_rule_whose_extension_is_missing_makes_the_rules_unknown(backend: str) -> None:
    """nft prints the rule without it, and ends well. A rule of a table that can be read is named all the same."""
    assert WITHOUT_EXTENSION.files
    rules = faults.on(
        "vm",
        f"iptables-{backend} -A OUTPUT -m recent --name seen --rcheck -j DROP",
        "nft add table inet own",
        "nft 'add chain inet own out { type filter hook output priority 0; }'",
        "nft add rule inet own out ip daddr 169.254.169.254 drop",
    )
    with standin(WITHOUT_EXTENSION, rules) as platform:
        report = json.loads(platform.vm.azpreflight(*CHECK, "firstboot", "--format", "json").stdout)
    results = {result["check"]: result for result in report["results"]}
    assert results["firewall-dump"]["status"] == "unknown"
    assert "recent" in results["firewall-dump"]["reason"]
    assert results["firewall-wireserver"]["status"] == "unknown"
    assert results["firewall-imds"]["status"] == "fail"
