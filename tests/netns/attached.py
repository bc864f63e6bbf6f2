"""Attach real programs to an interface: `python -m tests.netns.attached INTERFACE xdp|ingress|egress`.

The program is two instructions, "return this number", loaded with bpf(2): no compiler and no file of one is needed. It
is run in the namespace of the interface, to which the kernel then keeps it attached.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
import sys

from azpreflight.firewall.worker import netlink
from azpreflight.firewall.worker.netlink import NETLINK_ROUTE, Netlink, attribute, nested, text

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_LOAD, SCHED_CLS, XDP = 5, 3, 6
TC_SHOT, XDP_DROP = 2, 1
RTM_NEWTFILTER = 44
IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_IN_SOFTWARE = 43, 1, 3, 2
TCA_KIND, TCA_OPTIONS, TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS, DIRECT_ACTION = 1, 2, 6, 7, 8, 1
PARENTS = {"ingress": 0xFFFFFFF2, "egress": 0xFFFFFFF3}
EVERY_PROTOCOL = 0x0300  # ETH_P_ALL in network order
CREATE = netlink.NLM_F_CREATE | 0x200


def load(kind: int, returns: int) -> int:
    """A program that returns this number; its descriptor."""
    code = struct.pack("=BBhiBBhi", 0xB7, 0, 0, returns, 0x95, 0, 0, 0)  # mov r0, number; exit
    instructions, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    where = ctypes.addressof(instructions), ctypes.addressof(licence)
    asked = struct.pack("=IIQQIIQII16s", kind, len(code) // 8, *where, 0, 0, 0, 0, 0, b"azpreflight")
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.syscall(SYS_BPF, BPF_PROG_LOAD, ctypes.create_string_buffer(asked, 128), 128)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor


def main() -> None:
    """Attach what drops everything."""
    name, where = sys.argv[1:]
    route = Netlink(NETLINK_ROUTE)
    index = netlink.index_of(route, name)
    if where == "xdp":
        program = attribute(IFLA_XDP_FD, struct.pack("=i", load(XDP, XDP_DROP)))
        xdp = nested(IFLA_XDP, program, attribute(IFLA_XDP_FLAGS, struct.pack("=I", XDP_IN_SOFTWARE)))
        route.request(netlink.RTM_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, index, 0, 0) + xdp)
        return
    subprocess.run(["tc", "qdisc", "replace", "dev", name, "clsact"], check=True, timeout=20)
    program = attribute(TCA_BPF_FD, struct.pack("=I", load(SCHED_CLS, TC_SHOT))) + text(TCA_BPF_NAME, "azpreflight")
    options = nested(TCA_OPTIONS, program + attribute(TCA_BPF_FLAGS, struct.pack("=I", DIRECT_ACTION)))
    body = struct.pack("=BxxxiIII", 0, index, 0, PARENTS[where], 1 << 16 | EVERY_PROTOCOL)
    route.request(RTM_NEWTFILTER, CREATE, body + text(TCA_KIND, "bpf") + options)


if __name__ == "__main__":
    main()
