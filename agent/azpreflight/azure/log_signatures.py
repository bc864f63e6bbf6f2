"""What the agents write into their logs when something goes wrong, and when it goes well.

The texts are those of WALinuxAgent 2.7 to 2.16 and cloud-init 20.4 to 26.2; `source` names the file that prints them.
A signature is evidence beside a cause, hardly ever a cause: an agent reports what failed, and seldom why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from azpreflight.model import Cause

WAAGENT = "waagent"
CLOUD_INIT = "cloud-init"
DS_IDENTIFY = "ds-identify"


@dataclass(frozen=True)
class Signature:
    """A line of an agent's log that means something."""

    id: str
    log: str
    """Which log it is written to: "waagent", "cloud-init" or "ds-identify"."""
    pattern: re.Pattern[str]
    """Searched in a single line."""
    source: str
    """The file that prints it."""
    cause: Optional[Cause] = None
    """What it is evidence of; None for progress."""


def _waagent(id: str, pattern: str, source: str, cause: Optional[Cause] = None) -> Signature:
    return Signature(id, WAAGENT, re.compile(pattern), source, cause)


def _cloud_init(id: str, pattern: str, source: str, cause: Optional[Cause] = None) -> Signature:
    return Signature(id, CLOUD_INIT, re.compile(pattern), source, cause)


CHANGED_IDENTIFIER = "vm-identifier-changed"
"""The one signature that is a cause by itself: waagent found its sentinel, of another VM, and skips provisioning."""
PROVISIONED = ("waagent-provisioned", "waagent-saw-cloud-init-provision", "cloud-init-reported-ready")
"""Any of these says that the platform was told Ready after real provisioning."""
EXTENSIONS_DONE = "extensions-terminal"
EXTENSION_STATUS = "extension-status"

