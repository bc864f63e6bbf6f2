"""The guest's firewall as the next boot will make it.

An image is made of a machine whose live rules may be others than those that it saved: somebody wrote a file and never
loaded it, a hardening role enabled a service for the next boot, a file has a rule that another service's `flush
ruleset` wipes. What a VM made of the image does depends on what is saved. So the services that load rules are looked
for, and what they would load is rehearsed as the live rules are (see `azpreflight.firewall.boot`); for a mounted image
too, with the running system's tools. Nothing of the user's own that runs at boot is executed.
"""

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
from azpreflight.model import Cause, Check, Probe, Run, Severity
from azpreflight.probes.firewall.flows import flows_of
from azpreflight.probes.firewall_boot import checks

__all__ = ["PROBE", "SavedRulesFacts", "gather"]

WORST_CASE_S = 5.5
"""Seconds: as for the live rules, because all orders are rehearsed at once; reading the units takes some 50 ms."""


def gather(host: Host, run: Run) -> SavedRulesFacts:
    """Find out what is loaded, and rehearse each order in which that may be. HostError where the kernel does not tell
    this machine's network."""
    found = discover(host)
    if not found.orders:
        return SavedRulesFacts(found.services, found.hooks, (), found.unread)
    flows = flows_of(run)
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


PROBE = Probe(
    name="firewall_boot",
    facts=SavedRulesFacts,
    gather=gather,
    needs=("dns", "platform", "network", "proxy"),
    checks=(
        Check(
            "firewall-boot-load",
            "the rules of the next boot are known and load without errors",
            checks.judge_load,
            Severity.WARNING,
            cause=Cause.GUEST_FIREWALL,
            offline=True,
        ),
        Check(
            "firewall-boot-flows",
            "the rules of the next boot allow provisioning traffic",
            checks.judge_flows,
            Severity.ERROR,
            cause=Cause.GUEST_FIREWALL,
            reads=("agents",),
            offline=True,
        ),
        Check(
            "firewall-boot-change",
            "saved and active firewall rules agree",
            checks.judge_change,
            Severity.NOTE,
            reads=("firewall",),
        ),
    ),
)
