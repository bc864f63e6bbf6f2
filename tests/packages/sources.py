"""Copies of this tree's sources, changed as a test wants them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[2]
BESIDE = ("standin", "rehearse")
"""Folders of modules that no guest has: they are in a package of their own."""
TIMEOUT = 300
PLACES = {".preset": "system-preset", ".catalog": "catalog"}
"""Where a file of systemd/ is installed below systemd's own folder, by its suffix; all others are units."""
LONG_AGO = 1_000_000_000
"""Seconds since 1970, in 2001."""


def copied(folder: Path) -> Path:
    """The sources in this new folder, which is no checkout."""
    subprocess.run([SOURCE / "packaging/source", folder], check=True, timeout=TIMEOUT)
    return folder


def checked_out_elsewhere(folder: Path) -> Path:
    """A copy that was made at another time, by somebody whose files nobody else may read."""
    source = copied(folder)
    for path in source.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    return source


def with_further_units(folder: Path) -> Path:
    """A copy that has a socket, which the presets enable, and a service and a template, which nothing enables."""
    source = copied(folder)
    unit = source / "systemd/azpreflight-added"
    unit.with_suffix(".socket").write_text("[Socket]\nListenStream=/run/x\n[Install]\nWantedBy=sockets.target\n")
    for name in ("azpreflight-added.service", "azpreflight-added@.service"):
        (source / "systemd" / name).write_text("[Service]\nExecStart=/usr/bin/azpreflight --version\n")
    with (source / "systemd/80-azpreflight.preset").open("a") as preset:
        preset.write("enable azpreflight-added.socket\n")
    return source
