"""Machines for the checks of the clock: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.model import Stage
from tests.support.fakes import Link
from tests.support.machines import egress as test_probe_egress
from tests.support.machines.egress import RUN, World, inspected

DAY = 86400.0
CHRONY: dict[str, Any] = {
    "/lib/systemd/system/chrony.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/chrony.service": Link("/lib/systemd/system/chrony.service"),
    "/dev/ptp_hyperv": "",
}
EXPIRED = "certificate has expired"


def dated(ahead: float, host: World | None = None, **files: Any) -> World:
    """The world, with every server's clock ahead of this machine's."""
    made = host or test_probe_egress.world()
    http = {url: replace(answer, ahead_s=ahead) for url, answer in made.http.items()}
    return replace(made, http=http, files={**made.files, **files})


def expired(ahead: float, **files: Any) -> World:
    """The same, where by this machine's clock every certificate has expired."""
    return dated(ahead, inspected("CN=Microsoft Azure RSA TLS Issuing CA 04", EXPIRED), **files)


HEALTHY = (dated(1.4, **CHRONY), RUN)
BROKEN = {
    "clock-skew": (expired(-400 * DAY), RUN),
    "clock-service": (dated(1.4), replace(RUN, stage=Stage.CAPTURE)),
}
