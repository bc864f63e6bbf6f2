"""Whether a boot comes to its agents: entry, file systems, memory, LVM, target, NIC and labels."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest import boot_entry
from azpreflight.host.local import LocalHost
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes import agents, startup
from azpreflight.probes.startup import nic_files as nic
from tests.support import fixing as mending
from tests.support.fakes import Denied, FakeHost, Fifo, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.unit.probes import test_agents as with_agents

PROBE = startup.PROBE
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
RELEASE = "6.1.0-50-cloud-amd64"
KERNEL, IMAGE = f"/boot/vmlinuz-{RELEASE}", f"/boot/initrd.img-{RELEASE}"
GRUB = "/boot/grub/grub.cfg"
MODULES = f"/lib/modules/{RELEASE}"
UNIT = "/lib/systemd/system/{}"
WANTED = "/etc/systemd/system/multi-user.target.wants/{}"


def service(name: str) -> dict[str, Any]:
    """A unit that is enabled."""
    return {UNIT.format(name): "[Unit]\n", WANTED.format(name): Link(UNIT.format(name))}


def modules(*names: str, built_in: tuple[str, ...] = ()) -> dict[str, Any]:
    """Lists and files of one kernel."""
    return {
        f"{MODULES}/modules.dep": "".join(f"kernel/fs/{name}.ko:\n" for name in names),
        f"{MODULES}/modules.builtin": "".join(f"kernel/fs/{name}.ko\n" for name in built_in),
        **{f"{MODULES}/kernel/fs/{name}.ko": "" for name in names},
    }


def grub(options: str = "root=UUID=1a2b ro", initrd: str | None = IMAGE, kernel: str = KERNEL) -> dict[str, Any]:
    line = f"\tinitrd\t{initrd}\n" if initrd else ""
    return {GRUB: f"set default=\"0\"\nmenuentry 'Debian' {{\n\tlinux\t{kernel} {options}\n{line}}}\n"}


LABELS = dict.fromkeys(
    ("/", "/etc", "/etc/passwd", "/usr", "/usr/sbin", "/usr/sbin/waagent"), "system_u:object_r:etc_t:s0"
)
FILES: dict[str, Any] = {
    **with_agents.FILES,
    **modules("ext4", "vfat", "fat"),
    **grub(),
    KERNEL: "MZ",
    IMAGE: gzip.compress(b"x"),
    "/etc/fstab": "UUID=1a2b / ext4 defaults 0 1\nUUID=8C1F /boot/efi vfat defaults 0 2\n",
    **service("systemd-networkd.service"),
    "/usr/bin/growpart": "",
    "/sbin/dhclient": "",
    **{
        UNIT.format(name): f"[Unit]\n{text}\n"
        for name, text in {
            "multi-user.target": "Requires=basic.target\nAfter=basic.target",
            "basic.target": "Requires=sysinit.target\nWants=sockets.target\nAfter=sysinit.target sockets.target",
            "sysinit.target": "Wants=local-fs.target\nAfter=local-fs.target",
            "local-fs.target": "DefaultDependencies=no",
            "sockets.target": "",
            "network-online.target": "",
        }.items()
    },
    "/lib/systemd/system/default.target": Link("/lib/systemd/system/multi-user.target"),
}


def host(changes: dict[str, Any], *removed: str, labels: dict[str, str] | None = None) -> FakeHost:
    """A Debian that starts, with some files changed and some away."""
    files = {path: node for path, node in {**FILES, **changes}.items() if path not in removed}
    return FakeHost(files=files, labels=labels or {})


ENFORCING = {"/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n", "/etc/passwd": ""}
LVM = {
    "/etc/fstab": "/dev/mapper/rootvg-root / ext4 defaults 0 0\n",
    **grub("root=/dev/mapper/rootvg-root ro rd.lvm.lv=rootvg/root"),
}
DEVICES = "/etc/lvm/devices/system.devices"
ONE_DISK = "VERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=naa.6002 DEVNAME=/dev/sda4 PVID=9d PART=4\n"
DISABLED = {"/etc/cloud/cloud.cfg.d/99-net.cfg": "network: {config: disabled}\n"}

SKIPPED = "/etc/systemd/system/cloud-init-local.service.d/x.conf"
HEALTHY = (host({}), RUN)
BROKEN = {
    "boot-entry": (host({}, IMAGE), RUN),
    "boot-filesystems": (host({"/etc/modprobe.d/CIS.conf": "install vfat /bin/true\n"}), RUN),
    "boot-memory": (host({"/etc/sysctl.d/97-huge.conf": "vm.nr_hugepages = 49152\n"}), RUN),
    "boot-volumes": (host({"/etc/fstab": "/dev/rootvg/var /var ext4 defaults 0 0\n", DEVICES: ONE_DISK}), RUN),
    "boot-grow": (host({}, "/usr/bin/growpart"), RUN),
    "boot-target": (host({"/etc/systemd/system/default.target": Link("/lib/systemd/system/rescue.target")}), RUN),
    "boot-order": (host({UNIT.format("systemd-networkd.service"): "[Unit]\nBefore=sysinit.target\n"}), RUN),
    "boot-nic": (host(DISABLED), RUN),
    "boot-names": (host({"/etc/nsswitch.conf": "hosts: files\n"}), RUN),
    "boot-units": (host({SKIPPED: "[Unit]\nConditionPathExists=/etc/enable-azure\n"}), RUN),
    "boot-directories": (host({"/var/log": Link("/mnt/log")}), RUN),
    "boot-selinux": (host(ENFORCING, labels={key: LABELS[key] for key in ("/", "/etc", "/usr")}), RUN),
}


def said(on: FakeHost, check: str) -> list[tuple[str, str]]:
    return [(one.severity.value, one.message) for one in findings(judged(on, RUN, agents.PROBE, PROBE), check)]


def severities(on: FakeHost, check: str) -> list[str]:
    return [severity for severity, _ in said(on, check)]


@pytest.mark.parametrize("run", [RUN, replace(RUN, root="/mnt"), replace(RUN, stage=Stage.BUILD)])
def test_a_healthy_image_passes(run: Run) -> None:
    """At every stage before the first boot, and mounted."""
    found = statuses(judged(replace(HEALTHY[0], root=run.root), run, agents.PROBE, PROBE))
    assert {found[check.id] for check in PROBE.checks} == {"pass", "notapplicable"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks(check: str) -> None:
    """On its own broken image, and it alone."""
    found = statuses(judged(*BROKEN[check], agents.PROBE, PROBE))
    assert [one.id for one in PROBE.checks if found[one.id] == "fail"] == [check]


def test_what_cannot_be_read_is_unknown() -> None:
    """One file takes no other subject along."""
    found = by_check(judged(host({GRUB: Denied()}), RUN, agents.PROBE, PROBE))
    assert (found["boot-entry"].status.value, found["boot-target"].status.value) == ("unknown", "pass")


def test_a_container_has_no_boot() -> None:
    """Nothing is asked of it."""
    bare = [path for path in FILES if path.startswith(("/boot/", "/lib/modules/"))]
    found = statuses(judged(host({}, *bare), RUN, agents.PROBE, PROBE))
    assert (found["boot-entry"], found["boot-filesystems"], found["boot-nic"]) == ("notapplicable",) * 3


# --- entry --------------------------------------------------------------------------------------------------------

BLS = "/boot/loader/entries/0123-{}.conf"


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({IMAGE: ""}, (), ["error"]),
        ({}, (KERNEL,), ["error"]),
        (grub(initrd=None), (), ["error"]),
        (grub("root=PARTUUID=77 ro", None), (), []),
        (grub(kernel=f"/vmlinuz-{RELEASE}", initrd=f"/initrd.img-{RELEASE}"), (), []),
        (grub(kernel=f"($root)/vmlinuz-{RELEASE}", initrd=f"($root)/initrd.img-{RELEASE} $more"), (), []),
        (grub(kernel=f"/@/boot/vmlinuz-{RELEASE}", initrd=f"/@/boot/initrd.img-{RELEASE}"), (), []),
        (grub("root=UUID=ffff ro"), (), ["error"]),
        (grub("root=UUID=1A2B ro"), (), []),
        (grub("root=UUID=1a2b ro emergency"), (), ["error"]),
        (grub("root=UUID=1a2b ro init=/bin/bash"), (), ["error"]),
        (grub("root=UUID=1a2b ro resume=UUID=77"), (), ["warning"]),
        ({**LVM, **grub("root=/dev/mapper/rootvg-root rd.lvm.lv=rhel/swap")}, (), ["error"]),
        (LVM, (), []),
        ({"/etc/crypttab": "data UUID=77 none luks\n"}, (), ["error"]),
        ({"/etc/crypttab": "data UUID=77 none luks,nofail\nswap /dev/sdb2 /dev/urandom swap\n"}, (), []),
        ({BLS.format(1): f"linux {KERNEL}\ninitrd /initrd.img-2\noptions root=UUID=1a2b\n"}, (GRUB,), ["error"]),
        ({BLS.format(1): f"linux {KERNEL}\ninitrd {IMAGE}\noptions root=UUID=1a2b\n"}, (GRUB,), []),
    ],
)
def test_entry(changes: dict[str, Any], removed: tuple[str, ...], expected: list[str]) -> None:
    """What it names is there, and its options fit fstab and crypttab."""
    assert severities(host(changes, *removed), "boot-entry") == expected


UKI = "/efi/EFI/Linux/debian-{}.efi"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({UKI.format("6.1"): "MZ"}, []),
        ({UKI.format("6.9"): "MZ", UKI.format("6.12"): ""}, ["error"]),
        (
            {
                "/efi/loader/loader.conf": "timeout 3\ndefault old\n",
                "/efi/loader/entries/old.conf": "linux /gone\n",
                "/efi/loader/entries/x-2.conf": f"linux {KERNEL}\ninitrd {IMAGE}\noptions root=UUID=1a2b\n",
            },
            ["error"],
        ),
        (
            {
                "/efi/loader/loader.conf": "default x-*\n",
                "/efi/loader/entries/z.conf": "linux /gone\n",
                "/efi/loader/entries/x-2.conf": f"linux {KERNEL}\ninitrd {IMAGE}\noptions root=UUID=1a2b\n",
            },
            [],
        ),
    ],
)
def test_systemd_boot(changes: dict[str, Any], expected: list[str]) -> None:
    """Unified kernel images, the newest counts; and the entry that loader.conf names, else the newest."""
    assert severities(host(changes, GRUB), "boot-entry") == expected


def test_the_entry_that_counts() -> None:
    """By its number, in grub.cfg."""
    blocks = "".join(f"menuentry '{name}' {{\n linux /vmlinuz-{name}\n}}\n" for name in ("a", "b"))
    for number, name in (("0", "a"), ("1", "b"), ("9", "a")):
        found = boot_entry.chosen(FakeHost(files={GRUB: f'set default="{number}"\n{blocks}'}))
        assert found is not None
        assert found.kernel.name == f"/vmlinuz-{name}"


def test_a_kernel_with_its_drivers_built_in() -> None:
    """It may come up without the named file, where there is another."""
    from azpreflight.guest.initramfs import AT_START

    built_in = modules("ext4", "vfat", built_in=AT_START)
    assert severities(host({**built_in, **grub(initrd=f"/boot/initrd-{RELEASE}")}), "boot-entry") == ["note"]
    assert severities(host(grub(initrd=f"/boot/initrd-{RELEASE}")), "boot-entry") == ["error"]


# --- file systems, memory, LVM ------------------------------------------------------------------------------------


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


# --- target, NIC --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"/etc/systemd/system/default.target": Link("/lib/systemd/system/emergency.target")}, ["error"]),
        ({"/etc/systemd/system/default.target": Link("/lib/systemd/system/gone.target")}, ["error"]),
        ({"/etc/systemd/system/default.target": Link("/dev/null")}, ["error"]),
        ({"/etc/systemd/system/default.target": Link("/lib/systemd/system/multi-user.target")}, []),
        ({"/etc/systemd/system/multi-user.target": Link("/dev/null")}, ["error"]),
        ({"/etc/systemd/system/systemd-user-sessions.service": Link("/dev/null")}, ["error"]),
        ({"/etc/systemd/system/apt-daily.timer": Link("/dev/null")}, []),
    ],
)
def test_target(changes: dict[str, Any], expected: list[str]) -> None:
    """Where a boot goes, and what it needs on the way."""
    assert severities(host({"/dev/null": Fifo(), **changes}), "boot-target") == expected


ETC = "/etc/systemd/system/{}"


def own(unit: str, by: str = "multi-user.target", name: str = "own.service") -> dict[str, Any]:
    """A service of one's own, enabled."""
    return {ETC.format(name): f"[Unit]\n{unit}\n", ETC.format(f"{by}.wants/{name}"): Link(ETC.format(name))}


