"""Accounts of the build VM that would be in every VM made from the image.

Deprovisioning deletes one user: the one that ovf-env.xml names. If that file is gone, because somebody emptied the
library first, it skips the user and says so in a line that nobody reads. userdel refuses a user who is logged in. The
hash of a deleted user stays in /etc/shadow-, the backup that the tools make (WALinuxAgent,
azurelinuxagent/pa/deprovision/default.py, azurelinuxagent/common/osutil/default.py).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import passwords
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.guest.passwords import Password
from azpreflight.host import Host, HostError
from azpreflight.model import Run, Severity, Unknown, Verdict
from azpreflight.probes.generalization.check import ERROR, WARNING, check
from azpreflight.probes.generalization.keyfiles import Keys, authorized
from azpreflight.probes.generalization.leftover import config_of, deprovisions, leftover
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, plain, several

PASSWD = "/etc/passwd"  # noqa: S105 - the name of a file
ANSWERS = (
    "/root/anaconda-ks.cfg",
    "/root/original-ks.cfg",
    "/root/initial-setup-ks.cfg",
    "/root/autoinst.xml",
    "/var/adm/autoinstall/cache/installedSystem.xml",
    "/var/log/installer/autoinstall-user-data",
    "/etc/cloud/cloud.cfg.d/99-installer.cfg",
)
"""Where Anaconda, AutoYaST and Ubuntu's Subiquity write down what they were told, with the first user's hash."""
ANSWERS_LIMIT = 1 << 20
"""Bytes of one of them; an installer that lists all packages writes 100 KiB."""
HASHED = re.compile(r"\$(?:1|5|6|y|gy|2[aby])\$[./A-Za-z0-9$=,]{20}")
"""The start of a password hash (crypt(5))."""
MAX_ACCOUNTS = 500
"""Accounts that are inspected; a directory service does not put its users into passwd."""


@dataclass(frozen=True)
class Account:
    """An account with a shell."""

    name: str
    uid: int
    home: str
    password: Password
    keys: Keys
    """Of its authorized_keys."""


@dataclass(frozen=True)
class AccountFacts:
    """Who may log in, and with what."""

    first_uid: int
    accounts: tuple[Account, ...] = ()
    """Those with a shell, root among them."""
    shadow_path: str = "/etc/shadow"
    backup_hashes: tuple[str, ...] = ()
    """Accounts of which a backup of shadow has a hash that the file itself has no more."""
    answers: tuple[str, ...] = ()
    """Files of installers with a hash in them."""
    unread: tuple[str, ...] = ()
    """Why files of installers could not be read."""


def look(host: Host, run: Run) -> AccountFacts:
    """passwd, shadow and its backup, and the authorized_keys of those who may log in. HostError without root."""
    config = config_of(run)
    shadow_text = host.text(config.password_path, SMALL) or ""
    shadow = passwords.passwords(shadow_text)
    everybody = passwords.entries(host.text(PASSWD, SMALL) or "")
    if not everybody:
        raise HostError(f"cannot read {PASSWD}: no account is in it")
    entries = [entry for entry in everybody if entry.may_log_in]
    backup = passwords.hashed(host.text(f"{config.password_path}-", SMALL) or "")
    current = passwords.hashed(shadow_text)
    answers, unread = _answers(host)
    return AccountFacts(
        first_uid=passwords.first_uid(host.text("/etc/login.defs", SMALL) or ""),
        accounts=tuple(_account(host, entry, shadow.get(entry.name)) for entry in entries[:MAX_ACCOUNTS]),
        shadow_path=config.password_path,
        backup_hashes=tuple(plain(name) for name in backup if name not in current)[:KEPT],
        answers=answers,
        unread=unread,
    )


def _answers(host: Host) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of installers with a hash in them, and what could not be read."""
    found, unread = [], []
    for path in ANSWERS:
        try:
            found += [path] if HASHED.search(host.text(path, ANSWERS_LIMIT) or "") is not None else []
        except HostError as error:
            unread.append(str(error))
    return tuple(found), tuple(unread)


def _account(host: Host, entry: passwords.Entry, password: Optional[Password]) -> Account:
    home = posixpath.normpath(entry.home or "/")
    allowed = entry.password or password or Password.NONE
    return Account(plain(entry.name), entry.uid, home, allowed, authorized(host, home))


# --- judging ------------------------------------------------------------------------------------------------------


def judge_users(facts: AccountFacts, user: Optional[str], run: Run) -> Iterator[Verdict]:
    """No account but root lets anybody in; `user` is the one whom ovf-env.xml names."""
    for account in facts.accounts:
        ways = tuple(_ways(account))
        if account.name != "root" and ways:
            deleted = account.name == user
            yield leftover(
                run,
                Severity.ERROR,
                f"user {account.name} (uid {account.uid}) can log in with {' and '.join(ways)}",
                _fix(deleted, user, run),
                (f"userdel --force --remove {files([account.name])}",),
                cleaned=deleted,
            )


def _ways(account: Account) -> Iterator[str]:
    if account.password is Password.HASH:
        yield "a password"
    if account.password is Password.EMPTY:
        yield "an empty password"
    if account.keys.usable:
        yield count(account.keys.usable, "authorized key")


def _fix(deleted: bool, user: Optional[str], run: Run) -> str:
    if deleted and deprovisions(run):
        return "Deprovision this machine, which deletes the user."
    if not deprovisions(run):
        return "Delete the user: nothing else will, because waagent is not installed or does not deprovision here."
    if user is None:
        return "Delete the user: waagent will not, because no ovf-env.xml names a user."
    return "Delete the user: deprovisioning deletes only the one whom ovf-env.xml names."


def judge_root_password(facts: AccountFacts, run: Run) -> Iterator[Verdict]:
    """Nobody can log in as root with a password."""
    root = next((account for account in facts.accounts if account.name == "root"), None)
    if root is None or root.password not in (Password.HASH, Password.EMPTY):
        return
    what = "a password" if root.password is Password.HASH else "an empty password"
    yield leftover(
        run,
        Severity.ERROR,
        f"root can log in with {what}",
        "Lock root's password.",
        ("usermod -p '*' root",),
        cleaned=config_of(run).delete_root_password,
    )


def judge_backup(facts: AccountFacts, run: Run) -> Iterator[Verdict]:
    """No hash of a user who is gone is left in the backup of shadow, and none in what an installer wrote down."""
    yield from map(Unknown, facts.unread)
    if facts.answers:
        yield leftover(
            run,
            Severity.WARNING,
            f"an installer wrote down a password hash: {several(facts.answers)}",
            "Delete what it wrote.",
            (f"rm -f {files(facts.answers)}",),
            cleaned=False,
        )
    if facts.backup_hashes:
        path = f"{facts.shadow_path}-"
        yield leftover(
            run,
            Severity.WARNING,
            f"{path} still has the password hash of {several(facts.backup_hashes)}",
            "Put the file that counts over its backup, after the user is deleted.",
            (f"cp --preserve=mode,ownership {files((facts.shadow_path, path))}",),
            cleaned=False,
        )


CHECKS = (
    check(
        "gen-root-password",
        "root has no usable password",
        part("accounts", judge_root_password),
        ERROR,
    ),
    check(
        "gen-password-backup",
        "no password hash is left in backups or installer files",
        part("accounts", judge_backup),
        WARNING,
    ),
)
