"""`azpreflight image` on a disk, and what it leaves."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.images.disks import ESP, MIB, Part, System, tool

BOOT_UUID = "22222222-2222-4222-8222-222222222222"
FSTAB = f"UUID=11111111-1111-4111-8111-111111111111 / ext4 defaults 0 1\nUUID={BOOT_UUID} /boot ext4 defaults 0 2\n"
SENTINEL = {"var/lib/waagent/provisioned": "0c8bd3a1-5bd9-4b38-9a6c-54c7a4fd5a11"}
TIMEOUT = 60

Done = subprocess.CompletedProcess[str]


def azpreflight(*arguments: str, before: Sequence[str] = ()) -> Done:
    """Run it; what it left on the machine is a failure, whatever the test is about."""
    command = [*before, sys.executable, "-m", "azpreflight", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert leftovers() == []
    assert "Traceback" not in done.stderr
    return done


def looked(path: Path, *more: str) -> dict[str, Any]:
    """The report of `image` on a file, which must be byte for byte what it was."""
    before = fingerprint(path)
    done = azpreflight("image", str(path), "--format", "json", *more)
    assert done.stdout, done.stderr
    assert fingerprint(path) == before
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def statuses(report: dict[str, Any]) -> dict[str, str]:
    return {result["check"]: result["status"] for result in report["results"]}


def fingerprint(path: Path) -> tuple[str, int, int]:
    """Content, size and time of the last change."""
    seen = path.stat()
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for piece in iter(lambda: file.read(MIB), b""):
            digest.update(piece)
    return digest.hexdigest(), seen.st_size, seen.st_mtime_ns


def leftovers() -> list[str]:
    """Loop devices of a test's file, mounts, and directories; the kernel takes a moment to give a device back."""
    for _ in range(100):
        loops = [line for line in tool("losetup", "--list", "--noheadings").splitlines() if "azp-image-" in line]
        mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if "azpreflight-image" in line]
        if not loops and not mounts:
            break
        time.sleep(0.05)
    return loops + mounts + [str(path) for path in Path("/run").glob("azpreflight-image-*")]


def two_parts(place: Path, **system: Any) -> list[Part]:
    """A system with /boot on a partition of its own."""
    boot = place / "boot"
    boot.mkdir(exist_ok=True)
    (boot / "vmlinuz-6.1.0-1-cloud-amd64").write_bytes(b"MZ")
    root = System(**{"fstab": FSTAB, "files": SENTINEL, **system}).write(place / "tree")
    return [Part(4, role=ESP, kind=""), Part(8, boot, uuid=BOOT_UUID), Part(16, root)]
