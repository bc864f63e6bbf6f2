"""Collecting the facts."""

from __future__ import annotations

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes import subjects
from azpreflight.probes.login import gates, inbound, modes, sshd, sudo, taken, tools
from azpreflight.probes.login.facts import LoginFacts

LOOKS: subjects.Looks = {
    "sshd": sshd.look,
    "modes": modes.look,
    "sudo": sudo.look,
    "gates": gates.look,
    "taken": taken.look,
    "tools": tools.look,
    "inbound": inbound.look,
}


def gather(host: Host, run: Run) -> LoginFacts:
    """Every subject on its own."""
    return subjects.inspect(host, run, LOOKS, LoginFacts)
