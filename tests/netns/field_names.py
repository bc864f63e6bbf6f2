"""States of VMs that really failed for reasons of name resolution, and of healthy ones with resolvers of their own."""

from __future__ import annotations

from azpreflight.model import Cause, Confidence, Severity
from azpreflight.standin.extension import Extension
from tests.netns import faults, topology
from tests.netns.scenario import Scenario
from tests.netns.standin import Fault

ERROR, WARNING = Severity.ERROR, Severity.WARNING
MONITOR = Extension("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", "1.33.0")
CERTAIN, LIKELY = Confidence.CERTAIN, Confidence.LIKELY
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
SPLIT_DNSMASQ = Fault(
    dns={"127.0.0.1": f"forwards {topology.WIRE_SERVER}", COMPANY: "nxdomain"},
    files={
        **faults.dnsmasq(topology.WIRE_SERVER, "").files,
        "/run/NetworkManager/no-stub-resolv.conf": f"nameserver {COMPANY}\nnameserver {topology.WIRE_SERVER}\n",
    },
)
CUT = Fault(dns={faults.OWN_SERVER: "truncated-udp-only"}, files=faults.resolv_conf(faults.OWN_SERVER).files)
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
