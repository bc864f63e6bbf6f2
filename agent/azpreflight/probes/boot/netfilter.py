"""Whether the kernel has what the agent's own firewall rules are made of.

With OS.EnableFirewall=y waagent lets root alone talk to the wire server, which hands out the VM's certificates and
settings. Its three rules match on the owner of a packet and on the state of its connection, each a module of its own. A
slim kernel without them, or a line of modprobe.d, makes the agent log "Unable to add firewall rules" and go on without:
the VM works, and every user of it reaches the wire server (WALinuxAgent, azurelinuxagent/ga/firewall_manager.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import kernels, modprobe
from azpreflight.guest.kernels import Kernel, Presence
from azpreflight.guest.modprobe import Rule
from azpreflight.host import Host
from azpreflight.model import Cause, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import several

PROGRAMS = {
    "iptables": ("/usr/sbin/iptables", "/sbin/iptables", "/usr/bin/iptables"),
    "nft": ("/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"),
}
"""In the order in which the agent looks for them."""
MATCHES = ("xt_owner", "xt_conntrack")
MODULES: Mapping[str, tuple[str, ...]] = {
    "iptables": (*MATCHES, "ip_tables", "iptable_security"),
    "iptables-nft": (*MATCHES, "nf_tables", "nft_compat"),
    "nft": ("nf_tables", "nft_ct"),
}
"""By the program and the kind of tables that it makes."""
BY_NAME = ("ip_tables", "iptable_security")
"""What iptables and the kernel load by name."""
MAX_LINKS = 5
"""From /usr/sbin/iptables by the alternatives system to the program that serves all of its names."""


@dataclass(frozen=True)
class NetfilterFacts:
    """What the agent's rules need, and which kernels have it."""

    wanted: bool = False
    """The agent will start and make rules."""
    program: Optional[str] = None
    """iptables, iptables-nft or nft; None: there is neither."""
    kernels: tuple[Kernel, ...] = ()
    blocked: Mapping[str, Rule] = field(default_factory=dict)
    boot_seen: bool = True
    """There are kernels under /boot."""


def look(host: Host, run: Run) -> NetfilterFacts:
    """Nothing where no rules are wanted; else the program, the kernels' lists and modprobe.d."""
    agents = run.facts(AgentsFacts)
    config = agents.waagent.config if agents is not None and agents.waagent.starts else None
    if config is None or not config.enable_firewall:
        return NetfilterFacts()
    program = _program(host)
    names = MODULES.get(program or "", ())
    found, rules = kernels.kernels(host, names), modprobe.rules(host)
    needs = {name: found[0].drivers[name].needs if found else () for name in names}
    blocked = {name: modprobe.blocking(rules, name, needs[name], None) for name in names}
    stopped = {name: rule for name, rule in blocked.items() if rule is not None and _stops(rule)}
    return NetfilterFacts(True, program, found, stopped, kernels.in_boot(host))


def _stops(rule: Rule) -> bool:
    """A blacklist is for aliases, and these are asked for by their names; the others are not."""
    return rule.kind != "blacklist" or rule.name not in BY_NAME


def _program(host: Host) -> Optional[str]:
    for name, paths in PROGRAMS.items():
        path = next((path for path in paths if host.info(path, follow=False) is not None), None)
        if path is not None:
            return "iptables-nft" if name == "iptables" and "nft" in _last(host, path) else name
    return None


def _last(host: Host, path: str) -> str:
    """The name of what the links of a program lead to."""
    for _ in range(MAX_LINKS):
        info = host.info(path, follow=False)
        if info is None or info.target is None:
            break
        path = info.target if info.target.startswith("/") else f"{path.rpartition('/')[0]}/{info.target}"
    return path.rpartition("/")[2]


def judge(facts: NetfilterFacts, run: Run) -> Iterator[Verdict]:
    """The program is there, and every kernel has its modules and may load them."""
    if not facts.wanted:
        yield NotApplicable("waagent makes no firewall rules here (OS.EnableFirewall)")
    elif facts.program is None:
        yield _finding("neither iptables nor nft is installed", "Install iptables.")
    elif not facts.kernels:
        yield kernels.without_modules(facts.boot_seen)
    else:
        yield from _judge_modules(facts)


def _judge_modules(facts: NetfilterFacts) -> Iterator[Finding]:
    newest = facts.kernels[0]
    for name in MODULES[facts.program or ""]:
        rule, lacking = facts.blocked.get(name), kernels.without(facts.kernels, name)
        if rule is not None and newest.drivers[name].presence is Presence.MODULE:
            what = f"{name} is blocked by {rule.where} ({rule.text})"
            yield _finding(what, "Remove the line.", *modprobe.comment_out(rule))
        elif newest.release in lacking:
            yield _finding(
                f"{name} is missing from kernel {several(lacking)}",
                "Install a kernel that has it, or the package with the rest of this kernel's modules.",
            )


def _finding(what: str, fix: str, *commands: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"{what}: the agent cannot make its firewall rules, and every user of a VM reaches the wire server",
        fix,
        commands,
    )


CHECKS = (
    check(
        "boot-netfilter",
        "the kernel supports the agent's firewall rules",
        part("netfilter", judge),
        Severity.WARNING,
        cause=Cause.AGENT_CONFIG,
    ),
)
