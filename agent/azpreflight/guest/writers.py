"""Who could have written a file: only the system, or somebody whose word must not decide over a machine.

A log, a state file or a stamp is a witness, and what an unprivileged user could have written there is nobody's word. So
a file counts where it and every directory above it, through all links, belong to root or to an account of the system,
and nobody else may write to them. Accounts of the system have numbers below 1000 (login.defs(5), UID_MIN): cloud-init
gives its log to syslog, and /var/log of Ubuntu may be written by that group.
"""

from __future__ import annotations

import posixpath
from typing import Optional

from azpreflight.host import FileInfo, FileKind, Host, HostError

PEOPLE_FROM = 1000
"""The first number of a person's account; nobody and the users of containers have higher ones."""
PEOPLE = (100,)
"""Groups below that in which every person is: users, of Debian's and of the RHEL family."""
LINKS_MOST = 8
_GROUP, _ALL, _STICKY = 0o020, 0o002, 0o1000


def others(host: Host, path: str, links: int = LINKS_MOST) -> Optional[str]:
    """Why a file may be somebody else's than the system's word: "PATH belongs to user 1000"; None if it is not.

    A path that is not there is nobody's, and a run without root, whose report is its user's own, believes what it can
    read. HostError where the host cannot tell.
    """
    if not host.privileged:
        return None
    places = _places(path)
    for place in places:
        info = host.info(place, follow=False)
        if info is None:
            return None
        why = _why(place, info)
        if why is not None:
            return why
        if info.kind is FileKind.LINK:
            if not links:
                raise HostError(f"cannot read {path}: too many symbolic links")
            target = posixpath.join(posixpath.dirname(place), info.target or "")
            rest = posixpath.relpath(path, place)
            return others(host, posixpath.normpath(posixpath.join(target, rest)), links - 1)
    return None


def believed(host: Host, path: str) -> bool:
    """Only the system could have written the file; False too where that cannot be told."""
    try:
        return others(host, path) is None
    except HostError:
        return False


def not_believed(path: str, why: str) -> str:
    """The sentence for a check that is unknown because of that."""
    return f"{path} is not believed: {why}"


def _places(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    return ["/", *("/" + "/".join(parts[: count + 1]) for count in range(len(parts)))]


def _why(place: str, info: FileInfo) -> Optional[str]:
    if info.uid >= PEOPLE_FROM:
        return f"{place} belongs to user {info.uid}"
    if info.kind is FileKind.LINK:
        return None
    shared = info.kind is FileKind.DIRECTORY and info.mode & _STICKY
    if info.mode & _ALL and not shared:
        return f"everybody may write to {place}"
    if info.mode & _GROUP and not shared and (info.gid >= PEOPLE_FROM or info.gid in PEOPLE):
        return f"group {info.gid} may write to {place}"
    return None
