"""Machines for the checks of logs: a healthy one, and a broken one for each check."""

from __future__ import annotations

from pathlib import Path

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.model import Platform, Run, Stage, Status
from azpreflight.probes import logs
from tests.support.fakes import FakeHost

DATA = Path(__file__).parents[2] / "data" / "logs"
RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)


def recorded(waagent: str, cloud_init: str = "healthy-cloud-init.log") -> FakeHost:
    return FakeHost(
        files={
            "/var/log/waagent.log": (DATA / waagent).read_text(),
            "/var/log/cloud-init.log": (DATA / cloud_init).read_text(),
        }
    )


HEALTHY = (recorded("healthy-waagent.log"), RUN)
BROKEN = {"logs-vm-identifier": (recorded("not-generalized-waagent.log"), RUN)}


def judged(host: FakeHost) -> tuple[Status, str]:
    result = assess(gather(host, (logs.PROBE,), RUN), (logs.PROBE,)).results[0]
    return result.status, result.reason or (result.findings[0].message if result.findings else "")
