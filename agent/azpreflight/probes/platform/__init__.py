"""The platform's own endpoints: wire server, HostGAPlugin and instance metadata.

The guest agent and cloud-init talk to the host of the VM at two fixed addresses: 168.63.129.16 (port 80: what the
platform wants; port 32526: packages and status on the VM's behalf) and 169.254.169.254 (who this VM is). Both are
answered by the host itself. Network security groups and user-defined routes do not apply to them (Microsoft Learn,
"What is IP address 168.63.129.16?"), so where they do not answer it is nearly always the guest's own doing: a rule, a
route or a proxy. Without port 80 no VM is reported as ready; what follows without port 32526 depends on who provisions
and on the agent's version, but no extension is ever installed.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Optional

from azpreflight.azure import imds, wire_server
from azpreflight.host import Host, HostError, Outcome
from azpreflight.model import Cause, Check, Judge, Platform, Probe, Run, Severity
from azpreflight.probes.network.clearance import cleared
from azpreflight.probes.platform.checks import (
    judge_goal_state,
    judge_metadata,
    judge_plugin,
    judge_route,
    judge_wire_server,
)
from azpreflight.probes.platform.facts import FLOWS, PlatformFacts, PlatformRoute

__all__ = ["PROBE", "PlatformFacts", "gather"]


def gather(host: Host, run: Run) -> PlatformFacts:
    """Ask everything at once; outside Azure nothing is asked."""
    tag, uuid = _dmi(host, "chassis_asset_tag"), _dmi(host, "product_uuid")
    if run.platform is not Platform.AZURE or run.offline:
        return PlatformFacts(host.privileged, tag, uuid)
    asks: dict[str, Callable[[Host], Any]] = {"metadata": imds.ask}
    if host.privileged:
        asks |= {
            "wire_server": wire_server.ask_versions,
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


_WIRE = ("firewall-wireserver", "platform-route", "network-address", "network-default-route")
_METADATA = ("firewall-imds", "platform-route", "network-address", "network-default-route")


def _check(check_id: str, title: str, judge: Judge, depends_on: tuple[str, ...]) -> Check:
    """All ask the platform, for the same cause; how bad a silent metadata service is depends on who provisions."""
    return Check(
        check_id,
        title,
        judge,
        Severity.ERROR,
        cause=Cause.PLATFORM_UNREACHABLE,
        depends_on=depends_on,
        reads=("agents", "network", "firewall"),
        azure_only=True,
    )


WORST_CASE_S = 2 * wire_server.TIMEOUT
"""Seconds: the goal state, then the extensions; everything else is asked at the same time."""

PROBE = Probe(
    name="platform",
    facts=PlatformFacts,
    gather=gather,
    checks=(
        _check(
            "platform-route",
            "there is a route to the platform addresses",
            judge_route,
            ("network-address", "network-default-route"),
        ),
        _check("wireserver-http", "the wire server answers on port 80", cleared(judge_wire_server), _WIRE),
        _check(
            "wireserver-goal-state",
            "the wire server returns a valid goal state",
            cleared(judge_goal_state),
            (*_WIRE, "wireserver-http"),
        ),
        _check("hostgaplugin-http", "the HostGAPlugin answers on port 32526", cleared(judge_plugin), _WIRE),
        _check("imds-instance", "IMDS returns the instance metadata", cleared(judge_metadata), _METADATA),
    ),
)
