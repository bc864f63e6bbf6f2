"""What is known of the guest's firewall: dumps, chains, the guest agent's own rules, and what became of each flow."""

from __future__ import annotations

from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import LinkFilter

BROADCAST = "255.255.255.255"
"""Nobody's address: what is sent there is on its way, and who answers does so from an address of its own."""


class Backend(str, Enum):
    """Which of the kernel's two packet filters a rule lives in; both run at once."""

    LEGACY = "legacy"
    NFT = "nft"


class Outcome(str, Enum):
    """What the rules do to a flow."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    DIVERTED = "diverted"
    """Address translation sends it elsewhere."""
    REWRITTEN = "rewritten"
    """It gets out with another source address than it was sent from (SNAT, MASQUERADE)."""
    QUEUED = "queued"
    """A program decides (NFQUEUE), so no rehearsal can."""
    PROBABILISTIC = "probabilistic"
    """A rate limit, a quota, a clock or chance decides."""
    UNKNOWN = "unknown"


class Part(str, Enum):
    """Which part of an exchange the rules took."""

    REQUEST = "request"
    REPLY = "reply"
    NEIGHBOURS = "neighbours"
    """IPv6 finds the next hop by ICMPv6 before anything is sent, and rules can take that too."""


class Purpose(str, Enum):
    """What provisioning needs a flow for."""

    WIRE_SERVER = "wire-server"
    IMDS = "imds"
    DNS = "dns"
    PACKAGE = "package"
    DHCP = "dhcp"
    PROBE = "probe"
    """A load balancer's question after the VM's health, which comes from 168.63.129.16."""


@dataclass(frozen=True)
class Flow:
    """A connection, or an exchange of datagrams."""

    protocol: str
    """tcp or udp."""
    address: str
    port: int
    purpose: Purpose
    source_port: int = 0
    """0: any."""
    uid: int = 0
    """Whose connection it is. Provisioning is root's business; what others may is for information."""
    caller: Optional[str] = None
    """Of a connection to this machine: who makes it. `address` is then the machine's own."""

    @property
    def text(self) -> str:
        """As findings name it: "tcp 168.63.129.16:80"."""
        return f"{self.protocol} {self.address}:{self.port}"


@dataclass(frozen=True)
class Dump:
    """What one of the system's tools printed of the live rules."""

    name: str
    """legacy ip, legacy ip6; nft chains, nft ip and nft ip6 (the tables of nf_tables that iptables made), nft and the
    family and name of any other table; ipset."""
    command: str
    text: str
    error: Optional[str] = None
    """Why the dump is missing or incomplete; None for a whole one."""


@dataclass(frozen=True)
class ChainFacts:
    """One chain, in numbers."""

    backend: Backend
    family: str
    """ip, ip6, inet, netdev, arp or bridge."""
    table: str
    chain: str
    policy: Optional[str]
    """ACCEPT or DROP; None for a chain that is only jumped to."""
    rules: int


class AgentState(str, Enum):
    """How complete the rules are that the guest agent installs for itself."""

    COMPLETE = "complete"
    BLOCKS_ROOT = "blocks-root"
    """The rule that drops is there without the one before it that lets root through."""
    BLOCKS_DNS = "blocks-dns"
    """The rule that drops is there without the one before it that lets DNS over TCP through."""
    BLOCKS_PROBES = "blocks-probes"
    """The rule that drops asks for no state, as those of old agents: answers to health probes from 168.63.129.16 do not
    get out."""
    OPEN = "open"
    """The rule that drops is missing: harmless."""


@dataclass(frozen=True)
class AgentRules:
    """The guest agent's own rules in one table."""

    backend: Backend
    table: str
    state: AgentState
    rules: tuple[str, ...]
    command: str
    """Takes out what drops; the agent puts its rules back when it starts."""


