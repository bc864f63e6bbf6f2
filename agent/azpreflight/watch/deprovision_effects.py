"""What cleaning a machine does to its files, in so few looks that they can be taken every second.

waagent empties its directories and does not remove them; it deletes the sentinel and ovf-env.xml and resets the host
name (WALinuxAgent, azurelinuxagent/pa/deprovision/default.py). `cloud-init clean` removes the link to the instance.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HostError
from azpreflight.probes.generalization.deprovision_state import RESET_NAME

MARKS = ("/var/lib/waagent/provisioned", "/var/lib/waagent/ovf-env.xml", "/var/lib/cloud/instance")
"""What an agent leaves on a machine that it has provisioned, and what cleaning removes."""
HOST_NAME = "/etc/hostname"
PLACES = ("/etc", "/etc/ssh", "/root", "/var/lib/waagent", "/var/lib/cloud", "/var/log/azure", HOST_NAME)
"""What changes while a machine is being cleaned, accounts included, which are replaced in /etc."""

Stamps = tuple[Optional[int], ...]


@dataclass(frozen=True)
class Effects:
    """What is there of a provisioned machine."""

    marks: frozenset[str]
    name_reset: bool
    """The host name is the one that deprovisioning leaves."""

    @property
    def clean(self) -> bool:
        """No agent would take this for a machine that it has provisioned."""
        return not self.marks


def look(host: Host) -> Effects:
    """The effects as of now; what cannot be inspected counts as being there."""
    return Effects(frozenset(path for path in MARKS if _there(host, path)), _host_name(host) == RESET_NAME)


def cleaned_since(before: Effects, now: Effects) -> bool:
    """Cleaning has begun: something of the provisioned machine has gone, or its name has been reset."""
    return bool(before.marks - now.marks) or (now.name_reset and not before.name_reset)


def stamps(places: Sequence[str] = PLACES) -> Stamps:
    """When each place was changed last, in nanoseconds; None for one that is not there."""
    return tuple(_changed(path) for path in places)


def _there(host: Host, path: str) -> bool:
    try:
        return host.info(path, follow=False) is not None
    except HostError:
        return True


def _host_name(host: Host) -> Optional[str]:
    try:
        return (host.text(HOST_NAME) or "").strip()
    except HostError:
        return None


def _changed(path: str) -> Optional[int]:
    with suppress(OSError):
        return os.lstat(path).st_mtime_ns
    return None
