"""Hearing from the kernel which rule did what to which packet.

One table of our own sets the trace mark on every packet. Then rules of nf_tables tell by trace events, and rules of
legacy tables by log messages ("TRACE: filter:OUTPUT:rule:3"), which nfnetlink_log delivers here instead of to the
console. The copied rules are not changed, so their numbers stay what they are.

The first and last chain of each hook are ours too, so that it is known where a packet vanished even if the rule that
took it says nothing.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple, Optional

from azpreflight.firewall.worker import nft
from azpreflight.firewall.worker.netlink import (
    NETLINK_NETFILTER,
    Netlink,
    attribute,
    attributes,
    messages,
)

TABLE = "azpreflight_tracer"
CHAINS = (
    nft.Chain("output_first", nft.OUTPUT, nft.FIRST, starts_trace=True),
    nft.Chain("output_last", nft.OUTPUT, nft.LAST, starts_trace=False),
    nft.Chain("postrouting_last", nft.POSTROUTING, nft.LAST, starts_trace=False),
    nft.Chain("prerouting_first", nft.PREROUTING, nft.FIRST, starts_trace=True),
    nft.Chain("input_last", nft.INPUT, nft.LAST, starts_trace=False),
)
NFT_TRACE_GROUP = 9
NFT_MSG_TRACE = nft.SUBSYSTEM << 8 | 17
NFLOG_SUBSYSTEM = 4
NFLOG_PACKET, NFLOG_CONFIG = NFLOG_SUBSYSTEM << 8, NFLOG_SUBSYSTEM << 8 | 1
BIND, PF_BIND, PF_UNBIND = 1, 3, 4
COPY_PACKET, COPY_BYTES = 2, 96
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
VERDICTS = {0: "drop", 1: "accept", 3: "queue", -1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return"}
TYPES = {1: "policy", 2: "return", 3: "rule"}
FAMILIES = {1: "inet", 2: "ip", 5: "netdev", 7: "bridge", 10: "ip6"}
PREFIX = b"TRACE: "


class Packet(NamedTuple):
    """The addresses of a traced packet. Ports are 0 where the protocol has none; for ICMPv6 the first is the type."""

    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int


class Event(NamedTuple):
    """One thing that the kernel said about one packet."""

    backend: str
    """legacy or nft."""
    family: str
    table: str
    chain: str
    kind: str
    """rule, return or policy. Legacy tables say "policy" or "return" of an unconditional rule too."""
    rule: int
    """legacy: the number of the rule, 1 first; nft: its handle, 0 for the policy."""
    verdict: str
    """nft: drop, accept, queue, continue, jump, goto, return. Legacy tables do not say: "" ."""
    packet: Optional[Packet]
    packet_id: int
    """nft: the same for all events of one packet, which itself comes only with the first event of a chain."""
    mark: int = 0
    """nft: the mark that the packet has."""

    @property
    def ours(self) -> bool:
        """True for what the tracer's own chains say."""
        return self.table == TABLE


