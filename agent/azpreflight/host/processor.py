"""Whether this machine let a thread listen for as long as it was to: silence is an answer only where it did.

A machine that boots starts everything at once, and a service with little weight gets what that leaves: data may have
arrived long before the thread that waits for it gets to run. The kernel counts how long a thread that could run was not
let (`/proc/PID/schedstat`, its second number, in nanoseconds; Documentation/scheduler/sched-stats.rst).
"""

from typing import Optional

SCHEDSTAT = "/proc/thread-self/schedstat"
LATE_S = 0.5
"""Seconds by which a wait may end late and its silence still be believed: a machine that does not get to run for longer
would not have seen an answer either. One that has time for itself is some milliseconds late."""
KEPT_SHARE = 0.5
"""Of a wait, which a thread may be kept from running and its silence still be believed: the threads of one look take
turns, so that some waiting is no sign of a busy machine."""


def kept_s() -> float:
    """Seconds that this thread could have run and was not let; 0 where the kernel does not count."""
    try:
        with open(SCHEDSTAT, encoding="ascii") as file:
            return int(file.read(256).split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def busy(granted_s: float, took_s: float, kept: float) -> Optional[str]:
    """Why the silence of a wait in which the thread was not let run for `kept` seconds is none; None: it is one."""
    late = took_s - granted_s
    if late > LATE_S:
        return f"{late:.1f} s late"
    if kept > granted_s * KEPT_SHARE:
        return f"not let run for {kept:.1f} of {granted_s:.1f} s"
    return None