PACKAGED = {
    "/usr/lib/systemd/system/a.service": "[Unit]\nBefore=basic.target\n",
    ETC.format("multi-user.target.wants/a.service"): Link("/usr/lib/systemd/system/a.service"),
}


def data(options: str) -> dict[str, Any]:
    """A data disk in fstab."""
    return {"/etc/fstab": f"UUID=1a2b / ext4 defaults 0 1\nLABEL=data /data ext4 nofail{options} 0 0\n"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (own("Before=sysinit.target"), ["warning"]),
        (own("Before=sysinit.target\nDefaultDependencies=no"), []),
        (own("Before=local-fs.target"), ["error"]),
        (own("", "sockets.target"), ["error"]),
        (own("", "sysinit.target"), []),
        (own("After=multi-user.target", "sysinit.target"), []),
        (own("After=multi-user.target"), []),
        ({ETC.format("sysinit.target.d/a.conf"): "[Unit]\nAfter=systemd-networkd.service\n"}, ["error"]),
        ({ETC.format("systemd-networkd.service.d/a.conf"): "[Unit]\nBefore=sysinit.target\n"}, ["error"]),
        ({ETC.format("gone.service.d/a.conf"): "[Unit]\nBefore=sysinit.target\n"}, []),
        ({**own("Before=sysinit.target"), ETC.format("own.service"): Link("/dev/null"), "/dev/null": Fifo()}, []),
        ({**own("After=b.service"), **own("After=own.service", name="b.service")}, ["warning"]),
        (own("Before=alias.target") | {ETC.format("alias.target"): Link(UNIT.format("sysinit.target"))}, ["warning"]),
        ({**own("Before=basic.target", "timers.target", "own.timer"), **own("Wants=timers.target")}, []),
        (own("Before=sysinit.target", "sysinit.target", "own.timer"), ["warning"]),
        (own("Before=local-fs.target\nAfter=network-online.target", "local-fs.target", "data.mount"), []),
        ({**data(",x-systemd.requires=own.service"), **own("")}, []),
        ({**data(",x-systemd.requires=own.service"), **own("Before=sysinit.target")}, ["warning"]),
        ({"/etc/fstab": "LABEL=data /data ext4 x-systemd.requires=own.service 0 0\n", **own("")}, ["error"]),
        ({"/etc/fstab": "LABEL=data /data ext4 _netdev,x-systemd.requires=own.service 0 0\n", **own("")}, []),
        (own("RequiresMountsFor=/data/x") | data(""), []),
        (own("DefaultDependencies=no\nAfter=own@x.service\nBefore=own@x.service", name="own@x.service"), []),
    ],
)
def test_order(changes: dict[str, Any], expected: list[str]) -> None:
    """Lines, drop-ins, links, fstab and what systemd adds; a unit that is not started delays nobody."""
    assert severities(host(changes), "boot-order") == expected


