"""Asking the network around the machine what a site's own checks are about."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Optional

from azpreflight.azure.answer import Answer, answer_of
from azpreflight.host import Host, Outcome, Phase
from azpreflight.model import SiteCheck
from azpreflight.probes.site.facts import NO_ADDRESS, SiteSeen

BODY = 4096
"""Bytes of an answer's body, of which nothing is kept."""


def name(host: Host, check: SiteCheck) -> SiteSeen:
    """The name's addresses, by the system's resolver or by one server."""
    if check.server is None:
        addresses = host.resolve(check.subject, check.timeout)
        return SiteSeen(present=bool(addresses), addresses=addresses)
    rdtypes = ("A", "AAAA") if any(":" in network for network in check.within) else ("A",)
    asks = [partial(host.ask, check.server, check.subject, rdtype, check.timeout) for rdtype in rdtypes]
    answers = host.together(asks)
    addresses = tuple(dict.fromkeys(address for answer in answers for address in answer.addresses))
    first = answers[0]
    rcode = NO_ADDRESS if first.rcode in (None, "NOERROR") else first.rcode
    detail = rcode if first.outcome is Outcome.OK else first.detail
    answer = Answer(f"dns://{check.server}", first.outcome, Phase.DNS, first.duration_s, detail=detail)
    return SiteSeen(present=bool(addresses), addresses=addresses, source=check.server, answer=answer)


def tcp(host: Host, check: SiteCheck) -> SiteSeen:
    """A connection to the first address, and where it failed if it did."""
    where, _, port = check.subject.rpartition(":")
    url = f"tcp://{check.subject}"
    address = _address(host, where.strip("[]"), check.timeout)
    if address is None:
        missing = Answer(url, Outcome.ERROR, Phase.DNS, 0.0, detail="the name has no address")
        return SiteSeen(present=False, answer=missing)
    got = host.connect(address, int(port), check.timeout)
    answer = Answer(
        url,
        got.outcome,
        Phase.TCP,
        got.duration_s,
        address=address,
        detail=got.detail,
        offender=got.offender,
        icmp=got.icmp,
    )
    return SiteSeen(present=got.outcome is Outcome.OK, addresses=(address,), answer=answer)


def _address(host: Host, where: str, timeout: float) -> Optional[str]:
    try:
        return str(ipaddress.ip_address(where))
    except ValueError:
        return next(iter(host.resolve(where, timeout)), None)


def url(host: Host, check: SiteCheck) -> SiteSeen:
    """One GET, straight and with the certificates that this machine trusts; its phase is the one that failed."""
    got = host.get(check.subject, check.timeout, limit=BODY)
    answer = answer_of(check.subject, got)
    return SiteSeen(present=got.outcome is Outcome.OK, answer=answer)
