"""What the agents report to the platform, read from the bodies of their requests. Pure.

A VM is provisioned once its HealthReport says Ready (WALinuxAgent, common/protocol/wire.py; cloud-init,
sources/helpers/azure.py). What has become of its extensions is in the status blob, which the HostGAPlugin uploads for
the agent (WALinuxAgent, common/protocol/hostplugin.py) or the agent itself.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Optional

from azpreflight import foreign
from azpreflight.azure.goal_state import Unreadable, parse_xml
from azpreflight.standin.services import Request


class NoReport(ValueError):
    """A body that is not the report that its address is for."""


def reported(part: str, request: Request) -> Optional[Mapping[str, Any]]:
    """What a request to this part of the platform reports; None if it reports nothing, or nothing readable.

    A health report has the keys state, substatus and description; a status has "agent", the version of the agent that
    runs, and "extensions", their states by name.
    """
    try:
        if part == "wire" and request.method == "POST" and request.query("comp") == "health":
            return health(request.body)
        if part == "hostgaplugin" and request.method == "PUT" and request.path == "/status":
            return status(_content(request.body))
        if part == "store" and request.method == "PUT" and request.path.startswith("/status/"):
            return status(request.body)
    except NoReport:
        return None
    return None


def health(body: bytes) -> Mapping[str, str]:
    """Of a HealthReport."""
    try:
        root = parse_xml(body)
    except Unreadable as error:
        raise NoReport(str(error)) from None
    found = {name: root.findtext(f".//Health/{path}") or "" for name, path in HEALTH.items()}
    if not found["state"]:
        raise NoReport("it has no state")
    return found


HEALTH = {"state": "State", "substatus": "Details/SubStatus", "description": "Details/Description"}


def status(body: bytes) -> Mapping[str, Any]:
    """Of a status blob."""
    with foreign.edge(NoReport):
        aggregate = foreign.loads(body)["aggregateStatus"]
        handlers = aggregate["handlerAggregateStatus"]
        return {
            "agent": aggregate["guestAgentStatus"]["version"],
            "extensions": {handler["handlerName"]: _state(handler) for handler in handlers},
        }


def _state(handler: Mapping[str, Any]) -> str:
    """The extension's own word, such as success, once it has one; else the agent's about its installation."""
    settings = handler.get("runtimeSettingsStatus") or {}
    own = (settings.get("settingsStatus") or {}).get("status") or {}
    return str(own.get("status") or handler["status"])


def _content(body: bytes) -> bytes:
    """What the agent asks the HostGAPlugin to upload."""
    with foreign.edge(NoReport):
        return base64.b64decode(foreign.loads(body)["content"])
