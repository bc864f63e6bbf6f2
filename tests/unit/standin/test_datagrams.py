"""DHCP and NTP as datagrams: literal questions, and the answers byte by byte where clients read them."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from azpreflight.standin import dhcp, dhcpv6, ntp
from azpreflight.standin.config import Offer

MAC = bytes.fromhex("000d3a123456")
OFFER = Offer("vnet", dns=("168.63.129.16", "10.0.0.5"))


def message(kind: int, wanted: str = "", client: str = "0.0.0.0", end: bytes = b"\xff") -> bytes:
    """What a client sends."""
    packed = bytes(int(part) for part in client.split("."))
    head = dhcp.FIXED.pack(1, 1, 6, 0, 0xC0FFEE, 3, 0x8000, packed, bytes(4), bytes(4), bytes(4), MAC, b"", b"")
    options = bytes([53, 1, kind])
    if wanted:
        options += bytes([0, 50, 4, *(int(part) for part in wanted.split("."))])
    return head + dhcp.COOKIE + options + end


def answered(datagram: bytes, offer: Offer = OFFER) -> tuple[int, bytes, dict[int, bytes]] | None:
    """The kind of the answer, the address in it, and its options."""
    query = dhcp.parse(datagram)
    assert query is not None
    said = dhcp.reply(query, offer)
    if said is None:
        return None
    kind, answer = said
    assert struct.unpack_from("!BBBBI", answer) == (2, 1, 6, 0, 0xC0FFEE)
    assert answer[28:34] == MAC and len(answer) >= 300
    return kind, answer[16:20], dhcp._options(answer[dhcp.FIXED.size + 4 :])


def test_whoever_asks_is_offered_the_one_address_with_azures_options() -> None:
    said = answered(message(dhcp.DISCOVER))
    assert said is not None
    kind, address, options = said
    assert (kind, address) == (dhcp.OFFER, bytes([10, 0, 0, 4]))
    assert options[1] == bytes([255, 255, 255, 0])
    assert options[6] == bytes([168, 63, 129, 16, 10, 0, 0, 5])
    assert options[245] == bytes([168, 63, 129, 16])
    gateway = bytes([10, 0, 0, 1])
    hosts = (bytes([32, 168, 63, 129, 16]), bytes([32, 169, 254, 169, 254]))
    assert options[3] == gateway
    assert options[121] == b"\0" + gateway + hosts[0] + gateway + hosts[1] + gateway
    assert struct.unpack("!I", options[51]) == (86400,)


@pytest.mark.parametrize(
    ("datagram", "kind"),
    [
        (message(dhcp.REQUEST, wanted="10.0.0.4"), dhcp.ACK),
        (message(dhcp.REQUEST, client="10.0.0.4"), dhcp.ACK),
        (message(dhcp.REQUEST), dhcp.ACK),
        (message(dhcp.REQUEST, wanted="192.168.1.7"), dhcp.NAK),
        (message(dhcp.REQUEST, client="192.168.1.7"), dhcp.NAK),
        (message(dhcp.INFORM, client="10.0.0.4"), dhcp.ACK),
    ],
)
def test_an_address_from_elsewhere_is_refused(datagram: bytes, kind: int) -> None:
    """As one that a lease of the build machine's network still names."""
    said = answered(datagram)
    assert said is not None and said[0] == kind


@pytest.mark.parametrize("kind", [dhcp.DECLINE, dhcp.RELEASE, dhcp.OFFER])
def test_what_wants_no_answer_gets_none(kind: int) -> None:
    assert answered(message(kind)) is None


def test_no_name_server_is_no_option() -> None:
    said = answered(message(dhcp.DISCOVER), Offer("vnet", dns=()))
    assert said is not None and 6 not in said[2]


@pytest.mark.parametrize(
    "datagram",
    [b"", b"x" * 300, message(0)[:200], message(99), message(1)[: dhcp.FIXED.size + 4], b"\2" + message(1)[1:]],
)
def test_what_is_no_question_is_ignored(datagram: bytes) -> None:
    assert dhcp.parse(datagram) is None


