"""The checks that a configuration defines, and the verdict on the object of each. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import partial
from typing import Optional

from azpreflight.azure.answer import Answer, said
from azpreflight.dataclass import dataclass
from azpreflight.host import Outcome, Phase
from azpreflight.model import ALL_STAGES, Check, Confidence, Config, Finding, Run, SiteCheck, SiteKind, Unknown, Verdict
from azpreflight.probes.site.facts import NO_ADDRESS, SiteFacts, SiteSeen
from azpreflight.probes.site.words import fix, subject, title, where
from azpreflight.text import plain, several

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


DENIED = ("NXDOMAIN", NO_ADDRESS)
"""What a server says of a name that does not exist, or has no address."""


@dataclass(frozen=True)
class Wrong:
    """One expectation that is not met."""

    measured: str
    """What was seen, and what was expected."""
    flow: Optional[str] = None
    confidence: Confidence = Confidence.CERTAIN
    reason: str = "seen directly"


def judge(check: SiteCheck, facts: SiteFacts, run: Run) -> Iterator[Verdict]:
    """A finding for each expectation that is not met."""
    seen = facts.seen.get(check.id)
    if seen is None:
        yield Unknown("nothing of it was collected in this run")
    elif seen.error is not None:
        yield Unknown(seen.error)
    elif not check.present and _nobody_said_so(check, seen):
        yield Unknown(f"{subject(check)}: {plain(_why(seen), 200)}; that is no evidence of its absence")
    else:
        for wrong in _wrong(check, seen):
            yield _finding(check, seen, wrong)


def _nobody_said_so(check: SiteCheck, seen: SiteSeen) -> bool:
    """No server denied the name: silence and a refusal to answer are no evidence that it does not exist."""
    answer = seen.answer
    if seen.present or answer is None or answer.phase is not Phase.DNS:
        return False
    denied = answer.outcome is Outcome.OK and answer.detail in DENIED
    return not denied if check.kind is SiteKind.NAME else answer.outcome is Outcome.TIMEOUT


def _finding(check: SiteCheck, seen: SiteSeen, wrong: Wrong) -> Finding:
    own = f"{plain(check.message.rstrip('.'), 300)}: " if check.message else ""
    evidence = {"object": plain(check.subject, 200), "source": seen.source, "addresses": ", ".join(seen.addresses)}
    return Finding(
        check.severity,
        f"{own}{subject(check)} {wrong.measured}",
        fix(check),
        evidence={key: plain(value, 200) for key, value in evidence.items() if value},
        flow=wrong.flow,
        confidence=wrong.confidence,
        confidence_reason=wrong.reason,
    )


def _wrong(check: SiteCheck, seen: SiteSeen) -> Iterator[Wrong]:
    if check.kind is SiteKind.UNIT:
        if seen.state != check.state:
            yield Wrong(f"is {seen.state}, expected {check.state}")
    elif check.kind.of_network:
        yield from _of_network(check, seen)
    elif bool(seen.present) is not check.present:
        yield Wrong(("is present" if seen.present else "is absent") + where(check, seen.source))
    elif check.present:
        yield from _of_files(check, seen)


def _of_files(check: SiteCheck, seen: SiteSeen) -> Iterator[Wrong]:
    for text in check.contains:
        if text not in seen.texts:
            yield Wrong(f'does not contain "{plain(text)}"')
    for text in check.lacks:
        if text in seen.texts:
            yield Wrong(f'contains "{plain(text)}"')
    if check.mode is not None and seen.mode != check.mode:
        yield Wrong(f"has mode {seen.mode}, expected {check.mode}")
    if check.owner is not None and check.owner not in (seen.owner, str(seen.uid)):
        yield Wrong(f"belongs to {seen.owner}, expected {check.owner}")
    if check.group is not None and check.group not in (seen.group, str(seen.gid)):
        yield Wrong(f"belongs to group {seen.group}, expected {check.group}")
    if check.versions and not any(_is_version(version, check.versions) for version in seen.versions):
        yield Wrong(f"has version {several(seen.versions)}, expected one of {several(check.versions)}")
    if check.value is not None and not _is_value(check, seen):
        values = several([value or "without a value" for value in seen.values])
        yield Wrong(f"is {values}{where(check, seen.source)}, expected {plain(check.value)}")


def _is_value(check: SiteCheck, seen: SiteSeen) -> bool:
    """Of a parameter that is given twice one will do, as the console; blanks of a sysctl are all one."""
    return " ".join((check.value or "").split()) in seen.values


def _is_version(version: str, expected: tuple[str, ...]) -> bool:
    """In full, without its epoch, or without its distribution's revision."""
    upstream = version.partition(":")[2] if ":" in version else version
    forms = (version, upstream, upstream.rpartition("-")[0] or upstream)
    return any(form.startswith(one[:-1]) if one.endswith("*") else form == one for one in expected for form in forms)


