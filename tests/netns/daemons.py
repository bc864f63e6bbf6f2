"""States in which a real program of the guest resolves names or carries packets: systemd-resolved, dnsmasq, unbound,
nscd, WireGuard. They run in the VM from Debian's own packages, with the configuration that an image has.
"""

from __future__ import annotations

from azpreflight.model import Cause, Confidence, Severity
from tests.netns import faults, topology
from tests.netns.scenario import Scenario
from tests.netns.standin import LEASES, Fault, Program, lease

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
CERTAIN, LIKELY = Confidence.CERTAIN, Confidence.LIKELY
PACKAGES = ("systemd-resolved", "dbus", "dnsmasq-base", "unbound", "nscd", "wireguard-go", "wireguard-tools")
"""Of all these VMs, so that one tree serves them."""
WANTS = "/etc/systemd/system/multi-user.target.wants"
NOT_ENABLED = {f"{WANTS}/unbound.service": None, f"{WANTS}/nscd.service": None}
RESOLVED_OFF = {
    "/etc/systemd/system/sysinit.target.wants/systemd-resolved.service": None,
    "/etc/systemd/system/dbus-org.freedesktop.resolve1.service": None,
}
DEAD, OWN, COMPANY = faults.DEAD_SERVER, faults.OWN_SERVER, "100.100.100.100"
ASKS = "getent ahostsv4 {name} >/dev/null"
UP = "grep -q '0100007F:0035\\|3500007F:0035' /proc/net/udp"
"""Something listens on 127.0.0.1 or 127.0.0.53, port 53, as the kernel writes it."""

# --- systemd-resolved ---------------------------------------------------------------------------------------------

BUS = Program(
    ("/bin/sh", "-c", "mkdir -p /run/dbus && exec dbus-daemon --system --nofork --nopidfile"),
    "test -S /run/dbus/system_bus_socket",
)
RESOLVED = Program(("/lib/systemd/systemd-resolved",), f"{UP} && test -e /run/systemd/resolve/resolv.conf")


def told(*commands: str) -> Program:
    """A VPN client tells systemd-resolved, once that is on the bus."""
    return Program(RESOLVED.command, f"{RESOLVED.ready} && resolvectl status >/dev/null 2>&1", " && ".join(commands))


def resolved(*servers: str, link: str = "", settings: str = "", program: Program = RESOLVED) -> Fault:
    """systemd-resolved runs, and systemd-networkd has told it what eth0's lease says."""
    names = "".join(f"DNS={' '.join(servers)}\n" if servers else "")
    return Fault(
        packages=PACKAGES,
        files={
            **NOT_ENABLED,
            "/etc/resolv.conf": f"nameserver {faults.STUB}\noptions edns0 trust-ad\n",
            "/etc/systemd/resolved.conf.d/50-image.conf": f"[Resolve]\n{settings}",
            LEASES: lease(*servers),
        },
        commands=(),
        programs=(
            Program(
                ("sleep", "600"),
                "mkdir -p /run/systemd/netif/links && printf '%s' "
                f"'ADMIN_STATE=configured\nOPER_STATE=routable\n{names}{link}' "
                "> /run/systemd/netif/links/$(cat /sys/class/net/eth0/ifindex 2>/dev/null || ip -o link show eth0"
                " | cut -d: -f1)",
            ),
            BUS,
            program,
        ),
    )


