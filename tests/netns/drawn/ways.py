"""Routes of the guest, the way out, tunnels, sizes, certificates, clocks, proxies, and the platform's own servers."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Optional

from azpreflight.model import Cause
from tests.netns import faults, field, field_routes, topology
from tests.netns.drawn.part import Part, Way
from tests.netns.standin import Fault

LINK, WIRE, IMDS, DNS, CONTROL, EGRESS = Way
EVERYTHING = tuple(Way)
ALL_WAYS = (WIRE, IMDS, DNS, CONTROL, EGRESS)
HOST = (WIRE, DNS, CONTROL)
"""What 168.63.129.16 does for a VM."""
NO_NETWORK, PLATFORM, NO_EGRESS = (Cause.NO_NETWORK,), (Cause.PLATFORM_UNREACHABLE,), (Cause.NO_EGRESS,)
TUNNEL, MTU, TLS, CLOCK, PROXY = (
    (Cause.FORCED_TUNNEL,),
    (Cause.PATH_MTU,),
    (Cause.TLS_INTERCEPTION,),
    (Cause.CLOCK,),
    (Cause.PROXY,),
)


def part(
    dimension: str,
    name: str,
    fault: Fault,
    causes: Iterable[Cause],
    ready: Optional[bool],
    *,
    takes: Iterable[Way] = (),
    needs: Iterable[Way] = (LINK,),
    likely: Iterable[Cause] = (),
) -> Part:
    """A fault of one of these dimensions."""
    many = (frozenset(causes), frozenset(likely))
    return Part(dimension, name, fault, *many, takes=frozenset(takes), needs=frozenset(needs), ready=ready)


def _wire_by(kind: str, address: str) -> Fault:
    return faults.on("vm", f"ip route replace {kind} {address}")


def _table(kind: str, prefix: str) -> Fault:
    return faults.on("vm", f"ip route add {kind} {prefix} table 200", "ip rule add priority 1000 lookup 200")


def routes(rng: Random) -> Part:
    """The guest's own link, addresses and routes."""
    kind = rng.choice(("blackhole", "unreachable", "prohibit"))
    wire = topology.WIRE_SERVER
    choices = (
        part(
            "routes",
            "no default route",
            faults.NO_DEFAULT_ROUTE,
            NO_NETWORK,
            False,
            takes=(EGRESS, DNS, CONTROL),
            needs=(),
        ),
        part("routes", "no address", faults.NO_ADDRESS, NO_NETWORK, False, takes=EVERYTHING, needs=()),
        part("routes", "link-local alone", faults.ADDRESS_OF_LINK_ONLY, NO_NETWORK, False, takes=EVERYTHING, needs=()),
        part("routes", "link down", faults.LINK_DOWN, NO_NETWORK, False, takes=EVERYTHING, needs=()),
        part(
            "routes",
            "gateway that nobody has",
            faults.GATEWAY_WRONG,
            (*PLATFORM, *NO_NETWORK),
            False,
            takes=ALL_WAYS,
        ),
        part("routes", f"{kind} of the wire server", _wire_by(kind, wire), PLATFORM, False, takes=HOST),
        part("routes", f"{kind} of the wire server in a table", _table(kind, wire), PLATFORM, False, takes=HOST),
        part(
            "routes",
            f"{kind} of the stores in a table",
            _table(kind, "20.60.0.0/16"),
            NO_EGRESS,
            True,
            takes=(EGRESS,),
            needs=(LINK, CONTROL, EGRESS),
        ),
        part("routes", "rule prohibits the wire server", field_routes.RULE_PROHIBITS, PLATFORM, False, takes=HOST),
        part(
            "routes",
            "exit node of a VPN",
            field_routes.EXIT_NODE,
            PLATFORM,
            False,
            takes=ALL_WAYS,
        ),
        part(
            "routes",
            "VPN's table takes the stores",
            field_routes.POLICY_TABLE,
            NO_EGRESS,
            True,
            takes=(EGRESS,),
            needs=(LINK, CONTROL, EGRESS),
        ),
        part(
            "routes",
            "VPN takes the wire server",
            faults.OTHER_CARD_TAKES_PLATFORM,
            PLATFORM,
            False,
            takes=HOST,
        ),
        part("routes", "second NIC has the default route", field_routes.SECOND_NIC, PLATFORM, False, takes=ALL_WAYS),
        part(
            "routes",
            "docker's network has the stores",
            field_routes.DOCKER_SHADOWS_STORE,
            NO_EGRESS,
            True,
            takes=(EGRESS,),
            needs=(LINK, CONTROL, EGRESS),
        ),
        part(
            "routes",
            "second address as source",
            sum_of(field_routes.SECOND_ADDRESS, field_routes.PRIMARY_ALONE),
            PLATFORM,
            False,
            takes=(WIRE, IMDS, DNS, CONTROL),
        ),
        part("routes", "static, no host route", sum_of(field_routes.STATIC, field.NO_HOST_ROUTE), PLATFORM, False),
    )
    return rng.choice(choices)


