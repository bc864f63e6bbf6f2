"""What can be wrong with a VM and its surroundings, each as a piece of data. They can be combined."""

from tests.netns import image, topology
from tests.netns.documents import DIAGNOSTICS
from tests.netns.standin import LEASES, Fault, lease

DEAD_SERVER = "10.1.2.3"
"""A DNS server that does not exist: nothing has this address, and the fabric drops what is sent to it."""
OWN_SERVER = "10.0.0.5"
"""The customer's own DNS server in the virtual network."""


def resolv_conf(*servers: str) -> Fault:
    """DHCP names these servers, and the VM asks them."""
    return Fault(files={**image_names(*servers).files, LEASES: lease(*servers)})


def image_names(*servers: str) -> Fault:
    """The image's own resolv.conf names these servers, whatever DHCP names."""
    return Fault(files={"/etc/resolv.conf": "".join(f"nameserver {server}\n" for server in servers)})


def own_server(behaviour: str) -> Fault:
    """The VM asks the customer's own server, which behaves like this."""
    return Fault(dns={OWN_SERVER: behaviour}, files=resolv_conf(OWN_SERVER).files)


def on(role: str, *commands: str) -> Fault:
    """Commands for one namespace."""
    return Fault(commands=tuple((role, command) for command in commands))


# the image

NO_KERNEL = Fault(files={path: None for path in image.FILES if path.startswith(("/boot/", image.MODULES))})
"""A tree without kernel and boot loader: another kernel runs it, as in a container."""

# the guest's own firewall

LEGACY_DROPS_WIRE_SERVER = on("vm", f"iptables-legacy -A OUTPUT -d {topology.WIRE_SERVER} -p tcp --dport 80 -j DROP")
NFT_DROPS_WIRE_SERVER = on(
    "vm",
    "nft add table inet hardening",
    "nft 'add chain inet hardening out { type filter hook output priority 0; policy accept; }'",
    f"nft add rule inet hardening out ip daddr {topology.WIRE_SERVER} tcp dport 80 counter drop",
)
IPTABLES_NFT_DROPS_WIRE_SERVER = on("vm", f"iptables-nft -A OUTPUT -d {topology.WIRE_SERVER} -p tcp --dport 80 -j DROP")
REJECTS_HOST_PLUGIN = on("vm", f"iptables-nft -A OUTPUT -d {topology.WIRE_SERVER} -p tcp --dport 32526 -j REJECT")
POLICY_DROP = on("vm", "iptables-nft -P OUTPUT DROP", "iptables-nft -A OUTPUT -o lo -j ACCEPT")
INPUT_POLICY_DROP = on("vm", "iptables-legacy -P INPUT DROP", "iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT")
DROPS_DNS = on(
    "vm", "iptables-nft -A OUTPUT -p udp --dport 53 -j DROP", "iptables-nft -A OUTPUT -p tcp --dport 53 -j DROP"
)
DIVERTS_DNS = on("vm", "iptables-nft -t nat -A OUTPUT -p udp --dport 53 -j DNAT --to-destination 10.9.9.9:53")
"""To a resolver of the company where the image was made."""
DROPS_IMDS = on("vm", f"iptables-nft -A OUTPUT -d {topology.IMDS} -j DROP")
DROPS_HTTPS = on("vm", "iptables-nft -A OUTPUT -p tcp --dport 443 -j DROP")
SAVED_RULE_DROPS_WIRE_SERVER = Fault(
    packages=("iptables-persistent",),
    files={
        "/etc/iptables/rules.v4": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
        f"-A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -d {topology.WIRE_SERVER}/32 -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n"
    },
)
"""Not live: what the VM is captured with, and not what it runs with."""
AGENT_RULES = on(
    "vm",
    f"iptables-nft -t security -A OUTPUT -d {topology.WIRE_SERVER} -p tcp --destination-port 53 -j ACCEPT",
    f"iptables-nft -t security -A OUTPUT -d {topology.WIRE_SERVER} -p tcp -m owner --uid-owner 0 -j ACCEPT",
    f"iptables-nft -t security -A OUTPUT -d {topology.WIRE_SERVER} -p tcp -m conntrack --ctstate INVALID,NEW -j DROP",
)
"""WALinuxAgent's own (azurelinuxagent/ga/firewall_manager.py): root may, nobody else."""

