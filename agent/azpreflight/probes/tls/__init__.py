"""The certificates of authorities that this machine trusts.

Minimal images come without them. Then no server on the internet is trusted, which looks like an inspecting appliance
and is none: the agent cannot fetch a package straight from its store, and whatever speaks HTTPS fails.
"""

from collections.abc import Iterator

from azpreflight.guest import os_release
from azpreflight.host import Host
from azpreflight.host.ca_store import BUNDLES, DIRECTORY
from azpreflight.model import Cause, Check, Finding, Probe, Run, Severity, Verdict
from azpreflight.probes.egress.checks_packages import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, flow_of, way
from azpreflight.probes.tls.facts import CaStoreFacts

BUNDLE_LIMIT = 4 << 20
"""Bytes of a bundle; the distributions' have 220 to 500 KiB, and companies add theirs."""
MARK = "-----BEGIN CERTIFICATE-----"


def gather(host: Host, run: Run) -> CaStoreFacts:
    """The first bundle that is not empty, as the program's own requests use it."""
    infos = ((path, host.info(path)) for path in BUNDLES)
    bundle = next((path for path, info in infos if info is not None and info.size), None)
    text = host.text(bundle, BUNDLE_LIMIT) if bundle is not None else None
    single = bundle is None and any(host.info(path) is not None for path in host.glob(f"{DIRECTORY}/*.0"))
    return CaStoreFacts(bundle, (text or "").count(MARK), single, os_release.distribution(host))


def judge(facts: CaStoreFacts, run: Run) -> Iterator[Verdict]:
    """How bad it is depends on what has to be fetched by HTTPS; of an image that is not known."""
    if not facts.empty:
        return
    egress = run.facts(EgressFacts) or EgressFacts()
    untrusted = [answer for answer in egress.every if way(answer) is Way.UNTRUSTED]
    severity, consequence = consequence_of(egress, untrusted) if untrusted else (Severity.WARNING, None)
    debian_way = facts.distribution.of("debian", "ubuntu", "suse", "sles", "opensuse", "alpine")
    where = f"{facts.bundle} has none" if facts.bundle is not None else "there is no bundle of them"
    yield Finding(
        severity,
        f"the image has no CA certificates ({where}): no server is trusted over HTTPS"
        + (f"; {consequence}" if consequence else ""),
        "Install the distribution's CA certificates, and build its bundle anew.",
        (
            os_release.install_command(facts.distribution, "ca-certificates"),
            "update-ca-certificates" if debian_way else "update-ca-trust",
        ),
        breaks=tuple(dict.fromkeys(flow_of(answer) for answer in untrusted)),
        in_image=True,
    )


WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="tls",
    facts=CaStoreFacts,
    gather=gather,
    checks=(
        Check(
            "tls-ca-store",
            "the image has CA certificates",
            judge,
            Severity.ERROR,
            cause=Cause.AGENT_CONFIG,
            reads=("egress",),
            offline=True,
        ),
    ),
)
