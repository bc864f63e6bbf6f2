"""Whether the dump of the active rules is whole, and what `iptables` does not show of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.firewall.facts import Backend, ChainFacts, FirewallFacts, SecondOpinion
from azpreflight.model import Check, Finding, Run, Severity, Unknown, Verdict
from azpreflight.text import count


def judge_dump(facts: FirewallFacts, run: Run) -> Iterator[Verdict]:
    """Unreadable rules are unknown rules. Rules that `iptables` does not show mislead whoever looks for them."""
    for failed in facts.unread:
        yield Unknown(failed.error or "")
    yield from _of_second_opinion(facts.second_opinion)
    other = Backend.LEGACY if facts.plain is Backend.NFT else Backend.NFT
    hidden = [chain for chain in facts.chains if chain.backend is other and _of_iptables(facts, chain)]
    rules = sum(chain.rules for chain in hidden)
    if facts.plain is not None and rules:
        tool = f"iptables-{other.value}-save"
        yield Finding(
            Severity.NOTE,
            f"the command iptables shows the {facts.plain.value} tables alone, and {count(rules, 'more rule')} of the"
            f" {other.value} tables {'is' if rules == 1 else 'are'} in force",
            "Look at the output of both iptables-legacy-save and iptables-nft-save when searching for a rule.",
            commands=(tool,),
            evidence={
                "plain": facts.plain.value,
                "hidden": ", ".join(f"{c.table} {c.chain}" for c in hidden if c.rules),
            },
        )


def _of_second_opinion(opinion: Optional[SecondOpinion]) -> Iterator[Verdict]:
    """A disagreement is worth a look and decides nothing."""
    if opinion is not None and opinion.differences:
        yield Finding(
            Severity.NOTE,
            f"python-iptables reads the legacy tables otherwise: {opinion.differences[0]}",
            "Compare the output of iptables-legacy-save with the facts of this report; the system's own tool is right.",
            commands=("iptables-legacy-save",),
            evidence={"differences": "; ".join(opinion.differences)},
        )


def _of_iptables(facts: FirewallFacts, chain: ChainFacts) -> bool:
    """Tables in nft's own language are nobody's to expect from iptables."""
    named = chain.table in ("filter", "nat", "mangle", "raw", "security") and chain.family in ("ip", "ip6")
    return chain.backend is Backend.LEGACY or (
        named and any(found.name == f"nft {chain.family}" for found in facts.dumps)
    )


CHECKS = (Check("firewall-dump", "all active firewall rules can be read", judge_dump, Severity.WARNING),)
