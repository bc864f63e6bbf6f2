"""States of VMs that really failed for reasons of the network, as public reports tell, and of healthy ones that are
set up in an unusual way: a VPN, a container engine, a second address, a resolver of the machine's own.

Where a program of the guest makes a state that cannot run here, its rules, routes and files are laid as it lays them.
"""

from __future__ import annotations

from azpreflight.model import Cause, Confidence, Severity, Stage
from azpreflight.standin.extension import Extension
from tests.netns import faults, topology
from tests.netns.scenario import Scenario
from tests.netns.standin import LEASES, Fault

ERROR, WARNING = Severity.ERROR, Severity.WARNING
MONITOR = Extension("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", "1.33.0")
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
MARKED_HARMLESS = faults.on(
    "vm",
    "iptables-nft -t mangle -A OUTPUT -p tcp -j MARK --set-mark 7",
    "ip rule add priority 1000 fwmark 7 lookup main",
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
RESOLVED_LINK = "/run/systemd/netif/links/2"
VPN_LINK = "/run/systemd/resolve/netif/9"
COMPANY = "100.100.100.100"


def vpn_beside_resolved(link: str, *more: str, company: str = "nxdomain") -> Fault:
    """A VPN has given systemd-resolved a server for its own link, as that program tells it."""
    files = faults.RESOLVED.files
    return Fault(
        dns={**faults.RESOLVED.dns, COMPANY: company},
        files={
            **files,
            "/run/systemd/resolve/resolv.conf": f"nameserver {topology.WIRE_SERVER}\nnameserver {COMPANY}\n",
            VPN_LINK: f"# This is private data. Do not parse.\nLLMNR=yes\nMDNS=yes\nSERVERS={COMPANY}\n{link}",
            **dict.fromkeys(more, ""),
        },
    )


SPLIT = "DOMAINS=corp.example ~10.in-addr.arpa ~ts.net\nDEFAULT_ROUTE=no\n"
ROUTING_DOMAINS_ALONE = "DOMAINS=~corp.example ~ts.net\n"
TAKES_ALL = "DOMAINS=~.\n"
TAKES_BLOB = "DOMAINS=~blob.core.windows.net\n"
UNPROVEN = Fault(
    dns={faults.STUB: "unproven"},
    files={**faults.RESOLVED.files, "/etc/systemd/resolved.conf": "[Resolve]\nDNSSEC=yes\n"},
)
ENCRYPTS = Fault(
    dns={faults.STUB: "servfail"},
    files={**faults.RESOLVED.files, "/etc/systemd/resolved.conf.d/10-tls.conf": "[Resolve]\nDNSOverTLS=yes\n"},
)
LOSES = Fault(dns={faults.OWN_SERVER: "loses", faults.STUB: "loses"}, files=faults.resolved(faults.OWN_SERVER).files)
RESOLVERS = (
    Scenario(
        "vpn-takes-all-names",
        "a VPN's server is asked for all names by systemd-resolved, and denies public ones",
        (vpn_beside_resolved(TAKES_ALL), Fault(dns={faults.STUB: "nxdomain"})),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=(COMPANY,),
    ),
    Scenario(
        "vpn-takes-the-stores",
        "a VPN's server is asked for the stores' names, and denies them",
        (vpn_beside_resolved(TAKES_BLOB), Fault(dns={faults.STUB: "nxdomain"})),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=(COMPANY,),
    ),
    Scenario(
        "resolved-insists-on-dnssec",
        "systemd-resolved wants answers that validate, and says SERVFAIL with the address in its answer",
        (UNPROVEN,),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("DNSSEC=yes in /etc/systemd/resolved.conf",),
        sure=LIKELY,
    ),
    Scenario(
        "resolved-insists-on-tls",
        "systemd-resolved asks only servers that encrypt, and Azure's does not",
        (ENCRYPTS,),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("DNSOverTLS=yes in /etc/systemd/resolved.conf.d/10-tls.conf",),
        sure=LIKELY,
    ),
    Scenario(
        "flaky-behind-the-stub",
        "the server behind systemd-resolved loses most questions",
        (LOSES,),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"DNS server {faults.OWN_SERVER} answers intermittently",),
        sure=LIKELY,
    ),
)
NO_HOST_ROUTE = faults.on("vm", f"ip route del {topology.WIRE_SERVER}")
AGENT_ENVIRONMENT = "/etc/systemd/system/walinuxagent.service.d/proxy.conf"
WILDCARD = Fault(
    files={
        AGENT_ENVIRONMENT: f'[Service]\nEnvironment="https_proxy={faults.PROXY_PLACE}"\n'
        f'Environment="http_proxy={faults.PROXY_PLACE}" "{faults.NO_PROXY},*.blob.core.windows.net"\n'
    }
)
OLD_AGENT_RULES = faults.on(
    "vm",
    f"iptables-nft -t security -A OUTPUT -d {topology.WIRE_SERVER} -p tcp -m owner --uid-owner 0 -j ACCEPT",
    f"iptables-nft -t security -A OUTPUT -d {topology.WIRE_SERVER} -p tcp -j DROP",
)
AGENT = (
    Scenario(
        "static-without-host-route",
        "a static address, no lease and no route to the wire server alone, so that waagent does not find it",
        (STATIC, NO_HOST_ROUTE),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=("waagent does not find the wire server: eth0 has an address without a DHCP lease",),
        sure=Confidence.POSSIBLE,
        fixed=True,
    ),
    Scenario(
        "no-proxy-with-a-wildcard",
        "the agent has a proxy that denies the stores, and no_proxy has a star that it takes for a letter",
        (WILDCARD, faults.proxy("403")),
        Cause.PROXY,
        WARNING,
    ),
    Scenario(
        "no-proxy-with-a-wildcard-at-capture",
        "the same, before capture",
        (WILDCARD, faults.proxy("answers")),
        Cause.PROXY,
        ERROR,
        further=(Cause.AGENT_CONFIG, Cause.NOT_GENERALIZED),
        says=("*.blob.core.windows.net: waagent compares the ends of names",),
        stage=Stage.CAPTURE,
    ),
    Scenario(
        "no-resolv-conf-at-capture",
        "the image has no resolv.conf, and nothing in it makes one",
        (faults.NO_RESOLV_CONF,),
        Cause.DNS_UNREACHABLE,
        ERROR,
        further=(Cause.AGENT_CONFIG, Cause.NOT_GENERALIZED),
        says=("there is no resolv.conf, and nothing in this image makes it again at boot",),
        stage=Stage.CAPTURE,
    ),
    Scenario(
        "agents-old-rules",
        "an older agent's rule drops the answers to health probes too",
        (OLD_AGENT_RULES,),
        Cause.GUEST_FIREWALL,
        WARNING,
        says=("drop the answers to health probes of load balancers",),
        fixed=True,
    ),
)
COMPANY_DNS = Fault(dns={faults.OWN_SERVER: "denies .example.org."}, files=faults.resolv_conf(faults.OWN_SERVER).files)
PRIVATE_ZONE = Fault(
    setup={"extension": MONITOR}, dns={topology.WIRE_SERVER: "denies .handler.control.monitor.azure.com."}
)
NAMES = (
    Scenario(
        "company-dns-does-not-know-the-repository",
        "the company's DNS server knows the stores, and not the image's package repository",
        (COMPANY_DNS,),
        Cause.DNS_WRONG_ANSWER,
        WARNING,
        says=("this VM does not resolve packages.example.org", f"{faults.OWN_SERVER} answers NXDOMAIN"),
        sure=CERTAIN,
    ),
    Scenario(
        "private-zone-hides-monitor",
        "an empty private zone hides what the monitor agent needs, which Azure's own DNS server then denies",
        (PRIVATE_ZONE,),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
        says=("this VM does not resolve global.handler.control.monitor.azure.com",),
        sure=LIKELY,
    ),
)
SNI_FILTER = Fault(
    files={"/etc/apt/sources.list": "deb https://packages.example.org/debian bookworm main\n"},
    commands=(
        (
            "edge",
            "iptables-nft -A FORWARD -p tcp --dport 443 -m string --algo bm --string packages.example.org"
            " -j REJECT --reject-with tcp-reset",
        ),
    ),
)
"""A firewall that allows names: the ClientHello for any other one is answered by a reset."""
REPOSITORIES = (
    Scenario(
        "repository-filtered-by-name",
        "a firewall breaks off TLS to the image's package repository, whose port is open",
        (SNI_FILTER,),
        Cause.NO_EGRESS,
        WARNING,
        says=("no way to packages.example.org",),
    ),
)
SIZES = (
    Scenario(
        "large-packets-monitor",
        "packets of more than 1400 bytes vanish, and the monitor agent needs endpoints of its own",
        (faults.LARGE_PACKETS_VANISH, Fault(setup={"extension": MONITOR})),
        Cause.PATH_MTU,
        ERROR,
    ),
    Scenario(
        "large-packets-diagnostics",
        "packets of more than 1400 bytes vanish, and the diagnostics extension must report",
        (faults.LARGE_PACKETS_VANISH, faults.HAS_DIAGNOSTICS),
        Cause.PATH_MTU,
        ERROR,
    ),
)
SPLIT_DNSMASQ = Fault(
    dns={"127.0.0.1": f"forwards {topology.WIRE_SERVER}", COMPANY: "nxdomain"},
    files={
        **faults.dnsmasq(topology.WIRE_SERVER, "").files,
        "/run/NetworkManager/no-stub-resolv.conf": f"nameserver {COMPANY}\nnameserver {topology.WIRE_SERVER}\n",
    },
)
DOCKER_RULES = faults.on(
    "vm",
    "ip link add docker0 type bridge",
    "ip address add 172.17.0.1/16 dev docker0",
    *(f"iptables-nft -N {chain}" for chain in ("DOCKER", "DOCKER-USER", "DOCKER-ISOLATION-STAGE-1")),
    "iptables-nft -A FORWARD -j DOCKER-USER",
    "iptables-nft -A FORWARD -j DOCKER-ISOLATION-STAGE-1",
    "iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    "iptables-nft -A DOCKER-USER -j RETURN",
    "iptables-nft -P FORWARD DROP",
    "iptables-nft -t nat -N DOCKER",
    "iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    "iptables-nft -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
    "iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
)
"""dockerd's, as it makes them at its start."""
CUT = Fault(dns={faults.OWN_SERVER: "truncated-udp-only"}, files=faults.resolv_conf(faults.OWN_SERVER).files)
USES_TCP = Fault(
    dns={faults.OWN_SERVER: "tcp-only"},
    files={
        **faults.resolv_conf(faults.OWN_SERVER).files,
        "/etc/resolv.conf": f"nameserver {faults.OWN_SERVER}\noptions use-vc\n",
    },
)
TRANSPORTS = (
    Scenario(
        "dns-cut-and-no-tcp",
        "the DNS server cuts its answers, and its TCP port is shut, so that no name is found",
        (CUT,),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=("answers over udp and not over tcp",),
    ),
)
FULL_TUNNEL = faults.on(
    "vm",
    *tunnel("wg0"),
    "ip route add default dev wg0 table 51820",
    "ip rule add priority 32764 not fwmark 0xca6c lookup 51820",
    "ip rule add priority 32763 lookup main suppress_prefixlength 0",
    "ip rule add priority 100 to 20.60.0.0/16 lookup main",
)
"""wg-quick's rules; the public addresses of this world are spared, because nobody is at the far end."""
DOCKER = faults.on("vm", "ip link add docker0 type bridge", "ip address add 172.17.0.1/16 dev docker0")
HEALTHY = (
    Scenario("dns-in-next-subnet", "nothing; the DNS server is in another subnet", (dns_in_next_subnet(),)),
    Scenario("healthy-marked", "nothing; marks lead to the main table", (MARKED_HARMLESS,)),
    Scenario(
        "healthy-masquerade",
        "nothing; all that leaves by eth0 is masqueraded, and has its address already",
        (faults.on("vm", "iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE"),),
    ),
    Scenario(
        "healthy-snat",
        "nothing; a rule gives another address, which is answered",
        (
            faults.on(
                "vm",
                "ip address add 10.0.0.6/24 dev eth0",
                "iptables-nft -t nat -A POSTROUTING -o eth0 -j SNAT --to-source 10.0.0.6",
            ),
        ),
    ),
    *(
        Scenario(
            f"healthy-vpn-{name}",
            f"nothing; a VPN's server is asked for {what}",
            (vpn_beside_resolved(link, company=company),),
        )
        for name, what, link, company in (
            ("split-dns", "the company's names alone", SPLIT, "nxdomain"),
            ("routing-domains", "the company's names alone, by routing domains", ROUTING_DOMAINS_ALONE, "refused"),
            ("split-dns-silent", "the company's names alone, and is silent", SPLIT, "silent"),
        )
    ),
    Scenario(
        "healthy-docker-rules",
        "nothing; docker runs, whose rules change while it does",
        (DOCKER_RULES,),
        Cause.GUEST_FIREWALL,
        Severity.NOTE,
        says=("the rules of docker change while the machine runs",),
        silent=("firewall-boot-change",),
    ),
    Scenario(
        "healthy-dnsmasq-split-dns",
        "nothing; NetworkManager's dnsmasq asks a VPN's server for the company's names alone",
        (SPLIT_DNSMASQ,),
        Cause.DNS_WRONG_ANSWER,
        Severity.NOTE,
        sure=Confidence.POSSIBLE,
    ),
    Scenario("healthy-static", "nothing; a static address with a route to the wire server alone", (STATIC,)),
    Scenario(
        "healthy-repository-over-tls",
        "nothing; the image's package repository is reached over TLS",
        (Fault(files=SNI_FILTER.files),),
    ),
    Scenario("healthy-dns-over-tcp", "nothing; names are asked for over TCP alone, which works", (USES_TCP,)),
    Scenario("healthy-docker", "nothing; docker has its usual network", (DOCKER,)),
    Scenario("healthy-wireguard", "nothing; a VPN takes what is not the platform's", (FULL_TUNNEL,)),
    Scenario("healthy-second-address", "nothing; the source is a second address, which is answered", (SECOND_ADDRESS,)),
)
FIELD = (*ROUTES, *SOURCES, *RESOLVERS, *AGENT, *TRANSPORTS, *SIZES, *NAMES, *REPOSITORIES, *HEALTHY)