NETWORKD = tuple(service("systemd-networkd.service"))
NM = service("NetworkManager.service")


def network(text: str, path: str = "/etc/systemd/network/20.network") -> dict[str, Any]:
    """A file of systemd-networkd, and cloud-init leaves the network alone."""
    return {**DISABLED, path: text + "[Network]\nDHCP=yes\n"}


WIFI = "/usr/lib/systemd/network/80-wifi-adhoc.network"
INTERFACES = "/etc/network/interfaces"
CLIENT = ("/sbin/dhclient",)
IFUPDOWN, WICKED = {**DISABLED, **service("networking.service")}, {**DISABLED, **service("wicked.service")}
IFCFG = {"/etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO='dhcp'\nSTARTMODE='auto'\n"}


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({"/etc/systemd/system/systemd-networkd.service": Link("/dev/null")}, (), ["error"]),
        ({}, (NETWORKD[1],), ["error"]),
        ({}, NETWORKD, ["error"]),
        (NM, NETWORKD, []),
        (service("networking.service"), NETWORKD, ["error"]),
        ({**service("networking.service"), INTERFACES: "auto lo\n"}, (*NETWORKD, *CLIENT), ["error"]),
        ({**IFUPDOWN, INTERFACES: "auto eth0\niface eth0 inet dhcp\n"}, (*NETWORKD, *CLIENT), ["error"]),
        (WICKED | IFCFG, (*NETWORKD, *CLIENT), []),
        (NM, (*NETWORKD, *CLIENT), []),
        ({**service("networking.service"), INTERFACES: "auto lo\n"}, NETWORKD, []),
        ({**DISABLED, **NM}, NETWORKD, []),
        ({**DISABLED, **NM, "/etc/NetworkManager/conf.d/a.conf": "[main]\nno-auto-default=*\n"}, NETWORKD, ["error"]),
        (network("[Match]\nName=e*\n"), (), []),
        (network(""), (), []),
        (network("[Match]\nName=ens*\n"), (), ["error"]),
        (network("[Match]\nName=!eth0\n"), (), ["error"]),
        (network("[Match]\nMACAddress=00:0d:3a:01:02:03\n"), (), ["error"]),
        (network("[Match]\nWLANInterfaceType=ad-hoc\n", WIFI), (), ["error"]),
        ({**DISABLED, "/etc/netplan/50.yaml": "network:\n  ethernets:\n    eth0: {dhcp4: true}\n"}, (), []),
        ({**DISABLED, "/etc/netplan/50.yaml": "network:\n  ethernets:\n    ens33: {dhcp4: true}\n"}, (), ["error"]),
        ({**IFUPDOWN, INTERFACES: "auto eth0\niface eth0 inet dhcp\n"}, NETWORKD, []),
        ({**IFUPDOWN, INTERFACES: "iface eth0 inet dhcp\n"}, NETWORKD, ["error"]),
        ({**WICKED, **IFCFG}, NETWORKD, []),
        (WICKED, NETWORKD, ["error"]),
    ],
)
def test_nic(changes: dict[str, Any], removed: tuple[str, ...], expected: list[str]) -> None:
    """A manager that starts, and a configuration of its kind that fits eth0, unless cloud-init writes one."""
    assert severities(host({"/dev/null": Fifo(), **changes}, *removed), "boot-nic") == expected


