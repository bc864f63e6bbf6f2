"""States of VMs that really failed for reasons of routes and of source addresses, and of healthy ones beside them."""

from __future__ import annotations

from azpreflight.model import Cause, Confidence, Severity
from tests.netns import faults, topology
from tests.netns.scenario import Scenario
from tests.netns.standin import LEASES, Fault

ERROR, WARNING = Severity.ERROR, Severity.WARNING
CERTAIN, LIKELY = Confidence.CERTAIN, Confidence.LIKELY
NEXT_SUBNET = "10.0.7.10"
"""A DNS server of the virtual network, in another subnet than the VM's."""
BRIDGE = "br-2f1c0a9b7d34"


def dns_in_next_subnet() -> Fault:
    """DHCP names a server in the next subnet, and it works."""
    return Fault(dns={NEXT_SUBNET: "answers"}, files=faults.resolv_conf(NEXT_SUBNET).files)


DOCKER_SHADOWS = faults.on(
    "vm",
    f"ip link add {BRIDGE} type bridge",
    f"ip address add 10.0.0.1/16 dev {BRIDGE}",
    f"ip link set {BRIDGE} up",
    "ip link add vethd type veth peer name inner",
    f"ip link set vethd master {BRIDGE} up",
    "ip link set inner up",
)
"""A compose file that pins 10.0.0.0/16: docker gives the bridge its first address."""
DOCKER_SHADOWS_STORE = faults.on(
    "vm",
    f"ip link add {BRIDGE} type bridge",
    f"ip address add 20.60.0.1/28 dev {BRIDGE}",
    "ip link add vethd type veth peer name inner",
    f"ip link set vethd master {BRIDGE} up",
    "ip link set inner up",
    f"ip link set {BRIDGE} up",
)
"""Somebody took a public prefix for a private one."""


def tunnel(name: str) -> tuple[str, ...]:
    """A VPN's interface, from which nothing comes back."""
    return (
        f"ip link add {name} type veth peer name far",
        f"ip address add 100.101.1.2/32 dev {name}",
        f"ip link set {name} up",
        "ip link set far up",
    )


EXIT_NODE = faults.on(
    "vm",
    *tunnel("tailscale0"),
    "ip route add default dev tailscale0 table 52",
    "ip rule add priority 5210 fwmark 0x80000/0xff0000 lookup main",
    "ip rule add priority 5230 fwmark 0x80000/0xff0000 lookup default",
    "ip rule add priority 5250 fwmark 0x80000/0xff0000 unreachable",
    "ip rule add priority 5270 lookup 52",
)
"""The rules and the table of tailscaled with an exit node (wgengine/router/osrouter of its source)."""
POLICY_TABLE = faults.on(
    "vm", *tunnel("tun0"), "ip route add 20.60.0.0/16 dev tun0 table 100", "ip rule add priority 1000 lookup 100"
)
"""A VPN client with a table of its own takes the stores."""
BLACKHOLE = faults.on("vm", "ip route add blackhole 20.60.0.0/16 table 200", "ip rule add priority 1000 lookup 200")
BLACKHOLE_DNS = faults.on("vm", "ip route add blackhole 10.0.7.0/24 table 200", "ip rule add priority 1000 lookup 200")
RULE_PROHIBITS = faults.on("vm", f"ip rule add priority 900 to {topology.WIRE_SERVER} prohibit")
SECOND_NIC = faults.on(
    "vm",
    "ip link add eth1 type veth peer name far",
    "ip address add 10.0.1.4/24 dev eth1",
    "ip link set eth1 up",
    "ip link set far up",
    "ip route replace default via 10.0.1.1 dev eth1 metric 50",
    f"ip route del {topology.WIRE_SERVER}",
    f"ip route del {topology.IMDS}",
)
"""The default route was given to the second NIC, and the routes of option 121 were not taken."""
SECOND_ADDRESS = faults.on(
    "vm",
    "ip address flush dev eth0",
    "ip address add 10.0.0.6/24 dev eth0",
    "ip address add 10.0.0.4/24 dev eth0",
    "ip route add default via 10.0.0.1",
)
"""Packets leave with 10.0.0.6, an address that the NIC has as well."""
PRIMARY_ALONE = faults.on(
    "fabric",
    f"iptables-nft -A INPUT -d {topology.WIRE_SERVER} ! -s 10.0.0.4 -j DROP",
    f"iptables-nft -A INPUT -d {topology.IMDS} ! -s 10.0.0.4 -j DROP",
)
STATIC = Fault(files={LEASES: None})
"""No lease: the address was written into the image."""
ROUTES = (
    Scenario(
        "docker-shadows-dns",
        "a docker network has 10.0.0.0/16, and with it the DNS server in the next subnet",
        (dns_in_next_subnet(), DOCKER_SHADOWS),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"{NEXT_SUBNET} leaves by {BRIDGE} (docker), whose 10.0.0.0/16 covers the virtual network's",),
        sure=CERTAIN,
        fixed=True,
    ),
    Scenario(
        "docker-shadows-dns-static",
        "the same, on a VM with a static address",
        (Fault(dns={NEXT_SUBNET: "answers"}, files=faults.image_names(NEXT_SUBNET).files), STATIC, DOCKER_SHADOWS),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"{NEXT_SUBNET} leaves by {BRIDGE} (docker)",),
        sure=LIKELY,
        fixed=True,
    ),
    Scenario(
        "docker-shadows-store",
        "a docker network has the prefix of the package stores",
        (DOCKER_SHADOWS_STORE,),
        Cause.NO_EGRESS,
        WARNING,
        says=(f"{topology.STORE} leaves by {BRIDGE} (docker)",),
        sure=LIKELY,
        fixed=True,
    ),
    Scenario(
        "exit-node",
        "an exit node of a VPN takes all that is sent, the platform's addresses included",
        (EXIT_NODE,),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=("leaves by tailscale0 (Tailscale), by the default route of table 52 (rule 5270)",),
        sure=LIKELY,
    ),
    Scenario(
        "policy-table-of-vpn",
        "a VPN's policy table takes the package stores into its tunnel",
        (POLICY_TABLE,),
        Cause.NO_EGRESS,
        WARNING,
        says=(f"{topology.STORE} leaves by tun0 (a VPN), by 20.60.0.0/16 of table 100 (rule 1000)",),
        sure=LIKELY,
        fixed=True,
    ),
    Scenario(
        "blackhole-in-a-table",
        "a table of the image's own has a blackhole for the package stores",
        (BLACKHOLE,),
        Cause.NO_EGRESS,
        WARNING,
        says=(f"this machine rejects {topology.STORE}: blackhole 20.60.0.0/16 of table 200 (rule 1000)",),
        sure=LIKELY,
        fixed=True,
    ),
    Scenario(
        "blackhole-takes-dns",
        "a table of the image's own has a blackhole for the DNS server",
        (dns_in_next_subnet(), BLACKHOLE_DNS),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"this machine rejects {NEXT_SUBNET}: blackhole 10.0.7.0/24 of table 200 (rule 1000)",),
        fixed=True,
    ),
    Scenario(
        "rule-prohibits",
        "a rule of the image's own prohibits the wire server",
        (RULE_PROHIBITS,),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=(f"this machine rejects {topology.WIRE_SERVER}: rule 900: prohibit",),
        fixed=True,
    ),
    Scenario(
        "second-nic-has-the-default-route",
        "the default route is that of the second NIC",
        (SECOND_NIC,),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=("leaves by eth1, by the default route",),
    ),
    Scenario(
        "second-address-is-the-source",
        "packets leave with the second address of the NIC, and the host answers the primary one alone",
        (SECOND_ADDRESS, PRIMARY_ALONE, STATIC),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=(f"{topology.WIRE_SERVER} is sent from 10.0.0.6 of eth0",),
        sure=LIKELY,
        fixed=True,
    ),
    Scenario(
        "second-address-despite-the-lease",
        "the same, where a lease names the primary address",
        (SECOND_ADDRESS, PRIMARY_ALONE),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=(f"{topology.WIRE_SERVER} is sent from 10.0.0.6 of eth0, not from 10.0.0.4, its primary address",),
        fixed=True,
    ),
)
WRONG_SOURCE = "192.0.2.99"
"""The address of the machine that the rules were written on."""


