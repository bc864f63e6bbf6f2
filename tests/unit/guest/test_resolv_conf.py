"""resolv.conf as glibc reads it, and every odd thing that can stand in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest.resolv_conf import PATH, FileState, ResolvConf, canonical, is_local, look, parse
from azpreflight.host import FileInfo, FileKind
from tests.support.fakes import Denied, FakeHost, Fifo, Link

WELL = "# made by DHCP\nsearch a.internal.cloudapp.net b.example\nnameserver 168.63.129.16\noptions edns0 trust-ad\n"


def test_servers_search_list_and_options() -> None:
    assert parse(WELL) == ResolvConf(
        nameservers=("168.63.129.16",),
        search=("a.internal.cloudapp.net", "b.example"),
        options=("edns0", "trust-ad"),
    )


def test_the_last_search_list_wins_a_domain_is_one_word_and_options_add_up() -> None:
    read = parse("search a b\ndomain c d\noptions rotate\noptions ndots:2 timeout:1\n")
    assert (read.search, read.options) == (("c",), ("rotate", "ndots:2", "timeout:1"))


def test_systemd_resolved_says_that_it_knows_no_server() -> None:
    assert parse("# No DNS servers known.\nsearch .\n") == ResolvConf(search=(".",), nobody=True)


@pytest.mark.parametrize(
    "line",
    [
        "nameserver 10.0.0.4\r",
        " nameserver 10.0.0.4",
        "Nameserver 10.0.0.4",
        "nameserver 10.0.0.4;",
        "nameserver=10.0.0.4",
        "nameserver dns.example.net",
        "nameserver 10.0.0.256",
        "nameserver 10.0.0.4:53",
        "nameserver\u00a010.0.0.4",
        "nameserver",
        "nameserver ",
        "nameservers 10.0.0.4",
    ],
)
def test_a_line_that_glibc_passes_over_is_kept_apart(line: str) -> None:
    assert parse(f"{line}\nnameserver 10.0.0.5") == ResolvConf(nameservers=("10.0.0.5",), ignored=(line,))


@pytest.mark.parametrize("line", ["#nameserver 10.0.0.4", "; nameserver 10.0.0.4", "sortlist 10.0.0.0", "\x0c", ""])
def test_comments_and_other_keywords_are_nothing(line: str) -> None:
    assert parse(line) == ResolvConf()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.4", "10.0.0.4"),
        ("10.1", "10.0.0.1"),
        ("010.0.0.4", "8.0.0.4"),
        ("0x0a000001", "10.0.0.1"),
        ("4294967295", "255.255.255.255"),
        ("4294967296", None),
        ("1.256.1", None),
        ("08.0.0.1", None),
        ("1.2.3.4.5", None),
        ("1..2", None),
        ("\u0661.2.3.4", None),
        ("10.0.0.4%eth0", None),
        ("FD00::0:1", "fd00::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fd00::1%eth0", "fd00::1"),
        ("fe80::1%", "fe80::1"),
        ("fe80::1%a\u2603", "fe80::1"),
        ("", None),
    ],
)
def test_addresses_as_inet_aton_and_inet_pton_read_them(text: str, address: str) -> None:
    assert canonical(text) == address


def test_local_addresses() -> None:
    assert [is_local(a) for a in ("127.0.0.53", "::1", "0.0.0.0", "fe80::1%eth0", "10.0.0.4")] == [True] * 3 + [
        False
    ] * 2


@given(st.text())
def test_no_text_makes_it_raise_and_every_server_is_an_address(text: str) -> None:
    read = parse(text)
    assert all(canonical(server) == server for server in read.nameservers)


@given(st.lists(st.sampled_from(["nameserver", " ", "\t", "\r", "10.0.0.4", "::1", "%", "0x", "9" * 400, "#"])))
def test_no_words_of_the_format_make_it_raise(words: list[str]) -> None:
    for server in parse("".join(words)).nameservers:
        is_local(server)


def test_a_huge_list_of_servers_is_cut() -> None:
    assert len(parse("nameserver 10.0.0.4\n" * 1000).nameservers) == 16


@pytest.mark.parametrize(
    ("files", "state", "link"),
    [
        ({}, FileState.MISSING, None),
        ({PATH: ""}, FileState.EMPTY, None),
        ({PATH: " \n\t\n"}, FileState.EMPTY, None),
        ({PATH: WELL}, FileState.PRESENT, None),
        ({PATH: Link("../run/x"), "/run/x": WELL}, FileState.PRESENT, "../run/x"),
        ({PATH: Link("/run/x")}, FileState.DANGLING, "/run/x"),
        ({PATH: Denied()}, FileState.UNREADABLE, None),
        ({PATH: Fifo()}, FileState.UNREADABLE, None),
        ({PATH: None}, FileState.UNREADABLE, None),
        ({PATH: Link("/run")}, FileState.DANGLING, "/run"),
        ({PATH: Link(PATH)}, FileState.UNREADABLE, PATH),
        ({PATH: "nameserver 10.0.0.4\0"}, FileState.UNREADABLE, None),
        ({PATH: "#" * 70_000}, FileState.UNREADABLE, None),
        ({PATH: FileInfo(FileKind.FILE, 0, 0o600, 0, 0, 0.0)}, FileState.EMPTY, None),
    ],
)
def test_what_stands_there_is_a_value_never_an_exception(files: dict[str, object], state: FileState, link: str) -> None:
    seen = look(FakeHost(files=files))  # type: ignore[arg-type]  # the literals above are all nodes
    assert (seen.state, seen.link) == (state, link)
    assert (seen.error is not None) is (state is FileState.UNREADABLE)
