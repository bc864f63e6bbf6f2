"""A disk image looked at and mounted: what `azpreflight image` works on."""

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Callable, Optional, Union

from azpreflight.host import programs
from azpreflight.host.api import FileKind, HostError
from azpreflight.host.disk import container, fstab, loop, lvm, namespace, raw, superblock, table
from azpreflight.host.disk.container import Container, Read
from azpreflight.host.disk.shapes import Attached, Disk, Layout, Volume
from azpreflight.host.files import Tree
from azpreflight.host.guard import Guard
from azpreflight.host.reading import reading

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
MAX_TRIED = 32
"""Volumes that are mounted to find the root filesystem."""
SUBVOLUMES = (None, "subvol=@", "subvol=root", "subvol=@rootfs")
"""Where distributions put the root filesystem in a btrfs whose default subvolume is something else."""
MARKS = ("/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/etc/passwd")
FSTAB_LIMIT = 1 << 16
_WORDS = 200


@dataclass(frozen=True)
class Opened:
    """What can be looked at."""

    disk: Disk
    root: Optional[str]
    """Where the root filesystem is mounted, for this process alone; None: it is not, and `disk.error` says why."""


@contextmanager
def opened(path: str, say: "Callable[[str], None]") -> Iterator[Opened]:
    """The disk in a file, its root filesystem mounted as long as this lasts. To be called before there are threads.

    `say` gets a sentence before something that takes long. HostError if the file is no disk, or cannot be read.
    """
    path = os.path.abspath(path)
    with ExitStack() as stack:
        file = stack.enter_context(_file(path))
        found = _quickly(lambda: container.identify(_reader(file), os.fstat(file.fileno()).st_size), path)
        disk = Disk(path, found.format, os.fstat(file.fileno()).st_size, found.size, found.footer)
        try:
            content = stack.enter_context(_content(path, file, found, say))
            disk = replace(disk, layout=_quickly(lambda: _layout(content, found.size), path))
            mounting = stack.enter_context(_mounting(content))
            disk, root = mounting.root_of(disk)
        except HostError as error:
            disk, root = replace(disk, error=str(error)), None
        yield Opened(disk, root)


def _file(path: str) -> BinaryIO:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise HostError("it is not a regular file; mount what is in it read-only, and use check --root")
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb", buffering=0)
    except OSError as error:
        raise HostError(str(error.strerror).lower()) from None


def _reader(file: BinaryIO) -> Read:
    def read(offset: int, count: int) -> bytes:
        try:
            return os.pread(file.fileno(), count, offset) if 0 <= offset < 1 << 62 else b""
        except OSError as error:
            raise HostError(f"it cannot be read at {offset}: {error.strerror}") from None

    return read


def _quickly(work: "Callable[[], Union[Container, Layout]]", path: str) -> Any:
    def read() -> "Union[Container, Layout]":
        with reading(path):
            return work()

    return Guard().call(read, READ_TIMEOUT, f"reading {path}")


@contextmanager
def _content(path: str, file: BinaryIO, found: Container, say: "Callable[[str], None]") -> Iterator[BinaryIO]:
    """A file with the disk's bytes as they are, from its beginning."""
    if found.refused is not None:
        raise HostError(found.refused)
    if found.format in raw.DRIVERS:
        say(f"unpacking a {found.format.value} of {found.size >> 20} MiB")
        with raw.unpacked(path, found.format, found.size) as content:
            yield content
    else:
        yield file


def _layout(content: BinaryIO, size: int) -> Layout:
    read = _reader(content)
    layout = table.read_layout(read, size)
    volumes = [superblock.filled(volume, read) for volume in layout.volumes[: table.MAX_PARTITIONS]]
    inner = [logical for volume in volumes for logical in lvm.volumes(volume, read)]
    return replace(layout, volumes=(*volumes, *(superblock.filled(one, read) if one.size else one for one in inner)))


# --- mounting -----------------------------------------------------------------------------------------------------


