"""What the next boot's rules do to a flow, as a finding that names the file and the line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Optional

from azpreflight.azure.addresses import HOST_PLUGIN_PORT
from azpreflight.firewall import agent_rules, generated_rules, parse_iptables_save, parse_nft
from azpreflight.firewall.boot.facts import Boot, Hook, SavedRulesFacts
from azpreflight.firewall.boot.rehearsal import tables_of_boot
from azpreflight.firewall.facts import Decider, FirewallFacts, Flow, FlowFacts, Outcome, Purpose
from azpreflight.firewall.read_rules import tables_of
from azpreflight.firewall.rule_names import title
from azpreflight.firewall.rules import Chain, Table
from azpreflight.model import Cause, Check, Confidence, Finding, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.firewall.flow_words import PARTS, RULE_LIMIT, confidence_of, reason_of
from azpreflight.probes.firewall.flows import ANYWHERE
from azpreflight.text import count, plain, several

SOME_ORDERS = "nothing says which of {} the boot starts first, and it is so only if {} do in this order"
BY_HOOK = "{} names the file; whether it loads it has not been tried"
CHAINS_SHOWN = 5
MESSAGE_LIMIT = 160
"""Characters of what a loader says."""


# --- loading ------------------------------------------------------------------------------------------------------


def judge_load(facts: SavedRulesFacts, run: Run) -> Iterator[Verdict]:
    """What cannot be read or rehearsed is unknown; a loader that fails leaves what it had loaded before."""
    yield from (Unknown(reason) for reason in facts.unread)
    yield from (Unknown(f"{one.name}: {one.reason}") for one in facts.services if one.runs and one.reason)
    yield from (_at_stage(_unrehearsed(hook), run) for hook in facts.hooks)
    errors = dict.fromkeys(error for boot in facts.boots for error in boot.rehearsal.load_errors)
    for error in errors:
        if run.offline:
            yield Unknown(f"the tools of this machine could not load all of the image's rules: {error}")
        else:
            yield _at_stage(_failed(error, facts), run)


def _unrehearsed(hook: Hook) -> Finding:
    """Said, and never tried."""
    known = f", except {several(hook.files)}" if hook.files else ""
    return Finding(
        Severity.NOTE,
        f"{plain(hook.path)} is run at boot and speaks of {several(hook.words)}; it cannot be rehearsed{known}",
        "See that it lets root reach 168.63.129.16 and 169.254.169.254.",
        evidence={"script": plain(hook.path), "programs": several(hook.words)},
    )


def _failed(error: str, facts: SavedRulesFacts) -> Finding:
    names = ", ".join(facts.boots[0].order)
    return Finding(
        Severity.WARNING,
        f"the rules saved for the next boot do not load whole: {plain(error, MESSAGE_LIMIT)}",
        "Repair the file that the loader complains of, or disable the service; what it loads before the error stays.",
        evidence={"loader": plain(error, RULE_LIMIT), "services": names},
        confidence_reason="its own loader said so in a rehearsal",
    )


# --- flows --------------------------------------------------------------------------------------------------------


class Fate(NamedTuple):
    """What becomes of one flow, over all orders."""

    worst: FlowFacts
    boot: Boot
    """In which it does."""
    always: bool
    """In every order."""


def judge_flows(facts: SavedRulesFacts, run: Run) -> Iterator[Verdict]:
    """What root's own connections meet after the next boot."""
    fates = [fate for flow in _flows(facts) if (fate := _fate(facts, flow)) is not None]
    closed = {fate.worst.flow for fate in fates if fate.worst.outcome is Outcome.BLOCKED}
    reasons = (fate.worst.reason for fate in fates if fate.worst.outcome is Outcome.UNKNOWN)
    yield from (Unknown(reason) for reason in dict.fromkeys(reasons) if reason)
    if not facts.boots:
        yield from (Unknown(reason) for reason in facts.unread)
    for fate in fates:
        if fate.worst.outcome is not Outcome.UNKNOWN:
            severity = _severity(fate.worst.flow, closed, _flows(facts), run)
            yield _at_stage(_finding(fate, severity, facts), run)


def _flows(facts: SavedRulesFacts) -> tuple[Flow, ...]:
    flows = (found.flow for boot in facts.boots for found in boot.flows if found.flow.uid == 0)
    return tuple(dict.fromkeys(flows))


