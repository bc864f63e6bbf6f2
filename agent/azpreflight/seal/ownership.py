"""Which of the paths that `seal` would remove a package owns: those stay, as the package's own tools would miss them.

dpkg and rpm are asked themselves, read-only, some hundred paths at a time; both, where both have a database. A file
that rpm only knows by its name (%ghost) was made by this machine, and is none of the package's (dpkg-query(1), rpm(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host import Completed, Host, HostError

AT_ONCE = 300
"""Paths in one question: far from the limit of a command line with the longest names."""
TIMEOUT_S = 20.0
"""Seconds for one question: dpkg reads all of its lists, rpm a database; both take half a second."""
DPKG_STATUS = "/var/lib/dpkg/status"
RPM_DATABASES = tuple(
    f"{folder}/{name}"
    for folder in ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
    for name in ("rpmdb.sqlite", "Packages", "Packages.db")
)
DPKG = ("dpkg-query", "--search", "--")
RPM = ("rpm", "--query", "--file", "--queryformat", "[%{=NAME}\\t%{FILENAMES}\\t%{FILEFLAGS:fflags}\\n]", "--")
_PATTERN = re.compile(r"[*?\[\\]")


@dataclass(frozen=True)
class Owned:
    """Packages by the path that they own; what is not in it is nobody's, unless it is undecided."""

    by_path: Mapping[str, str] = field(default_factory=dict)
    error: Optional[str] = None
    """Why it could not be asked for any of them; None if it could."""

    def reason(self, path: str, shipped: bool) -> Optional[str]:
        """Why the path has to stay; None if it may go. `shipped`: packages put files there."""
        if path in self.by_path:
            return f"it belongs to the package {self.by_path[path]}"
        if not shipped:
            return None
        if self.error is not None:
            return f"cannot tell whether a package owns it: {self.error}"
        return None if askable(path) else "cannot ask whether a package owns a name with such characters"


def askable(path: str) -> bool:
    """The path comes back from a package manager as it was."""
    return path.isascii() and path.isprintable()


def owned(host: Host, paths: Sequence[str]) -> Owned:
    """Who owns these paths."""
    asked = [path for path in dict.fromkeys(paths) if askable(path)]
    has_dpkg = host.info(DPKG_STATUS) is not None
    has_rpm = any(host.info(path) is not None for path in RPM_DATABASES)
    if not has_dpkg and not has_rpm:
        return Owned(error="there is neither a database of dpkg nor one of rpm")
    found: dict[str, str] = {}
    try:
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            found.update(_of_dpkg(host, some) if has_dpkg else {})
            found.update(_of_rpm(host, some) if has_rpm else {})
    except HostError as error:
        return Owned(found, str(error))
    return Owned(found)


def _of_dpkg(host: Host, paths: Sequence[str]) -> dict[str, str]:
    """By the names of before and after the merge of /usr; its names are patterns."""
    names = {other: path for path in paths for other in (path, f"/usr{path}", path.replace("/usr/", "/", 1))}
    done = host.run((*DPKG, *(_PATTERN.sub(r"\\\g<0>", name) for name in names)), TIMEOUT_S)
    _answered(done, DPKG, (0, 1))
    return {names[path]: package for path, package in dpkg_rows(done.stdout) if path in names}


def dpkg_rows(stdout: str) -> Iterator[tuple[str, str]]:
    """Path and package of each line: "one, another: /path", and of diversions the same."""
    for line in stdout.splitlines():
        package, colon, path = line.partition(": /")
        if colon:
            yield f"/{path}", package


def _of_rpm(host: Host, paths: Sequence[str]) -> dict[str, str]:
    """Its exit status is the number of paths that nobody owns."""
    done = host.run((*RPM, *paths), TIMEOUT_S)
    if "error: " in done.stderr and "No such file" not in done.stderr:
        _answered(done, RPM, ())
    wanted = set(paths)
    return {path: package for path, package in rpm_rows(done.stdout) if path in wanted}


def rpm_rows(stdout: str) -> Iterator[tuple[str, str]]:
    """Path and package of every file of the owners, those that a package only names left out."""
    rows = (line.split("\t") for line in stdout.splitlines())
    return ((row[1], row[0]) for row in rows if len(row) == 3 and "g" not in row[2])


def _answered(done: Completed, program: Sequence[str], statuses: Sequence[int]) -> None:
    if done.status not in statuses:
        raise HostError(f"{program[0]}: {done.stderr.strip()[-200:] or f'exit status {done.status}'}")
