"""Collecting nothing: the configuration and what became of its waivers are part of the run."""

from __future__ import annotations

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes.configuration.facts import ConfigurationFacts


def gather(host: Host, run: Run) -> ConfigurationFacts:
    """Nothing is inspected."""
    return ConfigurationFacts()
