"""Whether the firmware of a new VM of generation 2 finds the boot loader.

A machine with UEFI starts what its memory of boot entries names, and an installer writes its entry there. That memory
belongs to the virtual machine and not to its disk: a VM made from the captured disk has an empty one, and then the
firmware starts \\EFI\\BOOT\\BOOTX64.EFI of the EFI system partition, or nothing ("No operating system was loaded"; UEFI
specification, section 3.5.1.1; Microsoft Learn, "Troubleshoot UEFI boot failures in Azure Linux virtual machines").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import kernels
from azpreflight.guest.efi_signature import LARGEST, Signature, signature
from azpreflight.host import Host, HostError
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part

PLACES = ("/boot/efi", "/efi", "/boot")
"""Where the EFI system partition is mounted; the empty /boot/efi of one that is not mounted is no EFI of /boot."""
FSTAB = "/etc/fstab"
SAID = {
    Signature.NONE: "not signed: a VM with Secure Boot (Trusted Launch) does not start it",
    Signature.OTHER: "not signed by Microsoft's UEFI authorities: a VM with Secure Boot (Trusted Launch) does not start"
    " it",
    Signature.ONLY_2011: "signed by the UEFI CA 2011 alone: firmware that has only the certificate of 2023 does not"
    " start it with Secure Boot",
}
"""Of signatures that some VMs do not take."""


@dataclass(frozen=True)
class FirmwareFacts:
    """The EFI system partition, if there is one."""

    wanted: bool = False
    """It is needed: the system was started by UEFI, or fstab of a mounted image has the partition."""
    place: Optional[str] = None
    """Where it is mounted; None: nowhere."""
    default: bool = False
    """The file that firmware starts by default is there."""
    file: str = "BOOTX64.EFI"
    """Its name for this architecture."""
    signature: Optional[Signature] = None
    """Of that file; None: it is no program, or too large."""


def look(host: Host, run: Run) -> FirmwareFacts:
    """The names in \\EFI\\BOOT, whatever their case: the filesystem knows none."""
    file = "BOOTAA64.EFI" if kernels.is_arm(host) else "BOOTX64.EFI"
    tops = ((place, _inside(host, place, "EFI")) for place in PLACES)
    place, top = next(((place, top) for place, top in tops if top is not None and host.list(top)), (None, None))
    if run.offline:
        fields = (line.split() for line in (host.text(FSTAB) or "").splitlines())
        wanted = place is not None or any(row[1:3] in (["/boot/efi", "vfat"], ["/efi", "vfat"]) for row in fields)
    else:
        wanted = host.info("/sys/firmware/efi") is not None
    boot = _inside(host, top, "BOOT") if top is not None else None
    path = _inside(host, boot, file) if boot is not None else None
    return FirmwareFacts(wanted, place, path is not None, file, _signature(host, path) if path is not None else None)


def _signature(host: Host, path: str) -> Optional[Signature]:
    with suppress(HostError):
        return signature(host.read(path, LARGEST) or b"")
    return None


def _inside(host: Host, directory: str, name: str) -> Optional[str]:
    found = (one for one in host.list(directory) or () if one.upper() == name)
    return next((f"{directory}/{one}" for one in found), None)


def judge(facts: FirmwareFacts, run: Run) -> Iterator[Verdict]:
    """The file of the default path is there."""
    if not facts.wanted:
        yield NotApplicable("this was not started by UEFI, as VMs of generation 2 are")
    elif facts.place is None:
        yield Unknown("the EFI system partition is not mounted")
    elif not facts.default:
        yield Finding(
            Severity.ERROR,
            f"{facts.place}/EFI/BOOT/{facts.file} is missing: the firmware of a new VM of generation 2 finds nothing "
            "to start",
            "Install the boot loader in the default path too.",
            (_install(facts, run),),
            confidence=Confidence.LIKELY,
            confidence_reason="a VM that is copied with its firmware's memory starts without it",
        )
    elif facts.signature in SAID:
        yield Finding(
            Severity.NOTE,
            f"{facts.place}/EFI/BOOT/{facts.file} is {SAID[facts.signature]}",
            "Install the distribution's current shim in the default path, if VMs are to have Secure Boot.",
        )


def _install(facts: FirmwareFacts, run: Run) -> str:
    agents = run.facts(AgentsFacts)
    if agents is not None and agents.distribution.of("debian", "ubuntu"):
        target = "arm64-efi" if facts.file == "BOOTAA64.EFI" else "x86_64-efi"
        return f"grub-install --target={target} --no-nvram --uefi-secure-boot --force-extra-removable"
    return "dnf reinstall 'shim-*' 'grub2-efi-*'"


CHECKS = (
    check(
        "boot-firmware",
        "the UEFI firmware of a new VM finds the boot loader",
        part("firmware", judge),
        Severity.ERROR,
        stages=(Stage.BUILD, Stage.CAPTURE),
    ),
)
