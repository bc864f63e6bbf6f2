"""Machines for the checks of DNS: a healthy one, and a broken one for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from azpreflight.guest.resolv_conf import PATH
from azpreflight.host import DnsAnswer, Interface, Outcome, Route
from azpreflight.model import Config, Platform, Report, Result, Run, Stage
from azpreflight.probes import dns, network, platform
from azpreflight.probes.dns.facts import CONTROL
from azpreflight.probes.dns.names import IMPOSSIBLE
from tests.support.fakes import FakeHost, Node
from tests.support.judging import judged

STORE, TOOLS = "pkgs.blob.core.windows.net", "packages.example.net"
NAMES = (STORE, TOOLS)
SIBLING = "azpreflight-no-such-name.blob.core.windows.net"
ADDRESSES = {STORE: "20.60.0.10", TOOLS: "20.60.0.20"}
RUN = Run(
    stage=Stage.FIRSTBOOT,
    platform=Platform.AZURE,
    config=Config(endpoints=tuple(f"https://{name}/" for name in NAMES)),
)
ELSEWHERE = replace(RUN, platform=Platform.NONE)
BEHIND = "/run/systemd/resolve/resolv.conf"

Answers = Mapping[tuple[str, str, str, bool], DnsAnswer]
OK = Outcome.OK
ROUTES = {address: Route(OK, "eth0", "10.0.0.1", "10.0.0.4") for address in (CONTROL, "169.254.169.254")}
"""So that nothing but DNS is to blame."""
TABLE = {"/proc/net/route": "Iface Destination Gateway Flags\neth0 00000000 0100000A 0003 0 0 100 00000000 0 0 0\n"}
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.11/24",))
FOUND = {name: (address,) for name, address in ADDRESSES.items()}
"""What glibc finds."""


def answer(*addresses: str, rcode: str = "NOERROR", truncated: bool = False) -> DnsAnswer:
    return DnsAnswer(OK, 0.002, rcode=rcode, addresses=addresses, truncated=truncated)


def knows(server: str, names: Mapping[str, str] = ADDRESSES, tcp: bool = True, udp: bool = True) -> Answers:
    """A server that has IPv4 addresses for these names and nothing else."""
    every = {
        (server, name, rdtype, over_tcp): answer(*[names[name]] if rdtype == "A" else [])
        for name in names
        for rdtype in ("A", "AAAA")
        for over_tcp in (False, True)
    }
    every |= {
        (server, name, "A", over_tcp): answer(rcode="NXDOMAIN")
        for name in (*NAMES, IMPOSSIBLE, SIBLING)
        for over_tcp in (False, True)
        if name not in names
    }
    return {question: said for question, said in every.items() if (question[3] and tcp) or (not question[3] and udp)}


def says(server: str, said: DnsAnswer, tcp: bool = True, udp: bool = True) -> Answers:
    """A server that says the same to everything."""
    return {
        (server, name, rdtype, over_tcp): said
        for name in (*NAMES, IMPOSSIBLE, SIBLING)
        for rdtype in ("A", "AAAA")
        for over_tcp in (False, True)
        if (over_tcp and tcp) or (not over_tcp and udp)
    }


def machine(*servers: str, answers: Answers, files: Mapping[str, Node] = {}) -> FakeHost:
    text = "".join(f"nameserver {server}\n" for server in servers)
    return FakeHost(
        files={PATH: text, **TABLE, **files}, dns=answers, routes=ROUTES, interface_list=(ETH0,), names=FOUND
    )


def report_on(host: FakeHost, run: Run) -> Report:
    """The report of this probe, and of those that it needs."""
    return judged(host, run, network.PROBE, platform.PROBE, dns.PROBE)


def results(report: Report) -> list[Result]:
    """Of this probe alone."""
    return [result for result in report.results if result.probe == "dns"]


def statuses(report: Report) -> dict[str, str]:
    """Of this probe alone."""
    return {result.check: result.status.value for result in results(report)}


LEASES = "/var/lib/dhcp/dhclient.eth0.leases"


def lease(*servers: str) -> str:
    """What dhclient writes down where DHCP names these servers."""
    return f"lease {{\n  fixed-address 10.0.0.11;\n  option domain-name-servers {','.join(servers)};\n}}\n"


HEALTHY = machine(CONTROL, answers=knows(CONTROL))
BROKEN = {
    "dns-resolv-conf": FakeHost(routes=ROUTES),
    "dns-servers": machine("10.1.2.3", answers=knows(CONTROL), files={LEASES: lease("10.1.2.3")}),
    "dns-library": replace(machine(CONTROL, answers=knows(CONTROL)), names={}),
    "dns-tcp": machine(CONTROL, answers=knows(CONTROL, tcp=False)),
    "dns-answers": machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode="REFUSED"))}),
}
