"""A wire that takes its time: `python -m tests.netns.delay SECONDS A B [A B ...]`.

Every frame that arrives at one interface of a pair leaves by the other after that many seconds, in order. So a round
trip over the pair takes twice as long, in kernels without netem too. "ready" on standard output says that it carries;
the process ends when standard input does.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections import deque

ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING, PACKET_VNET_HDR = 263, 23, 15
"""Of <linux/if_packet.h>. The header before each frame carries what is left to do for it: a checksum that is not yet
made, or a super-packet that is not yet cut."""
LARGEST = 1 << 17
BUFFER = 4 << 20


def endpoint(interface: str) -> socket.socket:
    """Everything that arrives at an interface, and the way to send by it."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.bind((interface, ETH_P_ALL))
    sock.setblocking(False)
    return sock


def carry(seconds: float, pairs: list[tuple[str, str]]) -> None:
    """Until standard input ends. All frames wait equally long, so they leave in the order in which they came."""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for names in pairs:
        one, other = (endpoint(name) for name in names)
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
    print("ready", flush=True)
    waiting: deque[tuple[float, socket.socket, bytes]] = deque()
    while True:
        left = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
        for key, _ in selector.select(left):
            if key.fileobj is sys.stdin:
                return
            waiting.extend(_arrived(key.fileobj, key.data, time.monotonic() + seconds))
        while waiting and waiting[0][0] <= time.monotonic():
            _, out, frame = waiting.popleft()
            out.send(frame)


def _arrived(source: object, out: socket.socket, due: float) -> list[tuple[float, socket.socket, bytes]]:
    """All frames that are there by now."""
    assert isinstance(source, socket.socket)
    frames = []
    while True:
        try:
            frames.append((due, out, source.recv(LARGEST)))
        except BlockingIOError:
            return frames


if __name__ == "__main__":
    carry(float(sys.argv[1]), list(zip(sys.argv[2::2], sys.argv[3::2])))
