"""Machines for the checks of the configuration: a healthy one, and a broken one for each check."""

from __future__ import annotations

from azpreflight.model import Config, Run, Waiver
from tests.support.fakes import FakeHost

RUN = Run(config=Config(waive=(Waiver("boot-console", "ticket 4711"),)))
HEALTHY = FakeHost()
EXPIRED = Waiver("boot-console", "ticket 4711", until="2026-03-31")
BROKEN = {"configuration-waivers": (FakeHost(), Run(config=Config(waive=(EXPIRED,))))}
