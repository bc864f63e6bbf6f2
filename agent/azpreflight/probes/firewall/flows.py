"""The flows that provisioning needs, as far as the other probes know the ends of them."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, IMDS, WIRE_SERVER
from azpreflight.firewall.facts import BROADCAST, Flow, Purpose
from azpreflight.model import Run
from azpreflight.probes.dns.facts import DnsFacts, addresses_of, judged
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.uplink import uplink_of
from azpreflight.probes.proxy.facts import ProxyFacts, agent_proxy, host_of_proxy, is_address, port_of_proxy

DNS_PORT, DHCP_SERVER_PORT, DHCP_CLIENT_PORT = 53, 67, 68
PACKAGE_PORTS = (443, 80)
"""Packages come by 443. Port 80 is tried too: lists of revoked certificates come by it."""
PROBED_PORTS = (22, 80, 443)
"""Ports that stand for those which a load balancer may ask."""
NOBODY = 65534
"""A user who is not root, and whom no rule means (`nobody` of most distributions)."""
MAX_PACKAGE_ADDRESSES = 6
"""A store has one or two addresses; more flows would tell nothing new."""
ANY_STORE = "https://any.blob.core.windows.net/"
"""Stands for where packages come from, as far as the settings of proxies decide."""
ANYWHERE = "203.0.113.1"
"""A public address (TEST-NET-3 of RFC 5737) in place of the stores', where nobody could tell theirs, and of all others
that are only found while they are tried; nothing is sent to it, but what the rules do to it they most likely do to any
other."""


def flows_of(run: Run) -> tuple[Flow, ...]:
    """Every flow once, in the order in which provisioning needs them."""
    flows = (*_platform(), *_names(run), *_packages(run), *_proxy(run), _lease(run), *_of_others(), *_probes(run))
    unique = {(flow.protocol, flow.address, flow.port, flow.uid): flow for flow in reversed(flows)}
    return tuple(reversed(unique.values()))


def _platform() -> Iterator[Flow]:
    yield Flow("tcp", WIRE_SERVER, 80, Purpose.WIRE_SERVER)
    yield Flow("tcp", WIRE_SERVER, HOST_PLUGIN_PORT, Purpose.WIRE_SERVER)
    yield Flow("tcp", IMDS, 80, Purpose.IMDS)


def _names(run: Run) -> Iterator[Flow]:
    """Servers on this machine too: a rule may forget the loopback."""
    facts = run.facts(DnsFacts)
    servers = [server.address for server in judged(facts)] if facts is not None else []
    for address in (*servers, WIRE_SERVER):
        if _plain(address):
            yield Flow("udp", address, DNS_PORT, Purpose.DNS)
            yield Flow("tcp", address, DNS_PORT, Purpose.DNS)


def _plain(address: str) -> bool:
    """No zone (fe80::1%eth0), and not the unspecified address."""
    return "%" not in address and address not in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound to


def _packages(run: Run) -> Iterator[Flow]:
    for address in (*tuple(package_addresses(run))[:MAX_PACKAGE_ADDRESSES], ANYWHERE):
        for port in PACKAGE_PORTS:
            yield Flow("tcp", address, port, Purpose.PACKAGE)


def _proxy(run: Run) -> Iterator[Flow]:
    """The agent's proxy, by which its packages come, if it is known by its address."""
    proxy = agent_proxy(run.facts(ProxyFacts), ANY_STORE) or ""
    host, port = host_of_proxy(proxy), port_of_proxy(proxy)
    if port is not None and is_address(host):
        yield Flow("tcp", host, port, Purpose.PACKAGE)


def package_addresses(run: Run) -> Iterator[str]:
    """Where the stores are, as far as any name server knew it; IPv6 only where this machine has a way to it."""
    facts = run.facts(DnsFacts)
    names = facts.names if facts is not None else ()
    addresses = (address for name in names if facts is not None for address in addresses_of(facts, name))
    ipv6 = _has_ipv6(run)
    yield from dict.fromkeys(address for address in addresses if ipv6 or ":" not in address)


def _has_ipv6(run: Run) -> bool:
    network = run.facts(NetworkFacts)
    return network is not None and any(route.version == 6 for route in network.default_routes)


def _lease(run: Run) -> Flow:
    """A lease is renewed by unicast from the client's port; the first one comes by raw packets that no rule of
    iptables sees. waagent's own request, where no lease tells it of the wire server, is a broadcast from a UDP socket,
    which rules do see (WALinuxAgent, common/dhcp.py, socket_send)."""
    network = run.facts(NetworkFacts)
    if network is not None and network.agent_must_ask:
        return Flow("udp", BROADCAST, DHCP_SERVER_PORT, Purpose.DHCP, DHCP_CLIENT_PORT)
    return Flow("udp", WIRE_SERVER, DHCP_SERVER_PORT, Purpose.DHCP, DHCP_CLIENT_PORT)


def _probes(run: Run) -> Iterator[Flow]:
    """Health probes of load balancers come from the wire server's address; whether their ports are open is the VM's own
    business, and that its answers get out is not (Microsoft Learn, "What is IP address 168.63.129.16?")."""
    network = run.facts(NetworkFacts)
    uplink = uplink_of(network) if network is not None else None
    if uplink is not None and uplink.addresses:
        address = uplink.address if uplink.address is not None else uplink.addresses[0]
        yield from (Flow("tcp", address, port, Purpose.PROBE, caller=WIRE_SERVER) for port in PROBED_PORTS)


def _of_others() -> Iterator[Flow]:
    """For information: the agent's own rules stop all but root, and credentials can be had at the second; services of
    extensions may have users of their own."""
    yield Flow("tcp", WIRE_SERVER, 80, Purpose.WIRE_SERVER, uid=NOBODY)
    yield Flow("tcp", IMDS, 80, Purpose.IMDS, uid=NOBODY)
    yield Flow("tcp", ANYWHERE, PACKAGE_PORTS[0], Purpose.PACKAGE, uid=NOBODY)
