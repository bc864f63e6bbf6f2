"""The VM as a command line, and the layer over the image."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from azpreflight.guest.kernels import Presence
from azpreflight.host.disk.types import Format, Layout, Table, Volume
from azpreflight.rehearse import machine, overlay, planning
from azpreflight.rehearse.drivers import EmulatorDrivers
from azpreflight.rehearse.facts import SECOND_BOOT, Controller, Network
from azpreflight.rehearse.patience import Patience
from azpreflight.rehearse.planning import Wishes
from tests.support.machines.rehearsal import PLAN

VM = machine.Vm("7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55", "00:0d:3a:12:34:56", "/x/disk.qcow2", "/x", "/x/disc.iso")


def line(**changes: object) -> str:
    """The command line of the healthy plan with changes."""
    return " ".join(machine.command(replace(PLAN, **changes), VM))  # type: ignore[arg-type]


def test_firmware_tables_are_those_of_azure() -> None:
    """With the chassis asset tag, and no bit that names a hypervisor."""
    said = line(cpu=planning.OLD_CPU)
    assert "asset=7783-7084-3265-9085-8269-3286-77" in said
    assert "version=Hyper-V UEFI Release v4.1,uuid=7d2b9a5e" in said
    assert "-hypervisor" in said


def test_generations() -> None:
    """BIOS with the disc on IDE; UEFI, with Secure Boot only where it is asked for."""
    assert "-machine pc " in line(generation=1)
    assert "ide-cd,drive=disc,bus=ide.1" in line(generation=1)
    assert "scsi-cd" in line(generation=2)
    assert "smm" not in line(generation=2)
    assert "secboot" in line(generation=2, secure_boot=True)


def test_the_firmware_is_a_file_of_generation_2() -> None:
    """Which may be absent where QEMU is installed; with Secure Boot it has keys."""
    plain, secure = (machine.firmware(replace(PLAN, secure_boot=secure)) for secure in (False, True))
    assert all(file in line() for file in plain[:1])
    assert all(file in line(secure_boot=True) for file in secure[:1])
    assert (plain[1], secure[1]) == (machine.VARIABLES[False], machine.VARIABLES[True])
    assert machine.firmware(replace(PLAN, generation=1)) == ()


def test_the_emulator_may_start_nothing() -> None:
    """A hostile image that breaks out of it finds neither programs nor rights."""
    words = machine.command(PLAN, VM)
    assert "spawn=deny" in words[words.index("-sandbox") + 1]


@pytest.mark.parametrize("driver", machine.CONTROLLERS)
def test_each_controller_has_the_os_disk(driver: str) -> None:
    """And the one whose kernel leaves IDE disks to Hyper-V is not called by Hyper-V's name."""
    said = line(disk=Controller(driver, ""))
    assert "drive=os" in said
    assert ("product=Virtual Machine" in said) is (driver != "ata_piix")


@pytest.mark.parametrize("driver", machine.CONTROLLERS)
def test_a_further_disk_comes_before_the_os_disk(driver: str) -> None:
    """On the same kind of bus, so that /dev/nvme0n1 or /dev/sda is another one, as after a resize."""
    words = machine.command(replace(PLAN, disk=Controller(driver, "")), replace(VM, spare="/x/spare"))
    spare, system = (next(n for n, word in enumerate(words) if f",drive={name}" in word) for name in ("spare", "os"))
    assert spare < system
    assert words[spare].partition(",")[0] == words[system].partition(",")[0]


def test_no_socket_has_the_name_of_a_long_folder() -> None:
    """The name of one has at most 108 bytes (unix(7)), and the folder is wherever TMPDIR is."""
    words = machine.command(PLAN, replace(VM, folder=f"/{'x' * 200}"))
    assert [word for word in words if "unix:" in word] == ["unix:control,server=on,wait=off"]


def test_a_comma_in_a_path_is_no_option() -> None:
    """QEMU writes it twice."""
    said = " ".join(machine.command(PLAN, replace(VM, disk="/x/a,b.qcow2")))
    assert "file=/x/a,,b.qcow2," in said


def test_a_fixed_vhd_is_the_raw_disk_before_its_footer() -> None:
    """And a qcow2 opens no backing file, whatever it names."""
    vhd = json.loads(overlay.backing("/i.vhd", Format.VHD, 1 << 20).removeprefix("json:"))
    assert vhd == {"driver": "raw", "size": 1 << 20, "file": {"driver": "file", "filename": "/i.vhd"}}
    qcow2 = json.loads(overlay.backing("/i.qcow2", Format.QCOW2, 1 << 20).removeprefix("json:"))
    assert qcow2["backing"] is None
    assert overlay.create(overlay.backing("/i.vhd", Format.DYNAMIC_VHD, 1), "/l")[-3:] == ("-F", "vpc", "/l")
    assert overlay.create(overlay.backing("/i.vhd", Format.VHD, 1), "/l", 2048)[-2:] == ("/l", "2048M")


ESP = Volume("partition 2", 0, 1, 2, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b")


@pytest.mark.parametrize(
    ("wishes", "layout", "generation"),
    [
        (Wishes(), Layout(Table.GPT, (ESP,), boot_code=True), 2),
        (Wishes(), Layout(Table.MBR, (), boot_code=True), 1),
        (Wishes(generation=1), Layout(Table.GPT, (ESP,), boot_code=True), 1),
        (Wishes(secure_boot=True), Layout(Table.MBR, (), boot_code=True), 2),
        (Wishes(), None, 2),
    ],
)
def test_the_generation_is_what_the_disk_can_start_from(wishes: Wishes, layout: Layout | None, generation: int) -> None:
    """Unless another one is asked for."""
    made = planning.plan(wishes, layout, EmulatorDrivers(), "debian", "there is no /dev/kvm")
    assert made.generation == generation
    assert made.generation_reason


def test_generation_2_has_no_piix() -> None:
    """An image that has drivers for nothing else boots as generation 1; as generation 2 nothing is known."""
    kernel = EmulatorDrivers("6.1.0", dict.fromkeys(("ata_piix", "sd_mod"), Presence.BUILT_IN), ())
    made = [planning.plan(Wishes(generation=number), None, kernel, "debian", "no").disk for number in (1, 2)]
    assert [(disk.driver, disk.known) for disk in made] == [("ata_piix", True), ("ahci", False)]


def test_the_processor_is_one_that_the_programs_run_on() -> None:
    """The quick one only for distributions that run anywhere; the machine's own with an accelerator."""
    plans = [
        planning.plan(Wishes(network=Network.PROXY), None, None, *what)
        for what in (("debian", "no"), ("rhel", "no"), ("rhel", ""))
    ]
    assert [made.cpu for made in plans] == [planning.OLD_CPU, planning.NEW_CPU, planning.HOST_CPU]
    assert [made.accelerator for made in plans] == ["tcg", "tcg", "kvm"]
    assert SECOND_BOOT in plans[0].trials
    assert planning.plan(Wishes(quick=True), None, None, None, "no").trials == ()


def test_patience_goes_by_the_speed_that_was_seen() -> None:
    """A machine that took ten times as long until init is given ten times as long a silence, and not for ever."""
    patience = Patience("tcg", 1200.0)
    fast, slow = {"loader": 1.0, "init": 6.0}, {"loader": 10.0, "init": 60.0}
    assert patience.slowness(fast) == 1.0
    assert patience.slowness(slow) == 10.0
    assert patience.silence_s(fast) < patience.silence_s(slow) <= 300.0
    assert patience.limit_s({}) == 900.0
    assert Patience("kvm").limit_s({}) == 180.0
    assert patience.limit_s(slow) == 1200.0
