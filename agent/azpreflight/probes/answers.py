"""What one request met, as facts and in words: how far it came decides whom to ask."""

from dataclasses import dataclass
from typing import Optional

from azpreflight.host import HttpAnswer, Outcome, Phase
from azpreflight.probes.goalstate import bare

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
    detail: Optional[str] = None
    offender: Optional[str] = None
    """The address that sent an ICMP error; the guest's own means its own rules."""
    icmp: Optional[str] = None
    """Type and code of that error, such as 3/13."""

    @property
    def delivered(self) -> bool:
        """The server gave what was asked for."""
        return self.outcome is Outcome.OK and self.status in (200, 206)

    @property
    def sure(self) -> bool:
        """A network or a server said so; silence has more than one reason."""
        return self.outcome is not Outcome.TIMEOUT


def answer_of(url: str, got: HttpAnswer) -> Answer:
    """The facts of a request."""
    return Answer(bare(url), got.outcome, got.phase, got.duration_s, got.status, got.address, got.issuer, got.detail)


def said(answer: Answer) -> str:
    """What came of it, in a few words: "connection refused", "no answer within 1.2 s", "status 503"."""
    if answer.outcome is Outcome.OK:
        return f"status {answer.status}"
    if answer.outcome is Outcome.ERROR:
        return answer.detail or "an answer that makes no sense"
    return WORDS[answer.outcome].format(seconds=answer.duration_s) + PHASES[answer.phase]
