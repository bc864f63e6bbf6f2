"""What one request met, as facts and in words: how far it came decides whom to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from azpreflight.azure.goal_state import bare
from azpreflight.dataclass import dataclass
from azpreflight.host import HttpAnswer, Outcome, Phase
from azpreflight.text import plain

WORDS = {
    Outcome.TIMEOUT: "no answer within {seconds:.1f} s",
    Outcome.REFUSED: "connection refused",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.PROHIBITED: "prohibited by a firewall",
    Outcome.RESET: "connection reset",
}
PHASES = {
    Phase.DNS: " in the name lookup",
    Phase.PROXY: " at the proxy",
    Phase.TCP: "",
    Phase.TLS: " in the TLS handshake",
    Phase.HTTP: " after the connection was made",
}
ROUND_TRIPS = {Phase.TLS: 4, Phase.HTTP: 10}
"""From the first packet: a handshake of TLS takes up to three, one more for a busy machine; then half a MiB takes six,
as TCP begins with ten segments and sends twice as many each time (RFC 6928, RFC 5681, section 3.1)."""
TIME_WORDS = ("expired", "not yet valid")
"""What OpenSSL says of a certificate that would be good at another time."""
PADDED = {"x-azpreflight-padding": "0" * 1500}
"""A header that makes a request larger than one packet, as the agents' own are: their requests for certificates carry
one (WALinuxAgent, common/protocol/wire.py), and status blobs have some KiB. Servers pass over what they do not know."""
PASSED_ON = ("via", "x-squid-error", "proxy-status")
"""Headers by which a proxy is known (RFC 9110, section 7.6.3; squid; RFC 9209)."""


@dataclass(frozen=True)
class Answer:
    """One request and what came of it, without body and headers."""

    url: str
    """Without its query string."""
    outcome: Outcome
    """OK for any HTTP answer, whatever its status."""
    phase: Phase
    """The phase that failed, or http."""
    duration_s: float
    status: Optional[int] = None
    """None without an HTTP answer."""
    address: Optional[str] = None
    """The peer; None if there was none."""
    issuer: Optional[str] = None
    """Of the certificate presented; None without TLS."""
    authorities: tuple[str, ...] = ()
    """Where a trusted certificate says that its issuer, its revocation list and the issuer's responder are."""
    detail: Optional[str] = None
    offender: Optional[str] = None
    """The address that sent an ICMP error; the guest's own means its own rules."""
    icmp: Optional[str] = None
    """Type and code of that error, such as 3/13."""
    proxy: Optional[str] = None
    """HOST:PORT of the proxy that was asked for it; None: asked straight."""
    via: Optional[str] = None
    """Who passed the answer on or gave it in the server's place, as its headers say; None: nobody that says so."""
    ahead_s: Optional[float] = None
    """Seconds that the server's clock is ahead of this machine's; None without a date in the answer."""
    connected_s: Optional[float] = None
    """Seconds until the connection was made, a round trip to whoever took it; None if none was."""

    @property
    def delivered(self) -> bool:
        """The server gave what was asked for."""
        return self.outcome is Outcome.OK and self.status in (200, 206)

    @property
    def hurried(self) -> bool:
        """It was broken off before what the phase takes in round trips could have come: that shows nothing."""
        trips = ROUND_TRIPS.get(self.phase, 0)
        return self.outcome is Outcome.TIMEOUT and (self.connected_s or 0.0) * trips > self.duration_s

    @property
    def sure(self) -> bool:
        """A network or a server said so; silence has more than one reason."""
        return self.outcome is not Outcome.TIMEOUT


def answer_of(url: str, got: HttpAnswer) -> Answer:
    """The facts of a request."""
    return Answer(
        url=bare(url),
        outcome=got.outcome,
        phase=got.phase,
        duration_s=got.duration_s,
        status=got.status,
        address=got.address,
        issuer=got.issuer,
        authorities=got.authorities,
        detail=got.detail,
        offender=got.offender,
        icmp=got.icmp,
        via=_via(got.headers),
        ahead_s=got.ahead_s,
        connected_s=got.connected_s,
    )


def _via(headers: Mapping[str, str]) -> Optional[str]:
    """Who says so by Via or a header of its own. What carries a request id of Azure is Azure's answer."""
    if "x-ms-request-id" in headers:
        return None
    found = next((headers[name] for name in PASSED_ON if headers.get(name)), None)
    return plain(found) if found is not None else None


def said(answer: Answer) -> str:
    """What came of it, in a few words: "connection refused", "no answer within 1.2 s", "status 503"."""
    if answer.outcome is Outcome.OK:
        return f"status {answer.status}"
    if answer.outcome is Outcome.ERROR:
        return answer.detail or "a malformed response"
    return WORDS[answer.outcome].format(seconds=answer.duration_s) + PHASES[answer.phase]


def is_about_time(answer: Answer) -> bool:
    """The server's certificate was refused for its dates alone: OpenSSL looks at the chain and the name before."""
    return answer.phase is Phase.TLS and any(words in (answer.detail or "") for words in TIME_WORDS)
