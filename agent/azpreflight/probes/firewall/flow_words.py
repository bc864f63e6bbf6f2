"""How a finding on a flow is worded, and how sure it is. Pure."""

from __future__ import annotations

from azpreflight.firewall.facts import FlowFacts, Outcome, Part
from azpreflight.firewall.rule_names import title
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


def commands_of(found: FlowFacts) -> tuple[str, ...]:
    """What deletes the rule, or is put before it; none where no rule could be named."""
    by = found.untracked or found.decider
    return (by.command,) if by is not None else ()


def message_of(found: FlowFacts) -> str:
    """Which rule does what to which flow."""
    flow = PARTS[found.part].format(found.flow.text)
    who = "a rule that could not be named" if found.decider is None else title(found.decider)
    if found.decider is not None and found.decider.owner is not None:
        who += f" of {found.decider.owner} itself"
    if found.outcome is Outcome.DIVERTED:
        return f"{who} sends {flow} to {found.to}"
    if found.outcome is Outcome.REWRITTEN:
        return f"{who} gives {flow} the source {found.source}, and no answer comes back"
    if found.outcome is Outcome.QUEUED:
        return f"{who} leaves {flow} to a program that reads a queue"
    if found.outcome is Outcome.PROBABILISTIC:
        return f"{who} lets rate, quota, time or chance decide over {flow}"
    rejects = found.decider is not None and "reject" in found.decider.text.lower()
    taken = f"{who} {'rejects' if rejects else 'drops'} {flow}"
    if found.untracked is not None:
        return f"{taken}, which no rule knows for answers: they are not tracked, by {title(found.untracked)}"
    return taken


def fix_of(found: FlowFacts) -> str:
    """What to do with the rule, and with the program that makes it again."""
    maker = found.decider.maker if found.decider is not None else None
    again = f" {maker} made the rule and may make it again: change its configuration too." if maker else ""
    return f"{_fix_rule(found)}{again}"


def _fix_rule(found: FlowFacts) -> str:
    decider = found.decider
    if found.untracked is not None:
        return f"Let {found.flow.text} be tracked: delete the rule that exempts it, or put one that accepts before it."
    if decider is None:
        return (
            f"Find the rule that stops {found.flow.text} in the dump of this report, and let the flow through for root."
        )
    if decider.owner is not None:
        return "Restart the guest agent, which puts the rules back that belong before this one, or delete it."
    if decider.number is None:
        return f"Put a rule that lets {found.flow.text} through into chain {decider.chain}, before its policy applies."
    if decider.general:
        return f"Put a rule before it that lets {found.flow.text} through."
    return f"Delete the rule, or put one before it that lets {found.flow.text} through."
