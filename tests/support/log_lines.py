"""A line of a log for each signature, as its writer prints it."""

from __future__ import annotations

from pathlib import Path

_FILE = Path(__file__).parents[1] / "data" / "logs" / "signatures.tsv"

LINES = dict(line.split("\t", 1) for line in _FILE.read_text().splitlines())
"""By the id of the signature."""
