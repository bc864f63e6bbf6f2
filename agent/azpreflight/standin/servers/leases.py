"""The DHCP listener: one address for one VM, on one interface.

It answers broadcasts, and what a client that renews sends to the server. Behaviours: "answers", "silent", "closed".
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from azpreflight.standin import dhcp
from azpreflight.standin.config import Listener, Offer
from azpreflight.standin.servers.web import Log

EVERYONE = "255.255.255.255"
CLIENT_PORT = 68
SO_NO_CHECK = 11
"""Of <asm-generic/socket.h>: without a checksum there is none that an interface leaves half made, which clients that
read raw frames would refuse."""


def serve(listener: Listener, offer: Offer, log: Log) -> int:
    """Listen in threads of this process; return the port once it is open."""
    if listener.behaviour == "closed":
        return listener.port
    sender = _bound(listener.address, listener.port, offer.interface)
    server = _Server(listener, offer, sender, log)
    for port in (sender, _bound(EVERYONE, listener.port, offer.interface)):
        threading.Thread(target=server.listen, args=(port,), daemon=True).start()
    return listener.port


def _bound(address: str, port: int, interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    sock.bind((address, port))
    return sock


class _Server:
    def __init__(self, listener: Listener, offer: Offer, sender: socket.socket, log: Log) -> None:
        self.silent = listener.behaviour == "silent"
        self.offer, self.sender, self.log = offer, sender, log

    def listen(self, port: socket.socket) -> None:
        """For ever."""
        while True:
            query = dhcp.parse(port.recv(4096))
            if query is not None:
                self.one(query)

    def one(self, query: dhcp.Query) -> None:
        """One client's message."""
        said = None if self.silent else dhcp.reply(query, self.offer)
        answer = None if said is None else dhcp.NAMES[said[0]]
        self.log({"service": "dhcp", "message": dhcp.NAMES[query.kind], "mac": query.mac, "answer": answer})
        if said is not None:
            own = any(query.client) and said[0] == dhcp.ACK
            with suppress(OSError):
                self.sender.sendto(said[1], (socket.inet_ntoa(query.client) if own else EVERYONE, CLIENT_PORT))
