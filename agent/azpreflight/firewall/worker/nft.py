"""The requests to nf_tables that the rehearsal makes by itself: the tracer's table, and the handles of a chain's rules.

By netlink and not with the `nft` program: that may be absent where iptables speaks to nf_tables, and it is slower.
Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Optional

from azpreflight.firewall.worker.netlink import (
    NETLINK_NETFILTER,
    NLA_TYPE_MASK,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_REQUEST,
    Netlink,
    attribute,
    attributes,
    message,
    nested,
    text,
)

SUBSYSTEM = 10
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NEWTABLE, NEWCHAIN, NEWRULE, GETRULE, NEWSET, NEWSETELEM, NEWGEN, NEWOBJ, NEWFLOWTABLE = 0, 3, 6, 7, 9, 12, 15, 18, 22
NLM_F_APPEND = 0x800
INET, NETDEV = 1, 5
PREROUTING, INPUT, OUTPUT, POSTROUTING = 0, 1, 3, 4
FIRST, LAST = -(1 << 31), (1 << 31) - 1
"""Priorities: before and after every other chain of a hook."""
META_NFTRACE = 12
REG32_00 = 8
RULE_HANDLE = 3
MAX_NAME = 255


class Chain(NamedTuple):
    """A base chain of the tracer."""

    name: str
    hook: int
    priority: int
    starts_trace: bool
    """Holds `meta nftrace set 1`; the others only let the packet show itself as it passes."""
    device: Optional[str] = None


def header(family: int, resource: int = 0) -> bytes:
    """The nfgenmsg that begins every netfilter message."""
    return struct.pack("=BBH", family, 0, socket.htons(resource))


def add_table(netlink: Netlink, family: int, table: str, chains: Sequence[Chain]) -> None:
    """One table with base chains, in one transaction. OSError if the kernel cannot."""
    parts = [(NEWTABLE, NLM_F_CREATE, text(1, table))]
    for chain in chains:
        parts.append((NEWCHAIN, NLM_F_CREATE, _chain(table, chain)))
        if chain.starts_trace:
            parts.append((NEWRULE, NLM_F_CREATE | NLM_F_APPEND, _rule(table, chain.name)))
    batch = message(BATCH_BEGIN, NLM_F_REQUEST, 0, header(socket.AF_UNSPEC, SUBSYSTEM))
    for number, (kind, flags, body) in enumerate(parts, 1):
        whole = NLM_F_REQUEST | NLM_F_ACK | flags
        batch += message(SUBSYSTEM << 8 | kind, whole, number, header(family) + body)
    batch += message(BATCH_END, NLM_F_REQUEST, 0, header(socket.AF_UNSPEC, SUBSYSTEM))
    netlink.socket.send(batch)
    netlink.acknowledge(len(parts))


def _chain(table: str, chain: Chain) -> bytes:
    hook = attribute(1, struct.pack(">I", chain.hook)) + attribute(2, struct.pack(">i", chain.priority))
    if chain.device is not None:
        hook += text(3, chain.device)
    return text(1, table) + text(3, chain.name) + nested(4, hook) + text(7, "filter")


def _rule(table: str, chain: str) -> bytes:
    """`meta nftrace set 1`: one byte into a register, the register into the packet's trace mark."""
    one = nested(2, attribute(1, b"\1"))
    immediate = nested(1, text(1, "immediate"), nested(2, attribute(1, struct.pack(">I", REG32_00)), one))
    key = attribute(2, struct.pack(">I", META_NFTRACE)) + attribute(3, struct.pack(">I", REG32_00))
    meta = nested(1, text(1, "meta"), nested(2, key))
    return text(1, table) + text(2, chain) + nested(4, immediate, meta)


def chain_of_rule(family: int, table: str, chain: str) -> bytes:
    """How messages about rules name their chain; see `chain_and_handle`."""
    return bytes([family]) + text(1, table) + text(2, chain)


def chain_and_handle(body: bytes) -> tuple[bytes, int]:
    """Of a message about a rule: its chain, and its handle. The kernel puts these first."""
    end = 4
    for _ in ("table", "chain"):
        end += _padded(body, end)
    at = end
    while struct.unpack_from("=H", body, at + 2)[0] & NLA_TYPE_MASK != RULE_HANDLE:  # some machines need padding here
        at += _padded(body, at)
    return body[:1] + body[4:end], struct.unpack_from(">Q", body, at + 4)[0]


def _padded(data: bytes, at: int) -> int:
    """The length of the attribute there with its padding."""
    length: int = struct.unpack_from("=H", data, at)[0]
    return (max(length, 4) + 3) & ~3


def rule_handles(family: int, table: str, chain: str) -> Iterator[int]:
    """The handles of a chain's rules, first rule first."""
    netlink = Netlink(NETLINK_NETFILTER)
    body = header(family) + text(1, table) + text(2, chain)
    try:
        for content in netlink.dump(SUBSYSTEM << 8 | GETRULE, body):
            found = attributes(content[4:])
            if found[1][:-1].decode() == table and found[2][:-1].decode() == chain:
                yield struct.unpack(">Q", found[RULE_HANDLE])[0]
    finally:
        netlink.socket.close()
