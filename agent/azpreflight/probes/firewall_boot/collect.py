"""Collecting the facts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from azpreflight.firewall import redaction
from azpreflight.firewall.boot.facts import Boot, SavedRulesFacts
from azpreflight.firewall.boot.find_loaders import discover
from azpreflight.firewall.boot.load_plan import Plan
from azpreflight.firewall.boot.rehearsal import Setting, rehearse
from azpreflight.firewall.boot.synthetic_network import scene_of_image
from azpreflight.firewall.network_context import scene_of
from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes.firewall.flows import flows_of


def gather(host: Host, run: Run) -> SavedRulesFacts:
    """Find out what is loaded, and rehearse each order in which that may be. HostError where the kernel does not tell
    this machine's network."""
    found = discover(host)
    if not found.orders:
        return SavedRulesFacts(found.services, found.hooks, (), found.unread)
    flows = tuple(flow for flow in flows_of(run) if flow.caller is None)
    scene = scene_of_image(flows) if run.offline else scene_of(host, flows)
    setting = Setting(host, host.machine(), scene)

    def boot(plans: tuple[Plan, ...]) -> Boot:
        return rehearse(setting, plans, flows, found.unread)

    boots = host.together([partial(boot, plans) for plans in found.orders])
    return SavedRulesFacts(found.services, found.hooks, tuple(map(_told, boots)), found.unread)


def _told(boot: Boot) -> Boot:
    """Without the comments of the rules."""
    return replace(
        boot,
        rehearsal=redaction.rehearsal(boot.rehearsal),
        dumps=tuple(map(redaction.dump, boot.dumps)),
        flows=tuple(map(redaction.flow, boot.flows)),
    )
