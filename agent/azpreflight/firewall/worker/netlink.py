"""Netlink by hand: messages, attributes, requests; and the few rtnetlink requests that build a laboratory.

Standard library only and no iproute2, because a guest image need not have it and each program started costs as much as
all of this together. Numbers are those of linux/netlink.h, linux/rtnetlink.h and linux/if_link.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Optional

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x01, 0x04, 0x300
NLM_F_CREATE, NLM_F_REPLACE = 0x400, 0x100
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF

RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_DELNEIGH = 16, 18, 20, 24, 28, 29
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 16, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_NODAD = 0x02
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC = 1, 4, 5, 7
NDA_DST, NDA_LLADDR = 1, 2
NUD_PERMANENT = 0x80
RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 254, 3, 1, 0, 253
RTNH_F_ONLINK = 0x04
IFF_UP = 1
OPERSTATE_UP = 6

TIMEOUT = 2.0
"""Seconds for the kernel's answer to one request; it answers in microseconds unless another process holds the lock."""
RECEIVE_BUFFER = 8 << 20
"""Bytes; the events of all flows must fit while the loop is busy elsewhere."""


def attribute(kind: int, payload: bytes) -> bytes:
    """One netlink attribute, padded."""
    return struct.pack("=HH", len(payload) + 4, kind) + payload + bytes(-len(payload) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """A string attribute, with its terminating zero."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by their number; the last one wins where a number is repeated."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & NLA_TYPE_MASK] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """One netlink message."""
    return struct.pack("=IHHII", len(body) + 16, kind, flags, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message in a datagram."""
    return ((kind, body) for kind, _, body in flagged_messages(data))


def flagged_messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, flags and body of each message in a datagram."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        if length < 16:
            break
        yield kind, flags, data[at + 16 : at + length]
        at += (length + 3) & ~3


class Netlink:
    """A netlink socket. It keeps to the network namespace in which it was made."""

    def __init__(self, protocol: int, receive_buffer: int = RECEIVE_BUFFER) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, receive_buffer)  # SO_RCVBUFFORCE
        self.socket.bind((0, 0))
        self.socket.settimeout(TIMEOUT)
        self._sequence = 0

    def request(self, kind: int, flags: int, body: bytes) -> None:
        """Send one request and wait for its acknowledgement. OSError with the kernel's reason if it says no."""
        self._sequence += 1
        self.socket.send(message(kind, NLM_F_REQUEST | NLM_F_ACK | flags, self._sequence, body))
        self.acknowledge(1)

    def acknowledge(self, count: int) -> None:
        """Wait for so many acknowledgements; OSError at the first refusal."""
        while count:
            for kind, body in messages(self.socket.recv(65536)):
                if kind != NLMSG_ERROR:
                    continue
                code = -struct.unpack_from("=i", body)[0]
                if code:
                    raise OSError(code, os.strerror(code))
                count -= 1

    def dump(self, kind: int, body: bytes, flags: int = NLM_F_DUMP) -> Iterator[bytes]:
        """The bodies of a dump's messages (with other `flags`: of a single answer)."""
        self._sequence += 1
        self.socket.send(message(kind, NLM_F_REQUEST | flags, self._sequence, body))
        while True:
            for answer, content in messages(self.socket.recv(1 << 20)):
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    code = -struct.unpack_from("=i", content)[0]
                    raise OSError(code, os.strerror(code))
                yield content
                if flags != NLM_F_DUMP:
                    return


def packed(address: str) -> bytes:
    """An IPv4 or IPv6 address in network order."""
    return socket.inet_pton(family_of(address), address)


def family_of(address: str) -> int:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def host_bits(address: str) -> int:
    """The prefix length of one address alone."""
    return 128 if ":" in address else 32


# --- what a laboratory is made of ---------------------------------------------------------------------------------


def _link(index: int, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def add_veth(route: Netlink, name: str, peer: str, peer_namespace: int, mac: Optional[bytes], mtu: int) -> None:
    """A pair of interfaces: `name` in the socket's namespace, `peer` in the one whose descriptor is given."""
    about_peer = _link(0) + text(IFLA_IFNAME, peer) + attribute(IFLA_MTU, struct.pack("=I", mtu))
    about_peer += attribute(IFLA_NET_NS_FD, struct.pack("=i", peer_namespace))
    data = nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER | NLA_F_NESTED, about_peer))
    body = _link(0) + text(IFLA_IFNAME, name) + attribute(IFLA_MTU, struct.pack("=I", mtu))
    if mac is not None:
        body += attribute(IFLA_ADDRESS, mac)
    body += nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, "veth"), data)
    route.request(RTM_NEWLINK, NLM_F_CREATE, body)


def set_up(route: Netlink, index: int) -> None:
    """Bring an interface up."""
    route.request(RTM_NEWLINK, 0, _link(index, IFF_UP))


def _ask_link(route: Netlink, name: str) -> bytes:
    body = _link(0) + text(IFLA_IFNAME, name)
    return next(route.dump(RTM_GETLINK, body, flags=0))


def index_of(route: Netlink, name: str) -> int:
    """The index of an interface; 1 is the loopback."""
    index: int = struct.unpack_from("=i", _ask_link(route, name), 4)[0]
    return index


def mac_of(route: Netlink, name: str) -> bytes:
    """The hardware address of an interface."""
    return attributes(_ask_link(route, name)[16:])[IFLA_ADDRESS]


def is_up(route: Netlink, name: str) -> bool:
    """True once the kernel has finished bringing an interface up; before that it still drops packets silently."""
    return attributes(_ask_link(route, name)[16:]).get(IFLA_OPERSTATE) == bytes([OPERSTATE_UP])


def add_address(route: Netlink, index: int, address: str, prefix: int) -> None:
    """Give an interface an address, usable at once."""
    body = struct.pack("=BBBBI", family_of(address), prefix, 0, 0, index)
    body += attribute(IFA_LOCAL, packed(address)) + attribute(IFA_ADDRESS, packed(address))
    body += attribute(IFA_FLAGS, struct.pack("=I", IFA_F_NODAD))
    route.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body)


def add_route(
    route: Netlink,
    index: int,
    destination: str,
    gateway: Optional[str] = None,
    source: Optional[str] = None,
    *,
    every: bool = False,
) -> None:
    """A route to one address, or to every address of its family."""
    scope = RT_SCOPE_LINK if gateway is None else RT_SCOPE_UNIVERSE
    flags = 0 if gateway is None else RTNH_F_ONLINK
    body = struct.pack("=BBBBBBBBI", family_of(destination), 0 if every else host_bits(destination), 0, 0,
                       RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, flags)  # fmt: skip
    if not every:
        body += attribute(RTA_DST, packed(destination))
    body += attribute(RTA_OIF, struct.pack("=I", index))
    if gateway is not None:
        body += attribute(RTA_GATEWAY, packed(gateway))
    if source is not None:
        body += attribute(RTA_PREFSRC, packed(source))
    route.request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body)


def add_neighbour(route: Netlink, index: int, address: str, mac: bytes) -> None:
    """A permanent entry, so that nobody needs to ask for the address."""
    body = struct.pack("=BxxxiHBB", family_of(address), index, NUD_PERMANENT, 0, 0)
    body += attribute(NDA_DST, packed(address)) + attribute(NDA_LLADDR, mac)
    route.request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body)


def forget_neighbour(route: Netlink, index: int, address: str) -> None:
    """Remove an entry, so that the address has to be asked for again."""
    body = struct.pack("=BxxxiHBB", family_of(address), index, 0, 0, 0) + attribute(NDA_DST, packed(address))
    route.request(RTM_DELNEIGH, 0, body)