RESOLVED = {**service("systemd-resolved.service"), "/usr/lib64/libnss_resolve.so.2": ""}
STORE = "md-1.blob.core.windows.net"


@pytest.mark.parametrize(
    ("line", "changes", "expected"),
    [
        ("files", {}, ["error"]),
        ("files myhostname", {}, ["error"]),
        ("files [NOTFOUND=return] dns", {}, ["error"]),
        ("files [!SUCCESS=return] dns", {}, ["error"]),
        ("files resolve [!UNAVAIL=return]", {}, ["error"]),
        ("resolve", service("systemd-resolved.service"), ["error"]),
        ("files resolve", RESOLVED, []),
        ("files resolve [!UNAVAIL=return] dns myhostname", {}, []),
        ("files mdns4_minimal [NOTFOUND=return] dns", {}, []),
        ("files [SUCCESS=return NOTFOUND=continue] dns", {}, []),
        ("files dns # files", {"/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n20.1.1.1 mirror.example.org\n"}, []),
        ("dns", {"/etc/hosts": f"127.0.0.1 localhost\n20.1.1.1\t{STORE}\n"}, ["warning"]),
        ("dns", {"/etc/hosts": "0.0.0.0 a MANAGEMENT.azure.com. # no\n"}, ["warning"]),
        ("dns", {"/etc/hosts": f"# 20.1.1.1 {STORE}\n168.63.129.16 host\n127.0.0.1 notazure.com\n"}, []),
    ],
)
def test_names(line: str, changes: dict[str, Any], expected: list[str]) -> None:
    """A module that asks servers is reached, and no name of Azure has an address."""
    assert (
        severities(host({"/etc/nsswitch.conf": f"passwd: files\nhosts: {line}\n", **changes}), "boot-names") == expected
    )


