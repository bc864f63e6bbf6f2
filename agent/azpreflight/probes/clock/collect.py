"""Collecting the facts."""

from __future__ import annotations

from azpreflight.guest.limits import SMALL
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Run
from azpreflight.probes.clock.facts import SERVICES, ClockFacts

HOST_CLOCK = "/dev/ptp_hyperv"
"""The host's clock as a PTP device, by a udev rule that Azure's images and newer distributions have."""


def gather(host: Host, run: Run) -> ClockFacts:
    """No server is asked: the answers that other probes got are dated."""
    units = [systemd.unit(host, name) for name in SERVICES]
    services = tuple(unit.name for unit in units if unit.state is UnitState.ENABLED)
    local = "LOCAL" in (host.text("/etc/adjtime", SMALL) or "").splitlines()[2:3]
    return ClockFacts(services, host.info(HOST_CLOCK) is not None, local)
