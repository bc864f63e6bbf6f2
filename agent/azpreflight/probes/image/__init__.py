"""The file of a disk image: whether Azure takes it as a disk, and whether a VM can start from it.

Azure takes fixed VHDs of whole MiB, and says so only when the upload is done or the disk is made of it. Whether a disk
can be started is seen in its first sectors; whether all of a system is on it, in its fstab (Microsoft Learn, "Prepare
Linux for imaging in Azure", "Information for community supported and non-endorsed distributions").
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.image import checks
from azpreflight.probes.image.collect import gather
from azpreflight.probes.image.facts import ImageFacts

WORST_CASE_S = 0.0
"""Seconds: the file was inspected before the run began."""

PROBE = Probe(
    name="image",
    facts=ImageFacts,
    gather=gather,
    checks=checks.CHECKS,
)