VPN = faults.on(
    "vm",
    "ip link add wg0 type veth peer name far",
    "ip address add 100.101.1.2/24 dev wg0",
    "ip link set wg0 up",
    "ip link set far up",
    f"ip route add {COMPANY} via {topology.GATEWAY} dev eth0",
)
SPLIT = (
    f"resolvectl dns wg0 {COMPANY}",
    "resolvectl domain wg0 corp.example '~ts.net'",
    "resolvectl default-route wg0 no",
)
TAKES_ALL = (f"resolvectl dns wg0 {COMPANY}", "resolvectl domain wg0 '~.'")
OF_RESOLVED = (
    Scenario("real-resolved", "nothing; the real systemd-resolved", (resolved(topology.WIRE_SERVER),)),
    Scenario(
        "real-resolved-dead",
        "the real systemd-resolved asks a server that does not exist",
        (resolved(DEAD),),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(DEAD,),
    ),
    Scenario(
        "real-resolved-first-dead",
        "the first of two servers behind the real systemd-resolved does not exist",
        (resolved(DEAD, topology.WIRE_SERVER),),
        Cause.DNS_UNREACHABLE,
        WARNING,
        says=(DEAD,),
    ),
    Scenario(
        "real-resolved-loses",
        "the server behind the real systemd-resolved loses most questions",
        (resolved(OWN), Fault(dns={OWN: "loses"})),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"DNS server {OWN} answers intermittently",),
    ),
    Scenario(
        "real-resolved-dnssec",
        "the real systemd-resolved wants answers that validate",
        (resolved(topology.WIRE_SERVER, settings="DNSSEC=yes\n"),),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("DNSSEC=yes in /etc/systemd/resolved.conf.d/50-image.conf",),
        sure=LIKELY,
    ),
    Scenario(
        "real-resolved-dnssec-of-link",
        "the network file of eth0 wants answers that validate",
        (
            resolved(topology.WIRE_SERVER, link="DNSSEC=yes\n"),
            Fault(
                files={"/etc/systemd/network/10-eth.network": "[Match]\nName=eth0\n[Network]\nDHCP=yes\nDNSSEC=yes\n"}
            ),
        ),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("DNSSEC=yes in /etc/systemd/network/10-eth.network",),
        sure=LIKELY,
    ),
    Scenario(
        "real-resolved-tls",
        "the real systemd-resolved asks only servers that encrypt",
        (resolved(topology.WIRE_SERVER, settings="DNSOverTLS=yes\n"),),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("DNSOverTLS=yes in /etc/systemd/resolved.conf.d/50-image.conf",),
        sure=LIKELY,
    ),
    Scenario(
        "real-resolved-link-unmanaged",
        "systemd-networkd no longer manages eth0, whose address stays and whose DNS servers are gone",
        (resolved(link="ADMIN_STATE=unmanaged\n"), Fault(files={LEASES: None})),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=("systemd-networkd does not manage eth0",),
    ),
    Scenario(
        "real-resolved-split-dns",
        "nothing; a VPN's server is asked for the company's names alone",
        (resolved(topology.WIRE_SERVER, program=told(*SPLIT)), VPN, Fault(dns={COMPANY: "nxdomain"})),
    ),
    Scenario(
        "real-resolved-vpn-takes-all",
        "a VPN's server is asked for all names, and denies public ones",
        (resolved(topology.WIRE_SERVER, program=told(*TAKES_ALL)), VPN, Fault(dns={COMPANY: "nxdomain"})),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=(COMPANY,),
    ),
    Scenario(
        "real-resolved-vpn-silent",
        "a VPN's server is asked for all names, and does not answer",
        (resolved(topology.WIRE_SERVER, program=told(*TAKES_ALL)), VPN, Fault(dns={COMPANY: "silent"})),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(COMPANY,),
    ),
)

# --- dnsmasq ------------------------------------------------------------------------------------------------------


def dnsmasq(*lines: str, named: str = topology.WIRE_SERVER) -> Fault:
    """A dnsmasq of the image's own, with this configuration."""
    return Fault(
        packages=PACKAGES,
        files={
            **NOT_ENABLED,
            **RESOLVED_OFF,
            "/etc/resolv.conf": "nameserver 127.0.0.1\n",
            "/etc/dnsmasq.conf": "conf-dir=/etc/dnsmasq.d/,*.conf\nlisten-address=127.0.0.1\nbind-interfaces\n",
            "/etc/dnsmasq.d/image.conf": "".join(f"{line}\n" for line in lines),
            "/etc/dnsmasq.d/README": "server=10.77.77.77\n",
            LEASES: lease(named),
        },
        programs=(
            Program(("/usr/sbin/dnsmasq", "--keep-in-foreground", "--user=root", "--pid-file=/run/dnsmasq.pid"), UP),
        ),
    )


CORP = f"server=/corp.example/{DEAD}"
OF_DNSMASQ = (
    Scenario(
        "real-dnsmasq-split",
        "nothing; dnsmasq asks a server that is gone for the company's names alone",
        (dnsmasq("no-resolv", f"server={topology.WIRE_SERVER}", CORP),),
    ),
    Scenario(
        "real-dnsmasq-dead",
        "dnsmasq asks a server that does not exist",
        (dnsmasq("no-resolv", f"server={DEAD}", CORP.replace(DEAD, OWN)), Fault(dns={OWN: "answers"})),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"{DEAD}, in /etc/dnsmasq.d/image.conf",),
    ),
    Scenario(
        "real-dnsmasq-takes-the-stores",
        "dnsmasq asks the company's server for the stores' names, and that denies them",
        (
            dnsmasq("no-resolv", f"server={topology.WIRE_SERVER}", f"server=/blob.core.windows.net/{OWN}"),
            Fault(dns={OWN: "nxdomain"}),
        ),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=(f"DNS server {OWN} answers NXDOMAIN",),
    ),
    Scenario(
        "real-dnsmasq-file-of-servers",
        "dnsmasq reads its servers from a file, and the first of them is closed",
        (
            dnsmasq("resolv-file=/etc/dnsmasq-servers"),
            Fault(
                files={"/etc/dnsmasq-servers": f"nameserver {OWN}\nnameserver {topology.WIRE_SERVER}\n"},
                dns={OWN: "closed"},
            ),
        ),
        Cause.DNS_UNREACHABLE,
        WARNING,
        says=(OWN,),
    ),
)

# --- unbound ------------------------------------------------------------------------------------------------------


ROOT_ANCHOR = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
"""The root's, as IANA publishes it, which Debian's package of unbound takes from another one (dns-root-data)."""


