"""The certificates of authorities that this machine trusts.

Minimal images come without them. Then no server on the internet is trusted, which looks like an inspecting appliance
and is none: the agent cannot fetch a package straight from its store, and whatever speaks HTTPS fails.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from contextlib import suppress

from azpreflight.guest import os_release
from azpreflight.host import Host
from azpreflight.host.ca_store import BUNDLES, DIRECTORY
from azpreflight.model import Cause, Check, Finding, NotApplicable, Probe, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.egress.checks_packages import consequence_of
from azpreflight.probes.egress.facts import EgressFacts, Way, flow_of, way
from azpreflight.probes.tls.facts import CaStoreFacts
from azpreflight.text import several

BUNDLE_LIMIT = 4 << 20
"""Bytes of a bundle; the distributions' have 220 to 500 KiB, and companies add theirs."""
MARK = "-----BEGIN CERTIFICATE-----"
ROOTS = ("DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017")
"""Roots that the endpoints of storage and of management chain to, by the subject's common name (Microsoft Learn, "Azure
Certificate Authority details")."""


def gather(host: Host, run: Run) -> CaStoreFacts:
    """The first bundle that is not empty, as the program's own requests use it."""
    infos = ((path, host.info(path)) for path in BUNDLES)
    bundle = next((path for path, info in infos if info is not None and info.size), None)
    text = host.text(bundle, BUNDLE_LIMIT) if bundle is not None else None
    single = bundle is None and any(host.info(path) is not None for path in host.glob(f"{DIRECTORY}/*.0"))
    decoded = tuple(certificates(text or ""))
    roots = tuple(name for name in ROOTS if any(name.encode() in one for one in decoded))
    return CaStoreFacts(
        bundle, (text or "").count(MARK), single, os_release.distribution(host), roots=roots, read=len(decoded)
    )


def certificates(text: str) -> Iterator[bytes]:
    """The bytes of each certificate of a bundle; what is no base64 is left out."""
    for block in text.split(MARK)[1:]:
        with suppress(ValueError):
            yield binascii.a2b_base64(block.partition("-----END")[0])


def judge_roots(facts: CaStoreFacts, run: Run) -> Iterator[Verdict]:
    """The bundle has what Azure's endpoints chain to, by the name of the subject."""
    missing = tuple(name for name in ROOTS if name not in facts.roots)
    if facts.empty:
        yield NotApplicable("there are no CA certificates at all, which tls-ca-store says")
    elif not facts.read:
        yield Unknown("no certificate of the bundle can be decoded, or there is no bundle")
    elif missing:
        yield Finding(
            Severity.WARNING,
            f"{facts.bundle} has {facts.read} certificates and not {several(missing)}: endpoints of Azure chain to it"
            " and are not trusted over HTTPS",
            "Install the distribution's CA certificates, and build its bundle again.",
            (os_release.install_command(facts.distribution, "ca-certificates"), _anew(facts)),
        )


def judge(facts: CaStoreFacts, run: Run) -> Iterator[Verdict]:
    """How bad it is depends on what has to be fetched by HTTPS; of an image that is not known."""
    if not facts.empty:
        return
    egress = run.facts(EgressFacts) or EgressFacts()
    untrusted = [answer for answer in egress.every if way(answer) is Way.UNTRUSTED]
    severity, consequence = consequence_of(egress, untrusted) if untrusted else (Severity.WARNING, None)
    where = f"{facts.bundle} has none" if facts.bundle is not None else "there is no bundle of them"
    yield Finding(
        severity,
        f"the image has no CA certificates ({where}): no server is trusted over HTTPS"
        + (f"; {consequence}" if consequence else ""),
        "Install the distribution's CA certificates, and build its bundle again.",
        (
            os_release.install_command(facts.distribution, "ca-certificates"),
            _anew(facts),
        ),
        breaks=tuple(dict.fromkeys(flow_of(answer) for answer in untrusted)),
        in_image=True,
    )


def _anew(facts: CaStoreFacts) -> str:
    """The command that builds the bundle."""
    debian_way = facts.distribution.of("debian", "ubuntu", "suse", "sles", "opensuse", "alpine")
    return "update-ca-certificates" if debian_way else "update-ca-trust"


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
        Check(
            "tls-azure-roots",
            "the CA bundle has the roots that Azure's endpoints chain to",
            judge_roots,
            Severity.WARNING,
            cause=Cause.AGENT_CONFIG,
            stages=(Stage.BUILD, Stage.CAPTURE),
            offline=True,
        ),
    ),
)