@contextmanager
def _mounting(content: BinaryIO) -> "Iterator[_Mounting]":
    """A directory for mounts that only this process sees."""
    if os.geteuid() != 0:
        raise HostError("mounting its filesystems needs root")
    namespace.enter()
    try:
        directory = tempfile.mkdtemp(prefix="azpreflight-image-", dir="/run")
    except OSError as error:
        raise HostError(f"cannot make a directory in /run: {error.strerror}") from None
    mounting = _Mounting(content, directory)
    try:
        mounting.begin()
        yield mounting
    finally:
        namespace.detach(directory)
        mounting.close()
        with suppress(OSError):
            os.rmdir(directory)


class _Mounting:
    """The volumes of one disk, mounted in one directory."""

    def __init__(self, content: BinaryIO, directory: str) -> None:
        self._content, self._directory = content, directory
        self._devices: dict[str, tuple[int, str]] = {}

    def begin(self) -> None:
        """Let the mounts below begin and end with one filesystem of our own."""
        _mount("tmpfs", "nodev,nosuid,noexec,mode=700,size=64k", "azpreflight", self._directory)

    def close(self) -> None:
        """Give the devices back; each goes when its last mount has gone."""
        for descriptor, _ in self._devices.values():
            os.close(descriptor)

    def root_of(self, disk: Disk) -> "tuple[Disk, Optional[str]]":
        """The disk with its root filesystem and what fstab adds to it mounted, and where."""
        volumes = disk.layout.volumes if disk.layout is not None else ()
        place, volume = self._find(volumes)
        attached = tuple(self._attach(place, entry, volumes) for entry in fstab.wanted(_fstab(Tree(place))))
        return replace(disk, root=volume.name, attached=attached), place

    def _find(self, volumes: "Sequence[Volume]") -> "tuple[str, Volume]":
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

    def _attach(self, root: str, entry: fstab.Wanted, volumes: "Sequence[Volume]") -> Attached:
        volume = fstab.meant(entry.source, volumes)
        said = Attached(entry.place, entry.source[:_WORDS], entry.optional, volume.name if volume else None)
        if volume is None:
            return said
        try:
            place = Tree(root).real(entry.place)
            info = Tree(root).info(entry.place, follow=True)
            if place is None or info is None or info.kind is not FileKind.DIRECTORY:
                raise HostError("there is no such directory")
            self._put(volume, place, entry.subvolume)
        except HostError as error:
            return replace(said, error=str(error))
        return said

    def _put(self, volume: Volume, place: str, option: Optional[str]) -> None:
        """Mount a volume read-only."""
        if volume.closed is not None or volume.kind not in OPTIONS:
            raise HostError(volume.closed or "nothing that is known here")
        if volume.name not in self._devices:
            self._devices[volume.name] = loop.attach(self._content.fileno(), volume.start, volume.size)
        options = ",".join(word for word in (SAFE, OPTIONS[volume.kind], option) if word)
        _mount(volume.kind, options, self._devices[volume.name][1], place)


def _is_root(tree: Tree) -> bool:
    """It has what the system itself looks for when it starts."""
    try:
        return sum(tree.info(mark, follow=False) is not None for mark in MARKS) >= 2
    except HostError:
        return False


def _fstab(tree: Tree) -> str:
    try:
        return (tree.read("/etc/fstab", FSTAB_LIMIT) or b"").decode("utf-8", "replace")
    except HostError:
        return ""


def _mount(kind: str, options: str, device: str, place: str) -> None:
    """By mount(8), which is a process that can be killed; HostError where it fails."""
    command = ("mount", "-i", "-n", "-t", kind, "-o", options, device, place)
    done = programs.run(command, MOUNT_TIMEOUT, None, None, 1 << 16, dies_with_us=True)
    if done.status != 0:
        said = (done.stderr.strip().splitlines() or [f"status {done.status}"])[0]
        raise HostError(f"the kernel does not mount its {kind} ({said.rpartition(': ')[2][:_WORDS].rstrip('.')})")
