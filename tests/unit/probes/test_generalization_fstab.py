"""Lines of fstab that another machine cannot mount."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.host.disk.types import Disk, Format, Layout, Table, Volume
from azpreflight.model import Finding
from azpreflight.probes.generalization import mounts
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings, judged
from tests.support.machines.generalization import PROBES, RUN, host, verdict

UUID = "5f0e8a7e-0c1d-4b57-9f57-2d4f7f3d1c11"
DISKS = {
    f"/dev/disk/by-uuid/{UUID}": Link("../../sda1"),
    "/dev/disk/by-uuid/DATA": Link("../../sdc1"),
    "/dev/disk/by-label/boot": Link("../../sda15"),
}


@pytest.mark.parametrize(
    ("line", "severities"),
    [
        (f"UUID={UUID} / ext4 defaults 0 1", ()),
        ("LABEL=boot /boot vfat defaults 0 1", ()),
        ("UUID=DATA /data ext4 defaults 0 2", ("error",)),
        ("UUID=DATA /data ext4 defaults,nofail 0 2", ()),
        ("UUID=GONE /data ext4 defaults 0 2", ("error",)),
        ("/dev/sdc1 /data ext4 defaults 0 2", ("error",)),
        ("/dev/sda1 / ext4 defaults 0 1", ("warning",)),
        ("/dev/nvme0n1p15 /boot/efi vfat defaults 0 1", ("error",)),
        ("/dev/disk/by-id/scsi-360022480-part3 /boot xfs defaults 0 0", ("error",)),
        ("/dev/disk/by-id/dm-uuid-LVM-Xy1 /home xfs defaults 0 0", ()),
        ("/dev/disk/cloud/azure_resource-part1 /mnt auto defaults 0 2", ("error",)),
        ("/dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail 0 2", ()),
        ("/dev/mapper/vg-data /data xfs defaults 0 2", ()),
        ("server:/share /nfs nfs defaults 0 0", ("warning",)),
        ("server:/share /nfs nfs _netdev,nofail 0 0", ()),
        ("/swapfile none swap sw 0 0", ()),
        ("tmpfs /tmp tmpfs defaults 0 0", ()),
        ("#/dev/sdc1 /data ext4 defaults 0 2", ()),
        ("nonsense", ()),
    ],
)
def test_fstab(line: str, severities: tuple[str, ...]) -> None:
    """What must be mounted has to be on the disk that is captured."""
    lines = line if " / " in line else f"UUID={UUID} / ext4 defaults 0 1\n{line}"
    machine = host({**DISKS, "/etc/fstab": lines + "\n"})
    assert verdict(machine, RUN, "gen-fstab")[1] == severities


def test_what_a_shell_would_run_in_fstab_stays_a_word(tmp_path: Path) -> None:
    """Somebody else's image is inspected, and the command is meant to be copied."""
    line = "LABEL=a';touch${IFS}ran;' /data ext4 defaults 0 2"
    machine = host({**DISKS, "/etc/fstab": f"UUID={UUID} / ext4 defaults 0 1\n{line}\n"})
    (finding,) = findings(judged(machine, RUN, *PROBES), "gen-fstab")
    (command,) = finding.commands
    (tmp_path / "fstab").write_text(f"{line}\n")
    subprocess.run(["sh", "-c", command.replace("/etc/", "")], cwd=tmp_path, check=True, timeout=30)
    assert [path.name for path in tmp_path.iterdir()] == ["fstab"]
    assert " nofail,defaults " in (tmp_path / "fstab").read_text()


LOCKED = Volume("partition 3", 0, 0, kind="LUKS", closed="it is encrypted (LUKS)")


@pytest.mark.parametrize(
    ("line", "more", "confidence"),
    [
        ("UUID=da7a /data ext4 defaults 0 2", (), None),
        ("LABEL=data /data ext4 defaults 0 2", (), None),
        ("UUID=90e0 /data ext4 defaults 0 2", (), "certain"),
        ("LABEL=cache /cache ext4 defaults 0 2", (), "certain"),
        ("/dev/mapper/datavg-lv /u01 xfs defaults 0 0", (), "certain"),
        ("UUID=90e0 /data ext4 defaults,nofail 0 2", (), None),
        (
            "UUID=90e0 /data ext4 defaults 0 2",
            (Volume("partition 3", 0, 0, kind="LUKS", closed="encrypted"),),
            "likely",
        ),
        ("UUID=90e0 /var ext4 defaults 0 2", (), None),
    ],
)
def test_fstab_of_a_disk_image(line: str, more: tuple[Volume, ...], confidence: str | None) -> None:
    """The whole disk is there to be asked; what belongs to the system's own places is for image-filesystems."""
    volumes = (Volume("partition 1", 0, 1, uuid="1a2b"), Volume("partition 2", 1, 1, uuid="da7a", label="data"), *more)
    disk = Disk("/d.vhd", Format.VHD, 1, 1, layout=Layout(Table.GPT, volumes), root="partition 1")
    text = f"UUID=1a2b / ext4 defaults 0 1\n{line}\n"
    facts = mounts.look(FakeHost(files={"/etc/fstab": text}, root="/mnt", disk=disk), replace(RUN, root="/mnt"))
    found = [verdict for verdict in mounts.judge(facts, RUN) if isinstance(verdict, Finding)]
    assert [one.confidence.value for one in found] == ([confidence] if confidence else [])


@pytest.mark.parametrize(
    ("line", "confidence"),
    [
        ("/dev/sr0 /metadata udf ro 0 0", "certain"),
        ("LABEL=OVF /media/ovf iso9660 ro 0 0", "certain"),
        ("/dev/cdrom /mnt/cd auto ro 0 0", "certain"),
        ("LABEL=Temporary /mnt ext4 defaults 0 2", "certain"),
        ("/dev/disk/azure/scsi1/lun0-part1 /data xfs defaults 0 2", "certain"),
        ("/dev/disk/azure/data/by-lun/0 /home xfs defaults 0 2", "certain"),
        ("UUID=GONE /data ext4 defaults 0 2", "likely"),
        ("LABEL=cache /cache ext4 defaults 0 2", "likely"),
        ("/dev/mapper/datavg-lv /var xfs defaults 0 0", "likely"),
        ("/dev/datavg/lv /u01 xfs defaults 0 0", "likely"),
        ("/dev/mapper/rootvg-home /home xfs defaults 0 0", None),
        ("/dev/mapper/rootvg-u01 /u01 xfs defaults 0 0", None),
        ("UUID=BOOT /boot xfs defaults 0 0", None),
        ("LABEL=OVF /media/ovf iso9660 ro,nofail 0 0", None),
    ],
)
def test_fstab_of_a_mounted_image(line: str, confidence: str | None) -> None:
    """No device can be asked: where an entry may be a data disk's, that is said, and not passed over."""
    text = f"/dev/mapper/rootvg-root / xfs defaults 0 0\n{line}\n"
    facts = mounts.look(FakeHost(files={"/etc/fstab": text}, root="/mnt"), replace(RUN, root="/mnt"))
    found = [verdict for verdict in mounts.judge(facts, RUN) if isinstance(verdict, Finding)]
    assert [one.confidence.value for one in found] == ([confidence] if confidence else [])