# names

DNS_DEAD = resolv_conf(DEAD_SERVER)
DNS_CLOSED = own_server("closed")
DNS_HALF_DEAD = resolv_conf(DEAD_SERVER, topology.WIRE_SERVER)
DNS_CARRIAGE_RETURNS = Fault(files={"/etc/resolv.conf": f"nameserver {topology.WIRE_SERVER}\r\n"})
NO_RESOLV_CONF = Fault(files={"/etc/resolv.conf": None})
STUB = "127.0.0.53"


def resolved(upstream: str, behaviour: str = "") -> Fault:
    """The VM asks systemd-resolved's stub, behind which is this server (or which behaves like this)."""
    return Fault(
        dns={STUB: behaviour or f"forwards {upstream}"},
        files={
            "/etc/resolv.conf": f"nameserver {STUB}\noptions edns0 trust-ad\n",
            "/run/systemd/resolve/resolv.conf": f"nameserver {upstream}\n",
            "/run/systemd/netif/links/2": f"OPER_STATE=routable\nDNS={upstream}\n",
            LEASES: lease(upstream),
        },
    )


RESOLVED = resolved(topology.WIRE_SERVER)
RESOLVED_STUB_DEAD = resolved(topology.WIRE_SERVER, "closed")
RESOLVED_DNS_DEAD = resolved(DEAD_SERVER)
RESOLVED_ASKS_NOBODY = Fault(
    dns={STUB: "refused"},
    files={
        "/etc/resolv.conf": f"nameserver {STUB}\noptions edns0 trust-ad\n",
        "/run/systemd/resolve/resolv.conf": "# No DNS servers known.\nsearch .\n",
        "/run/systemd/netif/links/2": "OPER_STATE=routable\n",
        LEASES: lease(),
    },
)
IMAGE_DNS_DEAD = image_names(DEAD_SERVER)
NETPLAN_DNS_DEAD = Fault(
    files={
        "/etc/resolv.conf": f"# Generated by NetworkManager\nnameserver {DEAD_SERVER}\n",
        "/etc/netplan/50-static.yaml": "network: {version: 2, ethernets: {eth0: {dhcp4: true, nameservers: "
        f"{{addresses: [{DEAD_SERVER}]}}}}}}}}\n",
    }
)
NO_LEASE = Fault(files={LEASES: None})
NSSWITCH_WITHOUT_DNS = Fault(files={"/etc/nsswitch.conf": "passwd: files\nhosts: files\n"})


# the way out

EDGE_DROPS = on("edge", "iptables-nft -P FORWARD DROP")
EDGE_UNREACHABLE = on("edge", "ip route replace unreachable default")
EDGE_PROHIBITS = on("edge", "ip route replace prohibit default")
PLUGIN_FAILS = Fault(setup={"artifacts": 502})
HAS_DIAGNOSTICS = Fault(setup={"extension": DIAGNOSTICS})
FAST_TRACK = Fault(setup={"fast_track": True})
TUNNEL = on("fabric", f"ip route replace default via {topology.ONPREM}")
STORE_IS_SPARED = on("fabric", f"ip route add {topology.STORE} via {topology.EDGE}")
"""A service endpoint for storage, or a route of its own: the rest goes where the default route leads."""
REPOSITORY_SHUT = on("edge", f"iptables-nft -A FORWARD -d {topology.PUBLIC} -p tcp --dport 80 -j DROP")
APPLIANCE_PROHIBITS = on("appliance", "ip route replace prohibit default")
APPLIANCE_UNREACHABLE = on("appliance", "ip route replace unreachable default")
APPLIANCE_RESETS = on(
    "appliance",
    "ip route replace default via 172.16.5.2",
    "iptables-nft -A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
    "iptables-nft -P FORWARD DROP",
)


def keeps_quiet(role: str) -> Fault:
    """A router that sends no ICMP errors, as Azure's own and many firewalls do."""
    return on(role, "iptables-nft -A OUTPUT -p icmp -j DROP")


# proxies, certificates, clocks, large packets