def _fate(facts: SavedRulesFacts, flow: Flow) -> Optional[Fate]:
    """None if it is allowed in every order. What is known to stop it outweighs what is not known."""
    found = [(one, boot) for boot in facts.boots for one in boot.flows if one.flow == flow]
    stopped = [(one, boot) for one, boot in found if one.outcome not in (Outcome.ALLOWED, Outcome.UNKNOWN)]
    unknown = [(one, boot) for one, boot in found if one.outcome is Outcome.UNKNOWN]
    worst = next(iter([*stopped, *unknown]), None)
    return None if worst is None else Fate(*worst, always=len(stopped or unknown) == len(found))


def _severity(flow: Flow, closed: set[Flow], flows: Sequence[Flow], run: Run) -> Severity:
    """As for the live rules; but which DNS servers the next VM has is not known before it boots."""
    if flow.purpose is Purpose.WIRE_SERVER:
        return Severity.ERROR
    if flow.purpose is Purpose.IMDS:
        agents = run.facts(AgentsFacts)
        return Severity.ERROR if agents is not None and agents.needs_metadata else Severity.WARNING
    if flow.purpose is Purpose.DNS:
        by_udp = {one for one in flows if one.purpose is Purpose.DNS and one.protocol == "udp"}
        return Severity.ERROR if flow.protocol == "udp" and by_udp <= closed else Severity.WARNING
    if flow.purpose is Purpose.PACKAGE and flow.port != 443:
        return Severity.NOTE
    if flow.purpose is Purpose.PACKAGE and any(one.port == HOST_PLUGIN_PORT for one in closed):
        return Severity.ERROR
    return Severity.WARNING


def _finding(fate: Fate, severity: Severity, facts: SavedRulesFacts) -> Finding:
    found, flow, decider = fate.worst, fate.worst.flow, fate.worst.decider
    chance = found.outcome in (Outcome.QUEUED, Outcome.PROBABILISTIC, Outcome.REWRITTEN)
    evidence = {"flow": flow.text, "outcome": found.outcome.value, "order": ", ".join(fate.boot.order)}
    if decider is not None:
        evidence["rule"] = plain(decider.text, RULE_LIMIT)
    if decider is not None and decider.file is not None:
        evidence["file"] = plain(decider.file) + (f":{decider.line}" if decider.line is not None else "")
    confidence, reason = _confidence(fate, facts)
    return Finding(
        Severity.WARNING if chance and severity is Severity.ERROR else severity,
        _message(found),
        _fix(found),
        commands=(decider.command,) if decider is not None and decider.command else (),
        evidence=evidence,
        flow=flow.text,
        breaks=(f"tcp *:{flow.port}",) if flow.address == ANYWHERE else (),
        confidence=confidence,
        confidence_reason=reason,
    )


def _confidence(fate: Fate, facts: SavedRulesFacts) -> tuple[Confidence, str]:
    found, order = fate.worst, fate.boot.order
    hooks = [plain(hook.path) for hook in facts.hooks if hook.files]
    without = [boot for boot in facts.boots if not set(hooks) & set(boot.order)]
    if fate.always or (hooks and _stopped_in(without, found.flow)):
        return confidence_of(found), found.reason or reason_of(found)
    if set(hooks) & set(order):
        return Confidence.LIKELY, BY_HOOK.format(" and ".join(hooks))
    every = " and ".join(sorted(order))
    return Confidence.POSSIBLE, SOME_ORDERS.format(every, " and ".join(order))


def _stopped_in(boots: Sequence[Boot], flow: Flow) -> bool:
    """In every one of these boots, and there are some."""
    outcomes = [one.outcome for boot in boots for one in boot.flows if one.flow == flow]
    return bool(outcomes) and not {Outcome.ALLOWED, Outcome.UNKNOWN} & set(outcomes)


def _message(found: FlowFacts) -> str:
    flow = PARTS[found.part].format(found.flow.text)
    who = "a rule that could not be named" if found.decider is None else _who(found.decider)
    deeds = {
        Outcome.DIVERTED: f"send {flow} to {found.to}",
        Outcome.REWRITTEN: f"give {flow} the source {found.source}",
        Outcome.QUEUED: f"leave {flow} to a program that reads a queue",
        Outcome.PROBABILISTIC: f"let rate, quota, time or chance decide over {flow}",
    }
    rejects = found.decider is not None and "reject" in found.decider.text.lower()
    deed = deeds.get(found.outcome, f"{'reject' if rejects else 'drop'} {flow}")
    return f"{who} will {deed} from the next boot on"