def on_edge(*rules: str) -> Fault:
    """Rules of the virtual network's edge for what passes it."""
    return faults.on("edge", *(f"iptables-nft -A FORWARD {rule}" for rule in rules))


def egress(rng: Random) -> Part:
    """The way out is shut, as a whole or in part; what is small may be needed or not."""
    reject = rng.choice(("DROP", "REJECT", "REJECT --reject-with icmp-admin-prohibited"))
    shut = (EGRESS,)
    choices: tuple[tuple[str, Fault, tuple[Way, ...]], ...] = (
        ("edge drops", faults.EDGE_DROPS, shut),
        ("edge unreachable", faults.EDGE_UNREACHABLE, shut),
        ("edge prohibits", faults.EDGE_PROHIBITS, shut),
        (f"edge: {reject} of 443", on_edge(f"-p tcp --dport 443 -j {reject}"), shut),
        ("edge resets 443", on_edge("-p tcp --dport 443 -j REJECT --reject-with tcp-reset"), shut),
        (f"edge: {reject} of the store", on_edge(f"-d {topology.STORE} -j {reject}"), ()),
        ("virtual network lets nothing out", faults.ONLY_BY_PROXY, shut),
        ("repository shut", faults.REPOSITORY_SHUT, ()),
        ("SNI filter on the repository", field.SNI_FILTER, ()),
        ("store closed", faults.server("store", "closed"), shut),
        ("store resets", faults.server("store", "reset"), shut),
        ("store garbage", faults.server("store", "garbage"), shut),
    )
    name, fault, takes = rng.choice(choices)
    return _weighed(rng, part("egress", name, fault, NO_EGRESS, True, takes=takes, needs=(LINK, CONTROL, EGRESS)))


def _weighed(rng: Random, found: Part) -> Part:
    """The same with an extension that needs the way itself, or a HostGAPlugin that does not help."""
    if EGRESS not in found.takes or rng.random() < 0.5:
        return found
    name, more = rng.choice((("nor plugin", faults.PLUGIN_FAILS), ("diagnostics", faults.HAS_DIAGNOSTICS)))
    return part(
        found.dimension,
        f"{found.name}, {name}",
        sum_of(found.fault, more),
        found.causes,
        False,
        takes=found.takes,
        needs=(*found.needs, WIRE),
        likely=found.likely,
    )


def tunnel(rng: Random) -> Part:
    """What is sent to the internet goes to an on-premises network."""
    name, more, likely = rng.choice(
        (
            ("vanishes", (), ()),
            ("gateway quiet", (faults.keeps_quiet("fabric"),), ()),
            ("stores spared", (faults.STORE_IS_SPARED,), ()),
            ("prohibited", (faults.APPLIANCE_PROHIBITS,), ()),
            ("unreachable", (faults.APPLIANCE_UNREACHABLE,), ()),
            ("reset", (faults.APPLIANCE_RESETS,), ()),
            ("all quiet", (faults.keeps_quiet("onprem"), faults.keeps_quiet("appliance")), NO_EGRESS),
        )
    )
    takes = () if name == "stores spared" else (EGRESS,)
    fault = sum_of(faults.TUNNEL, *more)
    return _weighed(
        rng, part("tunnel", name, fault, TUNNEL, True, takes=takes, needs=(LINK, CONTROL, EGRESS), likely=likely)
    )


def sizes(rng: Random) -> Part:
    """Large packets vanish, on the way in, out, or both."""
    largest = rng.choice((1300, 1400, 1450))
    way, match = rng.choice((("either way", ""), ("in", "-i wan"), ("out and in", "-o wan"), ("in", "-i wan")))
    if way == "out and in":
        rules: tuple[str, ...] = (f"-m length --length {largest + 1}: -j DROP",)
    else:
        rules = (f"{match} -m length --length {largest + 1}: -j DROP",)
    name, more = rng.choice(
        (
            ("", Fault()),
            (", nor plugin", faults.PLUGIN_FAILS),
            (", monitor", Fault(setup={"extension": field.MONITOR})),
            (", diagnostics", faults.HAS_DIAGNOSTICS),
        )
    )
    ready = None if "monitor" in name or "diagnostics" in name else not name
    return part(
        "sizes",
        f"over {largest} vanish {way}{name}",
        sum_of(on_edge(*rules), more),
        MTU,
        ready,
        takes=(EGRESS,),
        needs=(LINK, CONTROL, EGRESS, WIRE),
    )