TLS_INSPECTED = Fault(behaviours={"certificate": "inspected"})
PROXY_PLACE = f"http://{topology.PROXY}:3128"
NO_PROXY = f"no_proxy={topology.WIRE_SERVER},{topology.IMDS}"
AGENT_DROP_IN = "/etc/systemd/system/walinuxagent.service.d/proxy.conf"
ONLY_BY_PROXY = on("fabric", f"iptables-nft -A FORWARD -s {topology.VM} -o wan -j DROP")
"""The virtual network lets the proxy out and nobody else."""
AGENT_HAS_PROXY = Fault(
    files={
        AGENT_DROP_IN: f'[Service]\nEnvironment="https_proxy={PROXY_PLACE}" "http_proxy={PROXY_PLACE}" "{NO_PROXY}"\n'
    }
)
CAUGHT_BY_PROXY = Fault(files={AGENT_DROP_IN: f"[Service]\nEnvironment=http_proxy={PROXY_PLACE}\n"})
APT_HAS_PROXY = Fault(files={"/etc/apt/apt.conf.d/95proxy": f'Acquire::http::Proxy "{PROXY_PLACE}";\n'})
NO_AUTHORITIES = Fault(files={"/etc/ssl/certs/ca-certificates.crt": None, "/usr/share/ca-certificates": None})
"""Neither the bundle, nor what the links beside it lead to."""
CLOCK_TWO_HOURS_BEHIND = Fault(setup={"clock_s": 7200.0})
CLOCK_400_DAYS_AHEAD = Fault(setup={"clock_s": -400 * 86400.0}, behaviours={"certificate": "expired"})
"""The servers' certificates have expired by the VM's clock alone."""
LARGE_PACKETS_VANISH = on("edge", "iptables-nft -A FORWARD -m length --length 1401: -j DROP")


def proxy(behaviour: str) -> Fault:
    """A proxy in the virtual network behaves like this."""
    return Fault(behaviours={"proxy": behaviour})


# the platform

WIRE_SERVER_GONE = on("fabric", f"iptables-nft -A INPUT -d {topology.WIRE_SERVER} -p tcp --dport 80 -j DROP")
PLATFORM_GONE = on("fabric", f"iptables-nft -A INPUT -d {topology.WIRE_SERVER} -j DROP")


def server(service: str, behaviour: str) -> Fault:
    """A server of the platform or the store behaves like this."""
    return Fault(behaviours={service: behaviour})


FAR = Fault(delay_s=0.025)
"""Every hop takes 50 ms there and back: the platform is one hop away, the internet three."""
ALL_SILENT = Fault(
    behaviours={"wire": "silent", "hostgaplugin": "silent", "imds": "silent", "store": "silent"},
    dns={topology.WIRE_SERVER: "silent"},
)

# the VM itself

CLOUD_INIT = Fault(packages=("cloud-init",))
"""cloud-init is in the image and provisions it, as Debian's waagent.conf says."""
WRONG_OPTION_245 = Fault(files={LEASES: lease(topology.WIRE_SERVER, wire_server="10.9.9.9")})
OTHER_CARD_TAKES_PLATFORM = on(
    "vm",
    "ip link add tun0 type veth peer name far",
    "ip address add 10.77.0.2/24 dev tun0",
    "ip link set tun0 up",
    f"ip route replace {topology.WIRE_SERVER} via 10.77.0.1 dev tun0",
)
"""A VPN client's route, which leads the platform's address into its tunnel."""
PLATFORM_ROUTE_REJECTED = on("vm", f"ip route replace unreachable {topology.WIRE_SERVER}")

NO_DEFAULT_ROUTE = on("vm", "ip route del default")
NO_ADDRESS = on("vm", "ip address flush dev eth0")
LINK_DOWN = on("vm", "ip link set eth0 down")
PROVISIONED_BEFORE = Fault(files={"/var/lib/waagent/provisioned": "9c4cf0e5-8b35-4c2f-9d6c-2f6d3c1c7f10\n"})
PROVISIONED_HERE = Fault(files={"/var/lib/waagent/provisioned": "5c1e4cbf-3f4a-4b0e-9a54-6f0f6f2b9d11\n"})
