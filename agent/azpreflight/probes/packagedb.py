"""Whether the image has a database of packages: then it is a whole one, and what is not there was not installed."""

from azpreflight.host import Host

DATABASES = ("/var/lib/dpkg/status", "/var/lib/rpm", "/usr/lib/sysimage/rpm")
"""dpkg's, and rpm's of old and new."""


def is_there(host: Host) -> bool:
    """A tree for tests, or one that was unpacked in part, has none."""
    return any(host.info(path) is not None for path in DATABASES)
