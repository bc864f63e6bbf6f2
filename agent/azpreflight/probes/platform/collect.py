"""Collecting the facts."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Optional

from azpreflight.azure import imds, wire_server
from azpreflight.host import Host, HostError, Outcome
from azpreflight.model import Platform, Run
from azpreflight.probes.platform.facts import FLOWS, PlatformFacts, PlatformRoute


def gather(host: Host, run: Run) -> PlatformFacts:
    """Ask everything at once; outside Azure nothing is asked."""
    tag, uuid = _dmi(host, "chassis_asset_tag"), _dmi(host, "product_uuid")
    if run.platform is not Platform.AZURE or run.offline:
        return PlatformFacts(host.privileged, tag, uuid)
    asks: dict[str, Callable[[Host], Any]] = {"metadata": imds.ask}
    if host.privileged:
        asks |= {
            "wire_server": wire_server.ask_versions,
            "padded": wire_server.ask_padded,
            "plugin": wire_server.ask_plugin,
            "goal": wire_server.ask_goal,
        }
    answers = host.together([partial(ask, host) for ask in asks.values()])
    routes = tuple(_route(host, address) for address in FLOWS)
    return PlatformFacts(host.privileged, tag, uuid, routes, **dict(zip(asks, answers)))


DMI_MOST = 128
"""Characters of a field of SMBIOS that are kept; the kernel's own have up to 64."""


def _dmi(host: Host, name: str) -> Optional[str]:
    try:
        text = host.text(f"/sys/class/dmi/id/{name}")
    except HostError:
        return None
    return text.strip().lower()[:DMI_MOST] or None if text else None


def _route(host: Host, address: str) -> PlatformRoute:
    try:
        route = host.route(address)
    except HostError as error:
        return PlatformRoute(address, Outcome.ERROR, error=str(error))
    return PlatformRoute(
        address,
        route.outcome,
        route.interface,
        route.gateway,
        route.source,
        route.prefix,
        route.origin,
        table=route.table,
    )
