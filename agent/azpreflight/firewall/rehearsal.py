"""Having the kernel decide: rules are copied into a namespace of their own, where the flows are really tried.

The work is done by a program of its own (`worker`), started as a child: a process with threads must not fork, and a
crash, a hang or a kill of the child takes everything that it made with it. Here is what it is told, and what is made of
what it says. Where it cannot do its work, the text of the rules is asked instead.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple, Optional

from azpreflight import package
from azpreflight.firewall import broker, parse_nft
from azpreflight.firewall.facts import Backend, Dump, Flow, FlowFacts, Outcome, Rehearsal
from azpreflight.firewall.network_context import NO_WAY, Scene, scene_of
from azpreflight.firewall.read_rules import unchecked
from azpreflight.firewall.rule_names import Index, Place
from azpreflight.firewall.rule_verdicts import Copy, decide, may_differ
from azpreflight.firewall.rules import MANY, Table, rules_of, too_many
from azpreflight.firewall.static import fallback, nft_rule
from azpreflight.firewall.static.evaluate import evaluate
from azpreflight.firewall.tools import PREFIX, program, programs_of
from azpreflight.foreign import edge, loads
from azpreflight.host import Completed, Host, HostError

LIMIT = 5.0
"""Seconds for the whole rehearsal; it takes about a tenth of one."""
LIMIT_MANY = 10.0
"""Seconds where there are more rules than MANY."""
WORKER = "azpreflight.firewall.worker.main"
PYTHON = ("-I", "-S", "-B", *package.arguments(WORKER))
"""Nothing of the environment or of site-packages takes part, which also halves the time to start, and no compiled file
is left behind."""
LOG_ALL = "/proc/sys/net/netfilter/nf_log_all_netns"
_LOGS = (" -j LOG", " log ")
_LIMITS = (
    ((" -m cgroup ", "cgroupv2", "meta cgroup"), "rules ask for a control group, and programs differ in theirs"),
    (
        (" -j NFQUEUE", " queue num", " queue to", " queue flags"),
        "rules leave packets to a program that reads a queue",
    ),
    (
        (
            *("-m bpf ", "-m u32 ", "-m string ", "-m connbytes ", "-m length ", "-m ttl ", "-m hl "),
            *("@nh,", "@th,", "@ih,", "ct bytes", "ct packets", "ct avgpkt", "meta length", "ip ttl", "ip6 hoplimit"),
        ),
        "rules look at what packets carry, at their length or number, or at how far they came, and the rehearsal's are "
        "not a real agent's",
    ),
)
"""Plain words, not patterns: they are looked for in megabytes."""

Result = tuple[Rehearsal, tuple[FlowFacts, ...]]


class Step(NamedTuple):
    """One of the system's tools that loads rules, with what it reads."""

    tool: str
    """One of `broker.LOADERS`."""
    text: str


def rehearse(host: Host, dumps: Sequence[Dump], tables: Sequence[Table], flows: Sequence[Flow]) -> Result:
    """What the live rules do to each flow. Never raises: what cannot be done is in the result."""
    incomplete = next((f"some rules could not be read: {found.error}" for found in dumps if found.error), None)
    if not any(table.matters for table in tables):
        return _without_rules(flows, incomplete)
    try:
        scene = scene_of(host, flows)
    except HostError as error:
        return Rehearsal(True, str(error)), tuple(FlowFacts(flow, Outcome.UNKNOWN, reason=str(error)) for flow in flows)
    copy = Copy(Index(tables), programs_of(host), incomplete)
    try:
        keep_logs_quiet(host, tables)
        answer = ask_worker(host, scene, flows, tables, steps_of(dumps, tables, host))
    except HostError as error:
        found = Rehearsal(True, str(error), limits=(*limits(tables), *unchecked(tables)))
        return found, fallback.by_text(flows, scene, tables, copy, str(error))
    return _result(flows, scene, tables, copy, answer)


def _without_rules(flows: Sequence[Flow], incomplete: Optional[str]) -> Result:
    outcome = Outcome.ALLOWED if incomplete is None else Outcome.UNKNOWN
    return Rehearsal(needed=False), tuple(FlowFacts(flow, outcome, reason=incomplete) for flow in flows)


def _result(
    flows: Sequence[Flow], scene: Scene, tables: Sequence[Table], copy: Copy, answer: Mapping[str, Any]
) -> Result:
    load_errors = load_errors_of(answer)
    if load_errors and copy.incomplete is None:
        copy = copy._replace(incomplete=f"some rules could not be copied: {load_errors[0]}")
    seen, in_doubt = iter(answer["flows"]), doubts(scene, tables)

    def one(flow: Flow) -> FlowFacts:
        if not scene.reaches(flow):
            return FlowFacts(flow, Outcome.UNKNOWN, reason=NO_WAY)
        return decide(flow, next(seen), copy, in_doubt(flow))

    rehearsal = Rehearsal(
        needed=True,
        load_errors=load_errors,
        trace_error=answer["trace_error"],
        modules=tuple(answer["modules"]),
        limits=(*limits(tables), *unchecked(tables)),
        duration_s=answer["duration_s"],
    )
    return rehearsal, tuple(one(flow) for flow in flows)


