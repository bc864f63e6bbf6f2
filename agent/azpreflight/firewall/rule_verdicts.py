"""From what the rehearsal saw of a flow to what the rules do to it. Pure.

An answer that came back proves that the rules let the flow through; a packet that a rule took proves that they do not.
Anything else proves nothing, and is said to be unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Optional

from azpreflight.firewall import parse_nft
from azpreflight.firewall.facts import Decider, Flow, FlowFacts, Outcome, Part
from azpreflight.firewall.rule_names import Index, Place, decider, title
from azpreflight.firewall.static import nft_rule

TAKING = ("DROP", "REJECT", "TARPIT", "STEAL")
QUEUEING = ("NFQUEUE", "QUEUE")
TRANSLATING = ("DNAT", "REDIRECT", "NETMAP", "TPROXY")
ONLY_LOOKING = ("LOG", "NFLOG", "ULOG", "")
"""Targets after which the packet goes on as it was."""
_CHANCE = re.compile(
    r" -m (?:statistic|limit|hashlimit|recent|quota|time|connlimit|rateest|random|nth) "
    r"|\b(?:limit rate|limit name|numgen|quota|ct count|meta (?:hour|day|time))\b"
)
_PROCESS = re.compile(r" -m cgroup |cgroupv2|meta cgroup")
_ACCEPT = re.compile(r' accept(?: comment "")?$')
_TRANSLATION = re.compile(r"\b(?:dnat|redirect)\b")
SOURCES = ("SNAT", "MASQUERADE", "NETMAP", "SAME")
MARKS = ("MARK", "CONNMARK")
_SOURCE = re.compile(r"\b(?:snat|masquerade)\b")
_MARK = re.compile(r"\bmeta mark set\b")


class Copy(NamedTuple):
    """The rules that were rehearsed, and how they are spoken of."""

    rules: Index
    programs: Mapping[str, str]
    """See `naming.decider`."""
    incomplete: Optional[str] = None
    """Why these are not all rules, if so: then what passed is not proven to pass."""


def decide(flow: Flow, seen: Mapping[str, Any], copy: Copy, doubtful: Sequence[Place] = ()) -> FlowFacts:
    """What the rules do to the flow, as the kernel showed it. `doubtful` are rules on its way that may do otherwise
    the next time."""
    index, programs = copy.rules, copy.programs
    if seen["canary"] is not None:
        reason = f"the rehearsal is invalid: without any rule the flow ended with {seen['canary']}"
        return FlowFacts(flow, Outcome.UNKNOWN, reason=reason)
    queued = next((place for place in _places(seen, index) if _queues(place)), None)
    if queued is not None:
        reason = "a program that reads this queue decides"
        return FlowFacts(flow, Outcome.QUEUED, decider(queued, flow, programs), reason=reason)
    to = _diverted_to(flow, seen)
    if to is not None:
        by = [place for place in _places(seen, index, ("request",)) if _translates(place)]
        return FlowFacts(flow, Outcome.DIVERTED, decider(by[-1], flow, programs) if by else None, to)
    if seen.get("source") is not None and _taker(seen, index) is None:
        by = [place for place in _places(seen, index, ("request",)) if _is(place, SOURCES, _SOURCE)]
        named = decider(by[-1], flow, programs) if by else None
        return FlowFacts(flow, Outcome.REWRITTEN, named, source=seen["source"])
    if seen["error"] is None:
        return _marked(_answered(flow, seen, copy, doubtful), seen, copy)
    return _unanswered(flow, seen, copy, doubtful)


def _marked(found: FlowFacts, seen: Mapping[str, Any], copy: Copy) -> FlowFacts:
    """With the mark that it got, by which the kernel may route it otherwise."""
    if not seen.get("mark"):
        return found
    by = [place for place in _places(seen, copy.rules, ("request",)) if _is(place, MARKS, _MARK)]
    return replace(found, mark=seen["mark"], marker=decider(by[-1], found.flow, copy.programs) if by else None)


def _is(place: Place, targets: Sequence[str], words: re.Pattern[str]) -> bool:
    return place.target in targets if place.table.iptables else bool(words.search(parse_nft.unquoted(place.target)))


def _answered(flow: Flow, seen: Mapping[str, Any], copy: Copy, doubtful: Sequence[Place]) -> FlowFacts:
    on_the_way = (*_places(seen, copy.rules), *(place for place in doubtful if not _lets_pass(place)))
    chance = next((place for place in on_the_way if _by_chance(place)), None)
    if chance is not None:
        return FlowFacts(flow, Outcome.PROBABILISTIC, decider(chance, flow, copy.programs))
    by_process = next((place for place in on_the_way if _by_process(place)), None)
    if by_process is not None:
        return _of_process(flow, by_process, copy)
    if copy.incomplete is not None:
        return FlowFacts(flow, Outcome.UNKNOWN, reason=copy.incomplete)
    return FlowFacts(flow, Outcome.ALLOWED)


def _unanswered(flow: Flow, seen: Mapping[str, Any], copy: Copy, doubtful: Sequence[Place]) -> FlowFacts:
    by, part = _taker(seen, copy.rules), _part(seen)
    if by is not None and _by_process(by):
        return _of_process(flow, by, copy)
    if by is not None:
        saving = [place for place in (*doubtful, *_places(seen, copy.rules)) if _might_save(place, by)]
        process = next((place for place in saving if _by_process(place)), None)
        if process is not None:
            return _of_process(flow, process, copy)
        chance = next((place for place in (by, *saving) if _by_chance(place)), None)
        if chance is not None:
            return FlowFacts(flow, Outcome.PROBABILISTIC, decider(chance, flow, copy.programs, part), part=part)
        untracked = _untracked(flow, seen, copy) if part is Part.REPLY else None
        return FlowFacts(flow, Outcome.BLOCKED, decider(by, flow, copy.programs, part), part=part, untracked=untracked)
    translated = [place for place in _places(seen, copy.rules, ("request",)) if _translates(place)]
    if translated and seen["error"] != "silent":
        reason = f"it ended with {seen['error']}, as there is no way to where the rule sends it"
        return FlowFacts(flow, Outcome.BLOCKED, decider(translated[-1], flow, copy.programs), reason=reason)
    if seen["lost"] is not None or seen["error"] != "silent":
        how = "a packet vanished among the rules" if seen["error"] == "silent" else f"it ended with {seen['error']}"
        return FlowFacts(flow, Outcome.BLOCKED, part=part, reason=f"{how}, and no rule said that it was the one")
    return FlowFacts(flow, Outcome.UNKNOWN, reason="no answer came back, and no rule took a packet")


def _untracked(flow: Flow, seen: Mapping[str, Any], copy: Copy) -> Optional[Decider]:
    """The rule that exempts the request from connection tracking."""
    found = [place for place in _places(seen, copy.rules, ("request",)) if _exempts(place)]
    return decider(found[-1], flow, copy.programs) if found else None


def _exempts(place: Place) -> bool:
    if place.table.iptables:
        return place.target == "NOTRACK" or (place.target == "CT" and " --notrack" in place.line)
    return place.number is not None and " notrack" in f" {parse_nft.unquoted(place.target)}"


def _might_save(place: Place, by: Place) -> bool:
    """Whether the packet would not have come to the rule or policy that took it, had this one matched."""
    if place.table.key != by.table.key or place.number is None or not _lets_pass(place):
        return False
    return place.chain.name != by.chain.name or by.number is None or place.number < by.number


def _of_process(flow: Flow, place: Place, copy: Copy) -> FlowFacts:
    """The agent is another program than this."""
    by = decider(place, flow, copy.programs)
    return FlowFacts(flow, Outcome.UNKNOWN, by, reason=f"{title(by)} asks for the control group of a program")


def _part(seen: Mapping[str, Any]) -> Part:
    if seen["neighbours"]:
        return Part.NEIGHBOURS
    return Part.REPLY if seen["lost"] == "reply" else Part.REQUEST


def _taker(seen: Mapping[str, Any], index: Index) -> Optional[Place]:
    """The rule or policy that took a packet: nf_tables says so itself, of a legacy rule its target tells."""
    directions = (seen["lost"],) if seen["lost"] is not None else ("request", "reply")
    for direction in directions:
        taken = seen[direction]["taken"]
        place = index.place(taken) if taken is not None else None
        if place is not None:
            return place
        legacy = [place for place in _places(seen, index, (direction,)) if place.table.backend.value == "legacy"]
        taking = [place for place in legacy if place.target in TAKING]
        if taking:
            return taking[-1]
    return None


def _places(
    seen: Mapping[str, Any], index: Index, directions: tuple[str, ...] = ("request", "reply")
) -> Iterator[Place]:
    """Where packets of the flow met a rule or a policy, in the order in which it was last heard."""
    for direction in directions:
        for event in seen[direction]["events"]:
            place = index.place(event)
            if place is not None:
                yield place


def _diverted_to(flow: Flow, seen: Mapping[str, Any]) -> Optional[str]:
    if seen["destination"] is None or tuple(seen["destination"]) == (flow.address, flow.port):
        return None
    address, port = seen["destination"]
    return f"{address}:{port}"


def _queues(place: Place) -> bool:
    return place.target in QUEUEING if place.table.iptables else " queue" in f" {place.target}"


def _lets_pass(place: Place) -> bool:
    """All that it can do is to let the packet out of its table."""
    return place.target == "ACCEPT" if place.table.iptables else bool(_ACCEPT.search(parse_nft.unquoted(place.target)))


def _translates(place: Place) -> bool:
    return place.target in TRANSLATING if place.table.iptables else bool(_TRANSLATION.search(place.target))


def may_differ(text: str) -> bool:
    """Some rule of these depends on more than packet and ruleset."""
    return bool(_CHANCE.search(text) or _PROCESS.search(text))


def _by_process(place: Place) -> bool:
    line = place.line if place.table.iptables else parse_nft.unquoted(place.line)
    return place.number is not None and bool(_PROCESS.search(line))


def _by_chance(place: Place) -> bool:
    if place.number is None:
        return False
    if place.table.iptables:
        return place.target not in ONLY_LOOKING and bool(_CHANCE.search(place.line))
    return nft_rule.parse(place.line).decides and bool(_CHANCE.search(parse_nft.unquoted(place.line)))
