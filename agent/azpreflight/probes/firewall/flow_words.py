"""How a finding on a flow is worded, and how sure it is. Pure."""

from __future__ import annotations

from azpreflight.firewall.facts import FlowFacts, Outcome, Part
from azpreflight.model import Confidence
from azpreflight.probes.firewall.flows import ANYWHERE

REHEARSED = "the kernel did so in a rehearsal of the same rules"
FROM_TEXT = "so the text of the rules says; the kernel could not be asked"
PARTS = {
    Part.REQUEST: "{}",
    Part.REPLY: "the answers to {}",
    Part.NEIGHBOURS: "the neighbour discovery (ICMPv6) that comes before {}",
}
STANDS_FOR_ALL = f"{ANYWHERE} stands for any public address, as no DNS server knew the stores'"
RULE_LIMIT = 200
"""Characters of a rule in a finding; the whole text is in the facts."""


def confidence_of(found: FlowFacts) -> Confidence:
    """How sure it is what the rules do."""
    if found.outcome in (Outcome.QUEUED, Outcome.PROBABILISTIC, Outcome.REWRITTEN):
        return Confidence.POSSIBLE
    return Confidence.CERTAIN if found.rehearsed and found.flow.address != ANYWHERE else Confidence.LIKELY


def reason_of(found: FlowFacts) -> str:
    """Why it is as sure as that."""
    how = REHEARSED if found.rehearsed else FROM_TEXT
    return f"{how}; {STANDS_FOR_ALL}" if found.flow.address == ANYWHERE else how