def doubts(scene: Scene, tables: Sequence[Table]) -> Callable[[Flow], tuple[Place, ...]]:
    """For a flow, the rules on its way that may do otherwise the next time; among very many they are not looked for."""
    differing = () if too_many(tables) else tuple(table for table in tables if may_differ(table.text))
    iptables = any(table.iptables for table in differing)

    def of(flow: Flow) -> tuple[Place, ...]:
        if not differing or flow.caller is not None:
            return ()
        at = scene.environment(flow)
        read = evaluate(flow, tables, at, flow.uid).doubtful if iptables else ()
        return (*read, *nft_rule.doubtful(flow, differing, at))

    return of


def load_errors_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """What the loaders complained of, a line for each."""
    return tuple(
        f"{step['name']} ended with {step['status']}: {(step['output'].splitlines() or ['no message'])[0].strip()}"
        for step in answer["loads"]
        if step["status"] != 0
    )


def limits(tables: Sequence[Table]) -> tuple[str, ...]:
    """What these rules do that no rehearsal can copy."""
    found = [limit for words, limit in _LIMITS if any(word in table.text for table in tables for word in words)]
    if any(table.family in ("arp", "bridge") and table.matters for table in tables):
        found.append("tables of the families arp and bridge filter frames, and the rehearsal sends none that need them")
    return tuple(found)


def keep_logs_quiet(host: Host, tables: Sequence[Table]) -> None:
    """The kernel writes no logs for other namespaces than the first, unless it is told to: then nothing is rehearsed
    that would write to the console."""
    every = host.text(LOG_ALL)
    if every is not None and every.strip() == "1" and any(word in table.text for table in tables for word in _LOGS):
        raise HostError("net.netfilter.nf_log_all_netns is 1, so its log rules would write to the console")


# --- the worker ---------------------------------------------------------------------------------------------------


def ask_worker(
    host: Host, scene: Scene, flows: Sequence[Flow], tables: Sequence[Table], steps: Sequence[Step]
) -> dict[str, Any]:
    """Run the worker, or have the service run it. HostError says why there is no rehearsal."""
    names = {name for table in tables if not table.iptables for name in parse_nft.interfaces(table)}
    devices = {name for table in tables for chain in table.chains.values() for name in chain.devices}
    limit = time_limit(tables)
    job = scene.as_json([flow for flow in flows if scene.reaches(flow)], names, devices)
    whole = {**job, "loads": [{"name": step.tool, "input": step.text} for step in steps]}
    began = time.monotonic()
    if broker.is_confined(host):
        answer = broker.ask(host, whole, limit)
    else:
        answer = run_worker(host, PYTHON, {**whole, "loads": broker.loads(host, whole["loads"])}, limit)
    return {**answer, "duration_s": round(time.monotonic() - began, 4)}


def time_limit(tables: Sequence[Table]) -> float:
    """Seconds that the rehearsal of these tables may take; what is not known then is unknown."""
    return LIMIT if sum(1 for _ in rules_of(tables)) <= MANY else LIMIT_MANY


def run_worker(host: Host, python: Sequence[str], job: Mapping[str, Any], limit: float) -> dict[str, Any]:
    """Have a worker do a job within so many seconds. HostError says why it did not."""
    whole = json.dumps({**job, "limit_s": limit}).encode("utf-8", "replace")
    answer = _answer(host.run((sys.executable, *python), limit + 1, stdin=whole), limit)
    if "invalid" in answer:
        raise HostError(answer["invalid"])
    return answer


def _answer(done: Completed, limit: float) -> dict[str, Any]:
    if done.status != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise HostError(f"the rehearsal did not end within {limit} s" if done.status == -14 else said)
    with edge(lambda reason: HostError(f"the rehearsal's answer cannot be read: {reason}")):
        return dict(loads(done.stdout))


def steps_of(dumps: Sequence[Dump], tables: Sequence[Table], host: Host) -> list[Step]:
    """Sets first, because rules refer to them; then each kind of tables by its own tool."""
    steps = [Step("ipset", found.text) for found in dumps if found.name == "ipset"]
    for backend in Backend:
        for family, plain in PREFIX.items():
            of_kind = [t.text for t in tables if t.iptables and t.backend is backend and t.family == family]
            if of_kind:
                tool = program(host, backend, family, "-restore") or f"{plain}-{backend.value}-restore"
                steps.append(Step(tool, "".join(of_kind)))
    native = "".join(parse_nft.loadable(table) for table in tables if not table.iptables)
    return [*steps, Step("nft", native)] if native else steps
