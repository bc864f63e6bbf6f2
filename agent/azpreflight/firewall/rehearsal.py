"""Having the kernel decide: the live rules are copied into a namespace of their own, where the flows are really tried.

The work is done by a program of its own (`worker`), started as a child: a process with threads must not fork, and a
crash, a hang or a kill of the child takes everything that it made with it. Here is what it is told, and what it says.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from azpreflight import package
from azpreflight.firewall import nfttext
from azpreflight.firewall.decide import decide
from azpreflight.firewall.facts import Backend, Dump, Flow, FlowFacts, Outcome, Rehearsal
from azpreflight.firewall.naming import Index
from azpreflight.firewall.rules import Table, rules_of
from azpreflight.firewall.tools import PREFIX, program
from azpreflight.host import Host, HostError, Interface, Route
from azpreflight.host import Outcome as RouteOutcome

LIMIT = 5.0
"""Seconds for the whole rehearsal; it takes about a tenth of one."""
LIMIT_MANY = 10.0
"""Seconds where there are more rules than MANY."""
MANY = 10_000
WORKER = "azpreflight.firewall.worker.main"
PYTHON = ("-I", "-S", "-B", *package.arguments(WORKER))
"""Nothing of the environment or of site-packages takes part, which also halves the time to start, and no compiled file
is left behind."""
PORT_RANGE = "net/ipv4/ip_local_port_range"
LOG_ALL = "/proc/sys/net/netfilter/nf_log_all_netns"
_LOGS = (" -j LOG", " log ")

Result = tuple[Rehearsal, tuple[FlowFacts, ...]]


def rehearse(host: Host, dumps: "Sequence[Dump]", tables: "Sequence[Table]", flows: "Sequence[Flow]") -> Result:
    """What the live rules do to each flow. Never raises: what cannot be done is in the result."""
    incomplete = next((f"some rules could not be read: {found.error}" for found in dumps if found.error), None)
    if not any(table.matters for table in tables):
        return _without_rules(flows, incomplete)
    began = time.monotonic()
    try:
        answer = _run_worker(host, _job(host, dumps, tables, flows))
    except HostError as error:
        return _not_made(flows, str(error))
    if "invalid" in answer:
        return _not_made(flows, answer["invalid"])
    load_errors = _load_errors(answer)
    rehearsal = Rehearsal(
        needed=True,
        load_errors=load_errors,
        trace_error=answer["trace_error"],
        modules=tuple(answer["modules"]),
        duration_s=round(time.monotonic() - began, 4),
    )
    incomplete = incomplete or next((f"some rules could not be copied: {error}" for error in load_errors), None)
    index, programs = Index(tables), programs_of(host)
    decided = (decide(flow, seen, index, programs, incomplete) for flow, seen in zip(flows, answer["flows"]))
    return rehearsal, tuple(decided)


def _without_rules(flows: "Sequence[Flow]", incomplete: Optional[str]) -> Result:
    outcome = Outcome.ALLOWED if incomplete is None else Outcome.UNKNOWN
    return Rehearsal(needed=False), tuple(FlowFacts(flow, outcome, reason=incomplete) for flow in flows)


def _not_made(flows: "Sequence[Flow]", error: str) -> Result:
    reason = f"the rules could not be rehearsed: {error}"
    return Rehearsal(True, error), tuple(FlowFacts(flow, Outcome.UNKNOWN, reason=reason) for flow in flows)


def _load_errors(answer: "Mapping[str, Any]") -> "tuple[str, ...]":
    return tuple(
        f"{step['name']} ended with {step['status']}: {(step['output'].splitlines() or ['no message'])[0].strip()}"
        for step in answer["loads"]
        if step["status"] != 0
    )


def programs_of(host: Host) -> "dict[str, str]":
    """The names of iptables' programs by backend and family, such as "legacy ip"; absent ones are left out."""
    found = {f"{backend.value} {family}": program(host, backend, family) for backend in Backend for family in PREFIX}
    return {name: tool for name, tool in found.items() if tool is not None}


# --- the worker ---------------------------------------------------------------------------------------------------


def _run_worker(host: Host, job: "Mapping[str, Any]") -> "dict[str, Any]":
    done = host.run((sys.executable, *PYTHON), job["limit_s"] + 1, stdin=json.dumps(job).encode("utf-8", "replace"))
    if done.status != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise HostError(f"the rehearsal did not end within {job['limit_s']} s" if done.status == -14 else said)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise HostError("the rehearsal's answer cannot be read") from None
    return dict(answer)


