"""How many tables nf_tables holds, asked of the kernel itself (nfnetlink), for machines that have no nft to list them.

Whoever asks must know that nf_tables is in the kernel already: the question would load it.
"""

from __future__ import annotations

import os
import socket
import struct

from azpreflight.foreign import edge
from azpreflight.host.api import HostError

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_FAMILY = struct.Struct("=BBH")  # nfgenmsg: family, version, resource
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NETLINK_NETFILTER = 12
"""Not among the constants of Python's socket module."""
_GETTABLE = 10 << 8 | 1
"""NFNL_SUBSYS_NFTABLES and NFT_MSG_GETTABLE of <linux/netfilter/nf_tables.h>."""
_REQUEST_DUMP = 0x1 | 0x300
_MESSAGE_LIMIT = 65536


def tables(timeout: float) -> int:
    """The number of tables of all families. HostError if the kernel cannot be asked, or refuses."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
            kernel.settimeout(timeout)
            kernel.bind((0, 0))
            body = _FAMILY.pack(socket.AF_UNSPEC, 0, 0)
            kernel.send(_HEADER.pack(_HEADER.size + len(body), _GETTABLE, _REQUEST_DUMP, 1, 0) + body)
            return _counted(kernel)
    except OSError as error:
        raise HostError(f"cannot ask the kernel for nft tables: {error.strerror or error}") from None


def _counted(kernel: socket.socket) -> int:
    count = 0
    while True:
        data = kernel.recv(_MESSAGE_LIMIT)
        with edge(lambda reason: HostError(f"cannot read the kernel's nft tables: {reason}")):
            kinds, error = parse(data)
        if error:
            raise OSError(error, os.strerror(error))
        if _NLMSG_DONE in kinds:
            return count + len(kinds) - 1
        count += len(kinds)


def parse(data: bytes) -> tuple[list[int], int]:
    """The types of the messages in one datagram, and the errno of an error message among them, else 0."""
    kinds: list[int] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            break
        if kind == _NLMSG_ERROR and at + _HEADER.size + 4 <= len(data):
            return kinds, -int(struct.unpack_from("=i", data, at + _HEADER.size)[0])
        kinds.append(kind)
        at += (length + 3) & ~3
    return kinds, 0
