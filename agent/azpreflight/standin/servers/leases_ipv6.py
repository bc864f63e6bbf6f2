"""The router and the DHCPv6 listener: one address for one VM, on one interface. Behaviours: "answers", "closed"."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

from azpreflight.standin import dhcpv6
from azpreflight.standin.config import Listener, Offer
from azpreflight.standin.servers.web import Log

SERVERS, NODES = "ff02::1:2", "ff02::1"
"""All DHCP servers (RFC 8415, 7.1), and all nodes."""
EVERY_S = 2.0
"""Between two words of the router, which are not waited for by a solicitation then."""


def serve(listener: Listener, offer: Offer, log: Log) -> int:
    """Listen in threads of this process; return the port once it is open."""
    if listener.behaviour == "closed":
        return listener.port
    index = socket.if_nametoindex(offer.interface)
    port = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, offer.interface.encode())
    port.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    group = socket.inet_pton(socket.AF_INET6, SERVERS) + struct.pack("@I", index)
    port.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    port.bind((listener.address, listener.port))
    router = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    for work in (lambda: _listen(port, offer, log), lambda: _advertise(router, index)):
        threading.Thread(target=work, daemon=True).start()
    return listener.port


def _listen(port: socket.socket, offer: Offer, log: Log) -> None:
    """For ever."""
    while True:
        datagram, client = port.recvfrom(4096)
        query = dhcpv6.parse(datagram)
        said = dhcpv6.reply(query, offer) if query is not None else None
        if query is None:
            continue
        leased = said is not None and dhcpv6.gives(query, said[0])
        answer = None if said is None else dhcpv6.NAMES[said[0]]
        log({"service": "dhcpv6", "message": dhcpv6.NAMES[query.kind], "answer": answer, "leased": leased})
        if said is not None:
            with suppress(OSError):
                port.sendto(said[1], client)


def _advertise(router: socket.socket, index: int) -> None:
    """For ever; the interface may be without a cable."""
    while True:
        with suppress(OSError):
            router.sendto(dhcpv6.router_advertisement(), (NODES, 0, 0, index))
        time.sleep(EVERY_S)
