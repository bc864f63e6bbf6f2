"""A disk image inspected and mounted: what `azpreflight image` works on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any, BinaryIO, Callable, Optional, Union

from azpreflight.dataclass import dataclass
from azpreflight.host import programs
from azpreflight.host.api import HostError
from azpreflight.host.clock import Clock
from azpreflight.host.deadline import Guard
from azpreflight.host.disk import container, filesystem_magic, fstab, loop, lvm, namespace, partition_table, raw
from azpreflight.host.disk.container import Container, Read
from azpreflight.host.disk.types import Attached, Disk, Layout, Volume
from azpreflight.host.files import Tree
from azpreflight.host.reading import reading
from azpreflight.host.within import NotRegular, Root, regular

READ_TIMEOUT = 10.0
"""Seconds for the file's own tables: some MiB at most, and a hung network mount never answers."""
MOUNT_TIMEOUT = 20.0
"""Seconds for one mount: milliseconds, but for a damaged filesystem on a slow disk."""
OPTIONS = {
    "ext4": "noload,errors=continue",
    "xfs": "norecovery,nouuid",
    "btrfs": "norecovery",
    "vfat": "",
}
"""Options by filesystem: its journal is left alone, what its superblock says of errors (a panic of this machine) is
overruled, and an image of this very machine has the UUID of what is mounted here."""
SAFE = "ro,nodev,nosuid,noexec"
MAX_ATTACHED = 32
"""Lines of fstab that are mounted; there are twelve places, and hardly any is mounted over twice."""
MAX_TRIED = 32
"""Volumes that are mounted to find the root filesystem."""
SUBVOLUMES = (None, "subvol=@", "subvol=root", "subvol=@rootfs")
"""Where distributions put the root filesystem in a btrfs whose default subvolume is something else."""
MARKS = ("/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/etc/passwd")
FSTAB_LIMIT = 1 << 20
_WORDS = 200


@dataclass(frozen=True)
class Opened:
    """What can be inspected."""

    disk: Disk
    root: Optional[str]
    """Where the root filesystem is mounted, for this process alone; None: it is not, and `disk.error` says why."""


@contextmanager
def opened(
    path: str,
    directory: Optional[str],
    clock: Clock,
    takes: Callable[[float], None],
    say: Callable[[str], None],
) -> Iterator[Opened]:
    """The disk in a file, its root filesystem mounted in the directory, for this process alone, as long as this lasts.

    To be called by a process of its own. `takes` hears how many seconds the next step may take, and may stop the clock
    for it; `say` gets a sentence before something that takes long. HostError if the file is no disk, or cannot be read.
    """
    path = os.path.abspath(path)
    with ExitStack() as stack:
        file = stack.enter_context(_file(path))
        found = _quickly(lambda: container.identify(_reader(file), os.fstat(file.fileno()).st_size), path, clock)
        disk = Disk(path, found.format, os.fstat(file.fileno()).st_size, found.size, found.footer)
        try:
            if found.format in raw.DRIVERS and found.refused is None:
                takes(raw.LIMIT)
                say(f"unpacking a {found.format.value} of {found.size >> 20} MiB")
            content = stack.enter_context(_content(path, file, found, clock))
            clock.go_on()
            disk = replace(disk, layout=_quickly(lambda: _layout(content, found.size), path, clock))
            mounting = stack.enter_context(_mounting(content, directory, clock))
            disk, root = mounting.root_of(disk)
        except HostError as error:
            clock.go_on()
            disk, root = replace(disk, error=str(error)), None
        yield Opened(disk, root)


def identified(path: str, clock: Clock) -> Optional[Container]:
    """What kind of file it is; None: a VHDX, which only QEMU reads. HostError if it is no disk, or no regular file."""

    def identify(file: BinaryIO) -> Optional[Container]:
        read = _reader(file)
        vhdx = read(0, len(container.VHDX)) == container.VHDX
        return None if vhdx else container.identify(read, os.fstat(file.fileno()).st_size)

    with _file(path) as file:
        found: Optional[Container] = _quickly(lambda: identify(file), path, clock)
    return found