def test_without_a_line_for_hosts() -> None:
    """glibc's own default asks name servers."""
    assert severities(host({"/etc/nsswitch.conf": "passwd: files\n"}), "boot-names") == []


def test_a_profile_of_networkmanager() -> None:
    """For any wired NIC, or for eth0."""
    assert nic.of_keyfile("[connection]\ntype=ethernet\n")
    assert not nic.of_keyfile("[connection]\ntype=ethernet\ninterface-name=ens192\n")
    assert not nic.of_keyfile("[connection]\ntype=wifi\n")


# --- SELinux ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "labels", "status"),
    [
        (ENFORCING, LABELS, "pass"),
        (ENFORCING, {**LABELS, "/etc/passwd": ""}, "error"),
        (ENFORCING, {**LABELS, "/etc/passwd": "unconfined_u:object_r:user_tmp_t:s0"}, "error"),
        (ENFORCING, {}, "unknown"),
        ({**ENFORCING, "/.autorelabel": ""}, {}, "note"),
        ({**ENFORCING, **grub("root=UUID=1a2b selinux=0")}, {}, "notapplicable"),
        ({**ENFORCING, "/etc/selinux/config": "SELINUX=permissive\n"}, {}, "notapplicable"),
    ],
)
def test_selinux(changes: dict[str, Any], labels: dict[str, str], status: str) -> None:
    """Labels of what a boot and a login need; where none is seen, nothing is said."""
    there = {path: "system_u:object_r:etc_t:s0" for path in host(changes).files if path.startswith(("/etc", "/usr"))}
    parents = {parent.as_posix() for path in host(changes).files for parent in Path(path).parents}
    everything = {**dict.fromkeys(parents, LABELS["/"]), **there, **labels} if labels else {}
    result = by_check(judged(host(changes, labels=everything), RUN, agents.PROBE, PROBE))["boot-selinux"]
    assert status == (result.findings[0].severity.value if result.findings else result.status.value)


