"""The VM as a command line of QEMU: what Azure's firmware tables say, and devices that the image has drivers for.

Without an accelerator QEMU says that there is no hypervisor, so that systemd goes by the firmware's tables and takes it
for Hyper-V, as the units of waagent require (systemd, virt.c). The chassis asset tag is that of every VM on Azure.
"""

from __future__ import annotations

from azpreflight.dataclass import dataclass
from azpreflight.rehearse.facts import Plan

ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
FIRMWARE = "Hyper-V UEFI Release v4.1"
MAKER, PRODUCT = "Microsoft Corporation", "Virtual Machine"
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
OVMF_PLAIN = "/usr/share/OVMF/OVMF_CODE_4M.fd"
VARIABLES = {True: "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", False: "/usr/share/OVMF/OVMF_VARS_4M.fd"}
"""With the keys that Azure's firmware has as well, and without any."""
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
"""System calls that an emulator whose guest has broken out would want, and that it needs for nothing here."""
TAP = "vnet"
IGNORES_ATA = "ata_piix"
"""The kernel leaves IDE disks to Hyper-V's own driver where the tables name both maker and product (ata_piix.c)."""
CONTROLLERS = {
    "nvme": ("nvme,drive=os,serial=os,bootindex=1",),
    "virtio_blk": ("virtio-blk-pci,drive=os,bootindex=1",),
    "virtio_scsi": ("virtio-scsi-pci,id=scsi", "scsi-hd,bus=scsi.0,drive=os,bootindex=1"),
    "ahci": ("ahci,id=ahci", "ide-hd,bus=ahci.0,drive=os,bootindex=1"),
    "ata_piix": ("ide-hd,bus=ide.0,drive=os,bootindex=1",),
}
"""Devices by the driver that they need; "os" is the OS disk."""
SPARES = {
    "nvme": ("nvme,drive=spare,serial=spare",),
    "virtio_blk": ("virtio-blk-pci,drive=spare",),
    "virtio_scsi": ("virtio-scsi-pci,id=more", "scsi-hd,bus=more.0,drive=spare"),
    "ahci": ("ahci,id=more", "ide-hd,bus=more.0,drive=spare"),
    "ata_piix": ("ide-hd,bus=ide.0,drive=spare",),
}
"""The same for a further disk; they come before those of the OS disk."""
DISC_DRIVES = {
    "virtio_scsi": ("virtio-scsi-pci,id=discs", "scsi-cd,bus=discs.0,drive=disc"),
    "ahci": ("ide-cd,drive=disc,bus=ide.2",),
    "ata_piix": ("piix3-ide,id=discs", "ide-cd,bus=discs.0,drive=disc"),
}
"""The same for the provisioning disc of generation 2."""
NICS = {"virtio_net": "virtio-net-pci", "e1000e": "e1000e", "e1000": "e1000"}

CONTROL = "control"
"""The socket of the control channel, in the folder that the emulator works in: a path to it may be longer than the 108
bytes that the name of a socket has (unix(7))."""


@dataclass(frozen=True)
class Vm:
    """What differs between the VMs of one rehearsal."""

    vm_id: str
    mac: str
    disk: str
    """The layer that takes what is written, a qcow2."""
    folder: str
    """Where its sockets and logs are."""
    disc: str = ""
    """The provisioning disc; none: it has been taken away."""
    spare: str = ""
    """A raw file that is a further disk; none: there is none."""


def command(plan: Plan, vm: Vm) -> list[str]:
    """The whole command line."""
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-sandbox", SANDBOX]
    words += [*_board(plan, vm), "-accel", _accelerator(plan), "-cpu", plan.cpu]
    words += ["-smp", str(plan.processors), "-m", str(plan.memory_mib), "-uuid", vm.vm_id]
    words += _tables(plan, vm)
    words += ["-drive", f"file={_file(vm.disk)},format=qcow2,if=none,id=os,cache=unsafe,discard=unmap"]
    words += _spare(plan, vm)
    words += [word for device in CONTROLLERS[plan.disk.driver] for word in ("-device", device)]
    words += ["-device", "virtio-rng-pci", "-vga", "std"]
    words += ["-serial", f"file:{vm.folder}/serial", "-qmp", f"unix:{CONTROL},server=on,wait=off"]
    words += ["-netdev", f"tap,id=net,ifname={TAP},script=no,downscript=no"]
    words += ["-device", f"{NICS[plan.nic.driver]},netdev=net,mac={vm.mac},romfile="]
    return [*words, *_disc(plan, vm)]


def firmware(plan: Plan) -> tuple[str, ...]:
    """The files of its firmware that are not QEMU's own."""
    if plan.generation == 1:
        return ()
    return (OVMF if plan.secure_boot else OVMF_PLAIN), VARIABLES[plan.secure_boot]


def _file(path: str) -> str:
    """A path in an option of QEMU, where a comma is written twice."""
    return path.replace(",", ",,")


def _accelerator(plan: Plan) -> str:
    return "kvm" if plan.accelerator == "kvm" else "tcg,thread=multi"


def _board(plan: Plan, vm: Vm) -> list[str]:
    if plan.generation == 1:
        return ["-machine", "pc"]
    variables = f"if=pflash,unit=1,format=raw,file={_file(vm.folder)}/variables"
    if not plan.secure_boot:
        code = f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_PLAIN}"
        return ["-machine", "q35", "-drive", code, "-drive", variables]
    code = f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF}"
    secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return ["-machine", "q35,smm=on", *secure, "-drive", code, "-drive", variables]


def _tables(plan: Plan, vm: Vm) -> list[str]:
    product = "VM" if plan.disk.driver == IGNORES_ATA else PRODUCT
    system = f"type=1,manufacturer={MAKER},product={product},version={FIRMWARE},uuid={vm.vm_id}"
    chassis = f"type=3,manufacturer={MAKER},asset={ASSET_TAG}"
    bios = f"type=0,vendor={MAKER},version={FIRMWARE}"
    return ["-smbios", bios, "-smbios", system, "-smbios", chassis]


def _disc(plan: Plan, vm: Vm) -> list[str]:
    """A DVD drive: on IDE in generation 1, and in generation 2, which has SCSI, where the image has drivers."""
    if not vm.disc:
        return []
    drive = ["-drive", f"file={_file(vm.disc)},if=none,id=disc,media=cdrom,readonly=on,format=raw"]
    if plan.generation == 1:
        return [*drive, "-device", "ide-cd,drive=disc,bus=ide.1"]
    return [*drive, *(word for device in DISC_DRIVES[plan.disc] for word in ("-device", device))]


def _spare(plan: Plan, vm: Vm) -> list[str]:
    """A further disk, found before the OS disk, so that names which go by the order of disks move by one."""
    if not vm.spare:
        return []
    drive = ["-drive", f"file={_file(vm.spare)},if=none,id=spare,format=raw,cache=unsafe"]
    return [*drive, *(word for device in SPARES[plan.disk.driver] for word in ("-device", device))]
