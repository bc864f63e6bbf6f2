"""The verdict on resolv.conf itself. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from azpreflight.guest.resolv_conf import FileState, ResolvConfFile
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Platform,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.dns import strictness
from azpreflight.probes.dns.facts import EVERYTHING, RESOLVED, DnsFacts, asks_nobody, named, plain, speaks
from azpreflight.probes.network.facts import NetworkFacts
from azpreflight.probes.network.uplink import uplink_of

VOLATILE = ("/run/", "/var/run/")
"""What a link may point to although nothing is there yet: it is filled at boot."""
LINK_IT = "Make resolv.conf the link to systemd-resolved's own file that it was, because nothing else here writes it."
WRITE_THE_FILE = (
    "Let the network configuration of this distribution write resolv.conf from DHCP again: enable its resolver or "
    "remove what is in the way, then restart the VM."
)
TAKE_THOSE_OF_DHCP = (
    "Let the network configuration of the image take the DNS servers that DHCP names (no UseDNS=no of "
    'systemd-networkd, "use-dns: false" of netplan or ignore-auto-dns=true of NetworkManager), restart the VM, then '
    "remove and add again each extension that failed."
)
NAME_ANY = "Let DHCP name a DNS server, or name one in the network configuration of the image, and restart the VM."
NAME_ONE = (
    "Let DHCP name a DNS server: correct those of the virtual network or of the network interface (168.63.129.16 is "
    "the platform's own), restart the VM, then remove and add again each extension that failed."
)

MATCH_IT = (
    "Let a .network file, or netplan, match {nic} by its name, and reload systemd-networkd, which then takes the DNS "
    "servers that DHCP names."
)
WAYS = {True: "resolv.conf sends every name to", False: "resolv.conf names no DNS server: it is written by"}
"""By whether the file names the stub, or is the list of the servers behind it."""


def judge_file(facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    """The file must name a server in a new VM; before that only what would outlast the deprovisioning counts."""
    file = facts.file
    if file.state is FileState.UNREADABLE:
        yield Unknown(file.error or f"cannot read {file.path}")
    elif run.stage is Stage.FIRSTBOOT and run.offline and _filled_at_boot(file):
        yield NotApplicable("resolv.conf is a link into /run, which only a running system fills")
    elif run.stage is Stage.FIRSTBOOT:
        yield from _names_nobody(facts, run)
    elif file.state is FileState.DANGLING and not _filled_at_boot(file):
        yield _names_nobody_finding(
            facts, Severity.WARNING, f"resolv.conf is a link to what no boot fills: {plain(file.link or '')}"
        )
    elif asks_nobody(facts):
        yield _resolved_asks_nobody(facts, run)
    elif facts.writers == ():
        yield _never_made(facts)
    if run.stage is not Stage.FIRSTBOOT or run.offline:
        yield from strictness.will_refuse(facts, run)
    if file.content.ignored:
        yield _passed_over(file)
    if file.mode is not None and not file.mode & 0o004:
        yield _unreadable_for_others(file)


def _never_made(facts: DnsFacts) -> Finding:
    """In an image: nothing that writes the file is there, and started."""
    how = {
        FileState.MISSING: "there is no resolv.conf",
        FileState.EMPTY: "resolv.conf is empty",
        FileState.DANGLING: f"resolv.conf is a link to {plain(facts.file.link or '')}, and what makes that file is not"
        " enabled",
    }.get(facts.file.state, "resolv.conf names no DNS server")
    return Finding(
        Severity.ERROR,
        f"{how}, and nothing in this image makes it again at boot: no name can be looked up in a VM made from it",
        "Link resolv.conf to systemd-resolved's file where that is enabled, or enable what writes it from DHCP:"
        " NetworkManager, resolvconf, or ifupdown with a DHCP client.",
        commands=(f"ln -sf ../run/systemd/resolve/stub-resolv.conf {facts.file.path}",) if facts.stub else (),
        evidence={"path": facts.file.path, "state": facts.file.state.value},
        flow=EVERYTHING[0],
        breaks=EVERYTHING,
        confidence=Confidence.LIKELY,
        confidence_reason="no program that is known to write it is enabled; a script of the image is the alternative",
        in_image=True,
    )


def _names_nobody(facts: DnsFacts, run: Run) -> Iterator[Verdict]:
    file = facts.file
    if asks_nobody(facts):
        yield _resolved_asks_nobody(facts, run)
    if file.content.nameservers:
        return
    how = {
        FileState.MISSING: "there is no resolv.conf",
        FileState.EMPTY: "resolv.conf is empty",
        FileState.DANGLING: f"resolv.conf is a link to nothing: {plain(file.link or '')}",
    }.get(file.state, "resolv.conf names no DNS server")
    if any(speaks(server) for server in named(facts)):
        message = f"{how}; glibc asks 127.0.0.1 then, where a resolver answers"
        yield _names_nobody_finding(facts, Severity.WARNING, message)
    elif file.content.nobody:
        yield _resolved_asks_nobody(facts, run)
    else:
        message = f"{how}, so that no name can be looked up"
        yield _names_nobody_finding(facts, Severity.ERROR, message, EVERYTHING)


def _names_nobody_finding(facts: DnsFacts, severity: Severity, message: str, breaks: tuple[str, ...] = ()) -> Finding:
    file, known = facts.file, facts.behind.content.nameservers if facts.behind is not None else ()
    return Finding(
        severity,
        message + (f"; systemd-resolved knows {', '.join(map(plain, known))}" if known else ""),
        LINK_IT if known else WRITE_THE_FILE,
        commands=(f"ln -sf ../run/systemd/resolve/stub-resolv.conf {file.path}",) if known else (),
        evidence={"path": file.path, "state": file.state.value, "link": plain(file.link or "none")},
        flow=EVERYTHING[0],
        breaks=breaks,
    )


def _resolved_asks_nobody(facts: DnsFacts, run: Run) -> Finding:
    """In a new VM every name is lost. Before that it lasts only where it is the image that takes none of DHCP's."""
    unused = ", ".join(map(plain, facts.leased))
    network = run.facts(NetworkFacts)
    leased = network is not None and bool(network.in_force)
    told = f"DHCP names {unused}" if unused else "DHCP names none" if leased else "no lease of DHCP is known"
    before = Severity.WARNING if unused else Severity.NOTE
    uplink = uplink_of(network) if network is not None and facts.unmanaged else None
    if uplink is not None:
        told += f"; systemd-networkd does not manage {uplink.interface}, which keeps its address"
    return Finding(
        Severity.ERROR if run.stage is Stage.FIRSTBOOT else before,
        f"{WAYS[bool(facts.file.content.nameservers)]} systemd-resolved, which has no DNS server to ask; {told}",
        MATCH_IT.format(nic=uplink.interface)
        if uplink is not None
        else TAKE_THOSE_OF_DHCP
        if unused
        else NAME_ONE
        if leased and run.platform is Platform.AZURE
        else NAME_ANY,
        commands=("networkctl list",) if uplink is not None else ("resolvectl status",),
        evidence={"path": facts.file.path, "behind": RESOLVED, "DHCP names": unused or "none"},
        flow=EVERYTHING[0],
        breaks=EVERYTHING,
    )


