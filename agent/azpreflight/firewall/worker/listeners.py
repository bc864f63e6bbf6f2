"""The far ends of the flows: sockets that answer whatever comes."""

from __future__ import annotations

import select
import socket
from typing import Callable

from azpreflight.firewall.worker.netlink import family_of

ANSWER = b"azpreflight answers\r\n"


class Listeners:
    """The far ends of all flows; made in the namespace where they listen."""

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[], None]] = {}
        self._open: dict[int, socket.socket] = {}
        self._added: set[tuple[str, str, int]] = set()
        self.poll = select.epoll()

    def add(self, protocol: str, address: str, port: int) -> None:
        """Listen there; answer whatever comes."""
        if (protocol, address, port) in self._added:
            return
        self._added.add((protocol, address, port))
        end = socket_of(protocol, address)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind((address, port))
        if protocol == "tcp":
            end.listen(64)
        self._watch(end, lambda: self._accept(end) if protocol == "tcp" else self._reply(end))

    def _watch(self, end: socket.socket, handler: Callable[[], None]) -> None:
        self._open[end.fileno()] = end
        self._handlers[end.fileno()] = handler
        self.poll.register(end.fileno(), select.EPOLLIN)

    def _accept(self, end: socket.socket) -> None:
        try:
            connection, _ = end.accept()
        except OSError:
            return
        connection.setblocking(False)
        self._watch(connection, lambda: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        try:
            if connection.recv(4096):
                connection.send(ANSWER)
                return
        except OSError:
            pass
        self.poll.unregister(connection.fileno())
        del self._handlers[connection.fileno()], self._open[connection.fileno()]
        connection.close()

    def serve(self) -> None:
        """Answer what has come."""
        for descriptor, _ in self.poll.poll(0):
            self._handlers[descriptor]()

    def _reply(self, end: socket.socket) -> None:
        try:
            _, sender = end.recvfrom(4096)
            end.sendto(ANSWER, sender)
        except OSError:
            return


def socket_of(protocol: str, address: str) -> socket.socket:
    """For this protocol and the family of the address; nothing waits on it."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    end = socket.socket(family_of(address), kind | socket.SOCK_CLOEXEC)
    end.setblocking(False)
    return end
