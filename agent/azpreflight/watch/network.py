"""When systemd began with the network: until then a missing one is no news."""

from __future__ import annotations

from typing import Optional

from azpreflight.foreign import whole
from azpreflight.host import Host, HostError

REACHED = ("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", "network.target")
"""Microseconds since boot; 0 as long as it has not been reached. What configures the network is started before it."""
SYSTEMCTL_TIMEOUT = 2.0
"""Seconds: systemd answers at once, or hangs."""


def begun_s(host: Host) -> Optional[float]:
    """When network.target was reached, in seconds after boot; None: not yet. 0 where systemd does not say."""
    try:
        microseconds = host.run(REACHED, timeout=SYSTEMCTL_TIMEOUT).stdout.strip()
    except HostError:
        return 0.0
    number = whole(microseconds)
    return 0.0 if number is None else number / 1e6 or None