def _who(decider: Decider) -> str:
    owner = f" of {decider.owner} itself" if decider.owner is not None else ""
    line = f" line {decider.line}" if decider.line is not None else ""
    place = f" in {plain(decider.file)}{line}" if decider.file is not None else ""
    return f"{title(decider)}{owner}{place}"


def _fix(found: FlowFacts) -> str:
    decider = found.decider
    if decider is None:
        return f"Find what stops {found.flow.text} among the saved rules, and let the flow through for root."
    where = plain(decider.file) if decider.file is not None else f"what loads chain {decider.chain}"
    if decider.number is not None and not decider.general:
        return f"Delete the rule from {where}, or put one before it that lets {found.flow.text} through."
    before = "before its policy applies" if decider.number is None else "before that rule"
    return f"Put a rule that lets {found.flow.text} through into {where}, {before}."


def _at_stage(finding: Finding, run: Run) -> Finding:
    """At first boot what is live decides; this is said for the boot after it."""
    if run.stage is not Stage.FIRSTBOOT:
        return finding
    return replace(finding, severity=Severity.NOTE, flow=None, breaks=())


# --- live and next boot -------------------------------------------------------------------------------------------


def judge_change(facts: SavedRulesFacts, run: Run) -> Iterator[Verdict]:
    """A note: rules that come and go are nothing bad, but whoever tried the live ones has not tried the saved ones."""
    live = run.facts(FirewallFacts)
    if live is None or live.unread or facts.unread:
        yield Unknown("the live rules, or the saved ones, could not be read")
        return
    if any(boot.rehearsal.error is not None for boot in facts.boots):
        yield Unknown("what the next boot loads could not be rehearsed")
        return
    now = _chains(tables_of(live.dumps), live.programs)
    orders = [(boot.order, _chains(tables_of_boot(boot.dumps), live.programs)) for boot in facts.boots] or [((), {})]
    for order, then in orders:
        changed = [name for name in dict.fromkeys((*now, *then)) if now.get(name, ()) != then.get(name, ())]
        if changed:
            yield _difference(changed, now, then, order)
            return


def _chains(tables: Sequence[Table], programs: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Policy and rules of each chain that does something, without counters, handles, the agent's own rules, and those
    that running programs make after each boot."""
    chains = {
        f"{table.backend.value} {table.family} {table.name} {chain.name}": _content(table, chain, programs)
        for table in tables
        for chain in table.chains.values()
        if not generated_rules.chain_is_made(table.name, chain.name, programs)
    }
    return {name: content for name, content in chains.items() if content}


def _content(table: Table, chain: Chain, programs: Sequence[str]) -> tuple[str, ...]:
    usual = chain.policy in (None, "ACCEPT") or generated_rules.policy_is_made(chain.name, programs)
    policy = () if usual else (f"policy {chain.policy}",)
    foreign = [line for line in chain.lines if not generated_rules.line_is_made(line, programs)]
    own = [line for line in foreign if agent_rules.kind(table, line) is None]
    text = parse_iptables_save.specification if table.iptables else parse_nft.uncounted
    return (*policy, *(text(line) for line in own))


def _difference(
    changed: Sequence[str],
    now: Mapping[str, tuple[str, ...]],
    then: Mapping[str, tuple[str, ...]],
    order: tuple[str, ...],
) -> Finding:
    shown = ", ".join(changed[:CHAINS_SHOWN]) + (", ..." if len(changed) > CHAINS_SHOWN else "")
    by = f"as {' and '.join(order)} will load them" if order else "as nothing loads any"
    return Finding(
        Severity.NOTE,
        f"{count(len(changed), 'chain')} of the live rules will be different after the next boot, {by}: {shown}",
        "Save the live rules if they are meant to stay, or reboot and check again to try the saved ones for real.",
        evidence={
            name: f"now {count(len(now.get(name, ())), 'line')}, then {count(len(then.get(name, ())), 'line')}"
            for name in changed[:CHAINS_SHOWN]
        },
    )


CHECKS = (
    Check(
        "firewall-boot-load",
        "the rules of the next boot are known and load without errors",
        judge_load,
        Severity.WARNING,
        cause=Cause.GUEST_FIREWALL,
        offline=True,
    ),
    Check(
        "firewall-boot-flows",
        "the rules of the next boot allow provisioning traffic",
        judge_flows,
        Severity.ERROR,
        cause=Cause.GUEST_FIREWALL,
        reads=("agents",),
        offline=True,
    ),
    Check(
        "firewall-boot-change",
        "saved and active firewall rules agree",
        judge_change,
        Severity.NOTE,
        reads=("firewall",),
    ),
)