def _file(path: str) -> BinaryIO:
    try:
        return os.fdopen(regular(Root("/"), path)[0], "rb", buffering=0)
    except NotRegular:
        raise HostError("it is not a regular file; mount what is in it read-only, and use check --root") from None
    except OSError as error:
        raise HostError(str(error.strerror).lower()) from None


def _reader(file: BinaryIO) -> Read:
    def read(offset: int, count: int) -> bytes:
        try:
            return os.pread(file.fileno(), count, offset) if 0 <= offset < 1 << 62 else b""
        except OSError as error:
            raise HostError(f"it cannot be read at {offset}: {error.strerror}") from None

    return read


def _quickly(work: Callable[[], Union[Container, Layout, None]], path: str, clock: Clock) -> Any:
    def read() -> Union[Container, Layout, None]:
        with reading(path):
            return work()

    return Guard().call(read, min(READ_TIMEOUT, clock.left()), f"reading {path}")


@contextmanager
def _content(path: str, file: BinaryIO, found: Container, clock: Clock) -> Iterator[BinaryIO]:
    """A file with the disk's bytes as they are, from its beginning."""
    if found.refused is not None:
        raise HostError(found.refused)
    if found.format in raw.DRIVERS:
        with raw.unpacked(path, found.format, found.size, clock) as content:
            yield content
    else:
        yield file


def _layout(content: BinaryIO, size: int) -> Layout:
    read = _reader(content)
    layout = partition_table.read_layout(read, size)
    volumes = [filesystem_magic.filled(volume, read) for volume in layout.volumes[: partition_table.MAX_PARTITIONS]]
    inner = [logical for volume in volumes for logical in lvm.volumes(volume, read)]
    return replace(
        layout, volumes=(*volumes, *(filesystem_magic.filled(one, read) if one.size else one for one in inner))
    )


# --- mounting -----------------------------------------------------------------------------------------------------


@contextmanager
def _mounting(content: BinaryIO, directory: Optional[str], clock: Clock) -> Iterator[_Mounting]:
    """Mounts in the directory that only this process sees."""
    if os.geteuid() != 0:
        raise HostError("mounting its filesystems needs root")
    if directory is None:
        raise HostError("cannot make a directory in /run")
    namespace.enter()
    mounting = _Mounting(content, directory, clock)
    try:
        mounting.begin()
        yield mounting
    finally:
        namespace.detach(directory)
        mounting.close()


