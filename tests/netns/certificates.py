"""The certificates of the stand-in's internet, made once for a user and kept.

So images which trust the authority can be kept as well.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
from functools import lru_cache

from azpreflight.standin.certificates import SERVER_NAMES, issue, make_authority
from tests.support.scratchroot import cache_directory

RECIPE = "4"
"""Part of the file's name: raise it when the way of making them changes."""


@lru_cache(maxsize=1)
def certificates() -> dict[str, str]:
    """PEM by kind: the "authority" that the VM trusts, and certificates with keys for the internet's servers.

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
    authority, inspector = make_authority(), make_authority("Contoso Traffic Inspection")
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    return {
        "authority": authority.certificate,
        "trusted": issue(authority),
        "expired": issue(authority, ends=yesterday, places=False),
        "inspected": issue(inspector, places=False),
    }
