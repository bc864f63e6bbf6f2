"""Four generations of Debian with their real agents, as VMs of the stand-in that nobody has provisioned yet.

No kernel of a test machine need have a driver for the provisioning disc: `mount` of these VMs gives its directory in
the place of it. The agents are as Debian installs them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

from azpreflight.standin import addresses
from azpreflight.standin.extension import HELLO
from azpreflight.standin.identity import STANDIN
from tests.netns import topology
from tests.netns.standin import BUNDLE, Fault, StandIn
from tests.qemu.disc import OVF

PATIENCE = 120.0
"""Seconds until an agent has done what is awaited; the longest, to its first Ready, takes some 17."""
PACKAGES = ("waagent", "cloud-init", "openssh-server", "sudo", "iproute2", "iptables", "ca-certificates")


@dataclass(frozen=True)
class Generation:
    """A release of Debian."""

    suite: str
    waagent: str
    cloud_init: str
    dhcp: str
    """The package of its DHCP client."""
    beside: tuple[str, ...] = ("NotReady Provisioning", "Ready")
    """What waagent says of the VM where cloud-init has provisioned it."""

    @property
    def packages(self) -> tuple[str, ...]:
        """What its tree has."""
        return (*PACKAGES, self.dhcp)


BULLSEYE = Generation("bullseye", "2.2.47", "20.4.1", "isc-dhcp-client")
GENERATIONS = (
    BULLSEYE,
    Generation("bookworm", "2.7.3.0", "22.4.2", "isc-dhcp-client"),
    Generation("trixie", "2.12.0.2", "25.1.4", "dhcpcd-base"),
    Generation("sid", "2.16.0.2", "26.2", "dhcpcd-base", beside=()),
)
CONFIGURATION = """\
Provisioning.Agent={provisioner}
Provisioning.RegenerateSshHostKeyPair=y
Extensions.Enabled=y
AutoUpdate.Enabled=n
OS.EnableFirewall=y
ResourceDisk.Format=n
"""
MOUNT = """#!/bin/sh
case "$*" in *udf*) for place; do :; done; exec /bin/mount --bind /srv/disc "$place" ;; esac
exec /bin/mount "$@"
"""
VIRTUALIZATION = """#!/bin/sh
case "$*" in *container*) exit 1 ;; esac
echo microsoft
"""
"""A VM of namespaces is taken for a container, of which cloud-init asks no SMBIOS."""
CLOUD_INIT_STAGE = "/etc/systemd/system/cloud-init.target.wants/cloud-init-local.service"
NETWORK_DEVICES = f"""
mkdir /run/sys && mount -t sysfs sysfs /run/sys
mkdir -p /sys/class/net /sys/devices/virtual/net
for part in class/net devices/virtual/net; do mount --bind /run/sys/$part /sys/$part; done
umount -l /run/sys
ip link set eth0 down
ip link set eth0 address {STANDIN.mac}
ip address flush dev eth0
ip link set eth0 up
"""
"""sysfs of the VM's own network, and a NIC without an address, as it is at power-on."""
ADDRESSES = "\n".join(
    (
        "ip link set eth0 up",
        f"ip address replace {addresses.VM}/{addresses.PREFIX_LENGTH} dev eth0",
        *(f"ip route replace {route}" for route in topology.ROUTES["vm"]),
    )
)
"""What the distribution's own network configuration does with the lease."""


TRUST = f"cd {Path(BUNDLE).parent}; ln -sf {BUNDLE} $(openssl x509 -noout -hash -in {BUNDLE}).0"
"""Debian 11's OpenSSL reads the directory, and no bundle."""


def by_waagent() -> Fault:
    """waagent provisions, from a disc."""
    files = {
        "/etc/waagent.conf": CONFIGURATION.format(provisioner="waagent"),
        CLOUD_INIT_STAGE: None,
        "/usr/local/sbin/mount": MOUNT,
        "/srv/disc/ovf-env.xml": OVF,
    }
    return Fault(files=files)


def by_cloud_init() -> Fault:
    """cloud-init provisions, over a network that DHCP makes, and waagent does the extensions."""
    files = {
        "/etc/waagent.conf": CONFIGURATION.format(provisioner="cloud-init"),
        "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [Azure]\n",
        "/var/lib/cloud/seed/azure/ovf-env.xml": OVF,
        "/usr/local/sbin/systemd-detect-virt": VIRTUALIZATION,
    }
    return Fault(behaviours={"dhcp": "answers"}, files=files)


def power_on(platform: StandIn) -> None:
    """What kernel and udev do before the agents: a disc drive, and a NIC without an address."""
    _run(platform, f"touch /dev/sr0\n{NETWORK_DEVICES}")


def bring_up(platform: StandIn) -> None:
    """What the distribution's network does after cloud-init's first stage, or without it; and trust in the store."""
    _run(platform, f"touch /dev/sr0\n{ADDRESSES}\n{TRUST}")


def _run(platform: StandIn, script: str) -> None:
    done = platform.vm.run("sh", "-ec", script)
    assert done.status == 0, done.stderr


def until(platform: StandIn, met: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """All requests, once they are what is awaited; the log of the agent where they never are."""
    deadline = time.monotonic() + PATIENCE
    while not met(asked := platform.requests()):
        if time.monotonic() > deadline:
            log = platform.vm.run("tail", "-n", "40", "/var/log/waagent.log").stdout
            raise TimeoutError(f"not within {PATIENCE:.0f} s; states: {states(asked)}\n{log}")
        time.sleep(0.2)
    return asked


def states(asked: list[dict[str, Any]]) -> list[str]:
    """What the VM has said of itself, in order."""
    reports = [entry["reported"] for entry in asked if "state" in entry.get("reported", {})]
    return [f"{one['state']} {one['substatus']}".strip() for one in reports]


def installed(asked: list[dict[str, Any]]) -> bool:
    """The agent has reported that the extension works."""
    reports: list[Mapping[str, Any]] = [entry.get("reported", {}) for entry in asked]
    return any(one.get("extensions", {}).get(HELLO.name) == "success" for one in reports)


def endpoint(entry: Mapping[str, Any]) -> str:
    """What was asked, as the table in docs/standin.md names it: without what differs from VM to VM."""
    part = entry["service"]
    if part in ("dhcp", "dns", "ntp"):
        return f"{part} {entry.get('message') or entry.get('type') or ''}".strip()
    url = urlsplit(entry["target"])
    query = parse_qs(url.query)
    named = [f"{key}={query[key][0]}" for key in ("comp", "type") if key in query]
    path = url.path.replace("/machine/c/i", "/machine/.../...")
    if part == "store":
        path = "/..." + path[path.rfind("_manifest.xml") :] if path.endswith("_manifest.xml") else "/....zip"
    return f"{part} {entry['method']} {path}" + (f"?{'&'.join(named)}" if named else "")
