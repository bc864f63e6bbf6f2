"""The table of scenarios: what is broken, and what azpreflight must say of it.

Severities, exit codes and verdicts follow the contract: `error` means exit 1 and not ready; a warning or nothing
means exit 0 and ready. Causes must be exactly those of the table, the first one first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from azpreflight.model import Cause, Severity, Stage
from tests.netns import faults
from tests.netns.combined import INTERFERENCE, ONE_CAUSE, PAIRS
from tests.netns.daemons import DAEMONS
from tests.netns.field import FIELD
from tests.netns.field_rules import FIELD_RULES
from tests.netns.scenario import Scenario
from tests.netns.standin import Fault

__all__ = ["BY_NAME", "TABLE", "Scenario"]


ERROR, WARNING = Severity.ERROR, Severity.WARNING
CLOUD_INIT = (faults.CLOUD_INIT,)

HEALTHY = (
    Scenario("healthy", "nothing", ()),
    Scenario("healthy-ipv6", "nothing; dual stack", (), ipv6=True),
    Scenario("healthy-no-kernel", "nothing; the kernel that runs is not the image's", (faults.NO_KERNEL,)),
    Scenario("healthy-cloud-init", "nothing; cloud-init provisions", (faults.CLOUD_INIT,)),
    Scenario("healthy-no-lease", "nothing; no DHCP client wrote its lease down", (faults.NO_LEASE,)),
    Scenario("healthy-far", "nothing; every hop takes 50 ms", (faults.FAR,)),
    Scenario("healthy-fast-track", "nothing; the goal state comes as vmSettings", (faults.FAST_TRACK,)),
    Scenario("healthy-diagnostics", "nothing; the VM has a diagnostics extension", (faults.HAS_DIAGNOSTICS,)),
)
NETWORK = tuple(
    Scenario(name, broken, (fault,), Cause.NO_NETWORK, ERROR)
    for name, broken, fault in (
        ("no-default-route", "DHCP gave no default route", faults.NO_DEFAULT_ROUTE),
        ("no-address", "eth0 has no address", faults.NO_ADDRESS),
        ("link-down", "eth0 is down", faults.LINK_DOWN),
    )
)
PLATFORM = (
    *(
        Scenario(name, broken, (fault,), Cause.PLATFORM_UNREACHABLE, ERROR)
        for name, broken, fault in (
            ("wireserver-closed", "nothing listens on the wire server's port 80", faults.server("wire", "closed")),
            ("wireserver-silent", "the wire server connects and says nothing", faults.server("wire", "silent")),
            ("wireserver-resets", "the wire server breaks off", faults.server("wire", "reset")),
            ("wireserver-garbage", "something that is no HTTP server answers", faults.server("wire", "garbage")),
            ("wireserver-endless", "the wire server's body has no end", faults.server("wire", "endless")),
            ("wireserver-redirects", "the wire server redirects to itself", faults.server("wire", "redirects")),
            ("wireserver-500", "the wire server fails", faults.server("wire", "500")),
            ("wireserver-gone", "packets to the wire server vanish on the way", faults.WIRE_SERVER_GONE),
            ("wireserver-rejected", "a route of the image rejects 168.63.129.16", faults.PLATFORM_ROUTE_REJECTED),
            (
                "wireserver-by-vpn",
                "a VPN client routes 168.63.129.16 into its tunnel",
                faults.OTHER_CARD_TAKES_PLATFORM,
            ),
            ("hostgaplugin-closed", "nothing listens on port 32526", faults.server("hostgaplugin", "closed")),
            ("hostgaplugin-silent", "the HostGAPlugin says nothing", faults.server("hostgaplugin", "silent")),
        )
    ),
    *(
        Scenario(f"imds-{behaviour}", f"instance metadata: {behaviour}", (fault,), Cause.PLATFORM_UNREACHABLE, WARNING)
        for behaviour in ("closed", "silent", "503")
        for fault in (faults.server("imds", behaviour),)
    ),
    *(
        Scenario(name, broken, (faults.WRONG_OPTION_245, *more), Cause.PLATFORM_UNREACHABLE, severity)
        for name, broken, more, severity in (
            ("option-245", "DHCP names another wire server, which waagent passes over", (), WARNING),
            ("option-245-cloud-init", "DHCP names another wire server, to which cloud-init goes", CLOUD_INIT, ERROR),
        )
    ),
    Scenario(
        "imds-closed-cloud-init",
        "instance metadata: closed, and cloud-init needs it",
        (faults.server("imds", "closed"), faults.CLOUD_INIT),
        Cause.PLATFORM_UNREACHABLE,
        ERROR,
    ),
)
DNS = (
    *(
        Scenario(name, broken, (fault,), Cause.DNS_UNREACHABLE, severity)
        for name, broken, fault, severity in (
            ("dns-dead", "resolv.conf names 10.1.2.3, which does not exist", faults.DNS_DEAD, ERROR),
            ("dns-closed-port", "resolv.conf names a machine without a DNS server", faults.DNS_CLOSED, ERROR),
            ("dns-silent", "the customer's DNS server says nothing", faults.own_server("silent"), ERROR),
            ("dns-half-dead", "the first of two DNS servers does not exist", faults.DNS_HALF_DEAD, WARNING),
            ("dns-udp-only", "the customer's DNS server has no TCP", faults.own_server("udp-only"), WARNING),
            ("dns-wrong-id", "something answers with foreign query ids", faults.own_server("wrong-id"), ERROR),
            (
                "dns-no-aaaa",
                "the DNS server is silent when asked for IPv6 addresses",
                faults.own_server("no-aaaa"),
                WARNING,
            ),
            (
                "dns-now-and-then",
                "the DNS server answers half of the questions",
                faults.own_server("now-and-then"),
                WARNING,
            ),
            (
                "dns-image",
                "the image's own resolv.conf names a server that does not exist",
                faults.IMAGE_DNS_DEAD,
                ERROR,
            ),
            ("dns-netplan", "the image's netplan names a server that does not exist", faults.NETPLAN_DNS_DEAD, ERROR),
            ("dns-nsswitch", "nsswitch.conf leaves DNS out", faults.NSSWITCH_WITHOUT_DNS, ERROR),
            ("no-resolv-conf", "there is no resolv.conf", faults.NO_RESOLV_CONF, ERROR),
            ("dns-carriage-returns", "resolv.conf was edited on Windows", faults.DNS_CARRIAGE_RETURNS, ERROR),
        )
    ),
    *(
        Scenario(f"dns-{behaviour}", broken, (faults.own_server(behaviour),), Cause.DNS_WRONG_ANSWER, ERROR)
        for behaviour, broken in (
            ("refused", "the customer's DNS server refuses public names"),
            ("servfail", "the customer's DNS server fails for public names"),
            ("nxdomain", "the customer's DNS server denies that public names exist"),
            ("empty", "the customer's DNS server has no records for public names"),
            ("lies", "the customer's DNS server has one answer for everything"),
            ("waits", "the customer's DNS server waits without success for the one that it passes public names on to"),
        )
    ),
    Scenario("dns-truncated", "nothing; long DNS answers come over TCP", (faults.own_server("truncated"),)),
    Scenario("dns-slow", "nothing; the DNS server takes half a second", (faults.own_server("slow"),)),
    Scenario("dns-own", "nothing; the customer's own DNS server works", (faults.own_server("answers"),)),
)
EGRESS = (
    *(
        Scenario(name, broken, (fault,), Cause.NO_EGRESS, WARNING)
        for name, broken, fault in (
            ("no-egress", "packets to the internet vanish at its edge", faults.EDGE_DROPS),
            ("no-egress-unreachable", "the internet's edge knows no way", faults.EDGE_UNREACHABLE),
            ("no-egress-prohibited", "the internet's edge forbids it", faults.EDGE_PROHIBITS),
            ("repository-shut", "packets to the image's package repository vanish", faults.REPOSITORY_SHUT),
            ("store-closed", "the package stores do not listen", faults.server("store", "closed")),
            ("store-resets", "the package stores break off", faults.server("store", "reset")),
            (
                "store-garbage",
                "plain text answers in the place of the package stores",
                faults.server("store", "garbage"),
            ),
        )
    ),
    *(
        Scenario(
            f"no-egress-{name}", f"packets to the internet vanish, {broken}", (faults.EDGE_DROPS, fault), cause, ERROR
        )
        for cause in (Cause.NO_EGRESS,)
        for name, broken, fault in (
            ("nor-plugin", "and the HostGAPlugin delivers nothing either", faults.PLUGIN_FAILS),
            ("diagnostics", "and a diagnostics extension must report there", faults.HAS_DIAGNOSTICS),
        )
    ),
    Scenario(
        "quiet-tunnel",
        "traffic to the internet goes to an on-premises network where nobody says a word: no tunnel is to be seen",
        (faults.TUNNEL, faults.keeps_quiet("onprem"), faults.keeps_quiet("appliance")),
        Cause.NO_EGRESS,
        WARNING,
    ),
    Scenario("plugin-fails", "nothing much; the HostGAPlugin delivers no packages", (faults.PLUGIN_FAILS,)),
)
TUNNELS = (
    *(
        Scenario(
            name,
            f"traffic to the internet goes to an on-premises network, {broken}",
            (faults.TUNNEL, *more),
            Cause.FORCED_TUNNEL,
            severity,
        )
        for name, broken, more, severity in (
            ("forced-tunnel", "where it vanishes", (), WARNING),
            (
                "forced-tunnel-quiet-gateway",
                "where it vanishes; Azure's routers keep quiet",
                (faults.keeps_quiet("fabric"),),
                WARNING,
            ),
            (
                "forced-tunnel-spares-store",
                "where it vanishes, and only the package stores are spared",
                (faults.STORE_IS_SPARED,),
                WARNING,
            ),
            ("forced-tunnel-prohibited", "whose firewall forbids it", (faults.APPLIANCE_PROHIBITS,), WARNING),
            ("forced-tunnel-unreachable", "which knows no way on", (faults.APPLIANCE_UNREACHABLE,), WARNING),
            ("forced-tunnel-resets", "whose firewall breaks it off", (faults.APPLIANCE_RESETS,), WARNING),
            ("forced-tunnel-nor-plugin", "and the HostGAPlugin delivers nothing", (faults.PLUGIN_FAILS,), ERROR),
            ("forced-tunnel-diagnostics", "and a diagnostics extension must report", (faults.HAS_DIAGNOSTICS,), ERROR),
        )
    ),
)
FIREWALL = (
    *(
        Scenario(name, broken, (fault,), Cause.GUEST_FIREWALL, severity)
        for name, broken, fault, severity in (
            (
                "firewall-legacy",
                "a legacy rule of the guest drops tcp 168.63.129.16:80",
                faults.LEGACY_DROPS_WIRE_SERVER,
                ERROR,
            ),
            ("firewall-nft", "a rule of nft's own drops tcp 168.63.129.16:80", faults.NFT_DROPS_WIRE_SERVER, ERROR),
            (
                "firewall-iptables-nft",
                "a rule made by iptables in nf_tables drops it",
                faults.IPTABLES_NFT_DROPS_WIRE_SERVER,
                ERROR,
            ),
            ("firewall-rejects-plugin", "a rule rejects tcp 168.63.129.16:32526", faults.REJECTS_HOST_PLUGIN, ERROR),
            ("firewall-policy", "the policy of OUTPUT is DROP", faults.POLICY_DROP, ERROR),
            ("firewall-input-policy", "the policy of INPUT is DROP", faults.INPUT_POLICY_DROP, ERROR),
            ("firewall-dns", "rules drop what goes to port 53", faults.DROPS_DNS, ERROR),
            (
                "firewall-diverts-dns",
                "a rule sends what goes to udp port 53 to a server elsewhere",
                faults.DIVERTS_DNS,
                ERROR,
            ),
            ("firewall-imds", "a rule drops what goes to the instance metadata", faults.DROPS_IMDS, WARNING),
            ("firewall-https", "a rule drops what goes to port 443", faults.DROPS_HTTPS, WARNING),
        )
    ),
    Scenario("firewall-agent", "nothing; waagent has installed its own rules", (faults.AGENT_RULES,)),
    Scenario(
        "firewall-saved",
        "a rule that is saved for the next boot drops tcp 168.63.129.16:80, and the image is about to be captured",
        (faults.SAVED_RULE_DROPS_WIRE_SERVER,),
        Cause.GUEST_FIREWALL,
        ERROR,
        (Cause.AGENT_CONFIG, Cause.CLOCK, Cause.NOT_GENERALIZED),  # notes, of a VM that is running
        stage=Stage.CAPTURE,
    ),
)
IMAGE = (
    Scenario(
        "not-generalized",
        "the image was made of a provisioned VM without deprovisioning it",
        (faults.PROVISIONED_BEFORE,),
        Cause.NOT_GENERALIZED,
        ERROR,
    ),
    Scenario("provisioned", "nothing; waagent has provisioned this VM", (faults.PROVISIONED_HERE,)),
)
TLS = tuple(
    Scenario(name, f"somebody on the way replaces certificates{broken}", (faults.TLS_INSPECTED, *more), cause, severity)
    for cause in (Cause.TLS_INTERCEPTION,)
    for name, broken, more, severity in (
        ("tls-interception", "", (), WARNING),
        ("tls-interception-nor-plugin", ", and the HostGAPlugin delivers nothing", (faults.PLUGIN_FAILS,), ERROR),
    )
)
RESOLVED = (
    Scenario(
        "resolved-dns-dead",
        "systemd-resolved asks a DNS server that does not exist",
        (faults.RESOLVED_DNS_DEAD,),
        Cause.DNS_UNREACHABLE,
        ERROR,
    ),
    Scenario(
        "resolved-stub-dead",
        "resolv.conf names the stub of systemd-resolved, which does not run",
        (faults.RESOLVED_STUB_DEAD,),
        Cause.DNS_UNREACHABLE,
        ERROR,
    ),
    Scenario(
        "resolved-asks-nobody",
        "DHCP names no DNS server, and systemd-resolved has none to ask",
        (faults.RESOLVED_ASKS_NOBODY,),
        Cause.DNS_UNREACHABLE,
        ERROR,
    ),
    Scenario(
        "resolved-dns-refused",
        "systemd-resolved asks a DNS server that refuses public names",
        (faults.own_server("refused"), faults.resolved(faults.OWN_SERVER)),
        Cause.DNS_WRONG_ANSWER,
        ERROR,
    ),
)
BEHIND_PROXY = tuple(
    Scenario(name, broken, (faults.AGENT_HAS_PROXY, *more), cause, severity)
    for name, broken, more, cause, severity in (
        ("proxy-works", "nothing; the agent has a proxy", (faults.proxy("answers"),), None, None),
        (
            "proxy-only",
            "nothing; the agent has the proxy without which nothing gets out",
            (faults.proxy("answers"), faults.ONLY_BY_PROXY),
            None,
            None,
        ),
        ("proxy-dead", "the agent's proxy does not listen", (faults.proxy("closed"),), Cause.PROXY, WARNING),
        (
            "proxy-silent",
            "the agent's proxy connects and says nothing",
            (faults.proxy("silent"),),
            Cause.PROXY,
            WARNING,
        ),
        (
            "proxy-407",
            "the agent's proxy wants a password",
            (faults.proxy("407"), faults.ONLY_BY_PROXY),
            Cause.PROXY,
            WARNING,
        ),
        (
            "proxy-403-nor-plugin",
            "the agent's proxy forbids it, and the HostGAPlugin delivers nothing",
            (faults.proxy("403"), faults.PLUGIN_FAILS),
            Cause.PROXY,
            ERROR,
        ),
        (
            "proxy-inspects",
            "what comes by the agent's proxy has replaced certificates",
            (faults.proxy("answers"), faults.TLS_INSPECTED),
            Cause.TLS_INTERCEPTION,
            WARNING,
        ),
    )
)
ONE_BY_ONE = (*HEALTHY, *NETWORK, *PLATFORM, *DNS, *EGRESS, *TUNNELS, *TLS, *FIREWALL, *IMAGE, *PAIRS, *RESOLVED)


def again(suffix: str, words: str, names: Sequence[str], *more: Fault, ipv6: bool = False) -> tuple[Scenario, ...]:
    """Some scenarios in another configuration of the VM, which must not change what is said of them."""
    return tuple(
        replace(
            scenario,
            name=f"{scenario.name}-{suffix}",
            broken=f"{scenario.broken}; {words}",
            faults=(*scenario.faults, *more),
            ipv6=ipv6,
        )
        for scenario in ONE_BY_ONE
        if scenario.name in names
    )


CONFIGURATIONS = (
    *again(
        "dual",
        "dual stack",
        ("dns-dead", "no-egress", "forced-tunnel", "wireserver-closed", "no-default-route", "firewall-policy"),
        ipv6=True,
    ),
    *again(
        "resolved",
        "systemd-resolved",
        ("healthy", "no-egress", "forced-tunnel", "wireserver-closed", "no-default-route", "firewall-dns"),
        faults.RESOLVED,
    ),
    *again(
        "proxied",
        "the agent has a proxy",
        ("healthy", "dns-dead", "wireserver-closed", "firewall-legacy"),
        faults.AGENT_HAS_PROXY,
        faults.proxy("answers"),
    ),
)
TABLE = (*ONE_BY_ONE, *CONFIGURATIONS, *BEHIND_PROXY, *INTERFERENCE, *ONE_CAUSE, *FIELD, *FIELD_RULES, *DAEMONS)
BY_NAME = {scenario.name: scenario for scenario in TABLE}
