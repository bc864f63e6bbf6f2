"""States of VMs that really failed for reasons of the network, as public reports tell, and of healthy ones that are
set up in an unusual way: a VPN, a container engine, a second address, a resolver of the machine's own.

Where a program of the guest makes a state that cannot run here, its rules, routes and files are laid as it lays them.
"""

from __future__ import annotations

from azpreflight.model import Cause, Confidence, Severity, Stage
from azpreflight.standin.extension import Extension
from tests.netns import faults, topology
from tests.netns.field_names import (
    NAMES,
    REPOSITORIES,
    RESOLVERS,
    SNI_FILTER,
    SPLIT_DNSMASQ,
    TRANSPORTS,
    vpn_beside_resolved,
)
from tests.netns.field_routes import ROUTES, SECOND_ADDRESS, SOURCES, STATIC, dns_in_next_subnet, tunnel
from tests.netns.scenario import Scenario
from tests.netns.standin import Fault

ERROR, WARNING = Severity.ERROR, Severity.WARNING
MONITOR = Extension("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", "1.33.0")
MARKED_HARMLESS = faults.on(
    "vm",
    "iptables-nft -t mangle -A OUTPUT -p tcp -j MARK --set-mark 7",
    "ip rule add priority 1000 fwmark 7 lookup main",
)
RESOLVED_LINK = "/run/systemd/netif/links/2"


SPLIT = "DOMAINS=corp.example ~10.in-addr.arpa ~ts.net\nDEFAULT_ROUTE=no\n"
ROUTING_DOMAINS_ALONE = "DOMAINS=~corp.example ~ts.net\n"
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
        further=(Cause.AGENT_CONFIG, Cause.CLOCK, Cause.NOT_GENERALIZED),
        says=("*.blob.core.windows.net: waagent compares the ends of names",),
        stage=Stage.CAPTURE,
    ),
    Scenario(
        "no-resolv-conf-at-capture",
        "the image has no resolv.conf, and nothing in it makes one",
        (faults.NO_RESOLV_CONF,),
        Cause.DNS_UNREACHABLE,
        ERROR,
        further=(Cause.AGENT_CONFIG, Cause.CLOCK, Cause.NOT_GENERALIZED),
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
USES_TCP = Fault(
    dns={faults.OWN_SERVER: "tcp-only"},
    files={
        **faults.resolv_conf(faults.OWN_SERVER).files,
        "/etc/resolv.conf": f"nameserver {faults.OWN_SERVER}\noptions use-vc\n",
    },
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
