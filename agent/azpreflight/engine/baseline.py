"""What was well when the image was captured, beside what is wrong now. Pure.

`seal` leaves a stamp in the image: its version, the profile, and the status of every check, and nothing of the machine.
What passed there and fails here tells the maker of an image from the owner of a network: the image was the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import edge, loads
from azpreflight.model import Cause, Check, Result, SinceCapture, Status, codec

SCHEMA = "azpreflight.seal/1"


@dataclass(frozen=True)
class Stamp:
    """What an image says about itself."""

    version: str
    """Of the azpreflight that sealed it."""
    profile: str
    checks: Mapping[str, str]
    """Status by id, of the checks of that version."""


def render(stamp: Stamp) -> str:
    """The stamp as a JSON document."""
    return json.dumps({"schema": SCHEMA, **codec.encode(stamp)}, indent=1, sort_keys=True) + "\n"


def parse(text: str) -> Optional[Stamp]:
    """The stamp in a document; None if it is none."""
    try:
        with edge(ValueError):
            value = loads(text)
            if not isinstance(value, Mapping) or value.get("schema") != SCHEMA:
                return None
            stamp: Stamp = codec.decode(Stamp, value)
            return stamp
    except ValueError:
        return None


def since_capture(stamp: Stamp, results: Iterable[Result], judged: Iterable[Check]) -> SinceCapture:
    """Which checks passed when the image was sealed and fail now, symptoms of others left out."""
    checks = {check.id: check for check in judged}
    passed = {check for check, status in stamp.checks.items() if status == Status.PASS.value}
    failed = (result for result in results if result.status is Status.FAIL and not result.because_of)
    changed = [result for result in failed if result.check in passed]
    network = tuple(result.check for result in changed if _of_the_network(checks[result.check], result))
    image = tuple(result.check for result in changed if result.check not in network)
    return SinceCapture(stamp.version, network, image)


def _of_the_network(check: Check, result: Result) -> bool:
    """It looks at what is around the machine, and found nothing that is part of the image."""
    around = (check.environment or check.azure_only) and check.cause is not Cause.GUEST_FIREWALL
    return around and not any(finding.in_image for finding in result.findings)


def sentences(since: Optional[SinceCapture], most: Optional[int] = None) -> tuple[str, ...]:
    """A sentence for each way in which this VM differs from its image; at most so many ids are named in one."""
    if since is None:
        return ()
    said = ((since.network, "it is the virtual network"), (since.image, "it has changed since it was sealed"))
    return tuple(f"passed at capture, fails here: {_named(checks, most)}: {why}" for checks, why in said if checks)


def _named(checks: Sequence[str], most: Optional[int]) -> str:
    more = len(checks) - most if most is not None else 0
    return ", ".join(checks[:most]) + (f" and {more} more" if more > 0 else "")