class _Mounting:
    """The volumes of one disk, mounted in one directory."""

    def __init__(self, content: BinaryIO, directory: str, clock: Clock) -> None:
        self._content, self._directory, self._clock = content, directory, clock
        self._devices: dict[str, tuple[int, str]] = {}

    def begin(self) -> None:
        """Let the mounts below begin and end with one filesystem of our own."""
        self._mount("tmpfs", "nodev,nosuid,noexec,mode=700,size=64k", "azpreflight", self._directory)

    def close(self) -> None:
        """Give the devices back; each goes when its last mount has gone."""
        for descriptor, _ in self._devices.values():
            os.close(descriptor)

    def root_of(self, disk: Disk) -> tuple[Disk, Optional[str]]:
        """The disk with its root filesystem and what fstab adds to it mounted, and where."""
        volumes = disk.layout.volumes if disk.layout is not None else ()
        place, volume = self._find(volumes)
        try:
            entries = list(
                fstab.wanted((Tree(place).read("/etc/fstab", FSTAB_LIMIT) or b"").decode("utf-8", "replace"))
            )
        except HostError as error:
            return replace(disk, root=volume.name, fstab_error=str(error)), place
        attached = [self._attach(place, entry, volumes) for entry in entries[:MAX_ATTACHED]]
        if len(entries) > MAX_ATTACHED:
            attached.append(_unattached(entries[MAX_ATTACHED:]))
        for boot, places in fstab.of_boot_loader(volumes, [one.volume for one in attached]):
            attached.extend(self._attach_empty(place, boot, places))
        return replace(disk, root=volume.name, attached=tuple(attached)), place

    def _find(self, volumes: Sequence[Volume]) -> tuple[str, Volume]:
        refused = {volume.name: volume.closed or "nothing that is known here" for volume in volumes}
        for number, volume in enumerate([one for one in volumes if one.kind in OPTIONS][:MAX_TRIED]):
            for option in SUBVOLUMES if volume.kind == "btrfs" else SUBVOLUMES[:1]:
                place = f"{self._directory}/{number}"
                os.makedirs(place, exist_ok=True)
                try:
                    self._put(volume, place, option)
                except HostError as error:
                    refused.setdefault(volume.name, str(error))
                    refused[volume.name] = str(error)
                    break
                if _is_root(Tree(place)):
                    return place, volume
                refused[volume.name] = f"{volume.kind}, and no system in it"
                namespace.detach(place)
        said = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise HostError(f"no root filesystem was found: {said[: _WORDS * 5] or 'it has no partitions'}")

    def _attach(self, root: str, entry: fstab.Wanted, volumes: Sequence[Volume]) -> Attached:
        volume = fstab.meant(entry.source, volumes)
        said = Attached(entry.place, entry.source[:_WORDS], entry.optional, volume.name if volume else None)
        if volume is None:
            return said
        try:
            place = Tree(root).real(entry.place)
            if place is None:
                raise HostError("there is no such directory")
            self._put(volume, place, entry.subvolume)
        except HostError as error:
            return replace(said, error=str(error))
        return said

    def _attach_empty(self, root: str, volume: Volume, places: Sequence[str]) -> Iterator[Attached]:
        """In the first of the directories that is there and empty, as systemd does; one that cannot be is left out."""
        tree = Tree(root)
        with suppress(HostError):
            for name in places:
                place = tree.real(name) if tree.list(name) == () else None
                if place is not None:
                    self._put(volume, place, None)
                    yield Attached(name, f"type {volume.role}", optional=True, volume=volume.name)
                    return

    def _put(self, volume: Volume, place: str, option: Optional[str]) -> None:
        """Mount a volume read-only."""
        if volume.closed is not None or volume.kind not in OPTIONS:
            raise HostError(volume.closed or "nothing that is known here")
        if volume.name not in self._devices:
            self._devices[volume.name] = loop.attach(self._content.fileno(), volume.start, volume.size)
        options = ",".join(word for word in (SAFE, OPTIONS[volume.kind], option) if word)
        self._mount(volume.kind, options, self._devices[volume.name][1], place)

    def _mount(self, kind: str, options: str, device: str, place: str) -> None:
        """By mount(8), which is a process that can be killed; HostError where it fails.

        Each may take half of what is left, so that one that hangs leaves time for the others and for the inspection.
        """
        command = ("mount", "-i", "-n", "-t", kind, "-o", options, device, place)
        seconds = min(MOUNT_TIMEOUT, self._clock.left() / 2)
        done = programs.run(command, seconds, None, None, 1 << 16, dies_with_us=True)
        if done.status != 0:
            said = (done.stderr.strip().splitlines() or [f"status {done.status}"])[0]
            raise HostError(f"the kernel does not mount its {kind} ({said.rpartition(': ')[2][:_WORDS].rstrip('.')})")


def _unattached(entries: Sequence[fstab.Wanted]) -> Attached:
    first, more = entries[0], len(entries) - 1
    error = f"more than {MAX_ATTACHED} lines of fstab for the places of the system" + (
        f" (and {more} more)" if more else ""
    )
    return Attached(first.place, first.source[:_WORDS], all(entry.optional for entry in entries), error=error)


def _is_root(tree: Tree) -> bool:
    """It has what the system itself looks for when it starts."""
    try:
        return sum(tree.info(mark, follow=False) is not None for mark in MARKS) >= 2
    except HostError:
        return False
