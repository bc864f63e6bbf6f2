"""passwd, shadow and login.defs as text: who may log in, and with a password or not. Pure, and never a hash out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole

UID_MIN = 1000
"""The first UID of a person where login.defs does not say (login.defs(5))."""
UID_MAX = 60000
"""The last one, likewise."""
SHORTEST_HASH = 13
"""Characters of the oldest form, DES (crypt(5))."""
NO_LOGIN = ("nologin", "false", "sync", "shutdown", "halt")
"""Last parts of shells that let nobody in."""


class Password(str, Enum):
    """What the password field of shadow(5) allows."""

    LOCKED = "locked"
    """Starts with ! or *, or is too short for a hash: no password fits. An old hash may stand behind the mark."""
    EMPTY = "empty"
    """Nothing at all: no password is asked for."""
    HASH = "hash"
    NONE = "none"
    """No such line."""


@dataclass(frozen=True)
class Entry:
    """One line of passwd(5)."""

    name: str
    uid: int
    home: str
    shell: str
    password: Optional[Password] = None
    """What its own field allows; None where it holds an x, so that shadow decides."""

    @property
    def may_log_in(self) -> bool:
        """Its shell is one; an empty field means /bin/sh."""
        return self.shell.rpartition("/")[2] not in NO_LOGIN


def entries(passwd: str) -> tuple[Entry, ...]:
    """The lines of passwd that make sense."""
    rows = [line.split(":") for line in passwd.splitlines()]
    sound = ((row, whole(row[2])) for row in rows if len(row) == 7 and row[0])
    return tuple(Entry(row[0], uid, row[5], row[6].strip(), _own(row[1])) for row, uid in sound if uid is not None)


def _own(field: str) -> Optional[Password]:
    return None if field == "x" else kind(field)


def passwords(shadow: str) -> Mapping[str, Password]:
    """The kind of password of every account in shadow."""
    rows = (line.split(":") for line in shadow.splitlines())
    return {row[0]: kind(row[1]) for row in rows if len(row) > 1 and row[0]}


def kind(field: str) -> Password:
    """The kind of one password field."""
    if not field:
        return Password.EMPTY
    return Password.HASH if field[0] not in "!*" and len(field) >= SHORTEST_HASH else Password.LOCKED


def hashed(shadow: str) -> tuple[str, ...]:
    """Accounts in whose field a hash stands, behind a lock or not."""
    rows = (line.split(":") for line in shadow.splitlines())
    return tuple(row[0] for row in rows if len(row) > 1 and row[0] and len(row[1].lstrip("!*")) >= SHORTEST_HASH)


def first_uid(login_defs: str) -> int:
    """UID_MIN of login.defs, 1000 where it is not set."""
    return _number_of(login_defs, "UID_MIN", UID_MIN)


def last_uid(login_defs: str) -> int:
    """UID_MAX of login.defs, 60000 where it is not set."""
    return _number_of(login_defs, "UID_MAX", UID_MAX)


def _number_of(login_defs: str, key: str, default: int) -> int:
    for line in login_defs.splitlines():
        words = line.split()
        number = whole(words[1]) if len(words) > 1 and words[0] == key else None
        if number is not None:
            return number
    return default
