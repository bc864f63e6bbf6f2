"""Whom a resolver of this machine passes names on to: the files of dnsmasq and of unbound. Pure but for `look`.

Both ask some servers for some domains alone, so that a company's server that knows nothing else is no fault, and both
have servers that no resolv.conf names. What a file says of other matters is left out (dnsmasq(8), unbound.conf(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.globs import matching
from azpreflight.guest.resolv_conf import canonical, is_local, parse
from azpreflight.host import Host, HostError, systemd
from azpreflight.host.systemd import UnitState

LIMIT = 1 << 16
"""Bytes of one file: Debian's dnsmasq.conf has 28 KiB of comments."""
EVERYTHING = "."
DNSMASQ, UNBOUND = "dnsmasq", "unbound"
RUNS = {
    DNSMASQ: ("dnsmasq.service", ("/run/dnsmasq/dnsmasq.pid", "/run/dnsmasq.pid", "/var/run/dnsmasq.pid")),
    UNBOUND: ("unbound.service", ("/run/unbound.pid", "/var/run/unbound.pid", "/run/unbound/unbound.pid")),
}
"""The unit of each, and what it writes down where it runs."""
FILES = {
    DNSMASQ: ("/etc/dnsmasq.conf", "/etc/dnsmasq.d/*"),
    UNBOUND: ("/etc/unbound/unbound.conf", "/etc/unbound/unbound.conf.d/*.conf", "/etc/unbound/conf.d/*.conf"),
}
"""As Debian's and Red Hat's packages have them."""
SKIPPED = (".dpkg-dist", ".dpkg-old", ".dpkg-new", ".rpmsave", ".rpmnew", "~", "README")
"""Endings that the packages tell dnsmasq to pass over."""
_SERVER = re.compile(r"server=(?:/([A-Za-z0-9./_#*-]{0,400})/)?([0-9A-Fa-f.:]{2,45})(?:[#@%]|$)")
_CLAUSE = re.compile(r"[ \t]*([a-z-]{3,30}):[ \t]*(.*)$")
_VALIDATION = ("auto-trust-anchor-file", "trust-anchor-file", "trust-anchor", "trusted-keys-file")


@dataclass(frozen=True)
class Passed:
    """One server, and the domain whose names are passed on to it."""

    domain: str
    """In lower case, without the dot at the end; "." for all names that no other domain fits."""
    server: str


@dataclass(frozen=True)
class Forwarder:
    """A resolver of this machine and whom it asks."""

    program: str
    """dnsmasq or unbound."""
    passed: tuple[Passed, ...] = ()
    validates: Optional[str] = None
    """The file by which it refuses answers that do not validate; None if it takes them all."""

    def asked_for(self, name: str) -> tuple[str, ...]:
        """The servers that it asks for this name: those of the longest domain that fits."""
        best = max((one.domain for one in self.passed if _is_within(name, one.domain)), key=_labels, default=None)
        return tuple(dict.fromkeys(one.server for one in self.passed if one.domain == best))

    @property
    def servers(self) -> tuple[str, ...]:
        """Each once; those for all names first."""
        ordered = sorted(self.passed, key=lambda one: one.domain != EVERYTHING)
        return tuple(dict.fromkeys(one.server for one in ordered))


def _labels(domain: str) -> int:
    return 0 if domain == EVERYTHING else domain.count(".") + 1


def _is_within(name: str, domain: str) -> bool:
    return domain == EVERYTHING or f".{name.lower().rstrip('.')}".endswith(f".{domain}")


# --- dnsmasq ------------------------------------------------------------------------------------------------------


def of_dnsmasq(text: str) -> Iterator[Passed]:
    """Lines server=ADDRESS and server=/DOMAIN/ADDRESS."""
    for line in _options(text):
        found = _SERVER.match(line)
        address = canonical(found.group(2)) if found is not None else None
        if found is not None and address is not None:
            domains = [part for part in (found.group(1) or "").split("/") if part not in ("", "#")]
            yield from (Passed(_domain(part.lstrip("*")), address) for part in domains or [EVERYTHING])


def _options(text: str) -> Iterator[str]:
    yield from (line.replace(" ", "").replace("\t", "") for line in text.splitlines() if not line.startswith("#"))


def _domain(text: str) -> str:
    return text.strip().strip('"').lower().strip(".") or EVERYTHING


def _look_dnsmasq(host: Host) -> Forwarder:
    texts = list(_texts(host, DNSMASQ))
    options = [line for _, text in texts for line in _options(text)]
    passed = [one for _, text in texts for one in of_dnsmasq(text)]
    if "no-resolv" not in options:
        named = [line.partition("=")[2] for line in options if line.startswith("resolv-file=")]
        for path in named[-1:]:
            with suppress(HostError):
                servers = parse(host.text(path, LIMIT) or "").nameservers
                passed += [Passed(EVERYTHING, server) for server in servers if not is_local(server)]
    proof = next((path for path, text in texts if "dnssec" in _options(text)), None)
    return Forwarder(DNSMASQ, tuple(passed), proof)


# --- unbound ------------------------------------------------------------------------------------------------------


def of_unbound(text: str) -> Iterator[Passed]:
    """Clauses forward-zone and stub-zone, each with a name and addresses."""
    zone: Optional[str] = None
    clause, pending = "", list[str]()
    for key, value in _clauses(text):
        if not value:
            clause, zone, pending = key, None, []
        elif clause in ("forward-zone", "stub-zone") and key == "name":
            zone = _domain(value)
            yield from (Passed(zone, address) for address in pending)
        elif clause in ("forward-zone", "stub-zone") and key in ("forward-addr", "stub-addr"):
            address = canonical(value.partition("@")[0].partition("#")[0].strip())
            pending += [address] if address is not None else []
            if zone is not None and address is not None:
                yield Passed(zone, address)


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        found = _CLAUSE.match(line)
        if found is not None:
            yield found.group(1), found.group(2).partition(" #")[0].strip().strip('"')


def _look_unbound(host: Host) -> Forwarder:
    texts = list(_texts(host, UNBOUND))
    values = [(path, key, value) for path, text in texts for key, value in _clauses(text) if value]
    modules = next((value for _, key, value in reversed(values) if key == "module-config"), "validator iterator")
    lenient = ("val-permissive-mode", "yes") in [(key, value) for _, key, value in values]
    proof = next((path for path, key, _ in values if key in _VALIDATION), None)
    passed = tuple(one for _, text in texts for one in of_unbound(text))
    return Forwarder(UNBOUND, passed, proof if "validator" in modules and not lenient else None)


# --- looking ------------------------------------------------------------------------------------------------------


def look(host: Host) -> Optional[Forwarder]:
    """The one that runs, or that the boot starts; None if there is none of the two, or it asks nobody that is told."""
    readers = {DNSMASQ: _look_dnsmasq, UNBOUND: _look_unbound}
    program = next((name for name in readers if _runs(host, *RUNS[name])), None)
    found = readers[program](host) if program is not None else None
    return found if found is not None and found.passed else None


def _runs(host: Host, unit: str, marks: Sequence[str]) -> bool:
    with suppress(HostError):
        if any(host.info(path) is not None for path in marks):
            return True
        return systemd.unit(host, unit).state is UnitState.ENABLED
    return False


def _texts(host: Host, program: str) -> Iterator[tuple[str, str]]:
    paths = [path for pattern in FILES[program] for path in matching(host, pattern) if not path.endswith(SKIPPED)]
    for path in paths:
        with suppress(HostError):
            yield path, host.text(path, LIMIT) or ""
