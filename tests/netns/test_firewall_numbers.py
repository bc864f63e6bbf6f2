"""The number of a rule of nf_tables, however its chain came about."""

from __future__ import annotations

import pytest

from tests.netns.many_rules import FLOW, SCENE, WIRE
from tests.netns.trials import Kernel

pytestmark = pytest.mark.root
CHAIN = "add table inet t\nadd chain inet t o { type filter hook output priority 0; }\n"
DROP = f"rule inet t o ip daddr {WIRE} tcp dport 80 drop\n"
OTHER = "rule inet t o ip daddr {{ 10.1.1.{0}, 10.1.2.{0} }} drop\n"
OTHERS = "".join(f"add {OTHER.format(number)}" for number in (1, 2, 3))
LOADS = {
    "in one go": (4, [("nft -f -", f"{CHAIN}{OTHERS}add {DROP}")]),
    "two chains in turn": (
        2,
        [("nft -f -", f"{CHAIN}add chain inet t p\nadd {OTHER.format(1)}add rule inet t p drop\nadd {DROP}")],
    ),
    "by two programs": (5, [("nft -f -", f"{CHAIN}{OTHERS}"), ("nft -f -", f"add {OTHER.format(9)}add {DROP}")]),
    "put before the others": (1, [("nft -f -", f"{CHAIN}{OTHERS}"), ("nft -f -", f"insert {DROP}")]),
    "after others were taken out": (
        4,
        [("nft -f -", f"{CHAIN}{OTHERS}add {DROP}"), ("nft -f -", f"flush chain inet t o\n{OTHERS}add {DROP}")],
    ),
    "the table made again": (
        2,
        [("nft -f -", f"{CHAIN}{OTHERS}"), ("nft -f -", f"flush ruleset\n{CHAIN}add {OTHER.format(7)}add {DROP}")],
    ),
}


@pytest.mark.parametrize("case", LOADS)
def test_the_rule_has_the_number_that_a_listing_shows(case: str) -> None:
    """Sets without a name take handles of their own, so that those of rules are no plain count."""
    number, loads = LOADS[case]
    with Kernel(SCENE.as_json([FLOW], set(), set())) as kernel:
        (seen,) = kernel.ask(*loads)
    assert (seen["request"]["taken"]["chain"], seen["request"]["taken"]["rule"]) == ("o", number)
