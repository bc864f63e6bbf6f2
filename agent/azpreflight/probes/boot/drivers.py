"""The drivers that a VM on Azure cannot do without, in every kernel and in what it starts from.

Hyper-V has none of the devices of other hypervisors: disks come by hv_storvsc or, in newer sizes, by NVMe behind the
virtual PCI bus of pci_hyperv; the network by hv_netvsc. The root filesystem is on such a disk, so that a kernel which
has the driver as a module needs it in its initramfs too. dracut puts in what the machine needs that it runs on, and an
image that was built under another hypervisor starts nowhere else (Microsoft Learn, "Prepare Linux for imaging in
Azure").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import partial
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import initramfs, kernels, modprobe
from azpreflight.guest.initramfs import AT_START
from azpreflight.guest.kernels import Kernel, Presence
from azpreflight.guest.modprobe import Rule
from azpreflight.host import Host, HostError
from azpreflight.model import Finding, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
DRIVERS: Mapping[str, tuple[Severity, str]] = {
    "hv_vmbus": (ERROR, "a VM sees neither disk nor network"),
    "hv_storvsc": (ERROR, "a VM does not find its disk"),
    "hv_netvsc": (ERROR, "a VM has no network"),
    "sd_mod": (ERROR, "a VM does not find its disk"),
    "hv_utils": (WARNING, "a VM cannot be shut down, its time kept or its data exchanged by the host"),
    "nvme": (WARNING, "a VM of a size with NVMe disks does not find its disk"),
    "pci_hyperv": (
        WARNING,
        "a VM of a size with NVMe disks does not find its disk, and none has accelerated networking",
    ),
    "mana": (NOTE, "newer sizes have no accelerated networking"),
    "mlx5_core": (NOTE, "accelerated networking is not there"),
}
"""How bad it is for a kernel not to have it, and why."""
FILESYSTEMS = ("ext4", "xfs", "btrfs", "f2fs")
"""Drivers of root filesystems; one that is a module must be in the initramfs."""
IMAGES = ("/boot/initrd.img-{}", "/boot/initramfs-{}.img", "/boot/initrd-{}", "/boot/*/{}/initrd")
"""Debian; RHEL; SUSE; beside entries of the Boot Loader Specification."""
OF_THE_FILE = ("it is cut short", "there is nothing in it")
"""How what was wrong with the file ends, of all that keeps one from being read."""
UNPACK_TIMEOUT = 5.0
"""Seconds for one image: 60 MB take 0.1 to 1 s, with xz that no two processors can share 3 s, with bzip2 7 s."""
MAX_IMAGES = 3
"""Images that are read, of the newest kernels; a distribution keeps two or three."""


@dataclass(frozen=True)
class Initramfs:
    """What a kernel starts from."""

    release: str
    path: Optional[str] = None
    """None: there is none for this kernel."""
    modules: tuple[str, ...] = ()
    """Those of the sought ones that are in it."""
    error: Optional[str] = None
    """Why it could not be read."""

    @property
    def damaged(self) -> bool:
        """The file itself is to blame: the kernel reads no more of it than is read here."""
        return self.error is not None and self.error.endswith(OF_THE_FILE)


@dataclass(frozen=True)
class DriverFacts:
    """Kernels, what they start from, and what keeps them from loading a driver."""

    kernels: tuple[Kernel, ...] = ()
    """The newest first."""
    images: tuple[Initramfs, ...] = ()
    """Of the newest kernels; empty at first boot, when they have done their work."""
    blocked: Mapping[str, Rule] = field(default_factory=dict)
    root_filesystem: Optional[str] = None
    """The driver of the root filesystem, by fstab; None where that is not told."""
    boot_seen: bool = True
    """There are kernels under /boot: False where it is a partition that is not mounted."""


def look(host: Host, run: Run) -> DriverFacts:
    """Lists of modules, modprobe.d and, before first boot, the names in each initramfs."""
    root = filesystem_of_root(host)
    found = kernels.kernels(host, (*DRIVERS, *((root,) if root is not None else ())))
    rules = modprobe.rules(host)
    blocked = {name: modprobe.blocking(rules, name, _needs(found, name), None) for name in DRIVERS}
    wanted = found[:MAX_IMAGES] if run.stage is not Stage.FIRSTBOOT else ()
    return DriverFacts(
        kernels=found,
        images=host.together([partial(_image, host, kernel, root) for kernel in wanted]),
        blocked={name: rule for name, rule in blocked.items() if rule is not None},
        boot_seen=kernels.in_boot(host),
        root_filesystem=root,
    )


def filesystem_of_root(host: Host) -> Optional[str]:
    """Its driver by fstab: ext4, xfs, btrfs; None where fstab does not tell."""
    rows = (line.split() for line in (host.text("/etc/fstab") or "").splitlines() if not line.lstrip().startswith("#"))
    kind = next((row[2] for row in rows if len(row) > 2 and row[1] == "/"), None)
    return kind if kind in FILESYSTEMS else None


def _needs(found: tuple[Kernel, ...], name: str) -> tuple[str, ...]:
    return found[0].drivers[name].needs if found else ()


def _image(host: Host, kernel: Kernel, root: Optional[str]) -> Initramfs:
    path = next((path for pattern in IMAGES for path in host.glob(pattern.format(kernel.release))), None)
    if path is None:
        return Initramfs(kernel.release)
    try:
        data = host.read(path, initramfs.FILE_LIMIT) or b""
        unpack = partial(host.unpack, timeout=UNPACK_TIMEOUT)
        found = initramfs.modules(data, unpack, kernel.release, sought(kernel, root))
        return Initramfs(kernel.release, path, tuple(sorted(found)))
    except (HostError, initramfs.Unreadable) as error:
        return Initramfs(kernel.release, path, error=str(error))


def sought(kernel: Kernel, root: Optional[str] = None) -> tuple[str, ...]:
    """The modules that its initramfs should have; what is built in needs none, and what is absent cannot be there."""
    names = (*AT_START, *((root,) if root is not None and root in kernel.drivers else ()))
    return tuple(name for name in names if kernel.drivers[name].presence is Presence.MODULE)


def judge_kernel(facts: DriverFacts, run: Run) -> Iterator[Verdict]:
    """Every kernel has the drivers, and may load them."""
    if not facts.kernels:
        yield kernels.without_modules(facts.boot_seen)
        return
    newest = facts.kernels[0]
    for name, (severity, consequence) in DRIVERS.items():
        rule, lacking = facts.blocked.get(name), kernels.without(facts.kernels, name)
        if rule is not None and newest.drivers[name].presence is Presence.MODULE:
            yield Finding(
                severity,
                f"{name} is blocked by {rule.where} ({rule.text}): {consequence}",
                "Remove the line, and rebuild the initramfs.",
                (*modprobe.comment_out(rule), _rebuild(run)),
            )
        elif lacking:
            yield Finding(
                severity if newest.release in lacking else NOTE,
                f"{name} is missing from kernel {several(lacking)}: {consequence}",
                "Install a kernel that has the driver, or the package with the rest of this kernel's modules.",
            )


def judge_images(facts: DriverFacts, run: Run) -> Iterator[Verdict]:
    """Every initramfs has what the root filesystem is reached by."""
    if not facts.kernels:
        yield kernels.without_modules(facts.boot_seen)
    for image, kernel in zip(facts.images, facts.kernels):
        if image.damaged:
            yield _damaged(image, kernel is facts.kernels[0], run)
        elif image.error is not None:
            yield Unknown(plain(f"{image.path}: {image.error}", 200))
        elif image.path is None:
            yield from _judge_absent(kernel, facts)
        else:
            yield from _judge_image(image, kernel, facts, run)


def _damaged(image: Initramfs, newest: bool, run: Run) -> Finding:
    return Finding(
        ERROR if newest else NOTE,
        f"{plain(image.path or '')} is damaged ({plain(image.error or '', 80)}): the kernel finds no root filesystem",
        "Make room in /boot, and rebuild the initramfs.",
        (_rebuild(run),),
    )


def _judge_absent(kernel: Kernel, facts: DriverFacts) -> Iterator[Verdict]:
    if sought(kernel, facts.root_filesystem):
        where = (
            "in a place that is inspected"
            if facts.boot_seen
            else "in /boot, which is empty: its partition is not mounted"
        )
        yield Unknown(f"no initramfs of kernel {plain(kernel.release)} is {where}")


def _judge_image(image: Initramfs, kernel: Kernel, facts: DriverFacts, run: Run) -> Iterator[Finding]:
    missing = [name for name in sought(kernel, facts.root_filesystem) if name not in image.modules]
    if missing:
        effects = [DRIVERS.get(name, (ERROR, "a VM cannot mount its root filesystem")) for name in missing]
        severity, consequence = max(effects, key=lambda driver: driver[0].rank)
        yield Finding(
            severity if kernel is facts.kernels[0] else NOTE,
            f"{plain(image.path or '')} lacks {several(missing)}: {consequence}",
            "Name the drivers in the initramfs's configuration, and rebuild it.",
            tuple(_add(missing, run)),
        )


def _add(names: list[str], run: Run) -> Iterator[str]:
    if _debian(run):
        yield f"printf '%s\\n' {' '.join(names)} >> /etc/initramfs-tools/modules"
    else:
        yield f"echo 'add_drivers+=\" {' '.join(names)} \"' >> /etc/dracut.conf.d/azure.conf"
    yield _rebuild(run)


def _rebuild(run: Run) -> str:
    return "update-initramfs -u -k all" if _debian(run) else "dracut --force --regenerate-all"


def _debian(run: Run) -> bool:
    agents = run.facts(AgentsFacts)
    return agents is not None and agents.distribution.of("debian", "ubuntu")


CHECKS = (
    check(
        "boot-drivers",
        "every kernel has Azure's disk and network drivers",
        part("drivers", judge_kernel),
        Severity.ERROR,
    ),
    check(
        "boot-initramfs",
        "every initramfs has the disk drivers",
        part("drivers", judge_images),
        Severity.ERROR,
        stages=(Stage.BUILD, Stage.CAPTURE),
    ),
)
