"""Machines for the checks of revocation: a healthy one, and a broken one for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azpreflight.model import Platform, Run, Stage
from azpreflight.standin.extension import HELLO
from tests.support.machines.egress import OPEN, PUBLIC, SILENT, STORES, World, page, world

RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
LIST, RESPONDER = "crl3.example.net", "ocsp.example.net"
NAMED = (f"http://{LIST}/a.crl", f"http://{RESPONDER}", f"http://{LIST}/b.crl")
PLACES = {LIST: "20.60.0.71", RESPONDER: "20.60.0.72"}


def naming(**changes: Any) -> World:
    """Everything is open, and the store's certificate names two authorities."""
    store = replace(page("", 200), authorities=NAMED)
    tcp = {(address, 80): OPEN for address in PLACES.values()}
    tcp |= changes.pop("tcp", {})
    return world(http={HELLO.manifests[0]: store}, where={**STORES, **PUBLIC, **PLACES}, tcp=tcp, **changes)


HEALTHY = (naming(), RUN)
BROKEN = {"tls-revocation": (naming(tcp={("20.60.0.71", 80): SILENT}), RUN)}
