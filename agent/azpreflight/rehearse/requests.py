"""What the platform was asked and told during a boot, read from the stand-in's log. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Optional

from azpreflight.azure import log_evidence
from azpreflight.azure.log_signatures import SIGNATURES
from azpreflight.dataclass import dataclass
from azpreflight.rehearse.facts import HealthReport, Traffic
from azpreflight.text import plain

PARTS = ("wire", "hostgaplugin", "imds", "store", "dns", "dhcp", "dhcpv6")
AGENT = re.compile(r"(WALinuxAgent|Cloud-Init|azure-init)[/ -]?([0-9.]{0,20})", re.IGNORECASE)
"""Clients by their User-Agent; each names itself so."""
ENDED = ("success", "error")
"""States of an extension that do not change any more."""
ARTIFACT = "/extensionArtifact"


@dataclass(frozen=True)
class Entry:
    """One request, and when it came."""

    at_s: float
    """Seconds since power-on."""
    part: str
    """Which server was asked."""
    method: str = ""
    target: str = ""
    agent: str = ""
    """The client's User-Agent."""
    status: int = 0
    leased: bool = False
    """DHCP or DHCPv6 has given the address."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What a report said: a health report's state, the extensions' states."""


def entry(value: Mapping[str, Any], at_s: float) -> Entry:
    """A line of the log, as JSON."""
    headers = value.get("headers") or {}
    return Entry(
        at_s,
        str(value.get("service") or ""),
        str(value.get("method") or ""),
        str(value.get("target") or ""),
        str(headers.get("user-agent") or headers.get("x-ms-agent-name") or ""),
        int(value.get("status") or 0),
        value.get("answer") == "ACK" or value.get("leased") is True,
        value.get("reported") or {},
    )


def asked(entries: Iterable[Entry]) -> dict[str, Traffic]:
    """How often each part was asked, and when first."""
    found: dict[str, Traffic] = {}
    for one in entries:
        if one.part in PARTS:
            before = found.get(one.part, Traffic(0, one.at_s))
            found[one.part] = Traffic(before.count + 1, before.first_s)
    return found


def reports(entries: Iterable[Entry]) -> tuple[HealthReport, ...]:
    """The health reports, in order."""
    return tuple(_report(one) for one in entries if one.part == "wire" and "state" in one.told)


def _report(one: Entry) -> HealthReport:
    words = str(one.told.get("description") or "")[: log_evidence.LINE]
    known = next((known.id for known in SIGNATURES if known.cause is not None and known.pattern.search(words)), None)
    return HealthReport(
        plain(str(one.told["state"]), 20), client(one.agent), one.at_s, log_evidence.shown(words), known
    )


def client(agent: str) -> str:
    """The program behind a User-Agent: waagent, cloud-init, azure-init, or its own words."""
    found = AGENT.search(agent)
    if found is None:
        return plain(agent, 40) or "a client without a name"
    names = {"walinuxagent": "waagent", "cloud-init": "cloud-init", "azure-init": "azure-init"}
    return " ".join(word for word in (names[found[1].lower()], found[2].strip(".")) if word)


def fetched(entries: Iterable[Entry]) -> Optional[str]:
    """How the extension's package came: direct, hostgaplugin; None where nobody fetched it."""
    ways = [
        "hostgaplugin" if one.part == "hostgaplugin" else "direct"
        for one in entries
        if one.status in (200, 206) and (_direct(one) or _by_host(one))
    ]
    return ways[-1] if ways else None


def _direct(one: Entry) -> bool:
    return one.part == "store" and one.method == "GET" and one.target.partition("?")[0].endswith(".zip")


def _by_host(one: Entry) -> bool:
    return one.part == "hostgaplugin" and one.target.partition("?")[0] == ARTIFACT


def extension_state(entries: Iterable[Entry]) -> Optional[str]:
    """What the agent reported last of the extension; None where it reported nothing."""
    states = [state for one in entries for state in (one.told.get("extensions") or {}).values()]
    return str(states[-1]) if states else None
