"""The ways out that this VM needs: to the packages of its extensions, and to what extensions need of their own.

Packages lie in storage accounts on the internet. A virtual network without a way out, a network security group or a
firewall that forgets them, and a name server that does not know them are the usual reasons why extensions fail in VMs
that boot well. The agent has a second way, the HostGAPlugin on the host; an extension's own traffic has none. So a VM
without a way out installs its extensions late, and those that report somewhere fail: the diagnostics extension is the
one seen most.
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.egress import checks_certificates, checks_endpoints, checks_packages, checks_proxy, names
from azpreflight.probes.egress.checks_extensions import verdicts
from azpreflight.probes.egress.collect import PACKAGE_ATTEMPT, gather
from azpreflight.probes.egress.facts import EgressFacts, Own, Package
from azpreflight.probes.egress.fetch import ATTEMPT, LOOKUP

__all__ = ["PROBE", "EgressFacts", "Own", "Package", "gather"]


WORST_CASE_S = ATTEMPT + LOOKUP + PACKAGE_ATTEMPT
"""Seconds: a manifest, whose host the DNS probe has asked for; then the package, on a host that it may not have."""

PROBE = Probe(
    name="egress",
    facts=EgressFacts,
    gather=gather,
    needs=("agents", "platform", "dns", "proxy", "network"),
    extensions=verdicts,
    checks=(
        *checks_packages.CHECKS,
        *checks_endpoints.CHECKS,
        *names.CHECKS,
        *checks_certificates.CHECKS,
        *checks_proxy.CHECKS,
    ),
)
