"""Machines for the checks of a site's own checks: a healthy one, and a broken one for each check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azpreflight.model import Run
from tests.support.fakes import FakeHost

RUN = Run()
HEALTHY = FakeHost()
BROKEN: Mapping[str, Any] = {}
"""No check is azpreflight's own: the configuration of each test defines them."""
