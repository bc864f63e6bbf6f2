"""Which rule of its chain a handle of nf_tables means: 1 for the first.

Trace events name a rule by its handle, and users by its place. To list a chain afterwards costs the kernel a walk from
its beginning for every 32 KiB of answer: four seconds for 50,000 rules. So the kernel's notifications of what is being
loaded are listened to instead, which come in order. Only where those do not tell (a rule was put before others, or
taken out; a message was lost; a kernel before 5.11 does not say which it was) is the chain listed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Optional

from azpreflight.firewall.worker import nft
from azpreflight.firewall.worker.netlink import NETLINK_NETFILTER, Netlink, flagged_messages

NFT_GROUP = 7
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
NLM_F_APPEND = 0x800
NEWRULE = nft.SUBSYSTEM << 8 | nft.NEWRULE
ADDING = frozenset(
    nft.SUBSYSTEM << 8 | kind
    for kind in (nft.NEWTABLE, nft.NEWCHAIN, nft.NEWSET, nft.NEWSETELEM, nft.NEWGEN, nft.NEWOBJ, nft.NEWFLOWTABLE)
)
"""What else is told of a load; after any other message the order is no longer known."""
KERNEL_BUFFER = 256 << 20
"""Bytes that the kernel may hold until they are read: it tells of a whole load at once, a kilobyte for a rule."""

Key = tuple[int, str, str]
"""Family as the kernel numbers it, table and chain."""


class Numbers:
    """Listens in the namespace in which it is made, from then on."""

    def __init__(self) -> None:
        self._netlink = Netlink(NETLINK_NETFILTER, KERNEL_BUFFER)
        self._netlink.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFT_GROUP)
        self._netlink.socket.setblocking(False)
        self._heard: Optional[dict[bytes, array[int]]] = {}
        """Handles by the chain as messages name it; None once their order is not known."""
        self._places: dict[Key, dict[int, int]] = {}

    def listen(self) -> None:
        """Take in what the kernel has told since the last time."""
        if self._heard is not None and not self._take(self._heard):
            self._heard = None
            self._netlink.socket.close()

    def close(self) -> None:
        """Nothing more is of interest: what is loaded from now on are not the guest's rules."""
        self.listen()
        self._netlink.socket.close()

    def _take(self, heard: dict[bytes, array[int]]) -> bool:
        """False if the messages do not tell the order."""
        try:
            for kind, flags, body in _told(self._netlink):
                if kind == NEWRULE and flags & NLM_F_APPEND:
                    chain, handle = nft.chain_and_handle(body)
                    heard.setdefault(chain, array("Q")).append(handle)
                elif kind not in ADDING:
                    return False
        except OSError:  # ENOBUFS: some were lost, and nobody knows which
            return False
        return True

    def number(self, family: int, table: str, chain: str, handle: int) -> int:
        """The place of the rule in its chain; 0 for a handle that is none of a rule of it."""
        key = (family, table, chain)
        if key not in self._places:
            self._places[key] = {known: place for place, known in enumerate(self._of_chain(key), 1)}
        return self._places[key].get(handle, 0)

    def _of_chain(self, key: Key) -> Iterator[int]:
        if self._heard is None:
            return nft.rule_handles(*key)
        return iter(self._heard.get(nft.chain_of_rule(*key), ()))


def _told(netlink: Netlink) -> Iterator[tuple[int, int, bytes]]:
    while True:
        try:
            data = netlink.socket.recv(1 << 18)
        except BlockingIOError:
            return
        yield from flagged_messages(data)