def test_an_option_that_is_cut_ends_the_message() -> None:
    query = dhcp.parse(message(dhcp.DISCOVER, end=b"\x3d"))
    assert query is not None and (query.kind, query.mac) == (dhcp.DISCOVER, "00:0d:3a:12:34:56")


# --- the time -----------------------------------------------------------------------------------------------------


def test_a_client_of_any_version_gets_the_time() -> None:
    """Its own time of sending comes back, so that it can measure the way."""
    for version in (3, 4):
        query = bytes([version << 3 | 3]) + bytes(39) + b"sentthen"
        said = ntp.reply(query, 1_800_000_000.25)
        assert said is not None and len(said) == 48
        assert said[0] == version << 3 | 4 and said[1] == 1
        assert said[24:32] == b"sentthen"
        assert struct.unpack("!II", said[40:]) == (1_800_000_000 + 2_208_988_800, 1 << 30)


@pytest.mark.parametrize("query", [b"", bytes([4 << 3 | 3]) * 47, bytes([4 << 3 | 4]) + bytes(47)])
def test_what_asks_for_no_time_gets_no_answer(query: bytes) -> None:
    assert ntp.reply(query, 0.0) is None


# --- IPv6 ---------------------------------------------------------------------------------------------------------


CLIENT, ASSOCIATION = bytes.fromhex("0003 0001 000d3a123456"), bytes.fromhex("3a123456")


def message_v6(kind: int, *options: tuple[int, bytes]) -> bytes:
    """What a DHCPv6 client sends."""
    packed = (struct.pack("!HH", code, len(value)) + value for code, value in ((1, CLIENT), *options))
    return bytes([kind]) + b"xid" + b"".join(packed)


WANTED = (dhcpv6.ASSOCIATION, ASSOCIATION + bytes(8))


@pytest.mark.parametrize(
    ("datagram", "kind", "leased"),
    [
        (message_v6(dhcpv6.SOLICIT, WANTED), dhcpv6.ADVERTISE, False),
        (message_v6(dhcpv6.SOLICIT, WANTED, (dhcpv6.RAPID, b"")), dhcpv6.REPLY, True),
        (message_v6(dhcpv6.REQUEST, WANTED), dhcpv6.REPLY, True),
        (message_v6(dhcpv6.INFORMATION), dhcpv6.REPLY, False),
        (message_v6(dhcpv6.RELEASE, WANTED), dhcpv6.REPLY, False),
    ],
)
def test_dhcpv6_gives_the_one_address(datagram: bytes, kind: int, leased: bool) -> None:
    """By two messages or four; what else a client says is confirmed."""
    query = dhcpv6.parse(datagram)
    assert query is not None
    said = dhcpv6.reply(query, OFFER)
    assert said is not None
    options = dhcpv6._options(said[1][4:])
    assert (said[0], said[1][0], said[1][1:4], options[1]) == (kind, kind, b"xid", CLIENT)
    assert (ipaddress.IPv6Address("fd00:a::4").packed in said[1]) is (kind == dhcpv6.ADVERTISE or leased)
    assert dhcpv6.gives(query, said[0]) is leased


@pytest.mark.parametrize("datagram", [b"", b"\x01x", message_v6(dhcpv6.REPLY), message_v6(0), bytes([1]) * 300])
def test_what_no_dhcpv6_client_says_has_no_answer(datagram: bytes) -> None:
    """Another server's words, and noise."""
    query = dhcpv6.parse(datagram)
    assert query is None or dhcpv6.reply(query, OFFER) is None


def test_the_router_announces_itself_and_dhcpv6() -> None:
    """With the flags M and O, and for half an hour; the kernel fills the checksum in."""
    said = dhcpv6.router_advertisement()
    assert (said[0], said[5], said[6:8], len(said)) == (134, 0xC0, b"\x07\x08", 16)