def rewrites(tool: str, match: str) -> Fault:
    """A rule that gives the VM's own packets another source."""
    if tool == "nft":
        return faults.on(
            "vm",
            "nft add table ip build",
            "nft 'add chain ip build post { type nat hook postrouting priority 100; }'",
            f"nft add rule ip build post {match} snat to {WRONG_SOURCE}",
        )
    return faults.on("vm", f"{tool} -t nat -A POSTROUTING {match} -j SNAT --to-source {WRONG_SOURCE}")


MASQUERADE_OTHER = faults.on(
    "vm",
    "ip address add 10.0.0.6/24 dev eth0",
    "iptables-nft -t nat -A POSTROUTING -d 168.63.129.16 -j SNAT --to-source 10.0.0.6",
)
"""Another address of the NIC, which the host does not answer."""
MARKED = faults.on(
    "vm",
    f"iptables-nft -t mangle -A OUTPUT -d {topology.WIRE_SERVER} -p tcp -j MARK --set-mark 7",
    "ip rule add priority 1000 fwmark 7 lookup 77",
    "ip route add blackhole default table 77",
)
SOURCES = (
    *(
        Scenario(
            f"snat-{name}",
            f"a rule of {tool} gives what is sent to the wire server a wrong source",
            (rewrites(tool, match),),
            Cause.GUEST_FIREWALL,
            ERROR,
            says=(WRONG_SOURCE,),
            sure=LIKELY,
            fixed=True,
        )
        for name, tool, match in (
            ("legacy", "iptables-legacy", f"-d {topology.WIRE_SERVER}"),
            ("nft", "nft", f"ip daddr {topology.WIRE_SERVER}"),
            ("iptables-nft", "iptables-nft", f"-d {topology.WIRE_SERVER} -p tcp"),
        )
    ),
    Scenario(
        "snat-all",
        "a rule gives all that the VM sends a wrong source",
        (rewrites("iptables-nft", "-o eth0"),),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=(WRONG_SOURCE,),
    ),
    Scenario(
        "snat-https",
        "a rule gives what is sent to port 443 a wrong source",
        (rewrites("iptables-nft", "-p tcp --dport 443"),),
        Cause.GUEST_FIREWALL,
        WARNING,
        says=(WRONG_SOURCE,),
        fixed=True,
    ),
    Scenario(
        "snat-to-second-address",
        "a rule gives what is sent to the wire server the second address of the NIC, which the host does not answer",
        (MASQUERADE_OTHER, PRIMARY_ALONE),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=("10.0.0.6",),
        fixed=True,
    ),
    Scenario(
        "marked-away",
        "a rule marks what is sent to the wire server, and a table for that mark has a blackhole",
        (MARKED,),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=("marks tcp 168.63.129.16:80 with 0x7, and rule 1000 leads what has that mark to blackhole by table 77",),
        fixed=True,
    ),
)
