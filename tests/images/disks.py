"""Disks as files: partitions by sfdisk, filesystems by mkfs and LVM by lvm, without mounting or attaching anything.

Only LVM's own tools want a device; the loop device that they get is taken away again at once.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

MIB = 1 << 20
TIMEOUT = 120
ESP = "uefi"
XBOOTLDR = "BC13C2FF-59E6-4262-A352-B275FD6F7172"
LINUX = "linux"


@dataclass(frozen=True)
class Part:
    """A partition, and what is in it."""

    mib: int
    tree: Optional[Path] = None
    """What the filesystem holds; None: an empty one."""
    kind: str = "ext4"
    """ext4, xfs, btrfs, or "" for nothing."""
    uuid: str = "11111111-1111-4111-8111-111111111111"
    role: str = LINUX


@dataclass(frozen=True)
class System:
    """The least that is a system, with more files where a test wants them."""

    fstab: str = "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n"
    files: dict[str, str] = field(default_factory=dict)

    def write(self, root: Path) -> Path:
        """The tree below `root`."""
        files = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/os-release": "ID=debian\nVERSION_ID=12\n"}
        for path, text in {**files, "etc/fstab": self.fstab, **self.files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for name in ("boot", "var", "home"):
            (root / name).mkdir(exist_ok=True)
        return root


def tool(*command: str, stdin: Optional[str] = None) -> str:
    """What a tool printed; CalledProcessError where it failed."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "LVM_SUPPRESS_FD_WARNINGS": "1"}
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT, check=True, env=env)
    return done.stdout


def filesystem(path: Path, part: Part) -> Path:
    """A file with a filesystem in it."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(part.mib * MIB)
    source = ["-d", str(part.tree)] if part.tree is not None else []
    if part.kind == "ext4":
        tool("mke2fs", "-q", "-F", "-t", "ext4", "-U", part.uuid, *source, str(path))
    elif part.kind == "btrfs":
        tool("mkfs.btrfs", "-q", "-U", part.uuid, *(["-r", str(part.tree)] if part.tree else []), str(path))
    elif part.kind == "xfs":
        tool("mkfs.xfs", "-q", "-m", f"uuid={part.uuid}", "-p", str(_protofile(path, part.tree)), str(path))
    return path


def _protofile(path: Path, tree: Optional[Path]) -> Path:
    """The description by which mkfs.xfs copies a tree into what it makes."""
    lines = ["/", "0 0", "d--755 0 0", *(_proto(tree) if tree is not None else []), "$"]
    described = path.with_suffix(".proto")
    described.write_text("\n".join(lines) + "\n")
    return described


def _proto(directory: Path) -> list[str]:
    lines = []
    for entry in sorted(directory.iterdir()):
        if entry.is_dir():
            lines += [f"{entry.name} d--755 0 0", *_proto(entry), "$"]
        else:
            lines.append(f"{entry.name} ---644 0 0 {entry}")
    return lines


def disk(path: Path, parts: Sequence[Part], label: str = "gpt") -> Path:
    """A raw disk with these partitions one after the other, the first at 1 MiB."""
    with path.open("wb") as file:
        file.truncate((sum(part.mib for part in parts) + 2) * MIB)
    rows = "".join(f"size={part.mib}MiB, type={part.role}\n" for part in parts)
    tool(
        "sfdisk",
        "--quiet",
        str(path),
        stdin=f"label: {label}\nlabel-id: 0x1234abcd\n{rows}" if label == "dos" else f"label: {label}\n{rows}",
    )
    at = 1
    for number, part in enumerate(parts):
        content = filesystem(path.with_suffix(f".{number}"), part)
        put(path, content, at * MIB)
        content.unlink()
        at += part.mib
    return path


def put(path: Path, content: Path, at: int) -> None:
    """Write a file's content into another file, holes left out."""
    with path.open("r+b") as target, content.open("rb") as source:
        target.seek(at)
        shutil.copyfileobj(source, target, MIB)
        target.flush()


def volume_group(path: Path, volumes: dict[str, Part], grown: Optional[str] = None) -> Path:
    """A physical volume with these logical volumes; `grown` is enlarged at the end, so that it has two pieces."""
    with path.open("wb") as file:
        file.truncate((sum(part.mib for part in volumes.values()) + 16) * MIB)
    device = tool("losetup", "--find", "--show", str(path)).strip()
    only = ("--devices", device)
    try:
        tool("pvcreate", "--quiet", *only, device)
        tool("vgcreate", "--quiet", *only, "root-vg", device)
        for name, part in volumes.items():
            size = ("--size", f"{part.mib}m", "--name", name)
            tool("lvcreate", "--driverloaded", "n", *only, "-an", "-Zn", "-Wn", *size, "root-vg")
        if grown is not None:
            tool("lvextend", "--driverloaded", "n", *only, "--size", "+4m", f"root-vg/{grown}")
    finally:
        tool("losetup", "--detach", device)
    at = MIB
    for name, part in volumes.items():
        content = filesystem(path.with_suffix(f".{name}"), part)
        put(path, content, at)
        content.unlink()
        at += part.mib * MIB
    return path


def converted(raw: Path, form: str) -> Path:
    """The same disk in another file format."""
    ways = {
        "vhd": ("-O", "vpc", "-o", "subformat=fixed,force_size"),
        "dynamic": ("-O", "vpc", "-o", "force_size"),
        "qcow2": ("-O", "qcow2"),
        "compressed": ("-c", "-O", "qcow2"),
    }
    if form == "raw":
        return raw
    target = raw.with_suffix(".vhd" if form in ("vhd", "dynamic") else ".qcow2")
    tool("qemu-img", "convert", "-f", "raw", *ways[form], str(raw), str(target))
    return target
