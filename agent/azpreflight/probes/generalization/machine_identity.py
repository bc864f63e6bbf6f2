"""What makes a machine this machine: its id, its seeds of chance, its name.

None of it stops provisioning. Clones that share a machine id share what is made from it: DHCP client ids, journal
names, telemetry. waagent leaves the machine id alone but on Arch and Flatcar; `cloud-init clean --machine-id` writes
`uninitialized` (machine-id(5); WALinuxAgent, azurelinuxagent/pa/deprovision/; cloud-init, cloudinit/cmd/clean.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import FileKind, Host
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import NOTE, WARNING, check
from azpreflight.probes.generalization.leftover import agents_of, filled, leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

MACHINE_ID = "/etc/machine-id"
DBUS_ID = "/var/lib/dbus/machine-id"
SECRETS = ("/var/lib/systemd/credential.secret", "/var/lib/NetworkManager/secret_key")
"""Keys that this machine made for itself: of encrypted credentials, and of its stable addresses and DHCP ids."""
SERVER_KEYS = (
    *(
        "/etc/dropbear/dropbear_*_host_key",
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/pki/tls/private/localhost.key",
    ),
    *("/etc/cockpit/ws-certs.d/0-self-signed.key", "/etc/webmin/miniserv.pem", "/etc/ipsec.d/private/*.pem"),
    *("/var/lib/postgresql/*/*/server.key", "/etc/postfix/*.key", "/etc/stunnel/*.pem"),
)
"""Keys that servers and their packages make at installation, so that all VMs would answer with one; a closed list."""
SEEDS = (
    *("/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed", "/var/lib/random-seed"),
    *("/boot/loader/random-seed", "/boot/efi/loader/random-seed", "/efi/loader/random-seed"),
)
DHCLIENT_CONFIGS = ("/etc/dhcp/dhclient.conf", "/etc/dhcp3/dhclient.conf", "/etc/dhclient.conf")
IFCFG = "/etc/sysconfig/network-scripts/ifcfg-*"
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ID = re.compile(r"[0-9a-f]{32}\s*")
_IFCFG_NAME = re.compile(r"""^[ \t]*DHCP_HOSTNAME=["']?([^"'\s]+)""", re.MULTILINE)
_SENT_NAME = re.compile(r'^[ \t]*send[ \t]+host-name[ \t]+"([^"\n]*)"', re.MULTILINE)


@dataclass(frozen=True)
class IdentityFacts:
    """Which of them are there; the ids themselves are nobody's business."""

    machine_id: bool = False
    """A real one: 32 hexadecimal digits."""
    machine_id_written: Optional[float] = None
    """When, in seconds since the epoch; None where there is none."""
    dbus_id: bool = False
    """D-Bus has one of its own: a regular file, not a link."""
    secrets: tuple[str, ...] = ()
    server_keys: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    host_name: str = ""
    """What /etc/hostname says."""
    names_in_hosts: tuple[str, ...] = ()
    """Names that /etc/hosts gives to an address of the loopback network, but localhost."""
    sent_name: Optional[str] = None
    """The name that dhclient is configured to send; None: none, or its own."""
    sent_by_card: Mapping[str, str] = field(default_factory=dict)
    """The names that files of single NICs send, by path (DHCP_HOSTNAME)."""


def look(host: Host, run: Run) -> IdentityFacts:
    """Presence, and the two names."""
    dbus = host.info(DBUS_ID, follow=False)
    info = host.info(MACHINE_ID)
    name = _first_word(host.text("/etc/hostname", SMALL))
    return IdentityFacts(
        machine_id=_ID.fullmatch(host.text(MACHINE_ID, 4096) or "") is not None,
        machine_id_written=info.modified if info is not None else None,
        dbus_id=dbus is not None and dbus.kind is FileKind.FILE and dbus.size > 0,
        secrets=filled(host, SECRETS),
        server_keys=filled(host, matching(host, SERVER_KEYS))[:KEPT],
        seeds=filled(host, SEEDS),
        host_name=_told(name),
        names_in_hosts=names_in_hosts(host.text("/etc/hosts", SMALL) or "")[:KEPT],
        sent_name=_sent_name(host),
        sent_by_card=dict(_sent_by_card(host)),
    )


def _told(name: str) -> str:
    """The name of a host; what is none is not told."""
    return name if not name or _HOST_NAME.fullmatch(name[:253]) else "no name of a host"


def _first_word(text: Optional[str]) -> str:
    lines = [line.strip() for line in (text or "").splitlines()]
    return next((line for line in lines if line and not line.startswith("#")), "")


def names_in_hosts(hosts: str) -> tuple[str, ...]:
    """The machine's own names, which Debian gives to 127.0.1.1 and cloud-init to either address (hosts(5))."""
    rows = (line.split("#")[0].split() for line in hosts.splitlines())
    names = (name for row in rows if row and row[0].startswith("127.") for name in row[1:])
    return tuple(dict.fromkeys(name for name in names if not _neutral(name) and _HOST_NAME.fullmatch(name)))


def _sent_name(host: Host) -> Optional[str]:
    for path in DHCLIENT_CONFIGS:
        match = _SENT_NAME.search(host.text(path, SMALL) or "")
        if match is not None:
            return _told(match.group(1))
    return None


def _sent_by_card(host: Host) -> Iterator[tuple[str, str]]:
    for path in host.glob(IFCFG)[:KEPT]:
        match = _IFCFG_NAME.search(host.text(path, SMALL) or "")
        if match is not None and not _neutral(match.group(1)):
            yield path, _told(match.group(1))


def _neutral(name: str) -> bool:
    """What a fresh or a deprovisioned machine is called; localhost4 is in the RHEL family's own /etc/hosts."""
    return not name or name.split(".")[0] in ("localhost", "localhost4")


def judge_machine_id(facts: IdentityFacts, run: Run) -> Iterator[Verdict]:
    """Every VM will make a machine id of its own."""
    if facts.machine_id:
        yield leftover(
            run,
            Severity.WARNING,
            f"{MACHINE_ID} has an id, which all VMs made from this would share",
            "Empty the file; the next boot makes a new id.",
            (f"truncate --size 0 {MACHINE_ID}",),
            cleaned=agents_of(run).distribution.of("arch", "coreos", "flatcar"),
        )
    if facts.dbus_id:
        yield leftover(
            run,
            Severity.WARNING,
            f"{DBUS_ID} is a file of its own, with an id that outlives {MACHINE_ID}",
            "Make it a link.",
            (f"ln --symbolic --force {MACHINE_ID} {DBUS_ID}",),
            cleaned=False,
        )


def judge_random_seed(facts: IdentityFacts, run: Run) -> Iterator[Verdict]:
    """No seed and no key that this machine made for itself goes into the image."""
    for paths, severity, what in (
        (facts.secrets, Severity.WARNING, "a key that this machine made for itself"),
        (facts.server_keys, Severity.WARNING, "a server's key that this machine made, and all VMs would share"),
        (facts.seeds, Severity.NOTE, "a random seed that all VMs would start from"),
    ):
        if paths:
            message = f"{what}: {several(paths)}"
            yield leftover(run, severity, message, "Delete it.", (f"rm -f {files(paths)}",), cleaned=False)


def judge_host_name(facts: IdentityFacts, run: Run) -> Iterator[Verdict]:
    """No name of this machine goes into the image."""
    if not _neutral(facts.host_name):
        yield _named(run, f"/etc/hostname says {facts.host_name}", "echo localhost > /etc/hostname", cleaned=True)
    if facts.sent_name is not None and not _neutral(facts.sent_name):
        command = f"sed -i '/^[[:space:]]*send host-name/d' {' '.join(DHCLIENT_CONFIGS[:1])}"
        yield _named(run, f"dhclient sends the name {facts.sent_name}", command, cleaned=True)
    for path, name in facts.sent_by_card.items():
        command = f"sed -i '/^[[:space:]]*DHCP_HOSTNAME=/d' {files([path])}"
        yield _named(run, f"{plain(path)} sends the name {name}", command, cleaned=True)
    if facts.names_in_hosts:
        command = _without(facts.names_in_hosts)
        yield _named(run, f"/etc/hosts names {several(facts.names_in_hosts)}", command, cleaned=False)


def _without(names: Sequence[str]) -> str:
    """Take the names off their lines, on which localhost may stand too, and lines away on which no name is left."""
    either = "|".join(name.replace(".", "[.]") for name in names)
    take = rf"/^127[.]/{{:a;s/[[:space:]]+({either})([[:space:]]|$)/\2/;ta}}"
    return rf"sed -i -E -e '{take}' -e '/^127[.][0-9.]+[[:space:]]*$/d' /etc/hosts"


def _named(run: Run, message: str, command: str, *, cleaned: bool) -> Verdict:
    fix = "Take this machine's name out; provisioning sets the next one's."
    return leftover(run, Severity.NOTE, message, fix, (command,), cleaned=cleaned)


CHECKS = (
    check(
        "gen-random-seed",
        "no random seed or machine-generated key is left",
        part("identity", judge_random_seed),
        WARNING,
    ),
    check(
        "gen-hostname",
        "this machine's host name is not in the image",
        part("identity", judge_host_name),
        NOTE,
    ),
)