def unbound(*lines: str, named: str = topology.WIRE_SERVER, dnssec: bool = False) -> Fault:
    """Debian's unbound with a file of the image's own; it validates by default."""
    validates = "" if dnssec else '\tmodule-config: "iterator"\n'
    return Fault(
        packages=PACKAGES,
        files={
            **{path: None for path in NOT_ENABLED if "nscd" in path},
            **RESOLVED_OFF,
            "/etc/resolv.conf": "nameserver 127.0.0.1\n",
            "/etc/unbound/unbound.conf.d/image.conf": "server:\n\tinterface: 127.0.0.1\n\tdo-not-query-localhost: no\n"
            f"{validates}" + "".join(f"{line}\n" for line in lines),
            "/var/lib/unbound/root.key": ROOT_ANCHOR,
            LEASES: lease(named),
        },
        programs=(
            Program(
                ("/bin/sh", "-c", "chown unbound /var/lib/unbound/root.key; exec unbound -d"),
                UP,
            ),
        ),
    )


def forwards(*servers: str, zone: str = ".") -> tuple[str, ...]:
    """A zone that is passed on."""
    return ("forward-zone:", f'\tname: "{zone}"', *(f"\tforward-addr: {server}" for server in servers))


OF_UNBOUND = (
    Scenario(
        "real-unbound",
        "nothing; unbound passes on to the platform's server, and the company's names to one that is gone",
        (unbound(*forwards(topology.WIRE_SERVER), *forwards(DEAD, zone="corp.example")),),
    ),
    Scenario(
        "real-unbound-dead",
        "unbound passes all names on to a server that does not exist",
        (unbound(*forwards(DEAD)),),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"{DEAD}, in /etc/unbound/unbound.conf.d/image.conf",),
    ),
    Scenario(
        "real-unbound-validates",
        "unbound wants answers that validate, and the server that it asks gives no proof",
        (unbound(*forwards(topology.WIRE_SERVER), dnssec=True),),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("unbound refuses answers that do not validate",),
        sure=LIKELY,
    ),
)

# --- search domains, nsswitch -------------------------------------------------------------------------------------

WILDCARD = Fault(
    dns={OWN: "wildcard .corp.example."},
    files={
        **faults.resolv_conf(OWN).files,
        "/etc/resolv.conf": f"nameserver {OWN}\nsearch corp.example\noptions ndots:5\n",
    },
)
ENDS_BEFORE_DNS = Fault(files={"/etc/nsswitch.conf": "passwd: files\nhosts: files [NOTFOUND=return] dns\n"})
OF_GLIBC = (
    Scenario(
        "search-wildcard",
        "ndots:5 tries the search domain first, which has a wildcard",
        (WILDCARD,),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("corp.example", "ndots:5"),
        sure=CERTAIN,
    ),
    Scenario(
        "nsswitch-ends-before-dns",
        "nsswitch.conf ends the search before DNS",
        (ENDS_BEFORE_DNS,),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=("[NOTFOUND=return]",),
    ),
    Scenario(
        "healthy-search",
        "nothing; a search domain without a wildcard, and ndots:5",
        (
            Fault(
                files={"/etc/resolv.conf": f"nameserver {topology.WIRE_SERVER}\nsearch corp.example\noptions ndots:5\n"}
            ),
        ),
    ),
)

# --- WireGuard ----------------------------------------------------------------------------------------------------

KEYS = ("aA" * 21 + "A=", "bB" * 21 + "A=")
"""Any 32 bytes will do: nobody is at the far end."""
SYSCTL = '#!/bin/sh\nfor word; do case "$word" in *=*) path=/proc/sys/$(echo "${word%%=*}" | tr . /);'
SYSCTL += ' echo "${word#*=}" > "$path";; esac; done\n'
"""The one program of procps that wg-quick calls."""


def wireguard(allowed: str) -> Fault:
    """wg-quick with its own user-space program, which makes the interface where the kernel cannot."""
    return Fault(
        packages=PACKAGES,
        files={
            **NOT_ENABLED,
            **RESOLVED_OFF,
            "/usr/local/sbin/sysctl": SYSCTL,
            "/etc/wireguard/wg0.conf": f"[Interface]\nPrivateKey={KEYS[0]}\nAddress=10.66.0.2/32\n"
            f"[Peer]\nPublicKey={KEYS[1]}\nAllowedIPs={allowed}\nEndpoint={OWN}:51820\n",
        },
        programs=(
            Program(
                (
                    "/bin/sh",
                    "-c",
                    "mkdir -p /dev/net && mknod /dev/net/tun c 10 200 && wg-quick up wg0 && exec sleep 600",
                ),
                "ip -o link show wg0 2>/dev/null | grep -q UP && ip route show table all | grep -q wg0",
            ),
        ),
    )


OF_WIREGUARD = (
    Scenario(
        "real-wireguard-split", "nothing; the company's network alone is behind WireGuard", (wireguard("10.66.0.0/24"),)
    ),
    Scenario(
        "real-wireguard-full",
        "WireGuard takes what is sent to the internet, and nobody is at its far end",
        (wireguard("0.0.0.0/0"),),
        Cause.NO_EGRESS,
        WARNING,
        says=("leaves by wg0 (WireGuard), by the default route of table 51820",),
        sure=LIKELY,
    ),
)
DAEMONS = (*OF_RESOLVED, *OF_DNSMASQ, *OF_UNBOUND, *OF_GLIBC, *OF_WIREGUARD)
