"""What the lines about the network, the platform's endpoints and downloads mean."""

from __future__ import annotations

from collections.abc import Mapping

from azpreflight.explain.meanings import texts
from azpreflight.explain.meanings.meaning import NETWORK, NEVER, PLATFORM, Meaning
from azpreflight.model import Severity

_RULE = "a rule of the guest's firewall that drops packets would leave the same lines"
_NEXT = ("extensions-begin",)
"""The next goal state was processed without that line."""
_STORE = "a firewall on the path, a route into a private network and the endpoint itself look the same from here"

NETWORK_LINES: Mapping[str, Meaning] = {
    # --- network ---
    "dhcp-failed": Meaning(
        "DHCP gave no answer", texts.NETWORK, 2, "the DHCP client may be missing", undone_by=NETWORK
    ),
    "no-routes": Meaning(
        "the VM has no route: no network interface came up",
        texts.NETWORK,
        2,
        "it may have come up later",
        undone_by=NETWORK,
    ),
    "no-address": Meaning(
        "DHCP gave no address", texts.NETWORK, 2, "the DHCP server may have been late", undone_by=NETWORK
    ),
    "network-unit-failed": Meaning(
        "the network service failed to start", texts.NETWORK, 1, "another service may configure it", undone_by=NETWORK
    ),
    "cloud-init-no-lease": Meaning(
        "cloud-init found no network interface with a DHCP lease",
        texts.NETWORK,
        2,
        "the network interface may have appeared late",
        undone_by=NETWORK,
    ),
    "wire-server-no-route": Meaning(
        "there is no route to 168.63.129.16", texts.NETWORK, 2, "a route may have been removed", undone_by=PLATFORM
    ),
    # --- platform ---
    "no-platform-route": Meaning(
        "there is no route to 168.63.129.16", texts.PLATFORM, 1, "a default route may do", undone_by=PLATFORM
    ),
    "no-protocol": Meaning(
        "waagent could not agree with the platform (168.63.129.16)",
        texts.PLATFORM,
        1,
        "the wire server may have answered, with an error; and " + _RULE,
        undone_by=PLATFORM,
    ),
    "wire-server-silent": Meaning("168.63.129.16 does not answer", texts.PLATFORM, 2, _RULE, undone_by=PLATFORM),
    "hostgaplugin-blocked": Meaning(
        "the HostGAPlugin (168.63.129.16:32526) does not answer", texts.PLATFORM, 2, _RULE, undone_by=PLATFORM
    ),
    "hostgaplugin-error": Meaning(
        "the wire server answers, and its HostGAPlugin (168.63.129.16:32526) answers with an error of its own",
        "Open a support request: the host is at fault; on Azure Stack Hub update the stamp or the agent.",
        2,
        "it may pass by itself",
        undone_by=PLATFORM,
    ),
    "wire-server-refused": Meaning(
        "connections to 168.63.129.16 are refused at once: something on this machine rejects them",
        texts.GUEST_FIREWALL,
        3,
        "nothing between the VM and its host refuses; a rule of the fabric would",
        undone_by=PLATFORM,
    ),
    "kernel-firewall": Meaning(
        "the guest's firewall logged a packet to the platform as blocked",
        texts.GUEST_FIREWALL,
        3,
        "a rule that logs need not drop",
        undone_by=PLATFORM,
    ),
    "cloud-init-imds": Meaning(
        "the instance metadata service (169.254.169.254) does not answer cloud-init",
        texts.PLATFORM,
        1,
        "cloud-init asks before it has an address too; and " + _RULE,
    ),
    "cloud-init-imds-failed": Meaning(
        "cloud-init failed because the instance metadata service (169.254.169.254) gave no usable answer",
        texts.PLATFORM,
        2,
        _RULE,
    ),
    "cloud-init-wire-server": Meaning(
        "168.63.129.16 does not answer cloud-init", texts.PLATFORM, 2, _RULE, undone_by=PLATFORM
    ),
    "azure-init-imds": Meaning(
        "azure-init failed because the instance metadata service (169.254.169.254) gave no usable answer",
        texts.PLATFORM,
        2,
        _RULE,
    ),
    "azure-init-username": Meaning(
        "azure-init learned no user's name: neither IMDS nor the disc answered", texts.PLATFORM, 1, _RULE
    ),
    "azure-init-report": Meaning("azure-init could not report to 168.63.129.16", texts.PLATFORM, 2, _RULE),
    "proxy-agent-key": Meaning(
        "the Guest Proxy Agent cannot agree on a key with the host", texts.PLATFORM, 2, _RULE, undone_by=NEVER
    ),
    "agent-rules-incomplete": Meaning(
        "waagent's own firewall rules were not complete, and it restored them",
        "Let nothing flush the rules that waagent adds: firewalld, nftables.service, scripts.",
        1,
        "the agent's rules may have been missing at its first start alone",
        Severity.NOTE,
        undone_by=NEVER,
    ),
    "iptables-inconsistent": Meaning(
        "iptables answers inconsistently: two back ends, legacy and nft, have rules",
        "Use one back end of iptables in the image (update-alternatives --config iptables).",
        2,
        "rules may have changed meanwhile",
        Severity.NOTE,
        undone_by=NEVER,
    ),
    # --- downloads ---
    "download-name": Meaning(
        "names of the storage endpoints cannot be resolved: no DNS server gave a usable answer",
        texts.DNS,
        2,
        "servers that answer REFUSED or SERVFAIL look the same from here",
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
    "download-no-such-name": Meaning(
        "a DNS server answered that the name of a storage endpoint does not exist",
        texts.DNS_WRONG,
        2,
        "the storage account may have been deleted",
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
    "download-timeout": Meaning(
        "the storage endpoints do not answer", texts.EGRESS, 2, _STORE, undone_by=NEVER, undone_by_lines=_NEXT
    ),
    "download-refused": Meaning(
        "connections to the storage endpoints are refused or have no route",
        texts.EGRESS,
        2,
        _STORE,
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
    "download-status": Meaning(
        "a storage endpoint, or something before it, refuses requests with an HTTP status",
        texts.EGRESS,
        1,
        "the store itself may refuse: an expired signature, a firewall of the storage account",
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
    "download-tls": Meaning(
        "the certificate of a storage endpoint is not trusted",
        "Exempt the storage endpoints from TLS inspection, or add its authority to the image's CA store.",
        2,
        "the CA store of the image may be empty or old, or the clock wrong",
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
    "download-clock": Meaning(
        "the certificate of an endpoint is not valid yet: the VM's clock is behind",
        "Enable a time service in the image, such as chrony with /dev/ptp_hyperv, and set the clock.",
        3,
        "the certificate may be new and wrong",
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
    "download-proxy": Meaning(
        "the proxy refuses the connection to a storage endpoint",
        "Correct HttpProxy.Host and HttpProxy.Port in /etc/waagent.conf, or let the proxy allow the endpoints.",
        2,
        "the proxy may want a login",
        undone_by=NEVER,
        undone_by_lines=_NEXT,
    ),
}
