"""Collecting the facts."""

from __future__ import annotations

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes import subjects
from azpreflight.probes.startup import (
    directories,
    entry,
    filesystems,
    grow,
    memory,
    names,
    nic,
    order,
    selinux,
    target,
    units,
    volumes,
)
from azpreflight.probes.startup.facts import StartupFacts

LOOKS: subjects.Looks = {
    "entry": entry.look,
    "filesystems": filesystems.look,
    "grow": grow.look,
    "memory": memory.look,
    "volumes": volumes.look,
    "target": target.look,
    "order": order.look,
    "nic": nic.look,
    "names": names.look,
    "selinux": selinux.look,
    "units": units.look,
    "directories": directories.look,
}


def gather(host: Host, run: Run) -> StartupFacts:
    """Every subject on its own."""
    return subjects.inspect(host, run, LOOKS, StartupFacts)
