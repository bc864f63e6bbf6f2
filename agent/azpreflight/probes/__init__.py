"""The subjects that azpreflight knows, in the order in which a VM comes up."""

from __future__ import annotations

from typing import Any

from azpreflight.model import Probe
from azpreflight.probes import (
    agents,
    boot,
    clock,
    configuration,
    dns,
    egress,
    firewall,
    firewall_boot,
    generalization,
    image,
    login,
    logs,
    media,
    network,
    path,
    platform,
    proxy,
    revocation,
    site,
    ssh,
    startup,
    tls,
)

PROBES: tuple[Probe[Any], ...] = (
    image.PROBE,
    generalization.PROBE,
    agents.PROBE,
    media.PROBE,
    boot.PROBE,
    startup.PROBE,
    ssh.PROBE,
    login.PROBE,
    logs.PROBE,
    network.PROBE,
    firewall.PROBE,
    firewall_boot.PROBE,
    platform.PROBE,
    dns.PROBE,
    tls.PROBE,
    clock.PROBE,
    proxy.PROBE,
    egress.PROBE,
    path.PROBE,
    revocation.PROBE,
    site.PROBE,
    configuration.PROBE,
)


def with_needs(names: set[str], probes: tuple[Probe[Any], ...] = PROBES) -> tuple[Probe[Any], ...]:
    """The probes of these names and all that they need, in order."""
    by_name = {probe.name: probe for probe in probes}
    wanted: set[str] = set()
    pending = set(names)
    while pending:
        name = pending.pop()
        wanted.add(name)
        pending |= set(by_name[name].needs) - wanted
    return tuple(probe for probe in probes if probe.name in wanted)
