"""What the watch knows of earlier boots of the same VM.

A VM that is not provisioned within 20 minutes is started again by the platform, once, and gets another 20 minutes; a
watch that ended with the first 20 goes on after that. The file is part of no image: a copy that was captured names
another VM.
"""

from __future__ import annotations

import json
import os
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import loads
from azpreflight.guest import writers
from azpreflight.host import Host, HostError, reading
from azpreflight.model import codec
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import write_file
from azpreflight.sinks.stderr import say

STATE = "/var/lib/azpreflight/daemon.json"
STATE_LIMIT = 4096
BOOTS = 2
"""Boots that are watched to the platform's limit: 20 minutes, a restart, 20 minutes, then OSProvisioningTimedOut
(Microsoft Learn, "Troubleshoot provisioning of Linux VMs")."""


@dataclass(frozen=True)
class Memory:
    """What became of the watches of one VM."""

    vm: str
    well: bool = False
    """Provisioning and extensions have ended well: there is nothing more to watch."""
    boots: int = 0
    """Watches that ended at the limit."""

    @property
    def over(self) -> bool:
        """This VM is not watched any more."""
        return self.well or self.boots >= BOOTS

    def ended(self, well: bool) -> Memory:
        """After a further watch."""
        return Memory(self.vm, self.well or well, self.boots + (not well))


def remembered(host: Host, vm: Optional[str], path: str = STATE) -> Optional[Memory]:
    """What is known of this VM; None on its first boot, and where it has no id."""
    try:
        text = host.text(path, STATE_LIMIT) if writers.believed(host, path) else None
        if text is None:
            return None
        with reading(path):
            memory: Memory = codec.decode(Memory, loads(text))
    except HostError as error:
        say(f"{error}; this is taken for the first boot of the VM")
        return None
    return memory if memory.vm == vm else None


def remember(memory: Memory, path: str = STATE) -> None:
    """Keep it. SinkError where that fails: then the next boot is watched as the first."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from None
    write_file(path, json.dumps(codec.encode(memory)) + "\n")
