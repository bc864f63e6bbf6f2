"""Machines for the checks of saved firewall rules: a healthy one, and a broken one for each check."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from azpreflight.firewall.boot import rehearsal
from azpreflight.firewall.boot.facts import SavedRulesFacts
from azpreflight.host import Completed, Interface, Outcome, Route
from azpreflight.model import Finding, Report, Run
from azpreflight.probes import firewall, firewall_boot
from azpreflight.probes.firewall.flows import ANYWHERE
from tests.support.fakes import FakeHost, Link, Node
from tests.support.judging import judged
from tests.support.machines.firewall import ANSWERED, event, lost

WIRE, IMDS = "168.63.129.16", "169.254.169.254"
RUN = Run()
FLOWS = (
    f"tcp {WIRE}:80",
    f"tcp {WIRE}:32526",
    f"tcp {IMDS}:80",
    f"udp {WIRE}:53",
    f"tcp {WIRE}:53",
    f"tcp {ANYWHERE}:443",
    f"tcp {ANYWHERE}:80",
    f"udp {WIRE}:67",
)
"""What is tried on the machine below, in order; after them three flows of nobody's."""
PERSISTENT = "/lib/systemd/system/netfilter-persistent.service"
NFTABLES = "/lib/systemd/system/nftables.service"
RULES = "/etc/iptables/rules.v4"
WORKER = (sys.executable, *rehearsal.PYTHON)
NFT_SAVE, NFT_LIST = "iptables-nft-save", ("nft", "-n", "list", "chains")
DROP = f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80 -j DROP"
UNITS: Mapping[str, Node] = {
    PERSISTENT: "[Unit]\nDefaultDependencies=no\nBefore=network-pre.target\n"
    "[Service]\nExecStart=/usr/sbin/netfilter-persistent start\n",
    NFTABLES: "[Unit]\nDefaultDependencies=no\nBefore=network-pre.target\n"
    "[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n",
    "/usr/share/netfilter-persistent/plugins.d/15-ip4tables": "#!/bin/sh\n",
    "/usr/sbin/iptables-restore": Link("xtables-nft-multi"),
    "/usr/sbin/iptables": Link("xtables-nft-multi"),
}


def wanted(*paths: str) -> dict[str, Node]:
    """The links that enable these units."""
    return {f"/etc/systemd/system/multi-user.target.wants/{path.rpartition('/')[2]}": Link(path) for path in paths}


def saved(*rules: str, policy: str = "ACCEPT") -> str:
    """A file of rules, of which the first stands in line 4."""
    return "\n".join(["*filter", ":INPUT ACCEPT [0:0]", f":OUTPUT {policy} [0:0]", *rules, "COMMIT", ""])


def answer(flows: Mapping[str, Mapping[str, Any]], text: str, errors: Mapping[str, str], **more: Any) -> Completed:
    """What the worker says: these flows met something, all others were answered, and this is what was loaded."""
    seen = [flows.get(flow, ANSWERED) for flow in (*FLOWS, "", "", "")]
    loads = [{"name": tool, "status": 1, "output": words, "service": ""} for tool, words in errors.items()]
    reads = [{"name": "nft ip", "status": 0, "text": text}]
    said = {"loads": loads, "reads": reads, "trace_error": None, "trace_lost": False, "modules": [], "flows": seen}
    return Completed(0, json.dumps({**said, **more}), "")


def machine(
    *rules: str,
    policy: str = "ACCEPT",
    flows: Mapping[str, Mapping[str, Any]] = {},
    errors: Mapping[str, str] = {},
    worker: Optional[Completed] = None,
    files: Mapping[str, Node] = {},
    live: tuple[str, ...] = (),
    **more: Any,
) -> FakeHost:
    """A machine with these rules saved for netfilter-persistent, and these live."""
    text = saved(*rules, policy=policy)
    chains = (
        "table ip filter {\n\tchain OUTPUT {\n\t\ttype filter hook output priority filter; policy accept;\n\t}\n}\n"
    )
    addresses = (WIRE, IMDS, ANYWHERE)
    return FakeHost(
        files={**UNITS, **wanted(PERSISTENT), RULES: text, "/etc/resolv.conf": f"nameserver {WIRE}\n", **files},
        programs={
            WORKER: worker or answer(flows, text, errors),
            ("iptables-restore",): Completed(0, "", ""),
            ("nft",): Completed(0, "", ""),
            NFT_LIST: Completed(0, chains if live else "", ""),
            (NFT_SAVE,): Completed(0, "", ""),
            (NFT_SAVE, "-c"): Completed(0, saved(*(f"[1:60] {rule}" for rule in live)), ""),
        },
        interface_list=(Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24",)),),
        routes={address: Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4") for address in addresses},
        **more,
    )


def at(rule: int, chain: str = "OUTPUT", direction: str = "request") -> dict[str, Any]:
    """A flow that was taken by this rule, or the policy."""
    where = event("filter", chain, rule, "nft", verdict="drop")
    return {**lost(where, direction), direction: {"taken": where, "events": [where]}}


HEALTHY = machine("-A OUTPUT -o lo -j ACCEPT", live=("-A OUTPUT -o lo -j ACCEPT",))
BLOCKED = machine(DROP, flows={FLOWS[0]: at(1)}, live=(DROP,))
BROKEN = {
    "firewall-boot-load": machine(errors={"iptables-restore": "iptables-restore: line 4 failed"}),
    "firewall-boot-flows": BLOCKED,
    "firewall-boot-change": machine(DROP, live=("-A OUTPUT -o lo -j ACCEPT", "-A OUTPUT -j ACCEPT")),
}


def report(host: FakeHost, run: Run = RUN) -> Report:
    bare = replace(firewall_boot.PROBE, needs=())
    return judged(host, run, replace(firewall.PROBE, needs=()), bare)


def findings(host: FakeHost, run: Run = RUN) -> dict[str, tuple[Finding, ...]]:
    results = report(host, run).results
    return {result.check: result.findings for result in results if result.probe == "firewall_boot" and result.findings}


def statuses(host: FakeHost, run: Run = RUN) -> dict[str, str]:
    results = report(host, run).results
    return {result.check: result.status.value for result in results if result.probe == "firewall_boot"}


def reasons(host: FakeHost, run: Run = RUN) -> dict[str, str]:
    return {result.check: result.reason or "" for result in report(host, run).results}


def facts_of(host: FakeHost, run: Run = RUN) -> SavedRulesFacts:
    facts = report(host, run).facts["firewall_boot"]
    assert isinstance(facts, SavedRulesFacts)
    return facts


BOTH: Mapping[str, Node] = {**wanted(NFTABLES), "/etc/nftables.conf": "flush ruleset\n"}