def _filled_at_boot(file: ResolvConfFile) -> bool:
    """It is a link to nothing yet."""
    if file.state is not FileState.DANGLING:
        return False
    where = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), file.link or ""))
    return where.startswith(VOLATILE)


def _passed_over(file: ResolvConfFile) -> Finding:
    lines = file.content.ignored
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return Finding(
        Severity.WARNING,
        f"glibc passes over this line of resolv.conf: {lines[0][:80]!a}{more}",
        'Write each server as a line of its own that begins with "nameserver", a blank and an address, and ends '
        "without a carriage return.",
        commands=(f"sed -i 's/\\r$//' {file.path}",) if any(line.endswith("\r") for line in lines) else (),
        evidence={f"line {number}": ascii(line[:200]) for number, line in enumerate(lines, 1)},
    )


def _unreadable_for_others(file: ResolvConfFile) -> Finding:
    return Finding(
        Severity.WARNING,
        f"resolv.conf has mode {file.mode:04o}, so that only root can look up names",
        "Make it readable for all.",
        commands=(f"chmod 0644 {file.path}",),
        evidence={"mode": f"{file.mode:04o}"},
    )


CHECKS = (
    Check(
        "dns-resolv-conf",
        "resolv.conf names a DNS server",
        judge_file,
        severity=Severity.ERROR,
        cause=Cause.DNS_UNREACHABLE,
        depends_on=("network-address", "network-default-route"),
        offline=True,
    ),
)