SIGNATURES = (
    _waagent(
        CHANGED_IDENTIFIER,
        r"VM is provisioned, but the VM unique identifier has changed",
        "pa/provision/default.py",
        Cause.NOT_GENERALIZED,
    ),
    _waagent("already-provisioned", r"Provisioning already completed, skipping", "pa/provision/default.py"),
    _waagent(
        "provisioning-disabled", r"Provisioning is disabled, skipping", "pa/provision/default.py", Cause.AGENT_CONFIG
    ),
    _waagent("saw-cloud-init", r"cloud-init is enabled: (?:True|False)", "pa/provision/cloudinitdetect.py"),
    _waagent("no-dhclient", r"Dhcp client is not running\.", "ga/env.py"),
    _waagent("chosen-agent", r"Using (?:cloud-init|waagent) for provisioning", "pa/provision/factory.py"),
    _waagent("waagent-provisioned", r"Provisioning complete$", "pa/provision/default.py"),
    _waagent("waagent-saw-cloud-init-provision", r"Finished provisioning$", "pa/provision/cloudinit.py"),
    _waagent(
        "two-agents",
        r"cloud-init appears to be installed and enabled, this is not expected",
        "pa/provision/default.py",
        Cause.AGENT_CONFIG,
    ),
    _waagent("provisioning-failed", r"Provisioning (?:with cloud-init )?failed: ", "pa/provision/default.py"),
    _waagent(
        "waits-for-cloud-init",
        r"Waiting for cloud-init to copy ovf-env\.xml to ",
        "pa/provision/cloudinit.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _waagent(
        "cloud-init-off",
        r"cloud-init does not appear to be (?:enabled|running)",
        "pa/provision/cloudinit.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _waagent(
        "gave-up-on-cloud-init",
        r"Giving up, (?:ovf-env\.xml was not copied|ssh host key was not found)",
        "pa/provision/cloudinit.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _waagent("no-dvd", r"Failed to get dvd device", "common/osutil/default.py", Cause.PROVISIONING_MEDIA),
    _waagent(
        "dvd-not-mounted",
        r"Mounting dvd failed \[retry|\[CopyOvfEnv\] Error mounting dvd|Failed to mount dvd device",
        "common/osutil/default.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _waagent(
        "unknown-filesystem",
        r"unknown filesystem type '?(?:udf|iso9660)'?",
        "common/osutil/default.py, in the words of mount(8)",
        Cause.PROVISIONING_MEDIA,
    ),
    _waagent(
        "ovf-unreadable",
        r"\[CopyOvfEnv\] Error reading file|Failed to validate OVF: |ovf-env\.xml is missing from",
        "common/protocol/util.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _waagent("no-platform-route", r"No route exists to 168\.63\.129\.16", "common/dhcp.py", Cause.PLATFORM_UNREACHABLE),
    _waagent(
        "dhcp-failed",
        r"Failed to send DHCP request: \[DhcpError\]|Failed to receive dhcp response",
        "common/dhcp.py",
        Cause.NO_NETWORK,
    ),
    _waagent(
        "no-routes",
        r"/proc/net/route contains no routes|Waiting for network\.|Could not determine primary interface",
        "common/osutil/default.py",
        Cause.NO_NETWORK,
    ),
    _waagent(
        "wire-server-silent",
        r"WireServer is not responding\. Reset dhcp endpoint|No protocol found\.|Reporting (?:NotReady|Ready) failed: |"
        r"Protocol endpoint not found: ",
        "common/protocol/util.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _waagent(
        "hostgaplugin-blocked",
        r"GET vmSettings \[correlation ID: \S+ eTag: \S+\]: (?:Timeout|Request failed)",
        "common/protocol/hostplugin.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _waagent("agent-crashed", r"Daemon ended with exception -- Sleep 15 seconds", "daemon/main.py"),
    _waagent(
        "agent-disabled", r"Disabling the guest agent by sleeping forever", "daemon/main.py", Cause.NOT_GENERALIZED
    ),
    _waagent(
        "hidden-exception",
        r"format_exception\(\) got an unexpected keyword argument 'etype'",
        "common/utils/textutil.py",
    ),
    _waagent(
        "download-name",
        r"(?:Fetch failed|HTTP Failed).*-- IOError \[Errno -[235]\]",
        "common/utils/restutil.py",
        Cause.DNS_UNREACHABLE,
    ),
    _waagent(
        "download-timeout",
        r"Fetch failed: .* -- IOError (?:The read operation )?timed out",
        "common/utils/restutil.py",
        Cause.NO_EGRESS,
    ),
    _waagent(
        "download-refused",
        r"Fetch failed: .* -- IOError \[Errno (?:101|111|113)\]",
        "common/utils/restutil.py",
        Cause.NO_EGRESS,
    ),
    _waagent(
        "download-tls", r"Fetch failed: .*CERTIFICATE_VERIFY_FAILED", "common/utils/restutil.py", Cause.TLS_INTERCEPTION
    ),
    _waagent("download-proxy", r"Tunnel connection failed: \d{3}", "common/utils/restutil.py", Cause.PROXY),
    _waagent(
        "download-status",
        r"\[HTTP Retry\] GET (?!http://168\.63\.129\.16)\S+ -- Status Code \d{3}",
        "common/utils/restutil.py",
        Cause.NO_EGRESS,
    ),
    _waagent("download-by-host", r"Default channel changed to HostGA(?:Plugin)? channel", "common/protocol/wire.py"),
    _waagent(
        "download-failed",
        r"Failed to download artifacts: |Failed to (?:download|fetch) .* from all (?:URIs|sources)|"
        r"Failed to (?:get ext handler pkgs|retrieve extension manifest)|"
        r"Download failed both on the primary and fallback channels|"
        r"\[PERIODIC\] Request failed using the (?:direct|host)",
        "ga/exthandlers.py",
    ),
    _waagent(
        "agent-rules-incomplete",
        r"The firewall is not configured correctly\.|Unable to add firewall rules|The following rules are missing: |"
        r"Cannot create a firewall manager",
        "ga/env.py",
        Cause.GUEST_FIREWALL,
    ),
    _waagent(EXTENSION_STATUS, r"Extension status: \[.*\]", "ga/update.py"),
    _waagent(EXTENSIONS_DONE, r"All extensions in the goal state have reached a terminal state", "ga/exthandlers.py"),
    _cloud_init("cloud-init-failure", r"Azure datasource failure occurred: .*reason=", "sources/DataSourceAzure.py"),
    _cloud_init(
        "cloud-init-no-media",
        r"Unable to find provisioning media, falling back to IMDS|No OVF or IMDS available|\S was not mountable",
        "sources/DataSourceAzure.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _cloud_init(
        "cloud-init-no-lease",
        r"Failed to obtain DHCP lease|Interface not found for DHCP|dhclient executable not found",
        "sources/DataSourceAzure.py",
        Cause.NO_NETWORK,
    ),
    _cloud_init(
        "cloud-init-imds",
        r"Ignoring IMDS metadata due to: |Polling IMDS failed attempt \d+",
        "sources/azure/imds.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _cloud_init(
        "cloud-init-wire-server",
        r"Failed HTTP request with Azure endpoint|failed to register with Azure and fetch GoalState|"
        r"Error communicating with Azure fabric|exception while reporting ready: ",
        "sources/helpers/azure.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _cloud_init("cloud-init-reported-ready", r"Reported ready to Azure fabric\.", "sources/helpers/azure.py"),
    _cloud_init("cloud-init-reported-failure", r"Reported failure to Azure fabric\.", "sources/helpers/azure.py"),
    _cloud_init(
        "cloud-init-stale-cache",
        r"manual cache clean (?:set from config|found from marker)",
        "cmd/main.py",
        Cause.NOT_GENERALIZED,
    ),
    _cloud_init(
        "cloud-init-no-datasource",
        r"Did not find any data source, searched classes|No instance datasource found!",
        "sources/__init__.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _cloud_init("cloud-init-lease", r"Obtained DHCP lease on interface '", "sources/DataSourceAzure.py"),
    _cloud_init("cloud-init-stale-report", r"PPS type: Unknown", "sources/DataSourceAzure.py", Cause.NOT_GENERALIZED),
    _cloud_init(
        "cloud-init-cache",
        r"cache invalid in datasource|restored from (?:checked )?cache",
        "stages.py",
    ),
    _cloud_init(
        "cloud-init-kept-hostname", r"No hostname changes\. Skipping set_hostname", "config/cc_set_hostname.py"
    ),
    _cloud_init("cloud-init-no-network", r"network config is disabled by", "stages.py"),
    Signature(
        "cloud-init-disabled",
        DS_IDENTIFY,
        re.compile(
            r"disabled by (?:marker file|KERNEL_CMDLINE|kernel command line)|no datasource found, disabling|"
            r"notfound=disabled"
        ),
        "tools/ds-identify",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _cloud_init("cloud-init-finished", r"Cloud-init v\. \S+ finished at ", "config/cc_final_message.py"),
)
