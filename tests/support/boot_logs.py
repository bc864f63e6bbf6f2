"""Logs without a report in tests/data/logs/boots, and what is true of each.

`recorded-*` are of real machines (Debian 12 with waagent 2.7.3 or cloud-init 22.4.2, Debian 13 with waagent 2.12) that
booted in an emulator, and of the agents of Debian 11, 12, 13 and sid that provisioned for real against the stand-in, as
`tests/netns/test_generations.py` lets them. The others are in our own words, after the sources of those who write them
(waagent, cloud-init, azure-init, the kernel, systemd, wicked, NetworkManager; the forms of rsyslog's files on RHEL and
SUSE, of journalctl's short and short-iso, and of Ubuntu's serial console) and after what public issues report:
WALinuxAgent 968, 1242, 1359, 2058, 2709, 2833, 2836, 2864, 3256.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple, Optional

from azpreflight.explain import LogKind
from azpreflight.model import Cause, Confidence, Readiness, Severity

BOOTS = Path(__file__).parents[1] / "data" / "logs" / "boots"
ERROR, WARNING = Severity.ERROR, Severity.WARNING
LIKELY, POSSIBLE = Confidence.LIKELY, Confidence.POSSIBLE


class Truth(NamedTuple):
    """What a log shows."""

    kind: LogKind
    provisioner: Optional[str]
    verdict: Readiness
    cause: Optional[Cause] = None
    severity: Optional[Severity] = None
    confidence: Optional[Confidence] = None
    line: str = ""
    """Words of a line that is evidence."""


def _ready(kind: LogKind, provisioner: str) -> Truth:
    return Truth(kind, provisioner, Readiness.READY)


def _failed(
    kind: LogKind,
    provisioner: Optional[str],
    cause: Cause,
    line: str,
    confidence: Confidence = LIKELY,
) -> Truth:
    return Truth(kind, provisioner, Readiness.NOT_READY, cause, ERROR, confidence, line)


SERIAL, WAAGENT, CLOUD_INIT, JOURNAL = LogKind.SERIAL, LogKind.WAAGENT, LogKind.CLOUD_INIT, LogKind.JOURNAL
MEDIA, PLATFORM, BOOT = Cause.PROVISIONING_MEDIA, Cause.PLATFORM_UNREACHABLE, Cause.BOOT_CONFIG
AGENT = Cause.NO_PROVISIONING_AGENT

TRUTHS = {
    # healthy
    "recorded-happy-serial.log.gz": _ready(SERIAL, "waagent"),
    "recorded-happy-waagent.log.gz": _ready(WAAGENT, "waagent"),
    "recorded-ci-serial.log.gz": _ready(SERIAL, "cloud-init"),
    "recorded-ci-cloud-init.log.gz": _ready(CLOUD_INIT, "cloud-init"),
    "recorded-trixie-serial.log.gz": _ready(SERIAL, "waagent"),
    "recorded-trixie-waagent.log.gz": _ready(WAAGENT, "waagent"),
    "recorded-scen-a1-serial.log.gz": _ready(SERIAL, "waagent"),
    "recorded-2.16-healthy-waagent.log.gz": _ready(WAAGENT, "waagent"),
    "recorded-2.2.47-healthy-waagent.log.gz": _ready(WAAGENT, "cloud-init"),
    "recorded-2.16-beside-cloud-init-waagent.log.gz": _ready(WAAGENT, "cloud-init"),
    "recorded-2.12-beside-cloud-init-waagent.log.gz": _ready(WAAGENT, "cloud-init"),
    "recorded-26.2-healthy-cloud-init.log.gz": _ready(CLOUD_INIT, "cloud-init"),
    "recorded-25.1.4-healthy-cloud-init.log.gz": _ready(CLOUD_INIT, "cloud-init"),
    "recorded-20.4.1-healthy-cloud-init.log.gz": _ready(CLOUD_INIT, "cloud-init"),
    "healthy-rhel9-messages.log": _ready(JOURNAL, "cloud-init"),
    "healthy-ubuntu-serial.log": _ready(SERIAL, "cloud-init"),
    "healthy-sles15-journal.log": _ready(JOURNAL, "waagent"),
    "healthy-suse-old-messages.log": _ready(JOURNAL, "waagent"),
    "healthy-old-waagent.log": _ready(WAAGENT, "waagent"),
    "healthy-azurelinux-serial.log": _ready(SERIAL, "cloud-init"),
    "late-network-waagent.log": _ready(WAAGENT, "waagent"),
    "two-boots-serial.log": _ready(SERIAL, "waagent"),
    # not in this log
    "recorded-scen-c-serial.log.gz": Truth(SERIAL, None, Readiness.UNDECIDED),
    # failing, recorded
    "recorded-scen-a1-waagent.log.gz": _failed(WAAGENT, "waagent", Cause.DNS_UNREACHABLE, "Temporary failure in name"),
    "recorded-scen-a2-waagent.log.gz": _failed(WAAGENT, "waagent", Cause.DNS_UNREACHABLE, "Temporary failure in name"),
    "recorded-scen-b-waagent.log.gz": _failed(WAAGENT, "waagent", PLATFORM, "IOError timed out"),
    "recorded-scen-c-waagent.log.gz": _failed(
        WAAGENT, "waagent", Cause.NOT_GENERALIZED, "unique identifier has changed"
    ),
    "recorded-2.16-dns-dead-waagent.log.gz": _failed(
        WAAGENT, "waagent", Cause.DNS_UNREACHABLE, "Temporary failure in name"
    ),
    "recorded-2.16-drop-waagent.log.gz": _failed(WAAGENT, "waagent", PLATFORM, "IOError timed out"),
    "recorded-2.16-reject-waagent.log.gz": _failed(WAAGENT, "waagent", Cause.GUEST_FIREWALL, "Connection refused"),
    "recorded-2.16-two-agents-waagent.log.gz": _failed(
        WAAGENT, "waagent", Cause.AGENT_CONFIG, "cloud-init appears to be installed and enabled"
    ),
    "recorded-2.2.47-no-drive-waagent.log.gz": _failed(WAAGENT, "waagent", MEDIA, "Failed to get dvd device"),
    "recorded-2.2.47-tostring-waagent.log.gz": _failed(WAAGENT, "waagent", AGENT, "has no attribute"),
    "recorded-2.16-policy-waagent.log.gz": _failed(WAAGENT, "waagent", Cause.AGENT_CONFIG, "will not be processed"),
    "recorded-2.16-policy-broken-waagent.log.gz": _failed(
        WAAGENT, "waagent", Cause.AGENT_CONFIG, "will not be processed"
    ),
    # failing, rebuilt
    "exec-rhel8-messages.log": _failed(JOURNAL, None, AGENT, "Failed at step EXEC"),
    "imds-ubuntu-serial.log": _failed(SERIAL, "cloud-init", PLATFORM, "connection timeout"),
    "no-lease-sles15-journal.log": _failed(JOURNAL, "waagent", Cause.NO_NETWORK, "Failed to receive dhcp response"),
    "media-not-mounted-waagent.log": _failed(WAAGENT, "waagent", MEDIA, "unknown filesystem type"),
    "media-no-medium-waagent.log": _failed(WAAGENT, "waagent", MEDIA, "medium found on"),
    "media-no-drive-journal.log": _failed(JOURNAL, "waagent", MEDIA, "Failed to get dvd device"),
    "media-mounted-elsewhere-waagent.log": _failed(WAAGENT, "waagent", MEDIA, "already mounted at"),
    "media-old-dates-serial.log": _failed(SERIAL, "waagent", MEDIA, "Mounting dvd failed"),
    "waits-for-cloud-init-waagent.log": _failed(
        WAAGENT, "cloud-init", Cause.NO_PROVISIONING_AGENT, "cloud-init does not appear to be running"
    ),
    "wire-server-times-out-waagent.log": _failed(WAAGENT, "waagent", PLATFORM, "IOError timed out"),
    "goal-state-retries-waagent.log": _failed(WAAGENT, None, PLATFORM, "WireServer is not responding", POSSIBLE),
    "hostgaplugin-500-waagent.log": _failed(WAAGENT, None, PLATFORM, "500:"),
    "no-datasource-serial.log": _failed(SERIAL, "cloud-init", Cause.NO_PROVISIONING_AGENT, "datasource found"),
    "nxdomain-waagent.log": _failed(WAAGENT, "waagent", Cause.DNS_WRONG_ANSWER, "Name or service not known"),
    "guest-reject-waagent.log": _failed(WAAGENT, "waagent", Cause.GUEST_FIREWALL, "Connection refused"),
    "egress-closed-waagent.log": Truth(
        WAAGENT, "waagent", Readiness.READY, Cause.NO_EGRESS, WARNING, LIKELY, "IOError timed out"
    ),
    "policy-waagent.log": _failed(WAAGENT, "waagent", Cause.AGENT_CONFIG, "will not be processed"),
    "password-waagent.log": _failed(WAAGENT, "waagent", Cause.AGENT_CONFIG, "requires one of the"),
    "dhcp-cloud-init.log": _failed(CLOUD_INIT, "cloud-init", Cause.NO_NETWORK, "Failed to obtain DHCP lease"),
    "imds-cloud-init.log": _failed(CLOUD_INIT, "cloud-init", PLATFORM, "connection timeout"),
    "no-root-serial.log": _failed(SERIAL, None, BOOT, "does not exist"),
    "dracut-serial.log": _failed(SERIAL, None, BOOT, "does not exist"),
    "emergency-serial.log": _failed(SERIAL, None, BOOT, "Timed out waiting for device"),
    "panic-serial.log": _failed(SERIAL, None, BOOT, "VFS: Unable to mount root fs"),
    "grub-serial.log": _failed(SERIAL, None, BOOT, "no such device"),
    "firmware-serial.log": _failed(SERIAL, None, BOOT, "No bootable option"),
    "cycle-serial.log": _failed(SERIAL, None, Cause.NO_PROVISIONING_AGENT, "deleted to break"),
    "initrd-serial.log": _failed(SERIAL, None, BOOT, "Initrd Root Device"),
    "clock-waagent.log": _failed(WAAGENT, "waagent", Cause.CLOCK, "CERTIFICATE_VERIFY_FAILED"),
    "python-journal.log": _failed(JOURNAL, None, Cause.NO_PROVISIONING_AGENT, "Start request repeated"),
    "azure-init-journal.log": _failed(JOURNAL, "azure-init", PLATFORM, "instance metadata from IMDS"),
}
"""By the name of the file; every file there has one."""


def content(name: str) -> bytes:
    """A log as it was written."""
    whole = (BOOTS / name).read_bytes()
    return gzip.decompress(whole) if name.endswith(".gz") else whole
