"""The certificates of the stand-in's internet: who issued them, and for which names.

Made once for a user and kept, so that images which trust the authority can be kept as well.
"""

import datetime
import fcntl
import hashlib
import json
from functools import lru_cache

from tests.netns import topology
from tests.scratchroot import cache_directory

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
RECIPE = "2"
"""Part of the file's name: raise it when the way of making them changes."""


@lru_cache(maxsize=1)
def certificates() -> "dict[str, str]":
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


def _make() -> "dict[str, str]":
    import trustme

    authority = trustme.CA(organization_name="Stand-in Certificates")
    inspector = trustme.CA(organization_name="Contoso Traffic Inspection")
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    leaves = {
        "trusted": authority.issue_cert(*SERVER_NAMES),
        "expired": authority.issue_cert(*SERVER_NAMES, not_after=yesterday),
        "inspected": inspector.issue_cert(*SERVER_NAMES),
    }
    chains = {kind: leaf.private_key_and_cert_chain_pem.bytes().decode() for kind, leaf in leaves.items()}
    return {"authority": authority.cert_pem.bytes().decode(), **chains}
