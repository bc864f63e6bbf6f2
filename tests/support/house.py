"""What the rules of the house are held against: all modules, all probes, all documents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azpreflight.model import Probe
from azpreflight.probes import PROBES

ROOT = Path(__file__).parents[2]
BY_NAME: Mapping[str, Probe[Any]] = {probe.name: probe for probe in PROBES}
