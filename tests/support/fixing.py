"""Findings tried on a real tree: its files are written, the printed commands are run, and it is judged again."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.host import FileInfo, FileKind
from azpreflight.host.local import LocalHost
from azpreflight.model import Finding, Probe, Report, Run
from tests.support.fakes import Link

LEFT_OUT = ("apt-get", "dnf", "tdnf", "zypper", "systemctl", "sshd", "visudo", "chown", "dracut", "update-initramfs")
"""Commands that need a running system, its packages, or root: they are not run here."""
_PATHS = re.compile(r"(?<!includedir )(?<=[ '\">=])/(?=(?:etc|usr|var|boot|home|run|opt|oem)(?:/|[ '\"]|$))")


def write(root: Path, files: Mapping[str, Any]) -> None:
    """The literals of a `FakeHost` as a tree."""
    for path, node in sorted(files.items()):
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(node, Link):
            target = node.target
            place.symlink_to(target if not target.startswith("/") else f"{root}{target}")
        elif node is None or (isinstance(node, FileInfo) and node.kind is FileKind.DIRECTORY):
            place.mkdir(exist_ok=True)
        elif isinstance(node, FileInfo):
            place.write_bytes(b"x" * min(node.size, 1))
        else:
            place.write_bytes(node if isinstance(node, bytes) else node.encode())
            place.chmod(0o755 if place.parent.name.endswith("bin") else 0o644)
        if isinstance(node, FileInfo):
            place.chmod(node.mode)


def run(root: Path, finding: Finding, values: tuple[str, ...] = ()) -> list[str]:
    """Runs the commands of a finding on the tree, in order; those that were left out are returned.

    Paths in a command are those of the tree, but for `values`, which are written into a file.
    """
    left_out = []
    for command in finding.commands:
        if command.split()[0] in LEFT_OUT:
            left_out.append(command)
            continue
        line = _PATHS.sub(f"{root}/", command)
        for value in values:
            line = line.replace(f"{root}{value}", value)
        subprocess.run(["sh", "-c", line], check=True, timeout=30)
    return left_out


def report(root: Path, asked: Run, *probes: Probe[Any]) -> Report:
    """Of the tree, as one that runs: the commands for a mounted one go through its own shell, which is not there."""
    return assess(gather(LocalHost(str(root)), probes, asked), probes)
