"""The verdicts on proxies, by what came of requests: the agent's own one, and one that it should have. Pure.

A proxy that the agent is told to use is its only straight way: it does not try without. It sends no password, so one
that wants a password is of no use to it (WALinuxAgent, common/utils/restutil.py). In a network that lets nothing out
but by a proxy, an agent without one is cut off like any VM without a way out, and only another program's settings, or
the words of a proxy on the way, tell the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from azpreflight.azure.answer import Answer
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.egress.check import WAY
from azpreflight.probes.egress.consequences import consequence_of
from azpreflight.probes.egress.facts import PROXY_WANTS_PASSWORD, EgressFacts, Way, by_flow, flow_of, host_of, way
from azpreflight.probes.egress.messages import AGAIN, evidence_of, hosts_of, place_of, told
from azpreflight.probes.network.detours import by_its_way
from azpreflight.probes.proxy.facts import ProxyFacts, config_commands, places_of
from azpreflight.shell import argument
from azpreflight.text import plain, several

NO_SETTINGS = "the settings of proxies could not be read"
WORKS = (Way.OPEN, Way.UNTRUSTED)
"""A way on which something answers: a certificate that is not trusted is another matter."""


def judge_agent_proxy(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """Whether what the agent fetches comes through its proxy."""
    settings = run.facts(ProxyFacts)
    asked = [answer for answer in facts.every if answer.proxy is not None]
    if settings is None:
        yield Unknown(NO_SETTINGS)
    elif not asked:
        yield NotApplicable("the agent uses no proxy")
    else:
        failed = by_flow(answer for answer in asked if way(answer) is Way.PROXY)
        yield from (_broken_proxy(facts, settings, answers) for answers in failed.values())


def _broken_proxy(facts: EgressFacts, settings: ProxyFacts, answers: Sequence[Answer]) -> Finding:
    first = answers[0]
    severity, consequence = consequence_of(facts, answers)
    wants = ", and waagent sends no password" if first.status == PROXY_WANTS_PASSWORD else ""
    message = f"waagent's proxy {first.proxy} ({plain(settings.agent_place)}) does not deliver {hosts_of(answers)}"
    sure = first.sure and first.address is not None
    fix, commands = _way_round(facts, settings)
    return Finding(
        severity,
        f"{message}: {told(first)}{wants}" + (f"; {consequence}" if consequence else ""),
        f"{fix}; {AGAIN}.",
        commands,
        evidence=evidence_of(first),
        flow=flow_of(first),
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        confidence_reason="the proxy or its host said so"
        if sure
        else "silence: something before the proxy may drop it",
    )


def _way_round(facts: EgressFacts, settings: ProxyFacts) -> tuple[str, tuple[str, ...]]:
    """A way that does work, else what the proxy has to learn."""
    works = [answer for answer in facts.otherwise if way(answer) in WORKS]
    if any(answer.proxy is None for answer in works):
        fix = "Take the proxy out of the agent's settings, as the straight way works"
        path = argument(settings.config_path)
        clear = (f"sed -i '/^HttpProxy\\./d' {path}", "systemctl try-restart waagent walinuxagent")
        return fix, clear if settings.config_host is not None else ()
    if works and works[0].proxy is not None:
        places = several(places_of(settings, works[0].proxy))
        fix = f"Let the agent use the proxy {works[0].proxy}, which works and is the one of {places}"
        return fix, config_commands(settings, works[0].proxy)
    return "Let the proxy pass these hosts for this VM without a password, or name one that does", ()


def judge_required(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """Whether a proxy would be the way out that the agent lacks."""
    settings = run.facts(ProxyFacts)
    if settings is None:
        yield Unknown(NO_SETTINGS)
        return
    straight = [answer for answer in facts.every if answer.proxy is None]
    if not straight:
        yield NotApplicable("no server was asked straight")
    for answers in by_flow(answer for answer in straight if way(answer) is Way.PROXY).values():
        yield _in_the_way(facts, answers)
    shut = [answer for answer in straight if way(answer) is Way.SHUT]
    tried = {answer.url: answer for answer in facts.otherwise if answer.proxy is not None and way(answer) in WORKS}
    helped = [answer for answer in shut if answer.url in tried]
    if helped and not any(way(answer) in WORKS for answer in straight):
        yield _would_help(facts, settings, shut, tried[helped[0].url])


def _in_the_way(facts: EgressFacts, answers: Sequence[Answer]) -> Finding:
    first = answers[0]
    severity, consequence = consequence_of(facts, answers)
    return Finding(
        severity,
        f"a proxy on the way ({first.via or 'nameless'}) answers in the place of {place_of(answers)}: {told(first)}"
        + (f"; {consequence}" if consequence else ""),
        "Exempt Azure's endpoints from that proxy, or set HttpProxy.Host and HttpProxy.Port to the one that is meant to"
        f" be used; {AGAIN}.",
        evidence=evidence_of(first),
        flow=flow_of(first),
        confidence=Confidence.CERTAIN if first.via is not None else Confidence.LIKELY,
        confidence_reason="its answer says so" if first.via is not None else "no server of Azure gives this status",
    )


def _would_help(facts: EgressFacts, settings: ProxyFacts, shut: Sequence[Answer], works: Answer) -> Finding:
    proxy = works.proxy or ""
    severity, consequence = consequence_of(facts, shut)
    flows = tuple(dict.fromkeys(flow_of(answer) for answer in shut))
    return Finding(
        severity,
        f"nothing gets out straight, and {host_of(works.url)} answers by the proxy {proxy} of"
        f" {several(places_of(settings, proxy))}, which waagent does not use"
        + (f"; {consequence}" if consequence else ""),
        f"Set this proxy for the agent too, and in the settings of extensions that send data of their own; {AGAIN}.",
        config_commands(settings, proxy),
        evidence=evidence_of(works),
        flow=flows[0],
        breaks=flows[1:],
        confidence_reason="the same server was asked both ways",
    )


CHECKS = (
    Check(
        "proxy-agent",
        "the agent's proxy delivers what the agent fetches",
        by_its_way(judge_agent_proxy),
        Severity.ERROR,
        cause=Cause.PROXY,
        depends_on=(*WAY, "path-large-packets"),
        environment=True,
    ),
    Check(
        "proxy-required",
        "waagent uses the proxy that outbound traffic requires",
        judge_required,
        Severity.ERROR,
        cause=Cause.PROXY,
        depends_on=WAY,
        environment=True,
    ),
)
