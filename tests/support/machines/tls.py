"""Machines for the checks of TLS: a healthy one, and a broken one for each check."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from azpreflight.host.ca_store import BUNDLES
from azpreflight.model import Run, Stage
from azpreflight.probes.tls.collect import MARK
from azpreflight.probes.tls.facts import ROOTS
from tests.support.fakes import FakeHost

ENCODED = "".join(f"{MARK}\n{b64encode(name.encode()).decode()}\n-----END CERTIFICATE-----\n" for name in ROOTS)
"""As far as the bytes of a certificate matter: its subject's name is in them."""
STORE: dict[str, Any] = {BUNDLES[0]: ENCODED}
RUN = Run(stage=Stage.CAPTURE)
DEBIAN = "ID=debian\nVERSION_ID=12\n"
HEALTHY = (FakeHost(files={**STORE, "/etc/os-release": DEBIAN}), RUN)
ONE = ENCODED[ENCODED.index(MARK, 10) :]
BROKEN = {
    "tls-ca-store": (FakeHost(files={"/etc/os-release": DEBIAN}), RUN),
    "tls-azure-roots": (FakeHost(files={BUNDLES[0]: ONE, "/etc/os-release": DEBIAN}), RUN),
}