def test_a_label_is_read_from_the_file(tmp_path: Path) -> None:
    """A file without one has none."""
    (tmp_path / "a").write_text("")
    assert LocalHost(str(tmp_path)).label("/a") is None
    assert LocalHost(str(tmp_path)).label("/b") is None


# --- fixes --------------------------------------------------------------------------------------------------------

FIXED: dict[str, tuple[str, dict[str, Any]]] = {
    "a blocked file system": (
        "boot-filesystems",
        {"/etc/modprobe.d/a.conf": "install vfat /bin/true\nblacklist vfat\n"},
    ),
    "huge pages": ("boot-memory", {"/etc/sysctl.d/a.conf": "# a\nvm.nr_hugepages = 49152\n"}),
    "a list of LVM": ("boot-volumes", {**LVM, DEVICES: ONE_DISK}),
    "a filter of LVM": ("boot-volumes", {**LVM, "/etc/lvm/lvm.conf": 'filter = [ "a|/dev/vda|", "r|.*|" ]\n'}),
    "a network that is switched off": ("boot-nic", DISABLED),
    "no name server is asked": ("boot-names", {"/etc/nsswitch.conf": "hosts: files [NOTFOUND=return] dns\n"}),
    "names that are pinned": (
        "boot-names",
        {"/etc/hosts": f"127.0.0.1 localhost\n20.1.1.1 {STORE}\n20.1.1.2 {STORE}\n"},
    ),
    "a unit before its own start": ("boot-order", own("Before=sysinit.target local-fs.target")),
    "an early link": ("boot-order", own("", "sockets.target")),
    "a unit of a package": ("boot-order", PACKAGED),
    "a disk with a key": ("boot-entry", {"/etc/crypttab": "data UUID=77\nmore UUID=78 none luks\n"}),
}


@pytest.mark.parametrize("state", FIXED)
def test_a_fix_that_is_printed_fixes(state: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and the check passes there."""
    check, changes = FIXED[state]
    mending.write(tmp_path, host(changes).files)
    found = findings(mending.report(tmp_path, RUN, agents.PROBE, PROBE), check)
    assert found
    for finding in found:
        mending.run(tmp_path, finding)
    assert not findings(mending.report(tmp_path, RUN, agents.PROBE, PROBE), check)
