"""What waagent's daemon writes while it provisions: WALinuxAgent 2.2 to 2.16."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.log_signatures.signature import WAAGENT, Signature, Step
from azpreflight.model import Cause

CHANGED_IDENTIFIER = "vm-identifier-changed"
"""The one signature that is a cause by itself: waagent found its sentinel, of another VM, and skips provisioning."""


def _line(id: str, pattern: str, source: str, cause: Optional[Cause] = None, step: Optional[Step] = None) -> Signature:
    return Signature(id, WAAGENT, re.compile(pattern), source, cause, step)


PROVISIONING = (
    _line(
        "waagent-started", r"Azure Linux Agent Version: ?(?P<value>\d[\d.]{2,20})", "daemon/main.py", step=Step.AGENT
    ),
    _line(
        CHANGED_IDENTIFIER,
        r"VM is provisioned, but the VM unique identifier has changed",
        "pa/provision/default.py",
        Cause.NOT_GENERALIZED,
    ),
    _line("already-provisioned", r"Provisioning already completed, skipping", "pa/provision/default.py"),
    _line(
        "provisioning-disabled", r"Provisioning is disabled, skipping", "pa/provision/default.py", Cause.AGENT_CONFIG
    ),
    _line("saw-cloud-init", r"cloud-init is enabled: (?:True|False)", "pa/provision/cloudinitdetect.py"),
    _line("no-dhclient", r"Dhcp client is not running\.", "ga/env.py"),
    _line("chosen-agent", r"Using (?:cloud-init|waagent) for provisioning", "pa/provision/factory.py"),
    _line("waagent-provisioned", r"Provisioning complete$", "pa/provision/default.py", step=Step.READY),
    # From 2.16 on waagent reports nothing where cloud-init provisions, so this shows no Ready.
    _line("waagent-saw-cloud-init-provision", r"Finished provisioning$", "pa/provision/cloudinit.py"),
    _line(
        "two-agents",
        r"cloud-init appears to be installed and enabled, this is not expected",
        "pa/provision/default.py",
        Cause.AGENT_CONFIG,
    ),
    _line("provisioning-failed", r"Provisioning (?:with cloud-init )?failed: ", "pa/provision/default.py"),
    _line(
        "waits-for-cloud-init",
        r"Waiting for cloud-init to copy ovf-env\.xml to ",
        "pa/provision/cloudinit.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _line(
        "cloud-init-off",
        r"cloud-init does not appear to be (?:enabled|running)",
        "pa/provision/cloudinit.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _line(
        "gave-up-on-cloud-init",
        r"Giving up, (?:ovf-env\.xml was not copied|ssh host key was not found)",
        "pa/provision/cloudinit.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _line("disc-read", r"Successfully mounted dvd|Handle ovf-env\.xml\.", "common/osutil/default.py", step=Step.DISC),
    _line("no-dvd", r"Failed to get dvd device", "common/osutil/default.py", Cause.PROVISIONING_MEDIA),
    _line(
        "dvd-not-mounted",
        r"Mounting dvd failed \[retry|\[CopyOvfEnv\] Error mounting dvd|Failed to mount dvd device|"
        r"Failed to copy ovf-env\.xml",
        "common/osutil/default.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "no-medium",
        r"no medium found on /dev/[a-z0-9]+",
        "common/osutil/default.py, in the words of mount(8)",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "dvd-elsewhere",
        r"/dev/(?:sr|hd|cdrom|cd)[a-z0-9]{0,4} is already mounted at ",
        "common/osutil/default.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "unknown-filesystem",
        r"unknown filesystem type '?(?:udf|iso9660)'?",
        "common/osutil/default.py, in the words of mount(8)",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "ovf-unreadable",
        r"\[CopyOvfEnv\] Error reading file|Failed to validate OVF: |ovf-env\.xml is missing from|"
        r"OVF xml could not be parsed",
        "common/protocol/util.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "password-not-hashed",
        r"This feature requires one of the 'crypt'",
        "common/osutil/default.py",
        Cause.AGENT_CONFIG,
    ),
    _line(
        "no-transport-certificate",
        r"Cannot create the Transport certificate|Failed to create the transport certificate",
        "common/protocol/wire.py",
        Cause.AGENT_CONFIG,
    ),
    _line(
        "no-certificates",
        r"Unable to download certificates: |Cannot download certificates using any of the supported ciphers|"
        r"Unable to download certificates\. Goal state processing",
        "common/protocol/goal_state.py",
        Cause.AGENT_CONFIG,
    ),
    _line("ssh-host-key-failed", r"Failed to generate ssh host key: ", "pa/provision/default.py", Cause.AGENT_CONFIG),
    _line("route-exists", r"Route to 168\.63\.129\.16 exists", "common/dhcp.py", step=Step.NETWORK),
    _line("no-platform-route", r"No route exists to 168\.63\.129\.16", "common/dhcp.py", Cause.PLATFORM_UNREACHABLE),
    _line(
        "dhcp-failed",
        r"Failed to send DHCP request: \[DhcpError\]|Failed to receive dhcp response",
        "common/dhcp.py",
        Cause.NO_NETWORK,
    ),
    _line(
        "no-routes",
        r"/proc/net/route contains no routes|Waiting for network\.|Could not determine primary interface",
        "common/osutil/default.py",
        Cause.NO_NETWORK,
    ),
    _line("wire-server-answers", r"Wire protocol version:\d", "common/protocol/wire.py", step=Step.WIRE_SERVER),
    _line(
        "goal-state-fetched",
        r"Fetch goal state (?:from WireServer )?completed|Fetched a new incarnation for the WireServer goal state|"
        r"Fetched new vmSettings \[",
        "common/protocol/goal_state.py",
        step=Step.GOAL_STATE,
    ),
    _line(
        "no-protocol",
        r"WireServer is not responding\. Reset dhcp endpoint|No protocol found\.|Reporting (?:NotReady|Ready) failed: |"
        r"Protocol endpoint not found: |Failed to instantiate the WireProtocol|Exceeded max retry updating goal state",
        "common/protocol/util.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "wire-server-silent",
        r"(?:GET|POST) http://168\.63\.129\.16[:/]\S{0,200}.{0,200}IOError (?:The read operation )?timed out",
        "common/utils/restutil.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "wire-server-refused",
        r"(?:GET|POST) http://168\.63\.129\.16[:/]\S{0,200}.{0,200}\[Errno (?:1|111|113)\]",
        "common/utils/restutil.py",
        Cause.GUEST_FIREWALL,
    ),
    _line(
        "wire-server-no-route",
        r"(?:GET|POST) http://168\.63\.129\.16[:/]\S{0,200}.{0,200}\[Errno 101\]",
        "common/utils/restutil.py",
        Cause.NO_NETWORK,
    ),
    _line(
        "hostgaplugin-blocked",
        r"GET vmSettings \[correlation ID: \S+ eTag: \S+\]: (?:Timeout|Request failed)",
        "common/protocol/hostplugin.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "hostgaplugin-error",
        r"GET vmSettings \[correlation ID: \S+ eTag: \S+\]: \[HTTP Failed\] \[5\d\d: ",
        "common/protocol/hostplugin.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "no-space",
        r"\[Errno 28\] No space left on device",
        "daemon/main.py, in the words of errno",
        Cause.BOOT_CONFIG,
    ),
    _line(
        "agent-module-missing",
        r"(?:ModuleNotFoundError|ImportError): No module named '?"
        r"(?:azurelinuxagent|cloudinit|imp|distutils|six|distro)\b",
        "Python, of waagent's or cloud-init's program",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _line(
        "agent-array-tostring",
        r"AttributeError: 'array\.array' object has no attribute 'tostring'",
        "common/osutil/default.py, get_first_if; gone in Python 3.9, and in newer agents",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _line("agent-crashed", r"Daemon ended with exception -- Sleep 15 seconds", "daemon/main.py"),
    _line("agent-disabled", r"Disabling the guest agent by sleeping forever", "daemon/main.py", Cause.NOT_GENERALIZED),
    _line(
        "hidden-exception",
        r"format_exception\(\) got an unexpected keyword argument 'etype'",
        "common/utils/textutil.py",
    ),
)