class Tracer:
    """Listens in the namespace in which it is made."""

    def __init__(self) -> None:
        self.nft = Netlink(NETLINK_NETFILTER)
        self.log = Netlink(NETLINK_NETFILTER)
        self.lost = False
        """True once the kernel had to throw events away."""

    def start(self, ingress_devices: tuple[str, ...] = ()) -> None:
        """Begin to trace. OSError where this kernel cannot."""
        nft.add_table(self.nft, nft.INET, TABLE, CHAINS)
        if ingress_devices:
            chains = [nft.Chain(f"ingress_{name}", 0, nft.FIRST, True, name) for name in ingress_devices]
            nft.add_table(self.nft, nft.NETDEV, TABLE, chains)
        self.nft.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFT_TRACE_GROUP)
        for family in (socket.AF_INET, socket.AF_INET6):
            self._configure(family, _command(PF_UNBIND))
            self._configure(family, _command(PF_BIND))
        mode = attribute(2, struct.pack(">IBx", COPY_BYTES, COPY_PACKET))
        at_once = attribute(5, struct.pack(">I", 1))
        self._configure(socket.AF_UNSPEC, _command(BIND))
        self._configure(socket.AF_UNSPEC, mode + at_once)
        for watched in self.sockets():
            watched.setblocking(False)  # with a timeout Python would wait for it even where MSG_DONTWAIT is asked for

    def _configure(self, family: int, body: bytes) -> None:
        self.log.request(NFLOG_CONFIG, 0, nft.header(family) + body)

    def sockets(self) -> tuple[socket.socket, ...]:
        """What becomes readable when there are events."""
        return self.nft.socket, self.log.socket

    def events(self) -> Iterator[Event]:
        """What has been said since the last time."""
        for body in self._drain(self.nft, NFT_MSG_TRACE):
            yield _nft_event(body)
        for body in self._drain(self.log, NFLOG_PACKET):
            event = _legacy_event(body)
            if event is not None:
                yield event

    def _drain(self, netlink: Netlink, wanted: int) -> Iterator[bytes]:
        while True:
            try:
                data = netlink.socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS
                self.lost = True
                continue
            yield from (body for kind, body in messages(data) if kind == wanted)


def _command(command: int) -> bytes:
    return attribute(1, bytes([command]))


def _nft_event(body: bytes) -> Event:
    found = attributes(body[4:])
    kind = TYPES.get(_number(found.get(4)), "")
    return Event(
        backend="nft",
        family=FAMILIES.get(body[0], str(body[0])),
        table=_string(found.get(1)),
        chain=_string(found.get(2)),
        kind=kind,
        rule=int.from_bytes(found.get(3, b""), "big"),
        verdict=_verdict(found, kind),
        packet=packet_of(found[8] + found.get(9, b"")) if 8 in found else None,
        packet_id=_number(found.get(6)),
        mark=_number(found.get(14)),
    )


def _verdict(found: dict[int, bytes], kind: str) -> str:
    raw = found.get(16) if kind == "policy" else attributes(found.get(5, b"")).get(1)
    if raw is None:
        return ""
    code = struct.unpack(">i", raw)[0]
    return VERDICTS.get(code if code < 0 else code & 0xFF, "")


def _legacy_event(body: bytes) -> Optional[Event]:
    found = attributes(body[4:])
    prefix = found.get(10, b"")
    if not prefix.startswith(PREFIX):
        return None
    payload = found.get(9, b"")
    table, _, rest = prefix[len(PREFIX) :].rstrip(b"\0 ").decode("utf-8", "replace").partition(":")
    chain, kind, number = rest.rsplit(":", 2)
    family = "ip6" if payload[:1] and payload[0] >> 4 == 6 else "ip"
    return Event("legacy", family, table, chain, kind, int(number), "", packet_of(payload), 0)


def _number(raw: Optional[bytes]) -> int:
    return int.from_bytes(raw or b"", "big")


def _string(raw: Optional[bytes]) -> str:
    return (raw or b"").rstrip(b"\0").decode("utf-8", "replace")


PROTOCOLS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp6"}


def packet_of(data: bytes) -> Optional[Packet]:
    """The addresses of an IP packet; None if it is cut too short to tell."""
    version = data[0] >> 4 if data else 0
    length = (data[0] & 15) * 4 if version == 4 else 40
    if version not in (4, 6) or len(data) < length:
        return None
    family, where = (socket.AF_INET, (12, 16, 20)) if version == 4 else (socket.AF_INET6, (8, 24, 40))
    source, destination = (socket.inet_ntop(family, data[a:b]) for a, b in zip(where, where[1:]))
    protocol = PROTOCOLS.get(data[9] if version == 4 else data[6], "other")
    rest = data[length:]
    if protocol in ("tcp", "udp") and len(rest) >= 4:
        source_port, destination_port = struct.unpack_from(">HH", rest)
        return Packet(protocol, source, source_port, destination, destination_port)
    first = rest[0] if protocol.startswith("icmp") and rest else 0
    return Packet(protocol, source, first, destination, 0)
