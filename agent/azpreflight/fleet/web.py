"""Requests to Azure's own services: bounded waits, patience where they throttle, and nothing else.

429 and 503 come with the seconds to wait (`Retry-After`, RFC 9110 10.2.3); Azure Resource Manager throttles by
subscription and by tenant (Microsoft Learn, "Throttling Resource Manager requests").
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Optional

from azpreflight.console.packed import unpacked
from azpreflight.fleet.local import LOG_MOST
from azpreflight.foreign import whole

TIMEOUT_S = (10.0, 60.0)
"""To connect, and between two pieces of an answer."""
AGAIN = (408, 429, 500, 502, 503, 504)
PATIENCE_S = 300.0
"""For one request with all its repetitions."""
WAIT_S, WAIT_MOST_S = 1.0, 60.0
"""Seconds before the second try, twice as many before each further one; and at most, whatever the service wants."""


class Refused(OSError):
    """The service does not give it; the words say why."""


def ask(session: Any, method: str, url: str, headers: Optional[Mapping[str, str]] = None) -> Any:
    """The answer, of whatever status, when trying again has come to an end. Refused where there is none."""
    import requests

    end, wait = time.monotonic() + PATIENCE_S, WAIT_S
    while True:
        try:
            got = session.request(method, url, headers=headers, timeout=TIMEOUT_S, stream=True, allow_redirects=False)
        except requests.RequestException as error:
            got, refused = None, type(error).__name__
        if got is not None and got.status_code not in AGAIN:
            return got
        pause = min(max(wait, _wanted(got)), WAIT_MOST_S)
        if time.monotonic() + pause > end:
            raise Refused(f"HTTP {got.status_code}, again and again" if got is not None else refused)
        if got is not None:
            got.close()
        time.sleep(pause)
        wait *= 2


def _wanted(got: Any) -> float:
    """Seconds that the service wants to be left alone; 0 where it names none."""
    after = got.headers.get("Retry-After", "") if got is not None else ""
    return float(whole(after.strip()) or 0)


def body(got: Any, most: int) -> bytes:
    """At most so many bytes of what came."""
    import requests

    content = bytearray()
    try:
        with got:
            pieces = got.iter_content(1 << 16)
            while len(content) < most and (piece := next(pieces, b"")):
                content += piece
    except requests.RequestException as error:
        raise Refused(type(error).__name__) from None
    return bytes(content[:most])


def stamp(url: str) -> Optional[str]:
    """What is another one once the content behind a signed URL is; None where storage does not say."""
    import requests

    with requests.Session() as session:
        try:
            got = ask(session, "HEAD", url)
        except Refused:
            return None
        got.close()
        tag = got.headers.get("ETag")
        return f"{got.headers.get('Content-Length')} {tag}" if got.status_code == 200 and tag else None


def log(url: str) -> tuple[bytes, Optional[str]]:
    """What is inspected of the log behind a signed URL, and the words for what is not. Refused says why not; the URL
    is a secret and in no message."""
    import requests

    with requests.Session() as session:
        got = ask(session, "GET", url)
        if got.status_code != 200:
            got.close()
            raise Refused(f"storage answered HTTP {got.status_code}")
        content = body(got, LOG_MOST + 1)
    if len(content) > LOG_MOST:
        return content[:LOG_MOST], f"what follows the first {LOG_MOST >> 20} MiB"
    return unpacked(content, LOG_MOST)
