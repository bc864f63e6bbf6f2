"""Which servers systemd-resolved asks for a name, by the files of its links and its own."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.probes.dns import resolved
from azpreflight.probes.dns.resolved import Scope, asked_for
from tests.support.fakes import FakeHost, Node

STORE, COMPANY = "a.blob.core.windows.net", "files.corp.example"
NIC = Scope("/run/systemd/netif/links/2", ("168.63.129.16",))


def vpn(*domains: str, routing: tuple[str, ...] = (), default: Optional[bool] = None) -> Scope:
    return Scope("/run/systemd/resolve/netif/9", ("10.9.9.9",), (*domains, *routing), routing, default)


@pytest.mark.parametrize(
    ("link", "store", "company"),
    [
        (vpn(), ("168.63.129.16", "10.9.9.9"), ("168.63.129.16", "10.9.9.9")),
        (vpn("corp.example"), ("168.63.129.16", "10.9.9.9"), ("10.9.9.9",)),
        (vpn("corp.example", default=False), ("168.63.129.16",), ("10.9.9.9",)),
        (vpn(routing=("corp.example",)), ("168.63.129.16",), ("10.9.9.9",)),
        (vpn(routing=(".",)), ("10.9.9.9",), ("10.9.9.9",)),
        (vpn(routing=("corp.example",), default=True), ("168.63.129.16", "10.9.9.9"), ("10.9.9.9",)),
        (vpn(routing=("windows.net",)), ("10.9.9.9",), ("168.63.129.16",)),
        (vpn(routing=("ndows.net",)), ("168.63.129.16",), ("168.63.129.16",)),
        (vpn(default=False), ("168.63.129.16",), ("168.63.129.16",)),
    ],
)
def test_the_domain_that_fits_best_decides_and_else_the_default_routes(
    link: Scope, store: tuple[str, ...], company: tuple[str, ...]
) -> None:
    assert (asked_for(STORE, (NIC, link)), asked_for(COMPANY, (NIC, link))) == (store, company)
    assert set(asked_for(STORE, (link, NIC))) == set(store), "the order of links is no matter"


FILES: dict[str, Node] = {
    "/run/systemd/netif/links/2": "ADMIN_STATE=configured\nDNS=168.63.129.16 10.0.0.5\nDOMAINS=Corp.example.\n"
    "ROUTE_DOMAINS=.\nDNS_DEFAULT_ROUTE=yes\n",
    "/run/systemd/resolve/netif/9": "LLMNR=yes\nSERVERS=100.100.100.100\nDOMAINS=ts.net ~10.in-addr.arpa\n"
    "DEFAULT_ROUTE=no\n",
    "/run/systemd/resolve/netif/10": "LLMNR=yes\n",
    "/etc/systemd/resolved.conf": "[Resolve]\nDNS=10.1.1.1\nDomains=~example.net\n",
    "/etc/systemd/resolved.conf.d/a.conf": "[Resolve]\nDNS=\nDNS=10.2.2.2\n",
}


def test_links_and_settings_are_read_as_they_are_written() -> None:
    of_settings, of_networkd, of_others = resolved.look(FakeHost(files=FILES))
    assert (of_settings.servers, of_settings.domains) == (("10.2.2.2",), ("example.net",))
    assert of_networkd.servers == ("168.63.129.16", "10.0.0.5")
    assert (of_networkd.domains, of_networkd.routing_only) == (("corp.example", "."), (".",))
    assert (of_networkd.default_route, of_others.default_route) == (True, False)
    assert (of_others.domains, of_others.routing_only) == (("ts.net", "10.in-addr.arpa"), ("10.in-addr.arpa",))
