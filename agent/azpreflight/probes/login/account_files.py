"""What useradd and every login meet in the files of accounts: locks that were left, limits, root's own age, nsswitch.

useradd waits for no lock of passwd that names no process, and fails; a limit for everybody counts for the first login
too; cron refuses root's jobs once root's password has expired (shadow, lib/commonio.c; limits.conf(5); shadow(5);
nsswitch.conf(5); useradd(8)).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, Severity, Verdict
from azpreflight.text import files, plain, several

LOCKS = ("/etc/passwd.lock", "/etc/shadow.lock", "/etc/group.lock", "/etc/gshadow.lock", "/etc/subuid.lock")
LIMITS = ("/etc/security/limits.conf", "/etc/security/limits.d/*.conf")
LEAST: Mapping[str, int] = {"nproc": 16, "maxlogins": 1, "maxsyslogins": 1, "nofile": 64, "as": 65536, "cpu": 1}
"""Below it no login with a shell is possible; as is in KiB, cpu in minutes."""
NSSWITCH = "/etc/nsswitch.conf"
LOCAL = ("files", "compat", "altfiles", "db", "extrausers")
"""Modules of nsswitch that know the accounts that the agents make."""
ACCOUNTS = ("passwd", "shadow", "group")
NEVER = 9999
"""Days from which on distributions mean "never"."""


@dataclass(frozen=True)
class Limit:
    """A line for everybody that is too low."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class AccountFileFacts:
    """What stands in the way of accounts."""

    locks: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    nowhere: tuple[str, ...] = ()
    """Lines of nsswitch.conf that no local account is found by, "passwd: sss"."""
    root_expires: Optional[str] = None
    """The day of root's account, as shadow has it; 0 as the last change: root must change the password first."""
    root_ages: Optional[int] = None
    """Days after which root's password has expired."""
    no_homes: Optional[str] = None
    """Where useradd makes homes, if that is not there."""


def look(host: Host, homes: str) -> AccountFileFacts:
    """Files only; `homes` is HOME of useradd's defaults. HostError where one cannot be read."""
    rows = (line.split(":") for line in (host.text("/etc/shadow", SMALL) or "").splitlines())
    root = next((row for row in rows if row[0] == "root" and len(row) > 7), None)
    age = whole(root[4]) if root is not None else None
    missing = bool(homes) and host.info(homes) is None and host.info("/home") is not None
    return AccountFileFacts(
        locks=tuple(path for path in LOCKS if host.info(path) is not None),
        limits=tuple(_limits(host))[:KEPT],
        nowhere=tuple(_nowhere(host.text(NSSWITCH, SMALL) or "")),
        root_expires=_expires(root) if root is not None else None,
        root_ages=age if age is not None and age < NEVER else None,
        no_homes=homes if missing else None,
    )


def _expires(root: list[str]) -> Optional[str]:
    return "0" if root[2] == "0" else root[7] or None


def _limits(host: Host) -> Iterator[Limit]:
    for path in (path for pattern in LIMITS for path in host.glob(pattern)[:KEPT]):
        for number, line in enumerate((host.text(path, SMALL) or "").splitlines(), 1):
            words = line.split("#")[0].split()
            value = whole(words[3]) if len(words) == 4 and words[0] == "*" and words[2] in LEAST else None
            if value is not None and value < LEAST[words[2]]:
                yield Limit(path, number, " ".join(words))


def _nowhere(text: str) -> Iterator[str]:
    for line in text.splitlines():
        key, colon, value = line.split("#")[0].partition(":")
        if colon and key.strip() in ACCOUNTS and not set(value.split()) & set(LOCAL):
            yield f"{key.strip()}: {value.strip()}"


def judge(facts: AccountFileFacts) -> Iterator[Verdict]:
    """useradd works, and what it makes is found and may log in."""
    if facts.locks:
        yield Finding(
            Severity.ERROR,
            f"useradd finds {several(facts.locks)} and makes no user: another program seems to be at work",
            "Remove the locks.",
            (f"rm -f {files(facts.locks)}",),
            confidence=Confidence.LIKELY,
            confidence_reason="a lock with the number of a process that is gone is passed over",
        )
    for limit in facts.limits:
        yield Finding(
            Severity.ERROR,
            f"{plain(limit.text, 60)} (line {limit.line} of {plain(limit.path)}) is too low for any login",
            "Remove the line.",
            (f"sed -i '{limit.line}s/^/# /' {files([limit.path])}",),
        )
    for line in facts.nowhere:
        key, _, value = plain(line, 80).partition(":")
        yield Finding(
            Severity.ERROR,
            f'the line "{key}:{value}" of {NSSWITCH} finds no account of /etc/passwd: the user of a new VM is unknown',
            "Let the line begin with files.",
            (f"sed -i -E 's/^{key}:[[:space:]]*/{key}: files /' {NSSWITCH}",),
        )
    yield from _judge_root(facts)
    if facts.no_homes is not None:
        yield Finding(
            Severity.WARNING,
            f"useradd makes homes in {plain(facts.no_homes)}, which is not there",
            "Make the directory, or set HOME=/home.",
            (f"mkdir -p {files([plain(facts.no_homes)])}",),
            confidence=Confidence.LIKELY,
            confidence_reason="useradd from 4.7 on makes directories above a home",
        )


def _judge_root(facts: AccountFileFacts) -> Iterator[Verdict]:
    if facts.root_expires is not None:
        what = "must be changed first" if facts.root_expires == "0" else f"expires on day {plain(facts.root_expires)}"
        yield Finding(
            Severity.WARNING,
            f"root's account in /etc/shadow {what}: cron and su refuse root",
            "Let it not expire.",
            ("chage --expiredate -1 --lastday 1 --maxdays 99999 root",),
        )
    elif facts.root_ages is not None:
        yield Finding(
            Severity.NOTE,
            f"root's password expires after {facts.root_ages} days: cron refuses root's jobs from then on",
            "Give it more days, if VMs live longer.",
            ("chage --maxdays 99999 root",),
        )
