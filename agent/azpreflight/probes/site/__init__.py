"""Checks of a site's own, which its configuration defines: no code of the site's runs.

Every site has things that its VMs need and that azpreflight cannot know: an agent's file, a unit that must be masked, a
package of a certain version, a name that must resolve to a private endpoint. They are data, so that what is read as
root can do no more than azpreflight itself: each kind is one call of the host with a deadline, and its judge is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from azpreflight.config.site_keys import TIMEOUTS
from azpreflight.host import Host, HostError
from azpreflight.model import ALL_STAGES, Check, Config, Probe, Run, SiteCheck, SiteKind
from azpreflight.probes.site import collect, network
from azpreflight.probes.site.facts import SiteFacts, SiteSeen
from azpreflight.probes.site.judge import judge
from azpreflight.probes.site.words import title

Look = Callable[[Host, SiteCheck], SiteSeen]

LOOKS: Mapping[SiteKind, Look] = {
    SiteKind.FILE: collect.file,
    SiteKind.UNIT: collect.unit,
    SiteKind.SYSCTL: collect.sysctl,
    SiteKind.NAME: network.name,
    SiteKind.TCP: network.tcp,
    SiteKind.URL: network.url,
}
DEPENDS_ON = (
    "firewall-dns",
    "firewall-egress",
    "dns-resolv-conf",
    "dns-servers",
    "dns-answers",
    "network-default-route",
    "network-address",
)
"""What explains that a name does not resolve, or that an endpoint is unreachable."""


def gather(host: Host, run: Run) -> SiteFacts:
    """What the checks that make sense here need: files one after another, the network all at once."""
    asked = [check for check in run.config.checks if _in_place(check, run)]
    seen: dict[str, SiteSeen] = {}
    packages = [check for check in asked if check.kind is SiteKind.PACKAGE]
    if packages:
        seen.update(collect.packages(host, packages))
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
            return collect.kernel_parameter(host, check, run)
        return LOOKS[check.kind](host, check)
    except HostError as error:
        return SiteSeen(error=str(error))


def checks(config: Config) -> tuple[Check, ...]:
    """The checks that this configuration defines."""
    return tuple(_check(check) for check in config.checks)


def _check(check: SiteCheck) -> Check:
    return Check(
        check.id,
        title(check),
        partial(judge, check),
        check.severity,
        depends_on=DEPENDS_ON if check.kind.of_network else (),
        stages=check.stages or ALL_STAGES,
        offline=check.kind.offline,
        environment=check.kind.of_network and not check.stages,
    )


WORST_CASE_S = 2 * TIMEOUTS[1]
"""Seconds: a lookup and a connection that are both silent; files answer at once."""

PROBE = Probe(name="site", facts=SiteFacts, gather=gather, checks=(), configured=checks)
