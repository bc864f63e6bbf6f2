"""Collecting the facts."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from contextlib import suppress

from azpreflight.guest import os_release
from azpreflight.host import Host
from azpreflight.host.ca_store import BUNDLES, DIRECTORY
from azpreflight.model import Run
from azpreflight.probes.tls.facts import ROOTS, CaStoreFacts

BUNDLE_LIMIT = 4 << 20
"""Bytes of a bundle; the distributions' have 220 to 500 KiB, and companies add theirs."""
MARK = "-----BEGIN CERTIFICATE-----"


def gather(host: Host, run: Run) -> CaStoreFacts:
    """The first bundle that is not empty, as the program's own requests use it."""
    infos = [(path, host.info(path)) for path in BUNDLES]
    bundle = next((path for path, info in infos if info is not None and info.size), None)
    text = host.text(bundle, BUNDLE_LIMIT) if bundle is not None else None
    single = bundle is None and any(host.info(path) is not None for path in host.glob(f"{DIRECTORY}/*.0"))
    decoded = tuple(certificates(text or ""))
    roots = tuple(name for name in ROOTS if any(name.encode() in one for one in decoded))
    hollow = next((path for path, info in infos if info is not None), None) if bundle is None else None
    return CaStoreFacts(
        bundle,
        (text or "").count(MARK),
        single,
        os_release.distribution(host),
        roots=roots,
        read=len(decoded),
        hollow=hollow,
    )


def certificates(text: str) -> Iterator[bytes]:
    """The bytes of each certificate of a bundle; what is no base64 is left out."""
    for block in text.split(MARK)[1:]:
        with suppress(ValueError):
            yield binascii.a2b_base64(block.partition("-----END")[0])
