"""What a signature is: a line of a boot's logs that means something, and who writes it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.model import Cause

WAAGENT = "waagent"
CLOUD_INIT = "cloud-init"
DS_IDENTIFY = "ds-identify"
AZURE_INIT = "azure-init"
PROXY_AGENT = "azure-proxy-agent"
KERNEL = "kernel"
SYSTEMD = "systemd"
INITRAMFS = "initramfs"
FIRMWARE = "firmware"
"""The boot loader's words too."""
AGENTS = (WAAGENT, CLOUD_INIT, DS_IDENTIFY, AZURE_INIT, PROXY_AGENT)
"""Those that quote what they failed with, which may be a secret."""


class Step(str, Enum):
    """What a boot reaches, in the order in which it comes up."""

    KERNEL = "kernel"
    ROOT = "root"
    """The root filesystem is mounted."""
    INIT = "init"
    """systemd of the root filesystem runs."""
    AGENT = "agent"
    """A provisioning agent has begun."""
    NETWORK = "network"
    """There is an address."""
    DISC = "disc"
    """The provisioning disc was read."""
    IMDS = "imds"
    WIRE_SERVER = "wire-server"
    GOAL_STATE = "goal-state"
    READY = "ready"
    """The platform was told Ready after real provisioning."""
    LOGIN = "login"
    EXTENSIONS = "extensions"
    """All extensions of the goal state are done, well or not."""


@dataclass(frozen=True)
class Signature:
    """A line of a log that means something."""

    id: str
    log: str
    """Who writes it: one of the words above."""
    pattern: re.Pattern[str]
    """Searched in a single line. Its group `value`, where there is one, is a version, an id or a time."""
    source: str
    """The file that prints it."""
    cause: Optional[Cause] = None
    """What it is evidence of; None for progress, and for what may have many causes."""
    step: Optional[Step] = None
    """What it shows to be reached."""

    @property
    def verbatim(self) -> bool:
        """What the pattern matches may be shown as it is: it consists of fixed words and names of a bounded form."""
        return self.log not in AGENTS
