"""The files that azpreflight itself owns."""

from __future__ import annotations

REPORT = "/var/lib/azpreflight/report.json"
"""The daemon's last report."""
STAMP = "/etc/azpreflight/seal.json"
"""What `seal` leaves in the image: versions and verdicts, nothing of the machine."""
STAMP_LIMIT = 64 << 10
"""Bytes; a hundred checks take 4 KiB."""
UNFINISHED = "/var/lib/azpreflight/seal-unfinished.json"
"""What `seal` remembers until the machine is sealed: the user who is to be deleted, whom nothing else names then."""
UNFINISHED_LIMIT = 4096
SEAL_LOCK = "/run/azpreflight/seal.lock"
"""Held by the `seal` that is at work."""
ARMED = (
    "/etc/systemd/system/sysinit.target.wants/azpreflight-capture.service",
    "/etc/systemd/system/azpreflight-capture.service.d",
)
"""What `azpreflight arm` makes: the link that enables the unit, and the directory of its settings.

The link comes last and goes first: a machine is armed if it is there, and settings without it are what an `arm` that
was killed has left.
"""
CONFIG = "/etc/azpreflight/config.yaml"
CONFIG_DROP_INS = "/etc/azpreflight/config.d"
