"""Enable the service that watches an image build, and undo it. Two files in /etc/systemd/system are all that it takes.

The enabled unit is in the image while it is built, and survives its reboots. It carries a mark of the machine that it
was armed on, so that in a VM of an image that was captured without its power-off it ends at once and disarms.
"""

from __future__ import annotations

import os
import re
from typing import Optional

from azpreflight.engine.gather import vm_id
from azpreflight.host import Host, HostError, mutations
from azpreflight.model.errors import UsageError
from azpreflight.paths import ARMED
from azpreflight.sinks.file import write_file

UNIT = "azpreflight-capture.service"
LINK, SETTINGS = ARMED
DROP_IN = f"{SETTINGS}/armed.conf"
UNIT_MODE = 0o644
"""systemd complains of units that not everybody may read."""
BOOTED = "/run/systemd/system"
"""There where systemd runs the machine (sd_booted(3))."""
SYSTEMCTL_TIMEOUT = 30.0
PROGRAM = "/usr/bin/azpreflight"
IMAGE = ("/", "/boot", "/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var", "/var/lib", "/var/log")
"""Directories whose filesystems are captured."""
_PLAIN = re.compile(r"/[A-Za-z0-9_./:@,=+-]+")
"""A path that means the same in a unit file as anywhere else."""


def arm(host: Host, report: Optional[str]) -> None:
    """Enable the service, and start it where systemd runs. UsageError where that cannot be."""
    if not host.privileged:
        raise UsageError("only root can arm a machine")
    if report is not None:
        check_report(report)
    booted = os.path.isdir(BOOTED)
    try:
        mutations.make_directory(SETTINGS)
        write_file(DROP_IN, drop_in(mark(host) if booted else None, report), UNIT_MODE)
        if booted:
            _systemctl(host, "daemon-reload")
        _systemctl(host, "enable", UNIT)
        if booted:
            _systemctl(host, "restart", UNIT)
    except (HostError, UsageError) as error:
        disarm()
        raise UsageError(f"cannot arm this machine: {error}") from None


def disarm() -> None:
    """Remove what enables the service; one that runs goes on until it is stopped. HostError where that fails."""
    for path in (LINK, DROP_IN, SETTINGS):
        mutations.unlink(path)


def stop(host: Host) -> None:
    """End the service without a verdict, where systemd runs. HostError where that fails."""
    if os.path.isdir(BOOTED):
        _systemctl(host, "daemon-reload")
        _systemctl(host, "stop", UNIT)


def _systemctl(host: Host, *arguments: str) -> None:
    done = host.run(("systemctl", *arguments), SYSTEMCTL_TIMEOUT)
    if done.status != 0:
        raise HostError(f"systemctl {' '.join(arguments)}: {done.stderr.strip() or f'exit status {done.status}'}")


def drop_in(machine: Optional[str], report: Optional[str]) -> str:
    """What the unit is to know of this build.

    The sandbox has to know where the report goes: the directory may be a user's, and after a restart not be there.
    Local filesystems are unmounted after the service has ended, because it is started after local-fs.target.
    """
    options = [*(("--armed-on", machine) if machine else ()), *(("--report", report) if report else ())]
    folder = os.path.dirname(report or "")
    writable = f"ReadWritePaths=-{folder}\nCapabilityBoundingSet=CAP_DAC_OVERRIDE\n" if report else ""
    return f"[Service]\nExecStart=\nExecStart={' '.join((PROGRAM, 'capture', *options))}\n{writable}"


def mark(host: Host) -> Optional[str]:
    """A word that tells this machine from others and does not say which it is; None where it has no id."""
    import hashlib

    machine = vm_id(host)
    return hashlib.sha256(f"azpreflight {machine}".encode()).hexdigest()[:16] if machine else None


def check_report(path: str) -> None:
    """UsageError for a report that would be part of the image, or that cannot be named in a unit file."""
    if not _PLAIN.fullmatch(path) or os.path.normpath(path) != path:
        raise UsageError(f"cannot report to {path!a}: not an absolute path of plain characters")
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise UsageError(f"cannot report to {path}: there is no directory {folder}")
    device = os.stat(folder).st_dev
    if device in {os.stat(part).st_dev for part in IMAGE if os.path.isdir(part)}:
        raise UsageError(f"cannot report to {path}: it would be part of the image; name a file on another filesystem")
