"""Whether a VM made from this starts, finds its disk and its network, and is seen while it does.

An image that ran under another hypervisor, or on a VM of another size, has what it needed there. What it lacks on Azure
shows only after capture: a console without a line, and 20 minutes later OSProvisioningTimedOut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from azpreflight.host import Host, HostError
from azpreflight.model import Cause, Check, Judge, Probe, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.boot import console, dhcp, disk, drivers, firmware, messages, netfilter, sriov
from azpreflight.probes.boot.console import ConsoleFacts
from azpreflight.probes.boot.dhcp import DhcpClientFacts
from azpreflight.probes.boot.disk import DiskFacts
from azpreflight.probes.boot.drivers import DriverFacts, Initramfs
from azpreflight.probes.boot.firmware import FirmwareFacts
from azpreflight.probes.boot.messages import MessageFacts
from azpreflight.probes.boot.netfilter import NetfilterFacts
from azpreflight.probes.boot.sriov import SriovFacts

__all__ = ["PROBE", "BootFacts", "Initramfs"]

WORST_CASE_S = 2.0 + drivers.UNPACK_TIMEOUT
"""Seconds: one file on a disk that has died, or the largest image that is read and unpacked; they are at it at once. At
first boot no image is read, and journalctl is asked instead."""


@dataclass(frozen=True)
class BootFacts:
    """All that was found, subject by subject. None: that subject could not be inspected, and `errors` says why."""

    drivers: Optional[DriverFacts] = None
    console: Optional[ConsoleFacts] = None
    disk: Optional[DiskFacts] = None
    dhcp: Optional[DhcpClientFacts] = None
    firmware: Optional[FirmwareFacts] = None
    netfilter: Optional[NetfilterFacts] = None
    sriov: Optional[SriovFacts] = None
    messages: Optional[MessageFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be inspected, by the name of its field."""


LOOKS: Mapping[str, Callable[[Host, Run], Any]] = {
    "drivers": drivers.look,
    "console": console.look,
    "disk": disk.look,
    "dhcp": dhcp.look,
    "firmware": firmware.look,
    "netfilter": netfilter.look,
    "sriov": sriov.look,
    "messages": messages.look,
}


def gather(host: Host, run: Run) -> BootFacts:
    """Every subject; one that cannot be inspected does not take the others with it."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, look in LOOKS.items():
        try:
            found[name] = look(host, run)
        except HostError as error:
            errors[name] = str(error)
    return BootFacts(**found, errors=errors)


def part(name: str, judge: Callable[[Any, Run], Iterator[Verdict]]) -> Judge:
    """The judge of one subject as a judge of the whole."""

    def judge_part(facts: BootFacts, run: Run) -> Iterator[Verdict]:
        subject = getattr(facts, name)
        if subject is None:
            yield Unknown(facts.errors.get(name, f"{name} was not inspected"))
        else:
            yield from judge(subject, run)

    return judge_part


def _check(name: str, title: str, judge: Judge, severity: Severity, **more: Any) -> Check:
    return Check(name, title, judge, severity, **{"cause": Cause.BOOT_CONFIG, "offline": True, **more})


PROBE = Probe(
    name="boot",
    facts=BootFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        _check(
            "boot-drivers",
            "every kernel has Azure's disk and network drivers",
            part("drivers", drivers.judge_kernel),
            Severity.ERROR,
        ),
        _check(
            "boot-initramfs",
            "every initramfs has the disk drivers",
            part("drivers", drivers.judge_images),
            Severity.ERROR,
            stages=(Stage.BUILD, Stage.CAPTURE),
        ),
        _check(
            "boot-root",
            "the root filesystem does not depend on a device name",
            part("disk", disk.judge_root),
            Severity.ERROR,
        ),
        _check(
            "boot-console",
            "the serial port is the primary console",
            part("console", console.judge),
            Severity.WARNING,
        ),
        _check("boot-swap", "no swap is on the OS disk", part("disk", disk.judge_swap), Severity.WARNING),
        _check(
            "boot-space",
            "there is enough free space for agents and extensions",
            part("disk", disk.judge_space),
            Severity.ERROR,
        ),
        _check(
            "boot-dhcp-timeout",
            "the DHCP client's timeout is long enough for Azure",
            part("dhcp", dhcp.judge),
            Severity.WARNING,
        ),
        _check(
            "boot-firmware",
            "the UEFI firmware of a new VM finds the boot loader",
            part("firmware", firmware.judge),
            Severity.ERROR,
            stages=(Stage.BUILD, Stage.CAPTURE),
        ),
        _check(
            "boot-netfilter",
            "the kernel supports the agent's firewall rules",
            part("netfilter", netfilter.judge),
            Severity.WARNING,
            cause=Cause.AGENT_CONFIG,
        ),
        _check(
            "boot-sriov",
            "NetworkManager ignores SR-IOV virtual functions",
            part("sriov", sriov.judge),
            Severity.WARNING,
        ),
        _check(
            "boot-messages",
            "this boot logged no critical error",
            part("messages", messages.judge),
            Severity.ERROR,
            stages=(Stage.FIRSTBOOT,),
            offline=False,
        ),
    ),
)
