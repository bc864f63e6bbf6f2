"""Files by pattern, where one that cannot be inspected is as good as none."""

from __future__ import annotations

from azpreflight.host import Host, HostError

KEPT = 16
"""Files of one pattern that are inspected: interfaces and repositories are few."""


def matching(host: Host, pattern: str) -> tuple[str, ...]:
    """The first paths that match; none where a directory on the way is closed to this user."""
    try:
        return host.glob(pattern)[:KEPT]
    except HostError:
        return ()
