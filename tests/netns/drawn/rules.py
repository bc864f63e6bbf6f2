"""Rules of the guest's own firewall: by whom, in which table, on what, how deep, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from azpreflight.model import Cause
from tests.netns import faults, field, field_routes, topology
from tests.netns.drawn.part import Part, Way
from tests.netns.standin import Fault

DIMENSION = "rules"
FIREWALL = frozenset({Cause.GUEST_FIREWALL})
HOST = (Way.WIRE, Way.DNS, Way.CONTROL)
"""What 168.63.129.16 does for a VM."""
WIRE, STORES = topology.WIRE_SERVER, "20.60.0.0/16"


@dataclass(frozen=True)
class Target:
    """What a rule is about, in either language."""

    name: str
    iptables: tuple[str, ...]
    nft: tuple[str, ...]
    takes: frozenset[Way]
    ready: bool


def _target(name: str, iptables: str, nft: str, takes: tuple[Way, ...], ready: bool) -> Target:
    return Target(name, tuple(iptables.split("|")), tuple(nft.split("|")), frozenset(takes), ready)


TARGETS = (
    _target("tcp wire:80", f"-d {WIRE} -p tcp --dport 80", f"ip daddr {WIRE} tcp dport 80", (Way.WIRE,), False),
    _target("tcp wire:32526", f"-d {WIRE} -p tcp --dport 32526", f"ip daddr {WIRE} tcp dport 32526", (), False),
    _target("the wire server", f"-d {WIRE}", f"ip daddr {WIRE}", HOST, False),
    _target("168.63.0.0/16", "-d 168.63.0.0/16 -p tcp", "ip daddr 168.63.0.0/16 tcp dport 1-65535", (Way.WIRE,), False),
    _target("IMDS", f"-d {topology.IMDS}", f"ip daddr {topology.IMDS}", (Way.IMDS,), True),
    _target(
        "port 53",
        "-p udp --dport 53|-p tcp --dport 53",
        "udp dport 53|tcp dport 53",
        (Way.DNS, Way.CONTROL),
        False,
    ),
    _target("port 443", "-p tcp --dport 443", "tcp dport 443", (Way.EGRESS,), True),
    _target(
        "443 of a network", f"-d {STORES} -p tcp --dport 443", f"ip daddr {STORES} tcp dport 443", (Way.EGRESS,), True
    ),
    _target("the store", f"-d {topology.STORE}", f"ip daddr {topology.STORE}", (Way.EGRESS,), True),
)
WIRES = (Way.WIRE, Way.IMDS)
MATCHES = {
    "": ("", ""),
    "root's": ("-m owner --uid-owner 0", "meta skuid 0"),
    "new ones": ("-m conntrack --ctstate NEW", "ct state new"),
    "noted": ("-m comment --comment hardening", ""),
    "unicast": ("-m addrtype --dst-type UNICAST", "fib daddr type unicast"),
    "by eth0": ("-o eth0", 'oifname "eth0"'),
}
FRONT_ENDS = ("iptables-nft", "iptables-legacy", "nft")
TABLES = ("filter", "filter", "filter", "mangle", "raw", "security")


def broken(rng: Random) -> Part:
    """One rule, or a policy."""
    return rng.choice((_plain, _plain, _plain, _plain, _ipset, _whole, _replies, _source, _odd))(rng)


def _plain(rng: Random) -> Part:
    """A target, a match, a verdict, in one of the front ends, a chain deeper or not."""
    target, front = rng.choice(TARGETS), rng.choice(FRONT_ENDS)
    words = rng.choice(sorted(MATCHES))
    deep = rng.random() < 0.3
    table = rng.choice(TABLES) if front != "nft" else rng.choice(("inet", "ip"))
    verdict = rng.choice(("DROP", "DROP", "REJECT")) if table in ("filter", "inet", "ip") else "DROP"
    if table == "raw" and words == "new ones":
        words = ""
    if front == "nft":
        commands = _nft(target, MATCHES[words][1], table, verdict.lower(), deep, rng.choice((-150, 0, 50)))
    else:
        commands = _iptables(front, target, MATCHES[words][0], table, verdict, deep)
    name = f"{front} {table} {verdict} {words + ' ' if words else ''}{target.name}{', a chain deeper' if deep else ''}"
    return _part(name, faults.on("vm", *commands), target.takes, target.ready)


def _part(name: str, fault: Fault, takes: frozenset[Way], ready: bool) -> Part:
    needs = frozenset({Way.WIRE, Way.CONTROL}) if takes == {Way.EGRESS} else frozenset()
    return Part(DIMENSION, name, fault, FIREWALL, takes=takes, needs=needs, ready=ready)


def _iptables(tool: str, target: Target, match: str, table: str, verdict: str, deep: bool) -> list[str]:
    tool = f"{tool} -t {table}"
    if not deep:
        return [f"{tool} -A OUTPUT {rule} {match} -j {verdict}" for rule in target.iptables]
    head = [f"{tool} -N hardening", f"{tool} -A OUTPUT -j hardening"]
    return head + [f"{tool} -A hardening {rule} {match} -j {verdict}" for rule in target.iptables]


def _nft(target: Target, match: str, family: str, verdict: str, deep: bool, priority: int) -> list[str]:
    head = [
        f"nft add table {family} build",
        f"nft 'add chain {family} build out {{ type filter hook output priority {priority}; }}'",
    ]
    chain = "out"
    if deep:
        head += [f"nft add chain {family} build deep", f"nft add rule {family} build out jump deep"]
        chain = "deep"
    return head + [f"nft add rule {family} build {chain} {match} {rule} {verdict}" for rule in target.nft]


def _ipset(rng: Random) -> Part:
    """A set of addresses, one of which is this."""
    address, takes, ready = rng.choice(
        ((WIRE, HOST, False), (topology.IMDS, (Way.IMDS,), True), (topology.STORE, (Way.EGRESS,), True))
    )
    if rng.random() < 0.5:
        front = rng.choice(("iptables-nft", "iptables-legacy"))
        commands = [
            "ipset create blocked hash:net",
            "ipset add blocked 198.51.100.0/24",
            f"ipset add blocked {address}",
            f"{front} -A OUTPUT -m set --match-set blocked dst -j DROP",
        ]
    else:
        front = "nft"
        commands = [
            "nft add table ip build",
            "nft 'add set ip build blocked { type ipv4_addr; flags interval; }'",
            f"nft 'add element ip build blocked {{ 198.51.100.0/24, {address} }}'",
            "nft 'add chain ip build out { type filter hook output priority 0; }'",
            "nft add rule ip build out ip daddr @blocked drop",
        ]
    return _part(f"{front}, a set has {address}", faults.on("vm", *commands), frozenset(takes), ready)


def _whole(rng: Random) -> Part:
    """A policy that drops, with the usual exceptions but those that count."""
    front = rng.choice(("iptables-nft", "iptables-legacy"))
    established = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    name, commands = rng.choice(
        (
            ("OUTPUT", ["-A OUTPUT -o lo -j ACCEPT", f"-A OUTPUT {established}", "-P OUTPUT DROP"]),
            (
                "OUTPUT but ssh and names",
                [
                    "-A OUTPUT -o lo -j ACCEPT",
                    "-A OUTPUT -p udp --dport 53 -j ACCEPT",
                    "-A OUTPUT -p tcp --sport 22 -j ACCEPT",
                    "-P OUTPUT DROP",
                ],
            ),
            (
                "OUTPUT but 53, 80 and 443",
                [
                    "-A OUTPUT -o lo -j ACCEPT",
                    "-A OUTPUT -p udp --dport 53 -j ACCEPT",
                    "-A OUTPUT -p tcp -m multiport --dports 53,80,443 -j ACCEPT",
                    "-P OUTPUT DROP",
                ],
            ),
            ("INPUT but ssh", ["-A INPUT -i lo -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", "-P INPUT DROP"]),
        )
    )
    takes = frozenset() if "443" in name else frozenset(Way) - {Way.LINK}
    return _part(f"{front}, policy of {name}", faults.on("vm", *(f"{front} {one}" for one in commands)), takes, False)


def _replies(rng: Random) -> Part:
    """What comes back is dropped."""
    source, port, takes, ready = rng.choice(
        (
            (WIRE, 80, (Way.WIRE,), False),
            (WIRE, 32526, (), False),
            (topology.IMDS, 80, (Way.IMDS,), True),
            (STORES, 443, (Way.EGRESS,), True),
        )
    )
    front = rng.choice(FRONT_ENDS)
    if front == "nft":
        commands = [
            "nft add table inet build",
            "nft 'add chain inet build in { type filter hook input priority 0; }'",
            f"nft add rule inet build in ip saddr {source} tcp sport {port} drop",
        ]
    else:
        commands = [f"{front} -A INPUT -s {source} -p tcp --sport {port} -j DROP"]
    return _part(f"{front}, replies of {source} tcp {port}", faults.on("vm", *commands), frozenset(takes), ready)


def _source(rng: Random) -> Part:
    """A rule gives packets another source, or leads them elsewhere."""
    name, match, nft, takes, ready = rng.choice(
        (
            ("the wire server", f"-d {WIRE}", f"ip daddr {WIRE}", HOST, False),
            ("tcp 443", "-p tcp --dport 443", "tcp dport 443", (Way.EGRESS,), True),
            ("all by eth0", "-o eth0", 'oifname "eth0"', tuple(Way)[1:], False),
        )
    )
    front = rng.choice(FRONT_ENDS)
    fault = field_routes.rewrites(front, nft if front == "nft" else match)
    return _part(f"{front}, source NAT of what goes to {name}", fault, frozenset(takes), ready)


def _odd(rng: Random) -> Part:
    """Rules on what a packet carries, by a map, by chance, by a mark."""
    front = rng.choice(("iptables-nft", "iptables-legacy"))
    head = ["nft add table ip build", "nft 'add chain ip build out { type filter hook output priority 0; }'"]
    name, commands, takes, ready = rng.choice(
        (
            (
                "string in the goal state's request",
                [f"{front} -A OUTPUT -p tcp --dport 80 -m string --algo bm --string comp=goalstate -j DROP"],
                (Way.WIRE,),
                False,
            ),
            ("length of what comes in", [f"{front} -A INPUT -p tcp -m length --length 1400: -j DROP"], (), None),
            (
                "443 to a network, by a verdict map",
                [*head, f"nft 'add rule ip build out ip daddr {STORES} tcp dport vmap {{ 443 : drop, 25 : drop }}'"],
                (Way.EGRESS,),
                True,
            ),
            (
                "three of four to the stores",
                [*head, f"nft add rule ip build out ip daddr {STORES} tcp dport 443 numgen inc mod 4 \\< 3 drop"],
                (Way.EGRESS,),
                True,
            ),
            (
                "u32 on the wire server",
                [f'{front} -A OUTPUT -p tcp -m u32 --u32 "16=0xa83f8110" -j DROP'],
                (Way.WIRE,),
                False,
            ),
            (
                "the first packet of connections to the wire server",
                [f"{front} -A OUTPUT -d {WIRE} -p tcp --syn -j DROP"],
                (Way.WIRE,),
                False,
            ),
            (
                "what is longer than 120 bytes to the wire server",
                [f"{front} -A OUTPUT -d {WIRE} -p tcp -m length --length 120: -j DROP"],
                (Way.WIRE,),
                False,
            ),
            ("a time to live of 64", [f"{front} -A OUTPUT -p tcp --dport 80 -m ttl --ttl-eq 64 -j DROP"], WIRES, False),
            (
                "BPF on protocol and port 443",
                [
                    f"{front} -A OUTPUT -m bpf --bytecode "
                    '"6,48 0 0 9,21 0 3 6,40 0 0 22,21 0 1 443,6 0 0 65535,6 0 0 0" -j DROP'
                ],
                (Way.EGRESS,),
                True,
            ),
            (
                "port 443 by its place in the packet",
                [*head, "nft add rule ip build out ip protocol tcp @th,16,16 443 drop"],
                (Way.EGRESS,),
                True,
            ),
            (
                "more than one new connection a second to port 443",
                [
                    f"{front} -A OUTPUT -p tcp --syn --dport 443 -m limit --limit 1/minute --limit-burst 1 -j ACCEPT",
                    f"{front} -A OUTPUT -p tcp --syn --dport 443 -j DROP",
                ],
                (Way.EGRESS,),
                True,
            ),
            (
                "answers of DNS servers",
                [f"{front} -A INPUT -p udp --sport 53 -j DROP", f"{front} -A INPUT -p tcp --sport 53 -j DROP"],
                (Way.DNS, Way.CONTROL),
                False,
            ),
            (
                "a mark set in mangle",
                [
                    f"{front} -t mangle -A OUTPUT -d {WIRE} -p tcp -j MARK --set-mark 9",
                    f"{front} -A OUTPUT -m mark --mark 9 -j DROP",
                ],
                (Way.WIRE,),
                False,
            ),
            (
                "DNAT of port 53",
                [f"{front} -t nat -A OUTPUT -p udp --dport 53 -j DNAT --to-destination 10.9.9.9:53"],
                (Way.DNS, Way.CONTROL),
                False,
            ),
            (
                "redirect of tcp wire:80",
                [f"{front} -t nat -A OUTPUT -d {WIRE} -p tcp --dport 80 -j REDIRECT --to-ports 3129"],
                (Way.WIRE,),
                False,
            ),
        )
    )
    part = _part(f"{front}, {name}", faults.on("vm", *commands), frozenset(takes), bool(ready))
    way = frozenset({Way.WIRE, Way.CONTROL, Way.EGRESS})  # on which something large comes in
    return part if ready is not None else Part(DIMENSION, part.name, part.fault, FIREWALL, needs=way)


def harmless(rng: Random) -> Part:
    """Rules of which nothing that counts is the victim."""
    front = rng.choice(("iptables-nft", "iptables-legacy"))
    established = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    choices: tuple[tuple[str, Fault], ...] = (
        ("waagent's own", faults.AGENT_RULES),
        ("docker's", field.DOCKER_RULES),
        ("masquerade by eth0", faults.on("vm", f"{front} -t nat -A POSTROUTING -o eth0 -j MASQUERADE")),
        (
            "policy DROP of INPUT with its exceptions",
            faults.on(
                "vm",
                f"{front} -A INPUT -i lo -j ACCEPT",
                f"{front} -A INPUT {established}",
                f"{front} -A INPUT -p tcp --dport 22 -j ACCEPT",
                f"{front} -P INPUT DROP",
            ),
        ),
        (
            "policy DROP of OUTPUT with its exceptions",
            faults.on(
                "vm",
                f"{front} -A OUTPUT -o lo -j ACCEPT",
                f"{front} -A OUTPUT {established}",
                f"{front} -A OUTPUT -p udp -m multiport --dports 53,67,123 -j ACCEPT",
                f"{front} -A OUTPUT -p tcp -m multiport --dports 53,80,443,32526 -j ACCEPT",
                f"{front} -A INPUT {established}",
                f"{front} -P OUTPUT DROP",
            ),
        ),
        ("mail is dropped", faults.on("vm", f"{front} -A OUTPUT -p tcp --dport 25 -j REJECT")),
        (
            "others than root may not to the wire server",
            faults.on("vm", f"{front} -A OUTPUT -d {WIRE} -p tcp --dport 80 -m owner ! --uid-owner 0 -j DROP"),
        ),
        ("forwarding is dropped", faults.on("vm", f"{front} -P FORWARD DROP", f"{front} -A FORWARD -j DROP")),
        ("new ones are logged", faults.on("vm", f"{front} -A OUTPUT -p tcp -m conntrack --ctstate NEW -j LOG")),
        ("invalid ones are dropped", faults.on("vm", f"{front} -A OUTPUT -m conntrack --ctstate INVALID -j DROP")),
        (
            "too many to ssh are dropped",
            faults.on(
                "vm",
                f"{front} -A INPUT -p tcp --dport 22 -m hashlimit --hashlimit-above 10/min --hashlimit-mode srcip "
                "--hashlimit-name ssh -j DROP",
            ),
        ),
        ("not tracked, and accepted", faults.on("vm", f"{front} -t raw -A OUTPUT -p udp --dport 53 -j NOTRACK")),
        ("marked for the main table", field.MARKED_HARMLESS),
        (
            "a set of bad addresses",
            faults.on(
                "vm",
                "ipset create bad hash:net",
                "ipset add bad 198.51.100.0/24",
                f"{front} -A INPUT -m set --match-set bad src -j DROP",
                f"{front} -A OUTPUT -m set --match-set bad dst -j DROP",
            ),
        ),
    )
    name, fault = rng.choice(choices)
    return Part(DIMENSION, f"{front}, {name}", fault)
