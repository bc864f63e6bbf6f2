"""Owners and modes that sshd, sudo and every login insist on.

`chmod -R 777` or an archive unpacked by a user leaves an image in which each file is there and nobody gets in: sudo
refuses rules that others may write, sshd its empty directory, private keys and the way to authorized_keys (sudo,
plugins/sudoers/sudoers.c; OpenSSH, sshd.c and misc.c; useradd(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import os_release, package_database, sshd_config
from azpreflight.guest import sudoers as sudoersfile
from azpreflight.guest.limits import SMALL
from azpreflight.host import FileInfo, FileKind, Host, systemd
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.generalization.leftover import agents_of, config_of
from azpreflight.probes.login.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

EMPTY = ("/run/sshd", "/var/run/sshd", "/var/empty/sshd", "/usr/share/empty.sshd", "/var/lib/sshd", "/var/lib/empty")
"""sshd's empty directory: Debian, RHEL to 8, RHEL from 9, Azure Linux, SUSE (also /var/empty itself elsewhere)."""
PASSED = ("/", "/etc", "/usr", "/usr/bin", "/usr/lib", "/var", "/home", "/bin", "/lib")
"""Directories that every user must be able to enter."""
READ_BY_ALL = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/login.defs", "/etc/profile")
RUN = (
    "/usr/sbin/sshd",
    "/usr/bin/sudo",
    "/usr/sbin/useradd",
    "/usr/sbin/waagent",
    "/usr/bin/waagent",
    "/usr/bin/cloud-init",
)
"""Programs that must be executable, where they are there."""
SERVICES = ("ssh.service", "sshd.service")
SUDO = "/usr/bin/sudo"
OPEN = (
    "/etc",
    "/etc/ssh",
    "/etc/ssh/sshd_config",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/pam.d",
    "/var/lib/waagent",
)
"""Of what only root should be able to write, the part that makes anybody root."""
KEYS = "/etc/ssh/ssh_host_*_key"
MAX_KEYS = 20
OTHERS_WRITE, GROUP_WRITES = 0o002, 0o020


@dataclass(frozen=True)
class Mode:
    """Of one path, links followed."""

    path: str
    uid: int
    mode: int
    directory: bool

    @property
    def said(self) -> str:
        """For a message."""
        return f"{self.path} is of uid {self.uid} with mode {self.mode:04o}"


@dataclass(frozen=True)
class ModeFacts:
    """Of what is there, subject by subject."""

    sudoers: tuple[Mode, ...] = ()
    """Every file and directory that sudo reads rules from."""
    sudo: Optional[Mode] = None
    empty: tuple[Mode, ...] = ()
    no_empty: bool = False
    """None of sshd's empty directories is there, and its unit makes none."""
    keys: tuple[Mode, ...] = ()
    on_the_way: tuple[Mode, ...] = ()
    """What is above the homes of users: / and /home."""
    passed: tuple[Mode, ...] = ()
    read: tuple[Mode, ...] = ()
    programs: tuple[Mode, ...] = ()
    open: tuple[Mode, ...] = ()
    home_mode: Optional[int] = None
    """What useradd makes a home with; None: login.defs says nothing of it."""
    strict: bool = True
    """StrictModes, which it is unless sshd_config says no."""


def look(host: Host, run: Run) -> ModeFacts:
    """lstat(2) of some fifty paths."""
    sudoers = sudoersfile.read(host)
    homes = config_of(run).home_dir
    return ModeFacts(
        sudoers=_modes(host, (*sudoers.files, *sudoers.directories)),
        sudo=next(iter(_modes(host, (SUDO,))), None),
        empty=_modes(host, EMPTY),
        no_empty=_no_empty(host),
        keys=_modes(host, host.glob(KEYS)[:MAX_KEYS]),
        on_the_way=_modes(host, ("/", homes)),
        passed=_modes(host, PASSED),
        read=_modes(host, READ_BY_ALL),
        programs=_modes(host, RUN),
        open=_modes(host, OPEN),
        home_mode=home_mode(host.text("/etc/login.defs", SMALL) or ""),
        strict=sshd_config.read(host).says("yes", "strictmodes") == "yes",
    )


def _no_empty(host: Host) -> bool:
    """Only of a whole image with sshd; Debian's unit has systemd make the directory."""
    if host.info("/usr/sbin/sshd") is None or not package_database.is_whole(host):
        return False
    made = any("RuntimeDirectory=sshd" in systemd.text(host, systemd.unit(host, name)) for name in SERVICES)
    return not made and all(host.info(path) is None for path in EMPTY) and not host.glob("/usr/lib/tmpfiles.d/*ssh*")


def _modes(host: Host, paths: tuple[str, ...]) -> tuple[Mode, ...]:
    found = ((path, host.info(path)) for path in dict.fromkeys(paths))
    return tuple(_mode(path, info) for path, info in found if info is not None)


def _mode(path: str, info: FileInfo) -> Mode:
    return Mode(path, info.uid, info.mode, info.kind is FileKind.DIRECTORY)


def home_mode(text: str) -> Optional[int]:
    """HOME_MODE of login.defs, else what UMASK leaves of 0777; None without either (useradd(8))."""
    values = dict(re.findall(r"^(HOME_MODE|UMASK)[ \t]+(0?[0-7]{3})[ \t]*$", text, re.MULTILINE))
    if "HOME_MODE" in values:
        return int(values["HOME_MODE"], 8)
    return 0o777 & ~int(values["UMASK"], 8) if "UMASK" in values else None