@dataclass(frozen=True)
class Decider:
    """The rule, or the policy of a chain, that decided a flow."""

    backend: Backend
    family: str
    table: str
    chain: str
    number: Optional[int]
    """Place in the chain, 1 first; None for the policy."""
    text: str
    """The rule as its tool prints it; for a policy `policy DROP`."""
    packets: Optional[int]
    """How many packets the live rule has counted; None if it does not count."""
    general: bool
    """True for a rule that speaks of more than this flow, so that it should stay: a set, a map, or all that is left;
    and for one of iptables' with a comment, which it would take to delete it."""
    owner: Optional[str]
    """waagent for a rule that the guest agent installs itself; None for any other."""
    command: str
    """Takes the rule out of the flow's way on this machine, or lets the flow through before the policy applies. Of a
    rule saved for the next boot it changes the file; "" where that takes more than one command."""
    file: Optional[str] = None
    """Of a rule that is saved for the next boot: where it comes from."""
    line: Optional[int] = None
    """1 first; None where only the file is known."""
    maker: Optional[str] = None
    """The program that makes the chain, such as docker, kube-proxy, fail2ban or ufw; None for anybody's chain."""


@dataclass(frozen=True)
class FlowFacts:
    """What the rules do to one flow, and which rule does it."""

    flow: Flow
    outcome: Outcome
    decider: Optional[Decider] = None
    """None if nothing stands in the way, or if the rule could not be named."""
    to: Optional[str] = None
    """Where a diverted flow goes: address:port."""
    source: Optional[str] = None
    """The address that a rewritten flow leaves with."""
    mark: int = 0
    """The mark that rules put on it before it is routed; `marker` is the rule that did."""
    marker: Optional[Decider] = None
    untracked: Optional[Decider] = None
    """Of a flow whose answers are lost: the rule that keeps the request out of connection tracking, so that no rule
    knows them for answers."""
    part: Part = Part.REQUEST
    """Of a flow that is not allowed."""
    rehearsed: bool = True
    """False if this was worked out from the text of the rules, because the kernel could not be asked."""
    reason: Optional[str] = None
    """Why the outcome is unknown, or what else is to be said."""


@dataclass(frozen=True)
class Rehearsal:
    """How the flows were decided."""

    needed: bool
    """False where there are no rules, so that nothing can be in the way."""
    error: Optional[str] = None
    """Why it could not be made, so that the text of the rules was asked instead; None if it was made or not needed."""
    load_errors: tuple[str, ...] = ()
    """What could not be copied: then a flow that passed is not proven to pass."""
    trace_error: Optional[str] = None
    """Why rules could not be named; None if they could."""
    modules: tuple[str, ...] = ()
    """Kernel modules that the kernel loaded meanwhile; none of the machine's rules changed."""
    limits: tuple[str, ...] = ()
    """What these rules do that no rehearsal can copy."""
    duration_s: float = 0.0


@dataclass(frozen=True)
class SecondOpinion:
    """What python-iptables makes of the legacy tables alone. It cannot see nf_tables, so it is never the verdict."""

    differences: tuple[str, ...] = ()
    """Chains of which it counts other rules, or has another policy, than the system's own tools."""
    error: Optional[str] = None
    """Why it has no opinion."""


@dataclass(frozen=True)
class UnitFilter:
    """What systemd itself filters of the packets of an agent's unit."""

    unit: str
    setting: str
    """As in the unit's files, those of its slices included: "IPAddressDeny=any"."""
    shuts: tuple[str, ...]
    """The platform's addresses that the unit cannot reach."""


@dataclass(frozen=True)
class FirewallFacts:
    """The guest's firewall as it is now."""

    plain: Optional[Backend]
    """Which of the two the command `iptables` speaks to here; None if there is no such command."""
    dumps: tuple[Dump, ...]
    chains: tuple[ChainFacts, ...]
    agent_rules: tuple[AgentRules, ...]
    rehearsal: Rehearsal
    flows: tuple[FlowFacts, ...]
    second_opinion: Optional[SecondOpinion] = None
    """None if there are no legacy tables, or python-iptables is not installed."""
    unit_filters: tuple[UnitFilter, ...] = ()
    link_filters: Optional[tuple[LinkFilter, ...]] = ()
    """None where the kernel did not tell."""
    programs: tuple[str, ...] = ()
    """Programs that add and remove rules while the machine runs, by the chains that they have or the services that
    are enabled."""

    @property
    def unread(self) -> tuple[Dump, ...]:
        """The dumps that failed."""
        return tuple(dump for dump in self.dumps if dump.error is not None)
