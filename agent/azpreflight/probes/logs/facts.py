"""What was found."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.log_signatures import AZURE_INIT, CLOUD_INIT, DS_IDENTIFY, PROXY_AGENT, SIGNATURES, WAAGENT
from azpreflight.dataclass import dataclass
from azpreflight.model import Cause

PATHS = {
    WAAGENT: "/var/log/waagent.log",
    CLOUD_INIT: "/var/log/cloud-init.log",
    AZURE_INIT: "/var/log/azure-init.log",
}
"""waagent's path is fixed in its code, whatever its configuration says; cloud-init's is the one of every package, and
azure-init's its default (libazureinit/src/config.rs)."""
EVERY = {
    **PATHS,
    DS_IDENTIFY: "/run/cloud-init/ds-identify.log",
    PROXY_AGENT: "/var/log/azure-proxy-agent/ProxyAgent.log",
}
"""The same, what decided at boot whether cloud-init runs at all (cloud-init, tools/ds-identify), and the Guest Proxy
Agent, which is between the agents and the platform where it is installed (proxy_agent/src/service.rs)."""


@dataclass(frozen=True)
class Sighting:
    """One signature in a log."""

    id: str
    log: str
    count: int
    last: str
    """The last line that matched, in known words and typed values (`evidence.shown`)."""


@dataclass(frozen=True)
class LogsFacts:
    """What the agents' logs say."""

    sightings: tuple[Sighting, ...]
    """In the order of their last line."""
    missing: tuple[str, ...]
    """Logs that do not exist."""
    unreadable: tuple[str, ...]
    """Why a log that exists could not be read."""


def witness(facts: LogsFacts) -> Iterator[tuple[Cause, str]]:
    """The lines that are evidence of a cause, oldest first."""
    causes = {signature.id: signature.cause for signature in SIGNATURES}
    for seen in facts.sightings:
        cause = causes.get(seen.id)
        if cause is not None:
            times = f" ({seen.count} times)" if seen.count > 1 else ""
            yield cause, f"{EVERY.get(seen.log, seen.log)}: {seen.last}{times}"
