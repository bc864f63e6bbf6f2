"""File systems, memory and volumes that the start needs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.machines.startup import DEVICES, LVM, ONE_DISK, grub, host, modules, severities


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"/etc/modprobe.d/a.conf": "blacklist vfat\n"}, ["error"]),
        ({"/etc/modprobe.d/a.conf": "install ext4 /bin/false\n"}, ["error"]),
        ({"/etc/modprobe.d/a.conf": "alias fs-vfat off\n"}, ["error"]),
        ({"/etc/modprobe.d/a.conf": "install udf /bin/true\ninstall cramfs /bin/true\n"}, []),
        ({"/etc/fstab": "UUID=1 / xfs defaults 0 0\n"}, ["error"]),
        ({"/etc/fstab": "UUID=1 / ext4 defaults 0 0\nUUID=2 /data xfs nofail 0 0\n"}, []),
        (
            {"/etc/modprobe.d/a.conf": "install vfat /bin/true\n", **modules("ext4", built_in=("vfat",))},
            [],
        ),
        ({"/etc/fstab": "UUID=1 / ext3 defaults 0 0\n"}, []),
    ],
)
def test_filesystems(changes: dict[str, Any], expected: list[str]) -> None:
    """Blocked, or not there; what need not be mounted does not matter."""
    assert severities(host(changes), "boot-filesystems") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"/etc/sysctl.conf": "vm/nr_hugepages=2000\n"}, ["warning"]),
        (
            {"/usr/lib/sysctl.d/50-x.conf": "vm.nr_hugepages=2000\n", "/etc/sysctl.d/60-x.conf": "vm.nr_hugepages=0\n"},
            [],
        ),
        ({"/usr/lib/sysctl.d/50-x.conf": "vm.nr_hugepages=2000\n", "/etc/sysctl.d/50-x.conf": ""}, []),
        (grub("root=UUID=1a2b hugepagesz=1G hugepages=16"), ["warning"]),
        (grub("root=UUID=1a2b default_hugepagesz=1G hugepages=1"), ["warning"]),
        (grub("root=UUID=1a2b hugepages=16"), []),
        (grub("root=UUID=1a2b mem=64G"), ["warning"]),
        ({"/etc/sysctl.d/a.conf": "vm.min_free_kbytes = 4194304\n"}, ["warning"]),
        ({"/etc/sysctl.d/a.conf": "vm.swappiness = 1\nvm.min_free_kbytes = 65536\n# vm.nr_hugepages=99999\n"}, []),
        ({"/etc/sysctl.d/a.conf": "vm.panic_on_oom = 1\n"}, ["note"]),
    ],
)
def test_memory(changes: dict[str, Any], expected: list[str]) -> None:
    """The last value of a key counts, and what is small does no harm."""
    assert severities(host(changes), "boot-memory") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({**LVM, DEVICES: ONE_DISK.replace("sys_wwid", "devname")}, ["error"]),
        ({**LVM, DEVICES: ONE_DISK, "/etc/lvm/lvm.conf": "devices {\n use_devicesfile = 0\n}\n"}, []),
        ({DEVICES: ONE_DISK}, []),
        ({**LVM, DEVICES: "# none\nVERSION=1.1.2\n"}, []),
        ({**LVM, "/etc/lvm/lvm.conf": ' filter = [ "a|/dev/vda2|", "r|.*|" ]\n'}, ["error"]),
        ({**LVM, "/etc/lvm/lvm.conf": ' global_filter = [ "a|/dev/sd.*|", "r|.*|" ]\n'}, []),
        ({**LVM, "/etc/lvm/lvm.conf": ' # filter = [ "a|/dev/vda2|", "r|.*|" ]\n filter = [ "a|.*|" ]\n'}, []),
    ],
)
def test_volumes(changes: dict[str, Any], expected: list[str]) -> None:
    """Where the boot needs LVM, neither its list nor its filter is of one disk."""
    assert severities(host(changes), "boot-volumes") == expected


GROWPART = "/usr/bin/growpart"


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({}, (GROWPART,), ["note"]),
        ({"/usr/share/initramfs-tools/scripts/local-bottom/growroot": ""}, (GROWPART,), []),
        ({"/usr/lib/repart.d/50-root.conf": "[Partition]\nType=root\n"}, (GROWPART,), []),
        ({"/etc/cloud/cloud.cfg.d/90.cfg": "growpart: {mode: 'off'}\n"}, (), ["note"]),
        (
            {
                "/etc/cloud/cloud.cfg.d/90.cfg": "growpart: {mode: 'off'}\n",
                "/etc/cloud/cloud.cfg.d/91.cfg": "growpart: {mode: auto}\n",
            },
            (),
            [],
        ),
        ({"/etc/cloud/cloud.cfg.d/90.cfg": "growpart: {mode: auto}\n"}, (), []),
        ({"/etc/cloud/cloud.cfg.d/90.cfg": "cloud_init_modules: [ssh, growpart]\n"}, (), []),
        ({"/etc/cloud/cloud.cfg.d/90.cfg": "cloud_init_modules: [ssh]\n"}, (), ["note"]),
        (LVM, (), ["note"]),
        (grub("root=/dev/mapper/rootvg-root ro"), (), ["note"]),
        (grub("root=/dev/mapper/mpatha ro") | {"/etc/fstab": "LABEL=x / ext4 defaults 0 0\n"}, (), []),
        ({"/etc/fstab": "/dev/mapper/luks-1a2b / ext4 defaults 0 0\n"}, (), []),
    ],
)
def test_grow(changes: dict[str, Any], removed: tuple[str, ...], expected: list[str]) -> None:
    """cloud-init's growpart with its program, or another; what it does not enlarge is told."""
    assert severities(host(changes, *removed), "boot-grow") == expected
