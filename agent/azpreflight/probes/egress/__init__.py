"""The ways out that this VM needs: to the packages of its extensions, and to what extensions need of their own.

Packages lie in storage accounts on the internet. A virtual network without a way out, a network security group or a
firewall that forgets them, and a name server that does not know them are the usual reasons why extensions fail in VMs
that boot well. The agent has a second way, the HostGAPlugin on the host; an extension's own traffic has none. So a VM
without a way out installs its extensions late, and those that report somewhere fail: the diagnostics extension is the
one seen most.
"""

from __future__ import annotations

from azpreflight.model import Cause, Check, Judge, Probe, Severity
from azpreflight.probes.egress.checks_certificates import judge_certificates
from azpreflight.probes.egress.checks_endpoints import judge_configured, judge_extensions, judge_repositories
from azpreflight.probes.egress.checks_extensions import verdicts
from azpreflight.probes.egress.checks_packages import judge_packages, judge_relay
from azpreflight.probes.egress.checks_proxy import judge_agent_proxy, judge_required
from azpreflight.probes.egress.collect import PACKAGE_ATTEMPT, gather
from azpreflight.probes.egress.facts import EgressFacts, Own, Package
from azpreflight.probes.egress.fetch import ATTEMPT, LOOKUP
from azpreflight.probes.egress.names import judge_names
from azpreflight.probes.network.clearance import cleared
from azpreflight.probes.network.detours import by_its_way

__all__ = ["PROBE", "EgressFacts", "Own", "Package", "gather"]

_WAY = (
    "firewall-egress",
    "dns-resolv-conf",
    "dns-servers",
    "dns-answers",
    "platform-route",
    "network-default-route",
    "network-address",
)
_NETWORK = (*_WAY, "path-tunnel", "path-large-packets", "proxy-required")


def _no_egress(check_id: str, title: str, judge: Judge, severity: Severity, azure_only: bool = True) -> Check:
    return Check(
        check_id,
        title,
        by_its_way(cleared(judge)),
        severity,
        cause=Cause.NO_EGRESS,
        depends_on=_NETWORK,
        reads=("firewall", "network"),
        azure_only=azure_only,
        environment=True,
    )


WORST_CASE_S = ATTEMPT + LOOKUP + PACKAGE_ATTEMPT
"""Seconds: a manifest, whose host the DNS probe has asked for; then the package, on a host that it may not have."""

PROBE = Probe(
    name="egress",
    facts=EgressFacts,
    gather=gather,
    needs=("agents", "platform", "dns", "proxy", "network"),
    extensions=verdicts,
    checks=(
        _no_egress("egress-packages", "the extension package storage is reachable", judge_packages, Severity.ERROR),
        Check(
            "egress-hostgaplugin",
            "the HostGAPlugin delivers packages",
            judge_relay,
            Severity.NOTE,
            depends_on=("hostgaplugin-http", "firewall-wireserver"),
            azure_only=True,
            environment=True,
        ),
        _no_egress(
            "egress-extensions",
            "the endpoints that extensions need are reachable",
            judge_extensions,
            Severity.ERROR,
        ),
        _no_egress(
            "egress-endpoints",
            "the endpoints that the configuration names can be reached",
            judge_configured,
            Severity.WARNING,
            azure_only=False,
        ),
        _no_egress(
            "egress-repositories",
            "the package repositories of the image can be reached",
            judge_repositories,
            Severity.WARNING,
        ),
        Check(
            "egress-names",
            "this VM resolves the names that extensions and repositories need",
            judge_names,
            Severity.ERROR,
            cause=Cause.DNS_WRONG_ANSWER,
            depends_on=("dns-answers", "dns-servers", "dns-resolv-conf", "network-address", "network-default-route"),
            azure_only=True,
            environment=True,
        ),
        Check(
            "egress-tls",
            "servers on the internet present certificates that this machine trusts",
            judge_certificates,
            Severity.ERROR,
            cause=Cause.TLS_INTERCEPTION,
            depends_on=("dns-answers", "clock-skew"),
            reads=("tls",),
            environment=True,
        ),
        Check(
            "proxy-agent",
            "the agent's proxy delivers what the agent fetches",
            by_its_way(judge_agent_proxy),
            Severity.ERROR,
            cause=Cause.PROXY,
            depends_on=_WAY,
            environment=True,
        ),
        Check(
            "proxy-required",
            "waagent uses the proxy that outbound traffic requires",
            judge_required,
            Severity.ERROR,
            cause=Cause.PROXY,
            depends_on=_WAY,
            environment=True,
        ),
    ),
)
