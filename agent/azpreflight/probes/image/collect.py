"""Collecting the facts."""

from __future__ import annotations

from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes.image.facts import ImageFacts


def gather(host: Host, run: Run) -> ImageFacts:
    """What was seen when the file was opened."""
    return ImageFacts(host.disk)
