"""Machines for the checks of firewall rules: a healthy one, and a broken one for each check."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

from azpreflight.firewall import rehearsal
from azpreflight.firewall.facts import FirewallFacts
from azpreflight.host import Completed, Interface, Outcome, Route
from azpreflight.model import Finding, Platform, Report, Run, Stage
from azpreflight.probes import dns, firewall, network, platform, proxy
from azpreflight.probes.firewall.flows import ANYWHERE
from azpreflight.probes.network.facts import SOMEWHERE
from tests.support.fakes import FakeHost, Link, Node
from tests.support.judging import judged

WIRE, IMDS, SERVER = "168.63.129.16", "169.254.169.254", "10.0.0.9"
PROXY = replace(proxy.PROBE, needs=())
RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
FLOWS = (
    f"tcp {WIRE}:80",
    f"tcp {WIRE}:32526",
    f"tcp {IMDS}:80",
    f"udp {SERVER}:53",
    f"tcp {SERVER}:53",
    f"udp {WIRE}:53",
    f"tcp {WIRE}:53",
    f"tcp {ANYWHERE}:443",
    f"tcp {ANYWHERE}:80",
    f"udp {WIRE}:67",
)
"""What is tried on the machine below, in order."""
OF_NOBODY = (f"tcp {WIRE}:80 of nobody", f"tcp {IMDS}:80 of nobody", f"tcp {ANYWHERE}:443 of nobody")
"""And this, for information."""
OF_PROBES = tuple(f"tcp 10.0.0.4:{port}" for port in (22, 80, 443))
"""And these come from the wire server, where the address of this machine is known."""
AGENT = (
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 53 -j ACCEPT",
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m owner --uid-owner 0 -j ACCEPT",
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m conntrack --ctstate INVALID,NEW -j DROP",
)
LEGACY_SAVE, NFT_LIST = ("iptables-legacy-save", "-c"), ("nft", "-n", "list", "chains")
WORKER = (sys.executable, *rehearsal.PYTHON)
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24",))
SILENCE: dict[str, Any] = {"taken": None, "events": []}
ANSWERED: dict[str, Any] = {
    "canary": None,
    "error": None,
    "lost": None,
    "neighbours": False,
    "destination": None,
    "request": SILENCE,
    "reply": SILENCE,
}


def event(table: str, chain: str, rule: int, backend: str = "legacy", **more: Any) -> dict[str, Any]:
    kind = "rule" if rule else "policy"
    said = {"backend": backend, "family": "ip", "table": table, "chain": chain, "kind": kind, "rule": rule}
    return {**said, "verdict": "", **more}


def lost(at: Mapping[str, Any], direction: str = "request") -> dict[str, Any]:
    """A flow of which a packet vanished at this rule."""
    return {**ANSWERED, "error": "silent", "lost": direction, direction: {"taken": None, "events": [at]}}


def answer(flows: Mapping[str, Mapping[str, Any]], **more: Any) -> Completed:
    """What the worker says: these flows met something, all others were answered."""
    seen = [flows.get(flow, ANSWERED) for flow in (*FLOWS, *OF_NOBODY, *OF_PROBES)]
    said = {"loads": [], "trace_error": None, "trace_lost": False, "modules": [], "flows": seen, **more}
    return Completed(0, json.dumps(said), "")


def save(*tables: tuple[str, tuple[str, ...]]) -> str:
    """What iptables-save prints of these tables and rules."""
    blocks = [f"*{name}\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n" + "".join(f"[7:420] {rule}\n" for rule in rules)
              for name, rules in tables]  # fmt: skip
    return "".join(f"{block}COMMIT\n" for block in blocks)


def machine(
    *rules: str,
    flows: Mapping[str, Mapping[str, Any]] = {},
    security: tuple[str, ...] = AGENT,
    worker: Optional[Completed] = None,
    files: Mapping[str, Node] = {},
    **more: Any,
) -> FakeHost:
    """A machine with these legacy rules in the filter table, and the agent's own."""
    text = save(("security", security), ("filter", rules))
    return FakeHost(
        files={
            "/etc/resolv.conf": f"nameserver {SERVER}\n",
            "/proc/net/ip_tables_names": "security\nfilter\n",
            "/proc/net/ip6_tables_names": "",
            "/proc/modules": "ip_tables 1 0 - Live 0x0\n",
            "/proc/sys/kernel/osrelease": "6.1.0\n",
            "/lib/modules/6.1.0/modules.builtin": "kernel/net/ipv4/tcp.ko\n",
            "/usr/sbin/iptables": Link("/etc/alternatives/iptables"),
            "/etc/alternatives/iptables": Link("/usr/sbin/iptables-legacy"),
            "/usr/sbin/iptables-legacy": Link("xtables-legacy-multi"),
            **files,
        },
        programs={
            LEGACY_SAVE: Completed(0, text, ""),
            ("iptables",): Completed(0, "", ""),
            ("iptables-legacy",): Completed(0, "", ""),
            ("iptables-legacy-restore",): Completed(0, "", ""),
            WORKER: worker or answer(flows),
        },
        interface_list=(ETH0,),
        routes={
            address: Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4")
            for address in (WIRE, IMDS, SERVER, ANYWHERE, SOMEWHERE)
        },
        **more,
    )


DROP = f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80 -j DROP"
DROP_ALL = "-A OUTPUT -j DROP"
BY_FIRST = lost(event("filter", "OUTPUT", 1))
HEALTHY = machine()
HIDDEN = machine(DROP_ALL, files={"/usr/sbin/iptables": Link("xtables-nft-multi")})
BROKEN = {
    "firewall-dump": HIDDEN,
    "firewall-agent-rules": machine(security=AGENT[2:], flows={FLOWS[0]: lost(event("security", "OUTPUT", 1))}),
    "firewall-wireserver": machine(DROP, flows={FLOWS[0]: BY_FIRST}),
    "firewall-imds": machine(DROP_ALL, flows={FLOWS[2]: BY_FIRST}),
    "firewall-dns": machine(DROP_ALL, flows={FLOWS[3]: BY_FIRST}),
    "firewall-egress": machine(DROP_ALL, flows={FLOWS[7]: BY_FIRST}),
    "firewall-dhcp": machine(DROP_ALL, flows={FLOWS[9]: BY_FIRST}),
    "firewall-limits": machine(
        files={
            "/lib/systemd/system/walinuxagent.service": "[Service]\nExecStart=/usr/sbin/waagent -daemon\n",
            "/etc/systemd/system/walinuxagent.service.d/hardening.conf": "[Service]\nIPAddressDeny=any\n",
        }
    ),
}


def report(host: FakeHost, run: Run = RUN) -> Report:
    return judged(host, run, network.PROBE, platform.PROBE, dns.PROBE, PROXY, firewall.PROBE)


def statuses(host: FakeHost, run: Run = RUN) -> dict[str, str]:
    return {result.check: result.status.value for result in report(host, run).results if result.probe == "firewall"}


def findings(host: FakeHost, run: Run = RUN) -> dict[str, tuple[Finding, ...]]:
    results = report(host, run).results
    return {result.check: result.findings for result in results if result.probe == "firewall" and result.findings}


def facts_of(host: FakeHost, run: Run = RUN) -> FirewallFacts:
    facts = report(host, run).facts["firewall"]
    assert isinstance(facts, FirewallFacts)
    return facts
