"""systemd-resolved where it insists on what no DNS server on Azure gives: proof by DNSSEC, or encryption. Pure.

168.63.129.16 speaks plain DNS alone, and many of Microsoft's own names cannot be validated as resolved wants it
(github.com/systemd/systemd/issues/33620). The stub then answers SERVFAIL, or nothing, for what its servers know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from azpreflight.model import Confidence, Finding, Run, Severity
from azpreflight.probes.dns.facts import EVERYTHING, DnsFacts, known_addresses, named, plain
from azpreflight.probes.dns.resolved import ResolvedSetting
from azpreflight.text import several

DROP_IN = "/etc/systemd/resolved.conf.d/zz-azure.conf"
LENIENT = {"DNSSEC": "allow-downgrade", "DNSOverTLS": "opportunistic"}
"""The values with which it still does what it can (resolved.conf(5))."""
WHAT = {
    "DNSSEC": "refuses answers that do not validate",
    "DNSOverTLS": "asks only servers that speak TLS, which 168.63.129.16 does not",
}


def insists(facts: DnsFacts) -> bool:
    """A setting is on, and names that other servers know are lost here."""
    front, others = named(facts), [server for server in facts.servers if server not in named(facts)]
    lost = [name for name in facts.names if not any(known_addresses(server, name, facts) for server in front)]
    known = [name for name in lost if any(known_addresses(server, name, facts) for server in others)]
    return bool(facts.strict and known)


def refuses(facts: DnsFacts) -> Iterator[Finding]:
    """In a running machine that loses names by it."""
    words = "; ".join(f"{_told(setting)}" for setting in facts.strict)
    yield Finding(
        Severity.ERROR,
        f"systemd-resolved {words}: names that other DNS servers know are lost here",
        _fix(facts.strict),
        _commands(facts.strict),
        evidence=_evidence(facts.strict),
        flow=EVERYTHING[0],
        breaks=EVERYTHING,
        confidence=Confidence.LIKELY,
        confidence_reason="another server resolves the names in the same moment; a fault of the local resolver is the"
        " alternative",
        in_image=True,
    )


def will_refuse(facts: DnsFacts, run: Run) -> Iterator[Finding]:
    """In an image: the next VM asks the servers that DHCP names."""
    for setting in facts.strict:
        yield Finding(
            Severity.ERROR,
            f"systemd-resolved {_told(setting)}: a VM made from this image will not find public names by the servers of"
            " its network",
            _fix((setting,)),
            _commands((setting,)),
            evidence=_evidence((setting,)),
            flow=EVERYTHING[0],
            breaks=EVERYTHING,
            confidence=Confidence.LIKELY,
            confidence_reason="the file says so; DNS servers of the virtual network that can do it are the alternative",
            in_image=True,
        )


def _told(setting: ResolvedSetting) -> str:
    return f"{WHAT[setting.key]} ({setting.key}=yes in {plain(setting.place)})"


def _fix(settings: Sequence[ResolvedSetting]) -> str:
    values = several([f"{setting.key}={LENIENT[setting.key]}" for setting in settings])
    return f"Set {values} for systemd-resolved and for each link that says otherwise, and restart it."


def _commands(settings: Sequence[ResolvedSetting]) -> tuple[str, ...]:
    """A drop-in that comes after all others; a link's own setting is changed where it stands."""
    lines = "".join(f"{setting.key}={LENIENT[setting.key]}\\n" for setting in settings)
    links = [setting for setting in settings if setting.place.endswith(".network") or ".network.d/" in setting.place]
    edits = [f"sed -i 's/^{one.key}=.*/{one.key}={LENIENT[one.key]}/' {plain(one.place)}" for one in links]
    return (
        f"mkdir -p {DROP_IN.rpartition('/')[0]} && printf '[Resolve]\\n{lines}' > {DROP_IN}",
        *edits,
        "systemctl try-restart systemd-resolved",
    )


def _evidence(settings: Sequence[ResolvedSetting]) -> dict[str, str]:
    return {setting.key: f"yes in {plain(setting.place)}" for setting in settings}
