"""Whether the root of a new VM grows to the disk that the VM was given.

A VM may have a larger OS disk than the image. cloud-init's growpart enlarges the partition with the program of that
name; an initramfs, systemd-repart or a service of the distribution may do it too. None of them enlarges a volume of LVM
(cloud-init, cc_growpart; systemd-repart(8)). Without one the VM works, with the image's size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import boot_entry, kernels, yaml_file
from azpreflight.guest.fstab import MAPPED, Entry, required
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host
from azpreflight.model import Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain

PROGRAMS = ("/usr/bin/growpart", "/usr/sbin/growpart", "/bin/growpart", "/sbin/growpart")
OTHERS = (
    "/usr/share/initramfs-tools/*/*growroot",
    "/usr/share/initramfs-tools/*/*/*growroot",
    "/usr/lib/dracut/modules.d/*growroot",
    "/usr/lib/dracut/modules.d/*kiwi-repart",
    "/usr/lib/repart.d/*.conf",
    "/etc/repart.d/*.conf",
    "/usr/lib/systemd/system/extend-filesystems.service",
    "/usr/lib/systemd/system/*growroot*.service",
    "/etc/systemd/system/*growroot*.service",
)
"""What enlarges the root instead: hooks of an initramfs, systemd-repart, services of distributions."""
OFF = ("off", "false", "no", "disabled")


@dataclass(frozen=True)
class GrowFacts:
    """Who would enlarge the root."""

    program: bool = False
    """growpart is there."""
    other: Optional[str] = None
    """The file of another program that does it."""
    off: Optional[str] = None
    """The file of cloud-init that switches growpart off."""
    volume: Optional[str] = None
    """The root, where it is a volume of LVM."""
    behind: Optional[str] = None
    """A partition behind the root's on the disk image that is inspected."""
    kernel: bool = True


def look(host: Host, run: Run) -> GrowFacts:
    """Files only."""
    root = next((Entry(*row) for row in required(host.text("/etc/fstab", SMALL) or "") if row[1] == "/"), None)
    device = root.device if root is not None and _is_volume(root.device) else None
    if device is None:
        entry = boot_entry.chosen(host)
        roots = entry.values("root") if entry is not None else ()
        device = next((value for value in roots[-1:] if _is_volume(value)), None)
    return GrowFacts(
        program=any(host.info(path) is not None for path in PROGRAMS),
        other=next((path for pattern in OTHERS for path in host.glob(pattern)), None),
        off=_switched_off(host),
        volume=device,
        behind=_behind(host),
        kernel=kernels.is_there(host),
    )


def _behind(host: Host) -> Optional[str]:
    """None where the root is the last of its disk, is no partition, or where no disk is inspected."""
    volumes = host.disk.layout.volumes if host.disk is not None and host.disk.layout is not None else ()
    parts = [volume for volume in volumes if volume.number is not None]
    root = next((part for part in parts if host.disk is not None and part.name == host.disk.root), None)
    later = [part for part in parts if root is not None and part.start > root.start]
    return min(later, key=lambda part: part.start).name if later else None


def _is_volume(device: str) -> bool:
    """Of LVM; the device mapper has encrypted disks and multipath too."""
    name = device.partition("/dev/mapper/")[2]
    other = name.startswith(("luks-", "crypt")) or MAPPED.search(name) is None
    return Entry(device, "/").volume_group is not None and not (name and other)


def _switched_off(host: Host) -> Optional[str]:
    """The last file with a mode counts."""
    found: Optional[str] = None
    for path in ("/etc/cloud/cloud.cfg", *host.glob("/etc/cloud/cloud.cfg.d/*.cfg")[:KEPT]):
        text = host.text(path, SMALL) or ""
        if "growpart:" not in text:
            continue
        try:
            settings = yaml_file.mapping(text).get("growpart")
        except (yaml_file.NotYaml, yaml_file.Refused):
            continue
        if isinstance(settings, Mapping) and "mode" in settings:
            found = path if str(settings["mode"]).lower() in OFF else None
    return found


def judge(facts: GrowFacts, run: Run) -> Iterator[Verdict]:
    """Something enlarges the root; notes alone, since the VM works without."""
    agents = run.facts(AgentsFacts)
    if not facts.kernel:
        yield NotApplicable("no kernel is installed here")
    elif agents is None:
        yield Unknown("the agents could not be inspected")
    elif facts.volume is not None:
        yield _stays(
            f"the root is a volume of LVM ({plain(facts.volume)}), which no growpart enlarges", "a unit of yours"
        )
    elif facts.behind is not None:
        message = f"{plain(facts.behind)} is behind that of the root, so that nothing enlarges the root"
        yield _stays(message, "the root's partition the last of the disk, and something")
    elif facts.other is None:
        why = _why(facts, agents)
        if why is not None:
            yield _stays(why, "cloud-init's growpart, with the program of that name,")


def _why(facts: GrowFacts, agents: AgentsFacts) -> Optional[str]:
    modules = agents.cloud_init.config.init_modules
    if agents.provisioner is not Provisioner.CLOUD_INIT:
        return "cloud-init does not provision, and nothing else that enlarges the root was found"
    if facts.off is not None:
        return f"{facts.off} switches growpart off, and nothing else that enlarges the root was found"
    if modules and "growpart" not in modules:
        return f"growpart is not among the modules of {agents.cloud_init.config.source('cloud_init_modules')}"
    return None if facts.program else "the program growpart is not installed"


def _stays(why: str, who: str) -> Finding:
    return Finding(
        Severity.NOTE,
        f"{why}: with a larger OS disk the root of a VM stays as large as it is in the image",
        f"Have {who} enlarge it at boot, if VMs get larger disks.",
    )


CHECKS = (check("boot-grow", "something enlarges the root to the OS disk of a VM", part("grow", judge), Severity.NOTE),)
