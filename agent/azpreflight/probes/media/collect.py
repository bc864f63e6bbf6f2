"""Collecting the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from azpreflight.guest import kernels, modprobe
from azpreflight.guest.kernels import Kernel
from azpreflight.host import Host
from azpreflight.model import Run
from azpreflight.probes.media import noexec
from azpreflight.probes.media.facts import DRIVES, IDE, UDF, MediaFacts

WATCHED = (UDF, *DRIVES, IDE)
ALIASES: Mapping[str, str] = {UDF: "fs_udf"}
"""What the kernel asks for when the disc is mounted; the drivers have patterns for aliases."""


def gather(host: Host, run: Run) -> MediaFacts:
    """Lists of modules, modprobe.d and mounts; nothing is loaded and nothing is mounted."""
    found = kernels.kernels(host, WATCHED)
    rules = modprobe.rules(host)
    blocked = {name: modprobe.blocking(rules, name, _needs(found, name), ALIASES.get(name)) for name in WATCHED}
    return MediaFacts(
        kernels=found,
        boot_seen=kernels.in_boot(host),
        blocked={name: rule for name, rule in blocked.items() if rule is not None},
        arm=kernels.is_arm(host),
        efi=None if run.offline else host.info("/sys/firmware/efi") is not None,
        barriers=noexec.barriers(host, run),
    )


def _needs(found: Sequence[Kernel], name: str) -> tuple[str, ...]:
    return found[0].drivers[name].needs if found else ()
