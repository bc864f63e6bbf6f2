"""What to try, by the goal state, the catalogue and the configuration. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from azpreflight.azure import endpoints
from azpreflight.azure.documented_endpoints import Known
from azpreflight.azure.goal_state import GoalState, Plugin, Wanted
from azpreflight.dataclass import dataclass
from azpreflight.model import Platform, Run
from azpreflight.probes.egress.facts import host_of
from azpreflight.probes.platform.facts import PlatformFacts, cloud_of, region_of

MAX_PACKAGES = 12
"""Extensions whose packages are tried; a VM with more is rare, and they share their stores."""
MAX_URIS = 4
"""Addresses of one manifest or package that are tried; the platform names two or three."""
AGENT_FAMILY = "Prod"
"""The line of agent releases that is followed unless AutoUpdate.GAFamily says otherwise."""


@dataclass(frozen=True)
class Errand:
    """One manifest, and the package that it leads to, as the goal state wants them."""

    name: str
    version: Optional[str]
    """None for the agent's own releases."""
    signed: bool
    manifests: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """One extension, and what the catalogue says that it needs here."""

    extension: str
    known: Optional[Known]
    uris: tuple[str, ...]
    named: bool = False
    """Its public settings name some of these."""
    undocumented: Optional[str] = None
    """Why the hosts that it needs in this cloud are not known; None where they are, or it needs none."""


@dataclass(frozen=True)
class Plan:
    """Everything to try."""

    errands: tuple[Errand, ...] = ()
    untried: int = 0
    """Extensions whose packages are not tried, nor any store that they come from."""
    needs: tuple[Need, ...] = ()
    configured: tuple[str, ...] = ()
    documented: tuple[str, ...] = ()
    state: Optional[GoalState] = None
    """What the HostGAPlugin wants to be told; None if it cannot be asked."""


def plan(run: Run) -> Plan:
    """Outside Azure only what the configuration names.

    The cloud's public endpoints are added where they tell more than the rest: where no package is known, and where an
    extension sends its data to hosts that only its settings name, so that any way out has to stand for that one.
    """
    if run.platform is not Platform.AZURE:
        return Plan(configured=run.config.endpoints)
    platform = run.facts(PlatformFacts)
    wanted = platform.wanted if platform is not None else None
    errands = errands_of(wanted)
    needs = needs_of(run, platform)
    telling = not errands or any(need.known is not None and need.known.always for need in needs)
    return Plan(
        errands=errands,
        untried=_untried(wanted, errands),
        needs=needs,
        configured=run.config.endpoints,
        documented=_urls(endpoints.documented_hosts(cloud_of(run, platform))) if telling else (),
        state=platform.goal.state if platform is not None and platform.goal is not None else None,
    )


def errands_of(wanted: Optional[Wanted]) -> tuple[Errand, ...]:
    """The extensions that are to be there, and the line of agent releases that is followed."""
    if wanted is None:
        return ()
    plugins = _installed(wanted)
    families = [family for family in wanted.families if family.name == AGENT_FAMILY and family.manifests]
    return (
        *(
            Errand(plugin.name, plugin.version, plugin.signed, plugin.manifests[:MAX_URIS])
            for plugin in plugins[:MAX_PACKAGES]
        ),
        *(Errand(family.name, None, False, family.manifests[:MAX_URIS]) for family in families[:1]),
    )


def _installed(wanted: Wanted) -> list[Plugin]:
    return [plugin for plugin in wanted.plugins if plugin.state == "enabled" and plugin.manifests]


def _untried(wanted: Optional[Wanted], errands: Sequence[Errand]) -> int:
    if wanted is None:
        return 0
    stores = {host_of(uri) for errand in errands for uri in errand.manifests}
    elsewhere = [one for one in _installed(wanted) if stores.isdisjoint(host_of(uri) for uri in one.manifests)]
    return len(elsewhere) + wanted.beyond


def needs_of(run: Run, platform: Optional[PlatformFacts]) -> tuple[Need, ...]:
    """Every extension that this VM has or will have, once."""
    wanted = platform.wanted if platform is not None else None
    plugins = wanted.plugins if wanted is not None else ()
    names = [plugin.name for plugin in plugins if plugin.state == "enabled"]
    names += [name for name in run.extensions if not any(endpoints.same(name, there) for there in names)]
    cloud, region = cloud_of(run, platform), region_of(run, platform)
    by_name = {plugin.name: plugin for plugin in plugins}
    return tuple(_need(name, by_name.get(name), cloud, region) for name in dict.fromkeys(names))


def _need(name: str, plugin: Optional[Plugin], cloud: Optional[str], region: Optional[str]) -> Need:
    """What the catalogue says, and what the settings of this VM name."""
    entry = endpoints.known(name)
    hosts = endpoints.hosts_for(entry, cloud, region) if entry is not None else ()
    accounts = plugin.accounts if plugin is not None else ()
    workspaces = plugin.workspaces if plugin is not None else ()
    stores = _urls([host for account in accounts for host in endpoints.account_hosts(account, cloud)])
    logs = _urls([host for workspace in workspaces for host in endpoints.workspace_hosts(workspace, cloud)])
    named = (*(plugin.named if plugin is not None else ()), *stores, *logs)
    why = endpoints.undocumented(entry, cloud) if entry is not None else None
    return Need(name, entry, tuple(dict.fromkeys((*_urls(hosts), *named))), bool(named), why)


def _urls(hosts: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"https://{host}/" for host in hosts)
