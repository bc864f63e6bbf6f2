"""What is said of flows whose rules could not be rehearsed: what their text says, and never more than the kernel would.

See ADR 17 for where that happens.
"""

from __future__ import annotations

from collections.abc import Sequence

from azpreflight.firewall.facts import Flow, FlowFacts, Outcome, Part
from azpreflight.firewall.network_context import NO_WAY, Scene
from azpreflight.firewall.rule_names import decider
from azpreflight.firewall.rule_verdicts import Copy
from azpreflight.firewall.rules import Table, too_many
from azpreflight.firewall.static.evaluate import End, Opinion, evaluate


def by_text(
    flows: Sequence[Flow], scene: Scene, tables: Sequence[Table], copy: Copy, error: str
) -> tuple[FlowFacts, ...]:
    """What these rules do to each flow. `error`: why they were not rehearsed."""
    many = too_many(tables)

    def one(flow: Flow) -> FlowFacts:
        if not scene.reaches(flow):
            return FlowFacts(flow, Outcome.UNKNOWN, reason=NO_WAY)
        if flow.caller is not None:
            reason = f"the rules could not be rehearsed ({error}), and their text is read for what this machine sends"
            return FlowFacts(flow, Outcome.UNKNOWN, reason=reason, rehearsed=False)
        if many:
            reason = f"the rules could not be rehearsed ({error}), and they are too many to work it out from their text"
            return FlowFacts(flow, Outcome.UNKNOWN, reason=reason, rehearsed=False)
        return of_opinion(flow, evaluate(flow, tables, scene.environment(flow), flow.uid), copy, error)

    return tuple(one(flow) for flow in flows)


def of_opinion(flow: Flow, opinion: Opinion, copy: Copy, error: str) -> FlowFacts:
    """What the text says of one flow. What is not understood is not claimed."""
    if opinion.ends == {End.DROPPED} and opinion.by is not None:
        part = Part.REPLY if opinion.reply else Part.REQUEST
        by = decider(opinion.by, flow, copy.programs, part)
        return FlowFacts(flow, Outcome.BLOCKED, by, part=part, rehearsed=False)
    if opinion.ends == {End.PASSED} and copy.incomplete is None:
        return FlowFacts(flow, Outcome.ALLOWED, rehearsed=False)
    reason = f"the rules could not be rehearsed ({error}), and their text does not tell it for certain"
    return FlowFacts(flow, Outcome.UNKNOWN, reason=copy.incomplete or reason, rehearsed=False)
