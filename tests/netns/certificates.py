"""The certificates of the stand-in's internet: who issued them, and for which names.

Made once for a user and kept, so that images which trust the authority can be kept as well.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.netns import topology
from tests.support.scratchroot import cache_directory

if TYPE_CHECKING:
    import trustme

SERVER_NAMES = (
    "*.blob.core.windows.net",
    "*.azure.com",
    "*.handler.control.monitor.azure.com",
    "*.monitoring.azure.com",
    "*.ods.opinsights.azure.com",
    "*.vault.azure.net",
    "*.guestconfiguration.azure.com",
    "*.microsoft.com",
    "*.microsoftonline.com",
    "*.windows.net",
    topology.STORE,
    topology.PUBLIC,
)
AUTHORITIES = {"issuer": "www.microsoft.com", "list": "crl3.digicert.com", "responder": "ocsp.digicert.com"}
"""Where the servers' certificates say that their issuer, its revocation list and its responder are."""
RECIPE = "3"
"""Part of the file's name: raise it when the way of making them changes."""


@lru_cache(maxsize=1)
def certificates() -> dict[str, str]:
    """PEM by kind: the "authority" that the VM trusts, and certificate chains with keys for the internet's servers.

    Those are "trusted", "expired", or "inspected" by somebody on the way whom the VM does not know.
    """
    digest = hashlib.sha256(" ".join((RECIPE, *SERVER_NAMES)).encode()).hexdigest()[:12]
    kept = cache_directory() / f"certificates-{digest}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with open(kept.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_text(json.dumps(_make()))
        pems: dict[str, str] = json.loads(kept.read_text())
    return pems


def _make() -> dict[str, str]:
    import trustme

    authority = trustme.CA(organization_name="Stand-in Certificates")
    inspector = trustme.CA(organization_name="Contoso Traffic Inspection")
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    leaves = {
        "expired": authority.issue_cert(*SERVER_NAMES, not_after=yesterday),
        "inspected": inspector.issue_cert(*SERVER_NAMES),
    }
    chains = {kind: leaf.private_key_and_cert_chain_pem.bytes().decode() for kind, leaf in leaves.items()}
    trusted = _naming(authority, authority.issue_cert(*SERVER_NAMES))
    return {"authority": authority.cert_pem.bytes().decode(), "trusted": trusted, **chains}


def _naming(authority: trustme.CA, leaf: trustme.LeafCert) -> str:
    """The same certificate with its key, and with the places that public authorities name in theirs."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509.oid import AuthorityInformationAccessOID

    plain = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    place = {what: x509.UniformResourceIdentifier(f"http://{host}/{what}") for what, host in AUTHORITIES.items()}
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place["issuer"]),
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place["responder"]),
        ]
    )
    points = x509.CRLDistributionPoints([x509.DistributionPoint([place["list"]], None, None, None)])
    builder = x509.CertificateBuilder(
        plain.issuer,
        plain.subject,
        plain.public_key(),
        plain.serial_number,
        plain.not_valid_before_utc,
        plain.not_valid_after_utc,
    )
    for extension in plain.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    builder = builder.add_extension(access, critical=False).add_extension(points, critical=False)
    key = load_pem_private_key(authority.private_key_pem.bytes(), None)
    signed = builder.sign(key, SHA256())  # type: ignore[arg-type]  # one that can sign
    return leaf.private_key_pem.bytes().decode() + signed.public_bytes(Encoding.PEM).decode()
