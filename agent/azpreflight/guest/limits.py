"""How much of the guest's files is read and kept."""

from __future__ import annotations

SMALL = 256 * 1024
"""Bytes of a file that a person or a program writes by the line: accounts, leases, configuration."""
KEPT = 50
"""Names in the facts of one check."""