def _job(host: Host, dumps: "Sequence[Dump]", tables: "Sequence[Table]", flows: "Sequence[Flow]") -> "dict[str, Any]":
    loads = _loads(host, dumps, tables)
    _keep_logs_quiet(host, tables)
    interfaces = {interface.name: interface for interface in host.interfaces()}
    addresses = tuple(dict.fromkeys(flow.address for flow in flows))
    destinations = [_destination(host, address, interfaces) for address in addresses]
    used = {interface for _, interface, _, _ in destinations if interface != "lo"}
    own = {name for name, interface in interfaces.items() if _holds_any(interface, addresses)}
    named = {name for table in tables if not table.iptables for name in nfttext.interfaces(table)}
    devices = {name for table in tables for chain in table.chains.values() for name in chain.devices}
    count = sum(1 for _ in rules_of(tuple(tables)))
    port_range = host.text(f"/proc/sys/{PORT_RANGE}")
    return {
        "limit_s": LIMIT if count <= MANY else LIMIT_MANY,
        "interfaces": [_interface(interfaces[name]) for name in sorted((used | own) - {"lo"})],
        "stand_ins": sorted(named - used - own - {"lo"}),
        "destinations": destinations,
        "flows": [_flow(flow) for flow in flows],
        "loads": loads,
        "settings": {PORT_RANGE: port_range.strip()} if port_range else {},
        "ingress_devices": sorted(devices & used),
    }


def _keep_logs_quiet(host: Host, tables: "Sequence[Table]") -> None:
    """The kernel writes no logs for other namespaces than the first, unless it is told to: then nothing is rehearsed
    that would write to the console."""
    every = host.text(LOG_ALL)
    if every is not None and every.strip() == "1" and any(word in table.text for table in tables for word in _LOGS):
        raise HostError("net.netfilter.nf_log_all_netns is 1, so its log rules would write to the console")


def _flow(flow: Flow) -> "dict[str, Any]":
    return {
        "protocol": flow.protocol,
        "address": flow.address,
        "port": flow.port,
        "source_port": flow.source_port,
        "uid": 0,
    }


def _interface(interface: Interface) -> "dict[str, Any]":
    return {
        "name": interface.name,
        "mac": interface.mac,
        "mtu": interface.mtu,
        "addresses": list(interface.addresses),
    }


def _holds_any(interface: Interface, addresses: "Sequence[str]") -> bool:
    return any(held.partition("/")[0] in addresses for held in interface.addresses)


def _destination(
    host: Host, address: str, interfaces: "Mapping[str, Interface]"
) -> "tuple[str, str, Optional[str], Optional[str]]":
    """How the guest sends to the address. Where it has no way, as if by the interface that has addresses: whether the
    rules would let the flow through can be told all the same."""
    route = host.route(address)
    if route.outcome is not RouteOutcome.OK or route.interface is None:
        route = _any_way(address, interfaces)
    return address, str(route.interface), route.gateway, route.source


def _any_way(address: str, interfaces: "Mapping[str, Interface]") -> Route:
    for name, interface in interfaces.items():
        same_family = [held for held in interface.addresses if (":" in held) == (":" in address)]
        if name != "lo" and same_family:
            return Route(RouteOutcome.OK, name, None, same_family[0].partition("/")[0])
    raise HostError(f"no interface has an address to reach {address} from")


# --- loading ------------------------------------------------------------------------------------------------------


def _loads(host: Host, dumps: "Sequence[Dump]", tables: "Sequence[Table]") -> "list[dict[str, Any]]":
    """Sets first, because rules refer to them; then each kind of tables by its own tool."""
    steps = [_step(host, "ipset", ("restore",), found.text) for found in dumps if found.name == "ipset"]
    for backend in Backend:
        for family, plain in PREFIX.items():
            of_kind = [t.text for t in tables if t.iptables and t.backend is backend and t.family == family]
            if of_kind:
                tool = program(host, backend, family, "-restore") or f"{plain}-{backend.value}-restore"
                steps.append(_step(host, tool, (), "".join(of_kind)))
    native = "".join(nfttext.loadable(table) for table in tables if not table.iptables)
    return [*steps, _step(host, "nft", ("-f", "-"), native)] if native else steps


def _step(host: Host, tool: str, arguments: "tuple[str, ...]", text: str) -> "dict[str, Any]":
    path = host.which(tool)
    if path is None:
        raise HostError(f"no program {tool}")
    return {"name": tool, "command": [path, *arguments], "input": text}
