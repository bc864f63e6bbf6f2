"""The layer that takes what a VM writes, so that not a byte of the image is changed; and the folder that it is in."""

from __future__ import annotations

import json
from typing import Optional

from azpreflight.host.disk.types import Format

PREFIX = "azpreflight-rehearsal-"
"""Of the folders; one that nobody holds a lock on was left by a rehearsal that was killed."""
LOCK = "lock"
DRIVERS = {Format.RAW: "raw", Format.VHD: "raw", Format.DYNAMIC_VHD: "vpc", Format.QCOW2: "qcow2"}
"""What QEMU is told; a fixed VHD is the raw disk with 512 bytes behind it."""


def backing(path: str, form: Format, size: int) -> str:
    """The image as QEMU opens it: of a format that was found here, and never of one that the file's content asks for.

    `size` is that of the disk in bytes.
    """
    file = {"driver": "file", "filename": path}
    if form in (Format.RAW, Format.VHD):
        node: dict[str, object] = (
            {"driver": "raw", "size": size, "file": file} if size % 512 == 0 else {"driver": "raw", "file": file}
        )
    elif form is Format.QCOW2:
        node = {"driver": "qcow2", "file": file, "backing": None}
    else:
        node = {"driver": DRIVERS[form], "file": file}
    return f"json:{json.dumps(node)}"


def create(backing_file: str, layer: str, mib: Optional[int] = None) -> tuple[str, ...]:
    """The command that makes the layer, as a larger disk where `mib` says so."""
    size = (f"{mib}M",) if mib is not None else ()
    return ("qemu-img", "create", "-q", "-f", "qcow2", "-b", backing_file, "-F", _format(backing_file), layer, *size)


def _format(backing_file: str) -> str:
    return str(json.loads(backing_file.partition(":")[2])["driver"])


def unpack(layer: str, raw: str) -> tuple[str, ...]:
    """The command that makes a raw disk of the layer and all that is below it."""
    return ("qemu-img", "convert", "-f", "qcow2", "-O", "raw", layer, raw)