def trust(rng: Random) -> Part:
    """Certificates and clocks."""
    choices = (
        part("trust", "inspected", faults.TLS_INSPECTED, TLS, True, needs=(LINK, CONTROL, EGRESS)),
        part(
            "trust",
            "inspected, nor plugin",
            sum_of(faults.TLS_INSPECTED, faults.PLUGIN_FAILS),
            TLS,
            False,
            needs=(LINK, CONTROL, EGRESS, WIRE),
        ),
        part(
            "trust",
            "clock 400 days ahead",
            faults.CLOCK_400_DAYS_AHEAD,
            CLOCK,
            False,
            needs=(LINK, CONTROL, WIRE, EGRESS),
        ),
        part("trust", "clock two hours behind", faults.CLOCK_TWO_HOURS_BEHIND, CLOCK, True, needs=(LINK, WIRE)),
        part("trust", "no authorities", faults.NO_AUTHORITIES, (Cause.AGENT_CONFIG,), True, needs=()),
    )
    return rng.choice(choices)


def proxy(rng: Random) -> Part:
    """The agent's proxy does not let it out, or catches what it must not."""
    how = rng.choice(("closed", "silent", "reset", "garbage", "403", "407", "502"))
    only = rng.random() < 0.5
    takes = (EGRESS,)
    choices = (
        part(
            "proxy",
            f"{how}{', the only way out' if only else ''}",
            sum_of(faults.AGENT_HAS_PROXY, faults.proxy(how), *((faults.ONLY_BY_PROXY,) if only else ())),
            PROXY,
            True,
            takes=takes,
        ),
        part(
            "proxy",
            f"{how}, nor plugin",
            sum_of(faults.AGENT_HAS_PROXY, faults.proxy(how), faults.PLUGIN_FAILS),
            PROXY,
            False,
            takes=takes,
            needs=(LINK, WIRE),
        ),
        part(
            "proxy",
            "the agent lacks it",
            sum_of(faults.proxy("answers"), faults.ONLY_BY_PROXY, faults.APT_HAS_PROXY),
            PROXY,
            True,
            takes=takes,
            needs=(LINK, CONTROL, EGRESS),
            likely=NO_EGRESS,
        ),
        part(
            "proxy",
            "catches the platform",
            sum_of(faults.proxy("answers"), faults.CAUGHT_BY_PROXY),
            PROXY,
            None,
            needs=(),
        ),
        part("proxy", "wildcard in no_proxy", sum_of(field.WILDCARD, faults.proxy("403")), PROXY, True, takes=takes),
    )
    return rng.choice((choices[0], choices[0], *choices))


def platform(rng: Random) -> Part:
    """The platform's own servers."""
    wire = rng.choice(("closed", "silent", "reset", "garbage", "endless", "redirects", "500"))
    plugin, imds = (
        rng.choice(("closed", "silent", "reset")),
        rng.choice(("closed", "silent", "503", "reset", "garbage")),
    )
    choices = (
        part(
            "platform",
            f"wire server {wire}",
            faults.server("wire", wire),
            PLATFORM,
            False,
            takes=(WIRE,),
            needs=(LINK, WIRE),
        ),
        part(
            "platform", f"plugin {plugin}", faults.server("hostgaplugin", plugin), PLATFORM, False, needs=(LINK, WIRE)
        ),
        part(
            "platform", f"IMDS {imds}", faults.server("imds", imds), PLATFORM, True, takes=(IMDS,), needs=(LINK, IMDS)
        ),
        part(
            "platform", "wire server gone", faults.WIRE_SERVER_GONE, PLATFORM, False, takes=(WIRE,), needs=(LINK, WIRE)
        ),
        part("platform", "168.63.129.16 gone", faults.PLATFORM_GONE, PLATFORM, False, takes=HOST, needs=(LINK, WIRE)),
        part("platform", "option 245 wrong", faults.WRONG_OPTION_245, PLATFORM, True, needs=()),
    )
    return rng.choice(choices)


def sum_of(*parts: Fault) -> Fault:
    """All of them at once."""
    return Fault(
        setup={key: value for one in parts for key, value in one.setup.items()},
        behaviours={key: value for one in parts for key, value in one.behaviours.items()},
        dns={key: value for one in parts for key, value in one.dns.items()},
        files={key: value for one in parts for key, value in one.files.items()},
        commands=tuple(command for one in parts for command in one.commands),
        delay_s=max((one.delay_s for one in parts), default=0.0),
    )
