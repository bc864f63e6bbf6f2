"""Whether a thread listened for as long as it was to: silence is an answer only where it did.

A machine that boots starts everything at once, and a service with little weight gets what that leaves: an answer may
have arrived long before the thread that waits for it gets to take it. The kernel counts how long a thread ran, and how
long it could have run and was not let (`/proc/PID/schedstat`, its first two numbers, in nanoseconds;
Documentation/scheduler/sched-stats.rst). The rest of a wait is when it listened.
"""

from __future__ import annotations

from typing import Optional

SCHEDSTAT = "/proc/thread-self/schedstat"
LATE_S = 0.5
"""Seconds by which a wait may end late and its silence still be believed: a machine that does not get to run for longer
would not have seen an answer either. One that has time for itself is some milliseconds late."""
LISTENED_SHARE = 0.5
"""Of a wait, which a thread has to have listened. The threads of one look take turns, so that less than all of it is no
sign of a busy machine; on one that boots in an emulator half of it was seen to be lost where answers were overheard."""


def occupied_s() -> float:
    """Seconds that this thread ran or waited for a processor since it began; 0 where the kernel does not count."""
    try:
        with open(SCHEDSTAT, encoding="ascii") as file:
            ran, kept, *_ = file.read(256).split()
            return (int(ran) + int(kept)) / 1e9
    except (OSError, ValueError):
        return 0.0


def busy(granted_s: float, took_s: float, occupied: float) -> Optional[str]:
    """Why the silence of a wait in which the thread was occupied for so many seconds is none; None: it is one."""
    late = took_s - granted_s
    if late > LATE_S:
        return f"{late:.1f} s late"
    waited = min(granted_s, took_s)  # less where a part of the exchange, such as connecting, has a limit of its own
    listened = took_s - occupied
    if listened < waited * LISTENED_SHARE:
        return f"it listened for {max(listened, 0.0):.1f} of {waited:.1f} s"
    return None
