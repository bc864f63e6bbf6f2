"""States of the guest's own rules, marks and paths that change what passes, and of what else decides over packets."""

from __future__ import annotations

from azpreflight.model import Cause, Confidence, Severity
from azpreflight.standin.extension import Extension
from tests.netns import faults, topology
from tests.netns.scenario import Scenario
from tests.netns.standin import LEASES, Fault

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
WIRE_SERVER = topology.WIRE_SERVER
MONITOR = Extension("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", "1.33.0")
TPROXY = faults.on(
    "vm",
    "iptables-nft -t mangle -A OUTPUT -p tcp --dport 80 -j MARK --set-mark 1",
    "iptables-nft -t mangle -A PREROUTING -p tcp -m mark --mark 1 -j TPROXY --on-port 12345 --tproxy-mark 1",
    "ip rule add fwmark 1 lookup 100",
    "ip route add local default dev lo table 100",
)
"""A transparent proxy's rules, as its documentation has them, and no proxy any more."""
NOTRACK = faults.on(
    "vm",
    f"iptables-nft -t raw -A OUTPUT -d {WIRE_SERVER} -j CT --notrack",
    "iptables-nft -A INPUT -i lo -j ACCEPT",
    "iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "iptables-nft -P INPUT DROP",
)
NETMAP = faults.on("vm", "iptables-nft -t nat -A OUTPUT -d 168.63.129.0/24 -j NETMAP --to 10.9.9.0/24")
NETMAP_NFT = faults.on(
    "vm",
    "nft add table ip build",
    "nft 'add chain ip build out { type nat hook output priority -100; }'",
    "nft add rule ip build out ip daddr 168.63.129.0/24 dnat ip prefix to ip daddr map "
    "'{ 168.63.129.0/24 : 10.9.9.0/24 }'",
)
SET_MSS = faults.on("vm", "iptables-nft -t mangle -A OUTPUT -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1300")
SHAPER = faults.on("vm", "tc qdisc add dev eth0 root tbf rate 8kbit burst 60 limit 60")
"""Its bucket is smaller than any packet."""
BLACKHOLE_QDISC = faults.on("vm", "tc qdisc add dev eth0 root blackhole")
REPLIES = faults.on(
    "vm",
    f"iptables-nft -A OUTPUT -d {WIRE_SERVER} -m conntrack --ctstate NEW -m owner --uid-owner 0 -j ACCEPT",
    f"iptables-nft -A OUTPUT -d {WIRE_SERVER} -p tcp -m multiport --dports 80,32526 -j ACCEPT",
    f"iptables-nft -A OUTPUT -d {WIRE_SERVER} -p tcp --dport 53 -j ACCEPT",
    f"iptables-nft -A OUTPUT -d {WIRE_SERVER} -p udp -m multiport --dports 53,67 -j ACCEPT",
    f"iptables-nft -A OUTPUT -d {WIRE_SERVER} -j DROP",
)
"""Everything that the agent sends is let through, and the answers to health probes are not."""
STATEFUL = faults.on(
    "vm",
    "iptables-nft -A INPUT -i lo -j ACCEPT",
    "iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT",
    "iptables-nft -P INPUT DROP",
)
STATIC = Fault(files={LEASES: None})
NO_HOST_ROUTE = faults.on("vm", f"ip route del {WIRE_SERVER}")
DROPS_BROADCAST = faults.on(
    "vm",
    "iptables-nft -A OUTPUT -o lo -j ACCEPT",
    "iptables-nft -A OUTPUT -d 255.255.255.255 -j DROP",
)
ROOT_ALONE = faults.on(
    "vm",
    "iptables-nft -A OUTPUT -p tcp --dport 443 -m owner --uid-owner 0 -j ACCEPT",
    "iptables-nft -A OUTPUT -p tcp --dport 443 -j DROP",
)
LARGE_OUT = faults.on("edge", "iptables-nft -A FORWARD -i lan -m length --length 1401: -j DROP")
LARGE_OUT_PLATFORM = faults.on("fabric", f"iptables-nft -A INPUT -d {WIRE_SERVER} -m length --length 1401: -j DROP")
LARGE_OUT_PROXY = faults.on("fabric", "iptables-nft -A INPUT -p tcp --dport 3128 -m length --length 1401: -j DROP")
FAIL2BAN = faults.on(
    "vm",
    "iptables-nft -N f2b-sshd",
    "iptables-nft -A OUTPUT -p tcp -j f2b-sshd",
    f"iptables-nft -A f2b-sshd -d {WIRE_SERVER} -j REJECT",
    "iptables-nft -A f2b-sshd -j RETURN",
)
KUBE = faults.on(
    "vm",
    "iptables-nft -N KUBE-FIREWALL",
    "iptables-nft -A OUTPUT -j KUBE-FIREWALL",
    f"iptables-nft -A KUBE-FIREWALL -d {topology.IMDS} -j DROP",
)
UFW = faults.on(
    "vm",
    "iptables-nft -N ufw-user-output",
    "iptables-nft -A OUTPUT -j ufw-user-output",
    f"iptables-nft -A ufw-user-output -d {WIRE_SERVER} -p tcp --dport 32526 -j DROP",
)
WG_QUICK = faults.on(
    "vm",
    "ip link add wg0 type veth peer name far",
    "ip address add 10.66.0.2/32 dev wg0",
    "ip link set wg0 up",
    "ip link set far up",
    "nft add table ip wg-quick-wg0",
    "nft 'add chain ip wg-quick-wg0 preraw { type filter hook prerouting priority -300; }'",
    "nft 'add rule ip wg-quick-wg0 preraw iifname != wg0 ip daddr 10.66.0.2 fib saddr type != local drop'",
)
"""What wg-quick lays for a full tunnel (wg-quick of wireguard-tools, add_default)."""
SECOND_NIC = (
    "ip link add eth1 type veth peer name far",
    "ip address add 10.0.1.4/24 dev eth1",
    "ip link set eth1 up",
    "ip link set far up",
)
SOURCE_RULE = faults.on(
    "vm",
    "ip link add tun0 type veth peer name far",
    "ip address add 10.77.0.2/24 dev tun0",
    "ip link set tun0 up",
    "ip link set far up",
    "ip route add default via 10.77.0.1 dev tun0 table 200",
    "ip rule add priority 100 from 10.0.0.4 lookup 200",
)
"""A VPN takes what is sent from the NIC's own address; the first look-up, without a source, knows nothing of it."""
SOURCE_BLACKHOLE = faults.on(
    "vm", "ip route add blackhole default table 200", "ip rule add priority 100 from 10.0.0.0/24 lookup 200"
)
OWN_TABLE = faults.on(
    "vm",
    "ip route add default via 10.0.0.1 dev eth0 table 100",
    "ip route add 10.0.0.0/24 dev eth0 table 100",
    "ip rule add priority 100 from 10.0.0.4 lookup 100",
)
"""As cloud-init and others give each NIC a table of its own."""
POLICY_NIC = faults.on(
    "vm",
    *SECOND_NIC,
    "ip route add default via 10.0.1.1 dev eth1 table 101",
    "ip route add 10.0.1.0/24 dev eth1 table 101",
    "ip rule add priority 101 from 10.0.1.4 lookup 101",
    "sysctl -qw net.ipv4.conf.all.rp_filter=1",
)
RULES = (
    Scenario(
        "tproxy-dead",
        "rules lead port 80 to a transparent proxy of this machine, which does not run",
        (TPROXY,),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=("marks tcp 168.63.129.16:80 with 0x1", "to this machine itself"),
        fixed=True,
    ),
    Scenario(
        "notrack-and-stateful",
        "what is sent to the wire server is not tracked, and only answers to what is tracked may come in",
        (NOTRACK,),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=("the answers to tcp 168.63.129.16:80", "are not tracked"),
        fixed=True,
    ),
    *(
        Scenario(
            f"netmap-{name}",
            "a rule maps the wire server's network to another",
            (fault,),
            Cause.GUEST_FIREWALL,
            ERROR,
            says=("sends tcp 168.63.129.16:80 to 10.9.9.16:80",),
            fixed=True,
        )
        for name, fault in (("iptables", NETMAP), ("nft", NETMAP_NFT))
    ),
    *(
        Scenario(
            f"tc-{name}",
            f"a {name} of traffic control on eth0 lets nothing out",
            (fault,),
            Cause.PLATFORM_UNREACHABLE,
            ERROR,
            says=("traffic control on eth0",),
            fixed=True,
        )
        for name, fault in (("shaper", SHAPER), ("blackhole", BLACKHOLE_QDISC))
    ),
    Scenario(
        "drops-answers-to-probes",
        "rules let through what the agent sends, and not the answers to health probes",
        (REPLIES,),
        Cause.GUEST_FIREWALL,
        WARNING,
        says=("drops the answers to health probes",),
        fixed=True,
    ),
    Scenario("healthy-stateful", "nothing; only SSH may come in", (STATEFUL,)),
    Scenario(
        "healthy-shaper",
        "nothing; a queue of traffic control that is large enough",
        (faults.on("vm", "tc qdisc add dev eth0 root tbf rate 100mbit burst 64kb limit 1mb"),),
    ),
    Scenario("healthy-set-mss", "nothing; connections are told to use smaller segments", (SET_MSS,)),
    Scenario(
        "static-and-broadcast-dropped",
        "a static address, no route to the wire server alone, and a rule that drops the agent's own DHCP request",
        (STATIC, NO_HOST_ROUTE, DROPS_BROADCAST),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=("waagent does not find the wire server", "drops its DHCP request"),
        sure=LIKELY,
        fixed=True,
    ),
    Scenario(
        "root-alone-may-https",
        "only root may use port 443, and the monitor agent's processes have a user of their own",
        (ROOT_ALONE, Fault(setup={"extension": MONITOR})),
        Cause.GUEST_FIREWALL,
        WARNING,
        says=("other users than root",),
    ),
    Scenario(
        "fail2ban-bans-wire-server",
        "a ban of fail2ban's rejects the wire server",
        (FAIL2BAN,),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=("f2b-sshd", "of fail2ban"),
        fixed=True,
    ),
    Scenario(
        "kube-drops-imds",
        "a rule in a chain of kubernetes' drops the instance metadata",
        (KUBE,),
        Cause.GUEST_FIREWALL,
        WARNING,
        says=("KUBE-FIREWALL", "of kube-proxy"),
        fixed=True,
    ),
    Scenario(
        "ufw-drops-plugin",
        "a rule of ufw's drops port 32526",
        (UFW,),
        Cause.GUEST_FIREWALL,
        ERROR,
        says=("ufw-user-output", "of ufw"),
        fixed=True,
    ),
    Scenario(
        "healthy-wg-quick-rules",
        "nothing; wg-quick has laid its rules for a tunnel",
        (WG_QUICK,),
        silent=("firewall-boot-change",),
    ),
    Scenario(
        "source-rule-of-a-vpn",
        "a rule leads what is sent from the NIC's own address into a VPN",
        (SOURCE_RULE,),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=("leaves by tun0 (a VPN), by the default route of table 200 (rule 100)",),
        sure=LIKELY,
    ),
    Scenario(
        "source-rule-with-a-blackhole",
        "a rule leads what is sent from the subnet to a blackhole",
        (SOURCE_BLACKHOLE,),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
        says=(f"this machine rejects {WIRE_SERVER}: blackhole 0.0.0.0/0 of table 200 (rule 100)",),
    ),
    Scenario("healthy-table-of-its-own", "nothing; the NIC has a table of its own", (OWN_TABLE,)),
    Scenario("healthy-policy-nic", "nothing; a second NIC has a table of its own", (POLICY_NIC,)),
)
SIZES_OUT = (
    Scenario(
        "large-packets-out",
        "large packets to the internet vanish, those from it do not",
        (LARGE_OUT,),
        Cause.PATH_MTU,
        WARNING,
    ),
    Scenario(
        "large-packets-out-platform",
        "large packets to the platform vanish",
        (LARGE_OUT_PLATFORM,),
        Cause.PATH_MTU,
        ERROR,
        says=(WIRE_SERVER,),
        fixed=True,
    ),
    Scenario(
        "large-packets-out-proxy",
        "large packets to the agent's proxy vanish",
        (LARGE_OUT_PROXY, faults.AGENT_HAS_PROXY, faults.proxy("answers")),
        Cause.PATH_MTU,
        WARNING,
    ),
)
FIELD_RULES = (*RULES, *SIZES_OUT)
