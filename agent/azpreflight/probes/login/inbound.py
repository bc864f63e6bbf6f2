"""Whether the firewall of the image lets SSH in, as far as the files of its front ends tell.

The platform reports a VM as provisioned whose guest drops every connection from outside. ufw, firewalld and saved rules
keep what the build VM was told (ufw(8); firewalld.zone(5); iptables-restore(8); nft(8)). Rules are not tried here: what
is looked for is a policy that drops, and no word of SSH or its port beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest import sshd_config
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.login.check import check
from azpreflight.probes.subjects import part
from azpreflight.shell import argument
from azpreflight.text import files, plain

ZONES = ("/etc/firewalld/zones", "/usr/lib/firewalld/zones")
SHUT_ZONES = ("drop", "block")
SAVED = {
    "netfilter-persistent.service": ("/etc/iptables/rules.v4",),
    "iptables.service": ("/etc/sysconfig/iptables", "/etc/iptables/iptables.rules", "/etc/iptables/rules-save"),
}
NFT = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")
_ZONE = re.compile(r"^DefaultZone=(\S+)", re.MULTILINE)
_INPUT_DROPS = re.compile(r"^:INPUT (?:DROP|REJECT)", re.MULTILINE)
_LAST_DROPS = re.compile(r"^-A INPUT -j (?:DROP|REJECT)", re.MULTILINE)
_NFT_DROPS = re.compile(r"hook input [^\n;]{0,80};[ \t]*policy drop")


@dataclass(frozen=True)
class Closed:
    """A front end that lets no SSH in."""

    who: str
    path: str
    what: str
    command: str


@dataclass(frozen=True)
class InboundFacts:
    """What is shut."""

    closed: tuple[Closed, ...] = ()


def look(host: Host, run: Run) -> InboundFacts:
    """Files of the front ends that the next boot starts."""
    config = sshd_config.read(host)
    numbers = (one.values[0] for one in config.all("port") if one.values)
    ports = tuple(number for number in numbers if whole(number) is not None) or ("22",)
    found = (_ufw(host, ports), _firewalld(host, ports), *_saved(host, ports), _nftables(host, ports))
    return InboundFacts(tuple(one for one in found if one is not None))


def _starts(host: Host, name: str) -> bool:
    return systemd.unit(host, name).state is UnitState.ENABLED


def _ufw(host: Host, ports: tuple[str, ...]) -> Optional[Closed]:
    settings, rules = host.text("/etc/default/ufw", SMALL) or "", host.text("/etc/ufw/user.rules", SMALL) or ""
    on = "ENABLED=yes" in (host.text("/etc/ufw/ufw.conf", SMALL) or "").splitlines()
    drops = re.search(r'^DEFAULT_INPUT_POLICY="?(?:DROP|REJECT)', settings, re.MULTILINE) is not None
    if not (on and drops and _starts(host, "ufw.service")) or _names_ssh(rules, ports):
        return None
    return Closed(
        "ufw", "/etc/ufw/user.rules", "has no rule for SSH, and what comes in is dropped", f"ufw allow {ports[0]}/tcp"
    )


def _firewalld(host: Host, ports: tuple[str, ...]) -> Optional[Closed]:
    if not _starts(host, "firewalld.service"):
        return None
    match = _ZONE.search(host.text("/etc/firewalld/firewalld.conf", SMALL) or "")
    zone = match.group(1) if match is not None else "public"
    path = next((f"{base}/{zone}.xml" for base in ZONES if host.info(f"{base}/{zone}.xml") is not None), None)
    text = host.text(path, SMALL) or "" if path is not None else ""
    open_ = 'target="ACCEPT"' in text or 'name="ssh"' in text or any(f'port="{port}"' in text for port in ports)
    if zone not in SHUT_ZONES and (open_ or path is None):
        return None
    if zone in SHUT_ZONES and open_:
        return None
    command = f"firewall-offline-cmd --zone={argument(zone)} --add-service=ssh"
    return Closed(
        "firewalld", path or "/etc/firewalld/firewalld.conf", f"has no SSH in its zone {plain(zone)}", command
    )


def _saved(host: Host, ports: tuple[str, ...]) -> Iterator[Optional[Closed]]:
    for unit, paths in SAVED.items():
        for path in paths if _starts(host, unit) else ():
            text = host.text(path, SMALL) or ""
            drops = _INPUT_DROPS.search(text) or _LAST_DROPS.search(text)
            if drops is not None and not _names_ssh(text, ports):
                rule = f"-A INPUT -p tcp --dport {ports[0]} -j ACCEPT"
                shown = f"sed -i '0,/^-A INPUT\\|^COMMIT/s/^\\(-A INPUT\\|COMMIT\\)/{rule}\\n\\1/' {files([path])}"
                yield Closed(unit, path, "drops what comes in, and has no rule for SSH", shown)


def _nftables(host: Host, ports: tuple[str, ...]) -> Optional[Closed]:
    for path in NFT if _starts(host, "nftables.service") else ():
        text = " ".join((host.text(path, SMALL) or "").split())
        if _NFT_DROPS.search(text) and not _names_ssh(text, ports) and "include" not in text.split():
            command = f"nft -c -f {files([path])}"
            return Closed("nftables.service", path, "has an input chain that drops, and no rule for SSH", command)
    return None


def _names_ssh(text: str, ports: tuple[str, ...]) -> bool:
    """A word for SSH or for its port, wherever it stands."""
    words = set(re.split(r"[^\w]+", text.lower()))
    return bool(words & {"ssh", "openssh", *ports})


def judge(facts: InboundFacts, run: Run) -> Iterator[Verdict]:
    """No front end that starts drops SSH."""
    for one in facts.closed:
        yield Finding(
            Severity.WARNING,
            f"{one.who} lets no SSH in: {plain(one.path)} {one.what}",
            "Let SSH in, and leave sources to the network security group.",
            (one.command,),
            confidence=Confidence.LIKELY,
            confidence_reason="rules are read and not tried; VMs of this image may be reached in another way",
        )


CHECKS = (
    check(
        "login-inbound",
        "the firewall's files that are read here let SSH in",
        part("inbound", judge),
        Severity.WARNING,
    ),
)
