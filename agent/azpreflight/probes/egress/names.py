"""The verdict on names that the ways out need, as this VM resolves them. Pure.

The platform's own server stands in for nobody here: what it knows shows that a name exists, and the VM finds it only
by the servers that it asks. A company's server that does not know public names, and a private DNS zone that is linked
to the virtual network and lacks the record, both deny a name that the VM needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.dns.facts import CONTROL
from azpreflight.probes.egress.checks_packages import why_no_packages
from azpreflight.probes.egress.facts import EgressFacts, Lookup, host_of
from azpreflight.probes.egress.messages import AGAIN, listed
from azpreflight.text import plain

FORWARD = "Let {servers} resolve public names, for example by forwarding them to 168.63.129.16"
PRIVATE_ZONE = (
    "Look for a private DNS zone that is linked to this virtual network and hides the public zone: add the missing"
    " record to it, allow the fallback to the internet, or unlink it"
)


def judge_names(facts: EgressFacts, run: Run) -> Iterator[Verdict]:
    """Every name that an extension, the image's repositories or the configuration need is resolved by this VM's own
    servers."""
    if not facts.lookups:
        reason = why_no_packages(run)
        yield NotApplicable("no name was asked for beyond those of dns-answers") if reason is None else Unknown(reason)
        return
    for lookup in facts.lookups:
        found = _denied(lookup, facts)
        if found is not None:
            yield found


def _denied(lookup: Lookup, facts: EgressFacts) -> Optional[Finding]:
    """None where it is resolved, or no server of this VM's own answered: that is for dns-servers to say."""
    if lookup.rcode is None:
        return None
    needy = [own.extension for own in facts.own if any(host_of(answer.url) == lookup.name for answer in own.answers)]
    documented = bool(needy)
    if lookup.witness is None and not documented:
        return None  # a name of a file of the image's, which may well not exist
    who = listed(plain(server) for server in lookup.servers)
    knows = f", and {plain(lookup.witness)} knows it" if lookup.witness is not None else ""
    return Finding(
        Severity.ERROR if needy else Severity.WARNING,
        f"this VM does not resolve {lookup.name}, {_needed_by(needy)}: {who} answers {lookup.rcode}{knows}",
        f"{_fix(lookup)}; {AGAIN}.",
        evidence={"name": lookup.name, "servers": ", ".join(map(plain, lookup.servers)), "answer": lookup.rcode},
        flow=f"name {lookup.name}",
        confidence=Confidence.CERTAIN if lookup.witness is not None else Confidence.LIKELY,
        confidence_reason="both servers were asked in the same moment"
        if lookup.witness is not None
        else "the name is documented for this extension; another cloud or region is the alternative",
    )


def _needed_by(needy: Sequence[str]) -> str:
    return f"which {listed(needy)} needs" if needy else "a package repository or an endpoint of the configuration"


def _fix(lookup: Lookup) -> str:
    others = [plain(server) for server in lookup.servers if server != CONTROL]
    return FORWARD.format(servers=listed(others)) if others and lookup.witness is not None else PRIVATE_ZONE


CHECKS = (
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
)
