"""What glibc makes of a name before it asks for it: the search list, and the order of nsswitch.conf."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.guest.resolv_conf import FileState, ResolvConfFile, parse
from azpreflight.host import DnsAnswer, Outcome
from azpreflight.probes.dns import nsswitch, resolved, search
from azpreflight.probes.dns.facts import Asked, DnsFacts, Role, Searched, Server
from tests.support.fakes import FakeHost

NAME, SERVER = "a.blob.core.windows.net", "10.0.0.5"
FILE = "nameserver 10.0.0.5\nsearch corp.example\noptions ndots:{dots}\n"


def facts(caught: tuple[str, ...], own: tuple[str, ...] = ("20.60.0.10",)) -> DnsFacts:
    answer = DnsAnswer(Outcome.OK, 0.0, "NOERROR", own)
    return DnsFacts(
        file=ResolvConfFile("/etc/resolv.conf", FileState.PRESENT, content=parse(FILE.format(dots=5))),
        names=(NAME,),
        servers=(Server(SERVER, Role.CONFIGURED, (Asked(NAME, "A", False, answer),)),),
        searched=(Searched(NAME, "corp.example", SERVER, caught),) if caught else (),
    )


def test_a_wildcard_of_a_search_domain_is_told() -> None:
    (found,) = search.caught(facts(("198.51.100.9",)))
    assert f"{NAME}.corp.example first (ndots:5" in found.message
    assert found.commands == ("sed -i 's/\\<ndots:5\\>/ndots:1/' /etc/resolv.conf",)


def test_nothing_is_told_without_one_or_of_a_name_that_nobody_knows() -> None:
    assert list(search.caught(facts(()))) == []
    assert list(search.caught(facts(("198.51.100.9",), own=()))) == []


@pytest.mark.parametrize(("dots", "asked"), [(5, True), (4, False)])
def test_only_names_with_fewer_dots_are_completed(dots: int, asked: bool) -> None:
    answer = DnsAnswer(Outcome.OK, 0.0, "NOERROR", ("198.51.100.9",))
    host = FakeHost(dns={(SERVER, f"{NAME}.corp.example", "A", False): answer})
    file = ResolvConfFile("/etc/resolv.conf", FileState.PRESENT, content=parse(FILE.format(dots=dots)))
    assert bool(search.ask(host, file, (NAME,), (SERVER,))) is asked


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("files dns", None),
        ("files mdns4_minimal [NOTFOUND=return] dns", None),
        ("files resolve [!UNAVAIL=return] dns", None),
        ("files [NOTFOUND=return] dns", "files [NOTFOUND=return]"),
        ("files mymachines [!UNAVAIL=return] dns", "mymachines [!UNAVAIL=return]"),
        ("files [UNAVAIL=return] dns", None),
        ("files [!NOTFOUND=return] dns", None),
        ("dns [NOTFOUND=return] wins", None),
    ],
)
def test_what_ends_the_search_before_dns(line: str, end: Optional[str]) -> None:
    assert nsswitch.ends_before_dns(line) == end


def test_the_line_is_read_without_its_comment() -> None:
    host = FakeHost(files={"/etc/nsswitch.conf": "passwd: files\nhosts:   files dns # usual\n"})
    assert nsswitch.hosts_line(host) == "files dns"


@pytest.mark.parametrize(
    ("links", "unmanaged"),
    [
        (("ADMIN_STATE=unmanaged\nOPER_STATE=routable\n",), True),
        (("ADMIN_STATE=unmanaged\nOPER_STATE=routable\n", "ADMIN_STATE=configured\nOPER_STATE=routable\n"), False),
        (("ADMIN_STATE=unmanaged\nOPER_STATE=off\n",), False),
        ((), False),
    ],
)
def test_networkd_that_takes_care_of_no_link(links: tuple[str, ...], unmanaged: bool) -> None:
    host = FakeHost(files={f"/run/systemd/netif/links/{number}": text for number, text in enumerate(links, 2)})
    assert resolved.unmanaged(host) is unmanaged
