"""Collecting what the site's own checks ask about, each in one call or two of the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from azpreflight.host import Host, HostError
from azpreflight.model import Run, SiteCheck, SiteKind
from azpreflight.probes.site import network, objects
from azpreflight.probes.site.facts import SiteFacts, SiteSeen

Look = Callable[[Host, SiteCheck], SiteSeen]

LOOKS: Mapping[SiteKind, Look] = {
    SiteKind.FILE: objects.file,
    SiteKind.UNIT: objects.unit,
    SiteKind.SYSCTL: objects.sysctl,
    SiteKind.NAME: network.name,
    SiteKind.TCP: network.tcp,
    SiteKind.URL: network.url,
}


def gather(host: Host, run: Run) -> SiteFacts:
    """What the checks that make sense here need: files one after another, the network all at once."""
    asked = [check for check in run.config.checks if _in_place(check, run)]
    seen: dict[str, SiteSeen] = {}
    packages = [check for check in asked if check.kind is SiteKind.PACKAGE]
    if packages:
        seen.update(objects.packages(host, packages))
    for check in asked:
        if not check.kind.of_network and check.kind is not SiteKind.PACKAGE:
            seen[check.id] = _look(host, check, run)
    remote = [check for check in asked if check.kind.of_network]
    looked = host.together([partial(_look, host, check, run) for check in remote])
    seen.update(zip((check.id for check in remote), looked))
    return SiteFacts(seen)


def _in_place(check: SiteCheck, run: Run) -> bool:
    return (not check.stages or run.stage in check.stages) and (check.kind.offline or not run.offline)


def _look(host: Host, check: SiteCheck, run: Run) -> SiteSeen:
    try:
        if check.kind is SiteKind.KERNEL_PARAMETER:
            return objects.kernel_parameter(host, check, run)
        return LOOKS[check.kind](host, check)
    except HostError as error:
        return SiteSeen(error=str(error))