def judge(facts: ModeFacts, run: Run) -> Iterator[Verdict]:
    """sshd, sudo and logins take the owners and modes that they insist on."""
    yield from _judge_sudo(facts)
    yield from _judge_sshd(facts, run)
    yield from _judge_everybody(facts)


def _judge_sudo(facts: ModeFacts) -> Iterator[Verdict]:
    wrong = [
        one
        for one in facts.sudoers
        if one.uid != 0 or one.mode & (OTHERS_WRITE | (0 if one.directory else GROUP_WRITES))
    ]
    if wrong:
        modes = [f"chmod {'0750' if one.directory else '0440'} {files([one.path])}" for one in wrong]
        yield _found(
            f"sudo refuses its rules, because others than root may write them: {several([one.said for one in wrong])}",
            "Give the files and directories of sudoers back to root alone.",
            f"chown root:root {files([one.path for one in wrong])}",
            *modes,
        )
    if facts.sudo is not None and (facts.sudo.uid != 0 or not facts.sudo.mode & 0o4000):
        message = f"{facts.sudo.said}: sudo works only as root's program with the setuid bit"
        yield _found(
            message, "Give it back.", f"chown root:root {SUDO}", f"chmod 4755 {SUDO}", severity=Severity.WARNING
        )


def _judge_sshd(facts: ModeFacts, run: Run) -> Iterator[Verdict]:
    if facts.no_empty:
        yield Finding(
            Severity.ERROR,
            f"sshd's empty directory is missing (looked for {several(EMPTY)}), and sshd does not start without it",
            "Install the SSH server again.",
            (os_release.reinstall_command(agents_of(run).distribution, "openssh-server"),),
            confidence=Confidence.LIKELY,
            confidence_reason="this sshd may have been built with another one",
        )
    for one in facts.empty:
        if one.uid != 0 or one.mode & (OTHERS_WRITE | GROUP_WRITES):
            yield _found(
                f"{one.said}: sshd does not start unless its empty directory is root's and nobody else may write it",
                "Give the directory back to root, if it is the one that this sshd was built with.",
                f"chown root:root {one.path}",
                f"chmod 0711 {one.path}",
            )
    unsafe = [one for one in facts.keys if one.uid != 0 or one.mode & 0o027]
    if unsafe:
        keys = files([one.path for one in unsafe])
        yield _found(
            f"sshd ignores host keys that others may read: {several([one.said for one in unsafe])}",
            "Give the keys back to root alone.",
            f"chown root:root {keys}",
            f"chmod 0600 {keys}",
            severity=Severity.WARNING,
        )
    wrong = [one for one in facts.on_the_way if one.uid != 0 or one.mode & (OTHERS_WRITE | GROUP_WRITES)]
    if facts.strict and wrong:
        paths = files([one.path for one in wrong])
        yield _found(
            f"sshd refuses every authorized key, because others may write above the homes: "
            f"{several([one.said for one in wrong])}",
            "Give the directories back to root alone.",
            f"chown root:root {paths}",
            f"chmod 0755 {paths}",
        )
    if facts.strict and facts.home_mode is not None and facts.home_mode & (OTHERS_WRITE | GROUP_WRITES):
        yield _found(
            f"login.defs has new homes made with mode {facts.home_mode:04o}, and sshd refuses keys where others"
            " may write to the home",
            "Set HOME_MODE to 0700 or 0755.",
            "sed -i -E '/^HOME_MODE[[:space:]]/d' /etc/login.defs",
            "echo 'HOME_MODE 0700' >> /etc/login.defs",
        )


def _judge_everybody(facts: ModeFacts) -> Iterator[Verdict]:
    shut = [one for one in facts.passed if not one.mode & 0o001]
    if shut:
        yield _found(
            f"no user but root gets past {several([one.said for one in shut])}: nobody can log in",
            "Let everybody enter.",
            f"chmod a+rx {files([one.path for one in shut])}",
        )
    unread = [one for one in facts.read if not one.mode & 0o004]
    if unread:
        yield _found(
            f"only root can read {several([one.said for one in unread])}",
            "Let everybody read.",
            f"chmod a+r {files([one.path for one in unread])}",
            severity=Severity.WARNING,
        )
    dead = [one for one in facts.programs if not one.directory and not one.mode & 0o100]
    if dead:
        yield _found(
            f"not executable: {several([one.said for one in dead])}",
            "Make it executable.",
            f"chmod a+x {files([one.path for one in dead])}",
        )
    loose = [one for one in facts.open if one.mode & OTHERS_WRITE or one.uid != 0]
    if loose:
        yield Finding(
            Severity.WARNING,
            f"others than root may write: {plain(several([one.said for one in loose]), 300)}",
            "Reinstall the packages that own them, or build the image again: more modes than these are likely wrong.",
            (f"chmod go-w {files([one.path for one in loose])}", f"chown root {files([one.path for one in loose])}"),
            confidence=Confidence.CERTAIN,
        )


def _found(message: str, fix: str, *commands: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(severity, message, fix, tuple(commands))


CHECKS = (
    check(
        "login-modes",
        "owners and modes are those that sshd, sudo and logins insist on",
        part("modes", judge),
        Severity.ERROR,
    ),
)