# --- the network --------------------------------------------------------------------------------------------------


def _of_network(check: SiteCheck, seen: SiteSeen) -> Iterator[Wrong]:
    flow = _flow(check, seen)
    if bool(seen.present) is not check.present:
        yield Wrong(_reached(check, seen) if seen.present else _failed(check, seen), flow, *_sure(seen))
        return
    outside = [address for address in seen.addresses if not _is_within(address, check.within)]
    if check.within and outside:
        by = f" by {seen.source}" if seen.source else ""
        yield Wrong(f"has the address {several(outside)}{by}, expected one in {several(check.within)}", flow)
    if check.status is not None and seen.answer is not None and seen.answer.status != check.status:
        yield Wrong(f"answers with status {seen.answer.status}, expected {check.status}", flow)


def _reached(check: SiteCheck, seen: SiteSeen) -> str:
    return f"resolves to {several(seen.addresses)}" if check.kind is SiteKind.NAME else "is reachable"


def _failed(check: SiteCheck, seen: SiteSeen) -> str:
    """With the phase in which it failed."""
    word = "does not resolve" if check.kind is SiteKind.NAME else "is unreachable"
    if seen.answer is None:
        return f"{word} on this machine"
    answer = seen.answer
    by = f" by {seen.source}" if seen.source else ""
    at = "" if check.kind is SiteKind.NAME else f" (phase {answer.phase.value}{_at(answer)})"
    return f"{word}{by}{at}: {plain(_why(seen), 200)}"


def _at(answer: Answer) -> str:
    return f", address {answer.address}" if answer.address else ""


def _why(seen: SiteSeen) -> str:
    answer = seen.answer
    if answer is None:
        return ""
    return answer.detail or said(answer) if answer.phase is Phase.DNS else said(answer)


def _sure(seen: SiteSeen) -> tuple[Confidence, str]:
    if seen.answer is not None and seen.answer.outcome is Outcome.TIMEOUT:
        return Confidence.LIKELY, "silence: a server that is slower than the timeout is the alternative"
    return Confidence.CERTAIN, "seen directly"


def _flow(check: SiteCheck, seen: SiteSeen) -> str:
    """What the finding speaks of, so that a broken network explains it."""
    host = host_of(check)
    if check.server is not None:
        return f"udp {check.server}:53"
    if check.kind is SiteKind.NAME or (seen.answer is not None and seen.answer.phase is Phase.DNS):
        return f"name {host}"
    address = seen.answer.address if seen.answer is not None and seen.answer.address else host
    return f"tcp {address}:{port_of(check)}"


def host_of(check: SiteCheck) -> str:
    """The host that a check of the network is about."""
    bare = check.subject.partition("://")[2].partition("/")[0] if check.kind is SiteKind.URL else check.subject
    return bare if check.kind is SiteKind.NAME else _split(bare)[0]


def port_of(check: SiteCheck) -> int:
    """The port of an endpoint."""
    scheme, _, rest = check.subject.rpartition("://")
    port = _split(rest.partition("/")[0])[1]
    return int(port) if port else 443 if scheme == "https" else 80


def _split(place: str) -> tuple[str, str]:
    head, colon, port = place.rpartition(":")
    return (head.strip("[]"), port) if colon and port.isdigit() else (place.strip("[]"), "")


def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(one in ipaddress.ip_network(network) for network in networks)


# --- the checks ---------------------------------------------------------------------------------------------------

CHECKS = ()
"""None is azpreflight's own."""


def configured(config: Config) -> tuple[Check, ...]:
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
