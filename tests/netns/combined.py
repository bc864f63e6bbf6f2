"""Scenarios with more than one fault, or one from which much follows: what is the cause, and what its symptom."""

from __future__ import annotations

from azpreflight.model import Cause, Severity
from tests.netns import faults, topology
from tests.netns.scenario import Scenario

ERROR, WARNING = Severity.ERROR, Severity.WARNING
PAIRS = (
    Scenario(
        "dns-dead-and-no-egress",
        "the DNS server does not exist, and there is no way out",
        (faults.DNS_DEAD, faults.EDGE_DROPS),
        Cause.DNS_UNREACHABLE,
        ERROR,
        (Cause.NO_EGRESS,),
    ),
    Scenario(
        "dns-dead-and-forced-tunnel",
        "the DNS server does not exist, and traffic to the internet dies in an on-premises network",
        (faults.DNS_DEAD, faults.TUNNEL),
        Cause.DNS_UNREACHABLE,
        ERROR,
        (Cause.FORCED_TUNNEL,),
    ),
    Scenario(
        "firewall-and-dns-dead",
        "an iptables rule drops the wire server, and the DNS server does not exist",
        (faults.IPTABLES_NFT_DROPS_WIRE_SERVER, faults.DNS_DEAD),
        Cause.GUEST_FIREWALL,
        ERROR,
        (Cause.DNS_UNREACHABLE,),
    ),
    Scenario(
        "firewall-and-forced-tunnel",
        "an iptables rule drops the wire server, and traffic to the internet dies in an on-premises network",
        (faults.IPTABLES_NFT_DROPS_WIRE_SERVER, faults.TUNNEL),
        Cause.GUEST_FIREWALL,
        ERROR,
        (Cause.FORCED_TUNNEL,),
    ),
    Scenario(
        "not-generalized-and-dns-dead",
        "the image was not deprovisioned, and the DNS server does not exist",
        (faults.PROVISIONED_BEFORE, faults.DNS_DEAD),
        Cause.NOT_GENERALIZED,
        ERROR,
        (Cause.DNS_UNREACHABLE,),
    ),
)
WIRE_SERVER = topology.WIRE_SERVER
ONE_CAUSE = tuple(
    Scenario(name, broken, tuple(all_of_it), cause, ERROR)
    for name, broken, cause, all_of_it in (
        (
            "resolved-fails-dns-dead",
            "systemd-resolved fails, as the DNS server that it asks does not exist",
            Cause.DNS_UNREACHABLE,
            (faults.resolved(faults.DEAD_SERVER, faults.FAILS),),
        ),
        (
            "dnsmasq-dns-dead",
            "NetworkManager's dnsmasq fails, as the DNS server that it asks does not exist",
            Cause.DNS_UNREACHABLE,
            (faults.dnsmasq(faults.DEAD_SERVER, faults.FAILS),),
        ),
        (
            "resolved-no-address",
            "systemd-resolved fails, as eth0 has no address",
            Cause.NO_NETWORK,
            (faults.resolved(WIRE_SERVER, faults.FAILS), faults.NO_ADDRESS),
        ),
        (
            "dnsmasq-no-address",
            "NetworkManager's dnsmasq refuses, as eth0 has no address",
            Cause.NO_NETWORK,
            (faults.dnsmasq(WIRE_SERVER, "refused"), faults.NO_ADDRESS),
        ),
        (
            "resolved-address-of-link-only",
            "systemd-resolved fails, as eth0 has an address of the link alone",
            Cause.NO_NETWORK,
            (faults.resolved(WIRE_SERVER, faults.FAILS), faults.ADDRESS_OF_LINK_ONLY),
        ),
        (
            "resolved-firewall-policy",
            "systemd-resolved fails, as the policy of OUTPUT is DROP",
            Cause.GUEST_FIREWALL,
            (faults.resolved(WIRE_SERVER, faults.FAILS), faults.POLICY_DROP),
        ),
        (
            "resolved-gateway-wrong",
            "the image's own default route leads to a gateway that does not exist; systemd-resolved fails",
            Cause.PLATFORM_UNREACHABLE,
            (faults.resolved(WIRE_SERVER, faults.FAILS), faults.GATEWAY_WRONG),
        ),
        (
            "wireserver-all-gone",
            "whatever is sent to 168.63.129.16 vanishes on the way",
            Cause.PLATFORM_UNREACHABLE,
            (faults.PLATFORM_GONE,),
        ),
        (
            "firewall-https-diagnostics",
            "a rule drops what goes to port 443, and a diagnostics extension must report there",
            Cause.GUEST_FIREWALL,
            (faults.DROPS_HTTPS, faults.HAS_DIAGNOSTICS),
        ),
    )
)
"""One fault, and much that follows from it."""
INTERFERENCE = (
    Scenario(
        "proxy-behind-firewall",
        "the policy of OUTPUT is DROP, and the agent's proxy works",
        (faults.AGENT_HAS_PROXY, faults.proxy("answers"), faults.POLICY_DROP),
        Cause.GUEST_FIREWALL,
        ERROR,
    ),
    Scenario(
        "proxy-missing",
        "nothing gets out but by a proxy, which apt has and the agent lacks",
        (faults.proxy("answers"), faults.ONLY_BY_PROXY, faults.APT_HAS_PROXY),
        Cause.PROXY,
        WARNING,
    ),
    Scenario(
        "proxy-catches",
        "the proxy of the agent's service would catch the platform's own addresses",
        (faults.proxy("answers"), faults.CAUGHT_BY_PROXY),
        Cause.PROXY,
        WARNING,
    ),
    Scenario("clock-ahead", "the VM's clock is 400 days ahead", (faults.CLOCK_400_DAYS_AHEAD,), Cause.CLOCK, ERROR),
    Scenario(
        "clock-behind", "the VM's clock is two hours behind", (faults.CLOCK_TWO_HOURS_BEHIND,), Cause.CLOCK, WARNING
    ),
    Scenario(
        "large-packets",
        "packets of more than 1400 bytes vanish at the internet's edge",
        (faults.LARGE_PACKETS_VANISH,),
        Cause.PATH_MTU,
        WARNING,
    ),
    Scenario(
        "large-packets-nor-plugin",
        "packets of more than 1400 bytes vanish, and the HostGAPlugin delivers nothing",
        (faults.LARGE_PACKETS_VANISH, faults.PLUGIN_FAILS),
        Cause.PATH_MTU,
        ERROR,
    ),
    Scenario("no-ca-store", "the image has no CA certificates", (faults.NO_AUTHORITIES,), Cause.AGENT_CONFIG, WARNING),
)
