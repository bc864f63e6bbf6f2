"""The kernels of an image and which drivers each of them has, as depmod(8) wrote it down beside the modules.

A driver is built into the kernel (modules.builtin), or a file that modules.dep names together with the modules that it
needs, or it is not there. The files are the same whether or not the kernel runs, so a mounted image tells as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.host import Host
from azpreflight.model import NotApplicable, Unknown, Verdict

DIRECTORY = "/lib/modules"
DEP_LIMIT = 4 << 20
"""Bytes of modules.dep; that of a distribution's largest kernel has 700 KiB."""
MAX_KERNELS = 10
"""Kernels that are inspected, the newest first; a distribution keeps two or three."""
_FILE = re.compile(r"(?:.*/)?([^/]+)\.ko(?:\.\w+)?$")


class Presence(str, Enum):
    """How a kernel has a driver."""

    BUILT_IN = "built in"
    MODULE = "module"
    ABSENT = "absent"
    """Neither, or a file that it needs is missing."""


@dataclass(frozen=True)
class Driver:
    """One driver of one kernel."""

    presence: Presence
    needs: tuple[str, ...] = ()
    """Names of the modules that are loaded with it."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that is installed with its modules."""

    release: str
    """As `uname -r` says."""
    drivers: Mapping[str, Driver] = field(default_factory=dict)
    """Those that were asked for, by name with underscores."""


def kernels(host: Host, names: Sequence[str]) -> tuple[Kernel, ...]:
    """The installed kernels with these drivers, the newest first. HostError where a list cannot be read."""
    releases = [name for name in host.list(DIRECTORY) or () if host.info(f"{DIRECTORY}/{name}/modules.dep")]
    newest = sorted(releases, key=version_key, reverse=True)[:MAX_KERNELS]
    return tuple(Kernel(release, _drivers(host, release, names)) for release in newest)


def in_boot(host: Host) -> bool:
    """A kernel lies under /boot, where Debian, RHEL and systemd's kernel-install put it."""
    return bool(host.glob("/boot/vmlinu*") or host.glob("/boot/*/*/linux"))


def is_there(host: Host) -> bool:
    """A kernel is installed, here or on a partition of its own, of which its modules tell."""
    return bool(host.list(DIRECTORY)) or in_boot(host)


def without_modules(in_boot: bool) -> Verdict:
    """What to say where no kernel has modules: what one without them can do is nowhere written down, and where there
    is none at all, as in a container or a tree for tests, the one that runs is not the image's."""
    if in_boot:
        return Unknown(f"no kernel with modules is in {DIRECTORY}")
    return NotApplicable("no kernel is installed here, so the one that runs comes from elsewhere")


def without(found: Iterable[Kernel], name: str) -> tuple[str, ...]:
    """Releases of the kernels that lack a driver."""
    return tuple(kernel.release for kernel in found if kernel.drivers[name].presence is Presence.ABSENT)


def version_key(release: str) -> tuple[tuple[int, str], ...]:
    """For sorting releases: 6.1.0-9 comes before 6.1.0-50."""
    parts = ((whole(part), part) for part in re.findall("[0-9]+|[^0-9]+", release))
    return tuple((-1, part) if number is None else (number, "") for number, part in parts)


def module_name(path: str) -> Optional[str]:
    """The name of the module in a file, with underscores: hv_sock for kernel/net/hv-sock.ko.xz; None for others."""
    match = _FILE.match(path)
    return match.group(1).replace("-", "_") if match else None


def is_arm(host: Host) -> bool:
    """The image is for ARM64, by the dynamic loader that its programs need."""
    return host.info("/lib/ld-linux-aarch64.so.1") is not None


def _drivers(host: Host, release: str, names: Sequence[str]) -> dict[str, Driver]:
    base = f"{DIRECTORY}/{release}"
    built_in = {module_name(line) for line in (host.text(f"{base}/modules.builtin", DEP_LIMIT) or "").splitlines()}
    files = dict(_lines(host.text(f"{base}/modules.dep", DEP_LIMIT) or "", names))
    return {name: _driver(host, base, name in built_in, files.get(name, ())) for name in names}


def _driver(host: Host, base: str, built_in: bool, files: Sequence[str]) -> Driver:
    if built_in:
        return Driver(Presence.BUILT_IN)
    if not files or any(host.info(f"{base}/{file}") is None for file in files):
        return Driver(Presence.ABSENT)
    return Driver(Presence.MODULE, tuple(name for name in map(module_name, files[1:]) if name is not None))


def _lines(text: str, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(module, its file and those that it needs) of modules.dep, for these modules."""
    for line in text.splitlines():
        file, _, needs = line.partition(":")
        name = module_name(file)
        if name is not None and name in names:
            yield name, [file, *needs.split()]
