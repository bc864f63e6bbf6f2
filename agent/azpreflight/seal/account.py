"""Whether the user whom deprovisioning is to delete is one who may be deleted: a person of this build. Pure.

The name comes out of ovf-env.xml, or out of the state of a `seal` that was interrupted, and both waagent and `userdel`
do what it says: with root's name, root is gone, and with a service's, the directory that is its home.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest.passwords import Entry
from azpreflight.host import FileInfo, FileKind
from azpreflight.host.removable import parts_of

FIX = "correct the name in ovf-env.xml, or delete that file and the user by hand"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
"""Names that useradd takes; older agents put the name into a shell's command line."""


@dataclass(frozen=True)
class Accounts:
    """What has to be known of a system's accounts."""

    entries: tuple[Entry, ...]
    first_uid: int
    last_uid: int
    home: Optional[FileInfo] = None
    """The user's home itself, no link followed; None: it is not there."""
    mounts: tuple[str, ...] = ()


def refusal(name: str, accounts: Accounts) -> Optional[str]:
    """Why this user is not deleted; None if the user may be, or has no account."""
    reason = next(_reasons(name, accounts), None)
    return None if reason is None else f"will not delete the user {name!a}: {reason}; {FIX}"


def _reasons(name: str, accounts: Accounts) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "no name of a user"
    named = [entry for entry in accounts.entries if entry.name == name]
    if name == "root" or any(entry.uid == 0 for entry in named):
        yield "uid 0 is root's"
    if len(named) > 1:
        yield "there are several accounts of that name"
    for entry in named:
        yield from _of_account(entry, accounts)


def _of_account(entry: Entry, accounts: Accounts) -> Iterator[str]:
    if not accounts.first_uid <= entry.uid <= accounts.last_uid:
        people = f"{accounts.first_uid} to {accounts.last_uid}"
        yield f"uid {entry.uid} is that of a system account, login.defs has {people} for people"
    others = [other for other in accounts.entries if other.name != entry.name]
    yield from (f"{other.name!a} has the same uid {entry.uid}" for other in others if other.uid == entry.uid)
    parts = parts_of(entry.home)
    if parts is None or parts[0] != "home" or len(parts) < 2:
        yield f"the home {entry.home!a} is not below /home"
    shared = (other for other in others if other.home == entry.home or other.home.startswith(f"{entry.home}/"))
    yield from (f"the home {entry.home!a} is that of {other.name!a} too" for other in shared)
    if accounts.home is not None and accounts.home.kind is not FileKind.DIRECTORY:
        yield f"the home {entry.home!a} is no directory"
    elif accounts.home is not None and accounts.home.uid != entry.uid:
        yield f"the home {entry.home!a} belongs to uid {accounts.home.uid}"
    inside = _mounted(entry.home, accounts.mounts)
    if inside is not None:
        yield f"{inside!a} is mounted there"


def _mounted(home: str, mounts: Sequence[str]) -> Optional[str]:
    """What is mounted on a home or in it: its files would go with the home."""
    return next((mount for mount in mounts if mount == home or mount.startswith(f"{home}/")), None)
