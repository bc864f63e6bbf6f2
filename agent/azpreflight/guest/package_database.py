"""Whether an image is a whole one: it has a database of packages and a kernel.

What is not there was then not installed. A tree for tests, a container, or one that was unpacked in part has neither.
"""

from __future__ import annotations

from azpreflight.guest import kernels
from azpreflight.host import Host

DATABASES = ("/var/lib/dpkg/status", "/var/lib/rpm", "/usr/lib/sysimage/rpm")
"""dpkg's, and rpm's of old and new."""


def is_whole(host: Host) -> bool:
    """Programs that are missing are missing, and not left out."""
    return kernels.is_there(host) and any(host.info(path) is not None for path in DATABASES)
