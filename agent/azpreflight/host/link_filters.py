"""Programs and filters on interfaces that see packets before netfilter, or after it: XDP, and those of traffic control.

Asked of the kernel itself (rtnetlink(7)), because an image need not have `tc`, and ordinary users may ask. What is
attached by other ways is not told here: tcx and netkit (Linux 6.6, 6.7), control groups. Of queues those are told that
have dropped packets and are no usual ones: a shaper whose bucket is too small lets nothing out, and no rule shows it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.foreign import edge
from azpreflight.host.api import HostError
from azpreflight.host.interfaces import LinkFilter

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_FILTER = struct.Struct("=BxxxiIII")  # tcmsg: family, index, handle, parent, info
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_RTM_GETLINK, _RTM_GETQDISC, _RTM_GETTFILTER = 18, 38, 46
_REQUEST_DUMP = 0x1 | 0x300
_TYPE = 0x3FFF
_IFLA_IFNAME, _IFLA_XDP, _IFLA_XDP_ATTACHED, _TCA_KIND, _TCA_STATS2, _QUEUE = 3, 43, 2, 1, 7, 3
_QUEUE_STATS = struct.Struct("=IIIII")  # gnet_stats_queue: length, backlog, drops, requeues, overlimits
USUAL = (
    "",
    "noqueue",
    "mq",
    "pfifo",
    "pfifo_fast",
    "bfifo",
    "fq",
    "fq_codel",
    "codel",
    "cake",
    "sfq",
    "ingress",
    "clsact",
)
"""Queues that drop for want of room alone, and those that only hold filters."""
_CLSACT = {"ingress": 0xFFFFFFF2, "egress": 0xFFFFFFF3}
"""TC_H_CLSACT with TC_H_MIN_INGRESS and TC_H_MIN_EGRESS of <linux/pkt_sched.h>; an ingress qdisc has the first too."""
_MESSAGE_LIMIT = 1 << 18


def filters(timeout: float) -> tuple[LinkFilter, ...]:
    """Those of all interfaces of this network namespace. HostError if the kernel cannot be asked."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(timeout)
            kernel.bind((0, 0))
            queues = list(dump(kernel, _RTM_GETQDISC, _FILTER.pack(socket.AF_UNSPEC, 0, 0, 0, 0)))
            links = list(dump(kernel, _RTM_GETLINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)))
            with edge(lambda reason: HostError(f"cannot read the kernel's filters: {reason}"), HostError, OSError):
                names = {_LINK.unpack_from(link)[2]: _name(link) for link in links}
                dropping = tuple(found for queue in queues if (found := _of_queue(queue, names)) is not None)
                return (*(found for link in links for found in _of_link(kernel, link)), *dropping)
    except OSError as error:
        raise HostError(f"cannot ask the kernel for filters of interfaces: {error.strerror or error}") from None


def _of_link(kernel: socket.socket, link: bytes) -> Iterator[LinkFilter]:
    index, found = _LINK.unpack_from(link)[2], attributes(link[_LINK.size :])
    name = _name(link)
    if any(attributes(found.get(_IFLA_XDP, b"")).get(_IFLA_XDP_ATTACHED, b"")):
        yield LinkFilter(name, "ingress", "XDP")
    for direction, parent in _CLSACT.items():
        body = _FILTER.pack(socket.AF_UNSPEC, index, 0, parent, 0)
        answers = (attributes(answer[_FILTER.size :]) for answer in dump(kernel, _RTM_GETTFILTER, body))
        kinds = (_text(answer.get(_TCA_KIND, b"")) for answer in answers)
        yield from (LinkFilter(name, direction, f"tc {kind}") for kind in dict.fromkeys(kinds))


def _name(link: bytes) -> str:
    return _text(attributes(link[_LINK.size :]).get(_IFLA_IFNAME, b""))


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "replace")


def _of_queue(queue: bytes, names: Mapping[int, str]) -> Optional[LinkFilter]:
    """None for a usual one, or one that has dropped nothing."""
    found = attributes(queue[_FILTER.size :])
    kind = _text(found.get(_TCA_KIND, b""))
    counts = attributes(found.get(_TCA_STATS2, b"")).get(_QUEUE, b"")
    drops = _QUEUE_STATS.unpack_from(counts)[2] if len(counts) >= _QUEUE_STATS.size else 0
    name = names.get(_FILTER.unpack_from(queue)[1])
    return None if kind in USUAL or not drops or name is None else LinkFilter(name, "egress", f"qdisc {kind}", drops)


def dump(kernel: socket.socket, kind: int, body: bytes) -> Iterator[bytes]:
    """The bodies of all answers; none where the kernel was built without what is asked for."""
    kernel.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
    while True:
        for answer, content in messages(kernel.recv(_MESSAGE_LIMIT)):
            code = -struct.unpack_from("=i", content)[0] if answer == _NLMSG_ERROR and len(content) >= 4 else 0
            if code not in (0, errno.EOPNOTSUPP):
                raise OSError(code, os.strerror(code))
            if answer in (_NLMSG_DONE, _NLMSG_ERROR):
                return
            yield content


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each message in a datagram."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind = _HEADER.unpack_from(data, at)[:2]
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by their number."""
    found, at = {}, 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found
