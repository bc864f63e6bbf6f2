"""What was found."""

from __future__ import annotations

from typing import Optional

from azpreflight.azure.answer import Answer
from azpreflight.dataclass import dataclass
from azpreflight.probes.path.tunnel import Path


@dataclass(frozen=True)
class PathFacts:
    """The ways to endpoints that do not answer."""

    tried: tuple[str, ...]
    """Flows to all endpoints that were tried straight: "tcp 20.60.0.10:443", or "name HOST" where it has no address."""
    failed: tuple[str, ...]
    """Those that did not connect, or stopped in the TLS handshake."""
    paths: tuple[Path, ...]
    """The ways to the first TRACED of them."""
    own: tuple[str, ...]
    """Prefixes of the virtual network as far as the guest knows it."""
    small: tuple[Answer, ...] = ()
    """Requests that stalled after the connection was made, once more in small segments; one for each flow."""
    small_to_platform: Optional[Answer] = None
    """Likewise that to the wire server, which answers small requests; None if it did not stall."""
