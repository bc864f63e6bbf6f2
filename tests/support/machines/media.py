"""Machines for the checks of media of the platform: a healthy one, and a broken one for each check."""

from __future__ import annotations

from typing import Any

from azpreflight.model import Platform, Run, Stage
from tests.support.fakes import FakeHost
from tests.support.machines import agents as with_agents

RELEASE = "6.1.0-50-cloud-amd64"
MODULES = {
    "udf": "kernel/fs/udf/udf.ko.xz",
    "sr_mod": "kernel/drivers/scsi/sr_mod.ko.xz",
    "cdrom": "kernel/drivers/cdrom/cdrom.ko.xz",
    "ata_piix": "kernel/drivers/ata/ata_piix.ko.xz",
    "crc_itu_t": "kernel/lib/crc-itu-t.ko.xz",
}
NEEDS = {"udf": ("crc_itu_t", "cdrom"), "sr_mod": ("cdrom",)}


def modules(release: str = RELEASE, without: tuple[str, ...] = (), built_in: tuple[str, ...] = ()) -> dict[str, Any]:
    """The files of /lib/modules for one kernel."""
    base = f"/lib/modules/{release}"
    files = {name: file for name, file in MODULES.items() if name not in (*without, *built_in)}
    lines = [f"{file}: {' '.join(MODULES[need] for need in NEEDS.get(name, ()))}\n" for name, file in files.items()]
    return {
        f"{base}/modules.dep": "".join(lines),
        f"{base}/modules.builtin": "".join(MODULES[name].replace(".xz", "\n") for name in built_in),
        **{f"{base}/{file}": "" for file in files.values()},
    }


WAAGENT = {**with_agents.conf("Provisioning.Agent=waagent"), **modules()}
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)


def host(changes: dict[str, Any], *removed: str, cloud_init: bool = False) -> FakeHost:
    """An image with one kernel that waagent provisions, or cloud-init, with some files changed."""
    chosen = {**WAAGENT, **with_agents.conf()} if cloud_init else WAAGENT
    gone = removed if cloud_init else (*removed, *with_agents.NO_CLOUD_INIT)
    return with_agents.host({**chosen, **changes}, *gone)


def cis(*lines: str, path: str = "/etc/modprobe.d/cis.conf") -> dict[str, Any]:
    return {path: "\n".join(("# CIS 1.1.1", *lines)) + "\n"}


HEALTHY = (host({}), RUN)
BROKEN = {
    "media-filesystem": (host(cis("install udf /bin/true")), RUN),
    "media-drive": (host(cis("blacklist sr_mod")), RUN),
    "media-noexec": (host({"/etc/fstab": "/dev/sda2 /var ext4 nosuid,noexec 0 2\n"}), RUN),
}
