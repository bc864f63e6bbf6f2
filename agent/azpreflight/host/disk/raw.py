"""The content of a qcow2 or of a dynamic VHD, unpacked by qemu-img into a file without a name.

Without a name it is gone with this process, however that ends. qemu-img is told the format and that there is no backing
file, so that the image cannot make it open anything else.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import BinaryIO

from azpreflight.foreign import loads
from azpreflight.host import programs
from azpreflight.host.api import HostError
from azpreflight.host.clock import Clock
from azpreflight.host.disk.types import Format
from azpreflight.host.reading import reading

DRIVERS = {Format.QCOW2: "qcow2", Format.DYNAMIC_VHD: "vpc"}
MEASURE_TIMEOUT = 60.0
"""Seconds: the tables of a disk of many TiB are some hundred MiB."""
CONVERT_TIMEOUT = 1800.0
"""Seconds: 30 GiB compressed take some minutes, and a hostile file must not keep it at work for ever."""
LIMIT = MEASURE_TIMEOUT + CONVERT_TIMEOUT
SPARE = 1 << 30
"""Bytes of the temporary filesystem that are left to others."""
OUTPUT_LIMIT = 1 << 16


def unpacked(path: str, form: Format, size: int, clock: Clock) -> BinaryIO:
    """The disk as raw bytes, in a nameless file below TMPDIR or /var/tmp; within LIMIT if the clock is stopped for it.

    HostError: no qemu-img, no room, or the file is damaged.
    """
    if programs.which("qemu-img") is None:
        raise HostError(f"a {form.value} needs qemu-img (package qemu-utils or qemu-img), which is not installed")
    source = _source(path, DRIVERS[form])
    directory = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - the file has no name there
    _room(source, directory, form.value, clock)
    try:
        file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - lives as long as the disk is inspected
        file.truncate(size)
    except OSError as error:
        raise HostError(f"cannot unpack it below {directory}: {error.strerror} (TMPDIR names another place)") from None
    target = f"/proc/{os.getpid()}/fd/{file.fileno()}"
    _qemu(("convert", "-n", "-O", "raw", source, target), clock.granted(CONVERT_TIMEOUT))
    return file


def unpacked_vhdx(path: str, target: str, clock: Clock) -> None:
    """The disk in a VHDX as raw bytes in the file `target`, which is made. HostError: no room, or it is damaged."""
    source = _source(path, "vhdx")
    _room(source, os.path.dirname(target), "VHDX", clock)
    _qemu(("convert", "-O", "raw", source, target), clock.granted(CONVERT_TIMEOUT))


def _source(path: str, driver: str) -> str:
    node: dict[str, object] = {"driver": driver, "file": {"driver": "file", "filename": path}}
    return f"json:{json.dumps({**node, 'backing': None} if driver == 'qcow2' else node)}"


def _room(source: str, directory: str, what: str, clock: Clock) -> None:
    with reading("what qemu-img measures"):
        measured = loads(_qemu(("measure", "--output=json", "-O", "raw", source), clock.granted(MEASURE_TIMEOUT)))
        needed = int(measured.get("required", 0)) if isinstance(measured, dict) else 0
    seen = os.statvfs(directory)
    free = seen.f_bavail * seen.f_frsize - SPARE
    if needed > free:
        raise HostError(
            f"unpacking this {what} takes {needed >> 20} MiB, and {directory} has {max(free, 0) >> 20} MiB to "
            "spare (TMPDIR names another place)"
        )


def _qemu(arguments: tuple[str, ...], timeout: float) -> str:
    done = programs.run(("qemu-img", *arguments), timeout, None, None, OUTPUT_LIMIT, dies_with_us=True)
    if done.status != 0:
        said = (done.stderr.strip().splitlines() or [f"status {done.status}"])[-1]
        raise HostError(f"qemu-img cannot read it: {said.rpartition(': ')[2]}")
    return done.stdout
