"""Local resolvers that insist on what no DNS server on Azure gives: proof by DNSSEC, or encryption. Pure.

168.63.129.16 speaks plain DNS alone, and many of Microsoft's own names cannot be validated as resolved wants it
(github.com/systemd/systemd/issues/33620); unbound wants it as Debian packages it.
The local resolver then answers SERVFAIL, or nothing, for what its servers know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from azpreflight.guest.forwarders import DNSMASQ, UNBOUND
from azpreflight.model import Confidence, Finding, Run, Severity
from azpreflight.probes.dns.facts import EVERYTHING, DnsFacts, known_addresses, named, plain
from azpreflight.probes.dns.resolved import StrictSetting
from azpreflight.shell import argument
from azpreflight.text import several

RESOLVED = "systemd-resolved"
UNBOUND_DROP_IN = "/etc/unbound/unbound.conf.d/zz-azure.conf"
DROP_IN = "/etc/systemd/resolved.conf.d/zz-azure.conf"
LENIENT = {"DNSSEC": "no", "DNSOverTLS": "opportunistic"}
"""The values with which it takes what there is (resolved.conf(5)). DNSSEC=allow-downgrade is not enough: of a server
that answers the question for a proof, and has none, it holds every name to be forged."""
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
    words = "; ".join(_told(setting) for setting in facts.strict)
    yield Finding(
        Severity.ERROR,
        f"{words}: names that other DNS servers know are lost here",
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
    """In an image: the next VM asks the servers that DHCP names. Whom another resolver asks, the image says itself."""
    for setting in (setting for setting in facts.strict if setting.program == RESOLVED):
        yield Finding(
            Severity.ERROR,
            f"{_told(setting)}: a VM made from this image will not find public names by the servers of its network",
            _fix((setting,)),
            _commands((setting,)),
            evidence=_evidence((setting,)),
            flow=EVERYTHING[0],
            breaks=EVERYTHING,
            confidence=Confidence.LIKELY,
            confidence_reason="the file says so; DNS servers of the virtual network that can do it are the alternative",
            in_image=True,
        )


def _told(setting: StrictSetting) -> str:
    at = plain(setting.place)
    where = f"({setting.key}=yes in {at})" if setting.program == RESOLVED else f"(DNSSEC is on in {at})"
    return f"{setting.program} {WHAT[setting.key]} {where}"


def _fix(settings: Sequence[StrictSetting]) -> str:
    """Of the first of the programs; two of them are hardly in use at once."""
    own = [setting for setting in settings if setting.program == RESOLVED]
    if not own:
        return f"Let {settings[0].program} take answers without proof, as the DNS servers on Azure give none."
    values = several([f"{setting.key}={LENIENT[setting.key]}" for setting in own])
    return f"Set {values} for systemd-resolved and for each link that says otherwise, and restart it."


def _commands(settings: Sequence[StrictSetting]) -> tuple[str, ...]:
    """A drop-in that comes after all others; a link's own setting is changed where it stands."""
    own = [setting for setting in settings if setting.program == RESOLVED]
    lines = "".join(f"{setting.key}={LENIENT[setting.key]}\\n" for setting in own)
    links = [setting for setting in own if setting.place.endswith(".network") or ".network.d/" in setting.place]
    edits = [f"sed -i 's/^{one.key}=.*/{one.key}={LENIENT[one.key]}/' {argument(one.place)}" for one in links]
    others = [command for setting in settings for command in _of_program(setting)]
    if not own:
        return tuple(others)
    drop_in = f"mkdir -p {DROP_IN.rpartition('/')[0]} && printf '[Resolve]\\n{lines}' > {DROP_IN}"
    return (drop_in, *edits, f"systemctl try-restart {RESOLVED}", *others)


def _of_program(setting: StrictSetting) -> tuple[str, ...]:
    """The switch of each: the last module-config counts, and dnsmasq's is a line without a value."""
    if setting.program == UNBOUND:
        lines = 'server:\\n  module-config: "iterator"\\n'
        return (f"printf '{lines}' > {UNBOUND_DROP_IN}", "systemctl try-restart unbound")
    if setting.program == DNSMASQ:
        return (f"sed -i 's/^dnssec$/# &/' {argument(setting.place)}", "systemctl try-restart dnsmasq")
    return ()


def _evidence(settings: Sequence[StrictSetting]) -> dict[str, str]:
    return {setting.key: f"yes in {plain(setting.place)}" for setting in settings}
