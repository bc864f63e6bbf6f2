"""Whether KVM does what it promises: a firmware alone, which is through in a fraction of a second.

A /dev/kvm that is there and stands still is common in nested virtual machines.
"""

from __future__ import annotations

import os

from azpreflight.host import programs
from azpreflight.host.api import HostError
from azpreflight.text import plain

DEVICE = "/dev/kvm"
TRIAL_S = 5.0
"""Seconds; a firmware takes 0.3 with an accelerator, and 1 without one."""
COMMAND = (
    *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", "-accel", "kvm"),
    *("-m", "64", "-cpu", "host", "-device", "isa-debugcon,iobase=0x402,chardev=said", "-chardev", "stdio,id=said"),
    *("-no-reboot", "-boot", "reboot-timeout=1"),
)
"""SeaBIOS writes what it does to this port, and starts again where it finds nothing to boot, which ends QEMU."""
THROUGH = "No bootable device"


def why_not() -> str:
    """Why KVM is not used; empty where it works."""
    if not os.path.exists(DEVICE):
        return f"there is no {DEVICE}"
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} may not be opened by this user (group kvm)"
    try:
        done = programs.run(COMMAND, TRIAL_S, None, None, 1 << 18)
    except HostError:
        return f"{DEVICE} is there, and a firmware was not through within {TRIAL_S:.0f} s"
    return "" if THROUGH in done.stdout else f"{DEVICE} does not work: {_reason(done.stderr)}"


def _reason(stderr: str) -> str:
    """QEMU's first complaint."""
    lines = stderr.strip().splitlines()
    return plain(lines[0].partition("error: ")[2] or lines[0], 80) if lines else "the firmware did not come through"
