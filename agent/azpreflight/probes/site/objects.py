"""Collecting from files, and from the kernel, what a site's own checks ask about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from azpreflight.guest import bootloader, package_versions
from azpreflight.guest.bootloader import CommandLine
from azpreflight.host import FileKind, Host, HostError, systemd
from azpreflight.model import Run, SiteCheck, Stage
from azpreflight.probes.site.facts import SiteSeen
from azpreflight.text import plain

FILE_LIMIT = 4 << 20
"""Bytes of a file whose texts are asked about."""
RUNNING = "/proc/cmdline"
VALUE = 200
"""Characters of a value."""


def file(host: Host, check: SiteCheck) -> SiteSeen:
    """What the path is, whose it is, and which of the texts it has."""
    info = host.info(check.subject)
    if info is None:
        return SiteSeen(present=False)
    wanted = (*check.contains, *check.lacks)
    if wanted and info.kind is not FileKind.FILE:
        return SiteSeen(error=f"{check.subject} is not a regular file")
    content = (host.text(check.subject, FILE_LIMIT) or "") if wanted else ""
    return SiteSeen(
        present=True,
        mode=f"{info.mode:o}",
        owner=_name(host, "/etc/passwd", info.uid) if check.owner else None,
        uid=info.uid,
        group=_name(host, "/etc/group", info.gid) if check.group else None,
        gid=info.gid,
        texts=tuple(text for text in dict.fromkeys(wanted) if text in content),
    )


def _name(host: Host, path: str, number: int) -> str:
    for line in (host.text(path, FILE_LIMIT) or "").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == str(number):
            return plain(fields[0])
    return str(number)


def unit(host: Host, check: SiteCheck) -> SiteSeen:
    """What the next boot makes of the unit."""
    found = systemd.unit(host, check.subject)
    return SiteSeen(state=found.state.value, source=found.path)


def packages(host: Host, checks: Sequence[SiteCheck]) -> dict[str, SiteSeen]:
    """All packages at once, because their database is read as a whole."""
    try:
        found = package_versions.installed(host, [check.subject for check in checks])
    except HostError as error:
        return {check.id: SiteSeen(error=str(error)) for check in checks}
    return {check.id: _package(found[check.subject]) for check in checks}


def _package(versions: tuple[str, ...]) -> SiteSeen:
    return SiteSeen(present=bool(versions), versions=tuple(plain(version) for version in versions))


def kernel_parameter(host: Host, check: SiteCheck, run: Run) -> SiteSeen:
    """At first boot of the running kernel, before it of the entry that the boot loader starts."""
    line = _running(host) if run.stage is Stage.FIRSTBOOT and not run.offline else bootloader.command_line(host)
    if line is None:
        return SiteSeen(error="no kernel command line was found")
    options = [option for option in line.options if option.partition("=")[0] == check.subject]
    values = tuple(_shown(option, check.value) for option in options)
    return SiteSeen(present=bool(options), values=values, source=line.source)


def _running(host: Host) -> Optional[CommandLine]:
    text = host.text(RUNNING)
    return CommandLine(RUNNING, tuple(text.split())) if text else None


def _shown(option: str, expected: Optional[str]) -> str:
    """The value as a report may have it: what the configuration itself names is no secret."""
    value = option.partition("=")[2]
    if value == expected or not value:
        return value
    return bootloader.shown_option(option).partition("=")[2] or bootloader.HIDDEN


def sysctl(host: Host, check: SiteCheck) -> SiteSeen:
    """The value that the running kernel has (sysctl(8): dots stand for slashes)."""
    path = "/proc/sys/" + (check.subject if "/" in check.subject else check.subject.replace(".", "/"))
    text = host.text(path)
    if text is None:
        return SiteSeen(present=False, source=path)
    return SiteSeen(present=True, values=(plain(" ".join(text.split()), VALUE),), source=path)
