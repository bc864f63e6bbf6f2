"""What refuses every login, whoever asks: /etc/nologin, modules of PAM, defaults of new accounts, TCP wrappers.

(nologin(5); pam.conf(5); useradd(8); login.defs(5); hosts_access(5); access.conf(5).)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.generalization.leftover import agents_of
from azpreflight.probes.login import account_files, pam_stacks
from azpreflight.probes.login.account_files import AccountFileFacts
from azpreflight.probes.login.check import check
from azpreflight.probes.login.pam_stacks import Shut
from azpreflight.probes.login.sshd import groups_given
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain, several

NOLOGIN = "/etc/nologin"
USERADD = "/etc/default/useradd"
LOGIN_DEFS = "/etc/login.defs"
SERVICES = (
    "sshd",
    "sudo",
    "su",
    "login",
    "common-account",
    "common-auth",
    "common-session",
    "system-auth",
    "password-auth",
)
"""Services and stacks of PAM on the way of a login and of sudo."""
MODULES = ("/lib*/security", "/usr/lib*/security", "/usr/lib/*-linux-gnu/security", "/lib/*-linux-gnu/security")
NEEDED = ("required", "requisite")
MAX_FILES = 20


@dataclass(frozen=True)
class PamLine:
    """A module that a stack needs."""

    path: str
    line: int
    module: str
    arguments: str
    kind: str
    """auth, account, session or password."""


@dataclass(frozen=True)
class GateFacts:
    """What would refuse."""

    nologin: bool = False
    pam: tuple[PamLine, ...] = ()
    """Lines whose module must succeed."""
    missing_modules: tuple[PamLine, ...] = ()
    """Those of them whose module is not there."""
    sshd_without_pam: bool = False
    """PAM is configured, and nothing is said for sshd."""
    shell: Optional[str] = None
    """Of new accounts by useradd's defaults, where that program is not there."""
    expire: str = ""
    inactive: Optional[int] = None
    max_days: Optional[int] = None
    uid_min: Optional[int] = None
    uid_max: Optional[int] = None
    denied_hosts: tuple[str, ...] = ()
    """Lines of hosts.deny that fit sshd, where hosts.allow has none for it."""
    access_denies: tuple[int, ...] = ()
    """Lines of access.conf that refuse everybody."""
    stacks: tuple[Shut, ...] = ()
    accounts: AccountFileFacts = field(default_factory=AccountFileFacts)


def look(host: Host, run: Run) -> GateFacts:
    """Files only."""
    defaults = assignments(host.text(USERADD, SMALL) or "")
    login = assignments(host.text(LOGIN_DEFS, SMALL) or "")
    shell = defaults.get("SHELL")
    pam = tuple(_pam(host))
    directories = [path for pattern in MODULES for path in host.glob(pattern)]
    return GateFacts(
        nologin=host.info(NOLOGIN) is not None,
        pam=pam,
        missing_modules=tuple(one for one in pam if directories and not _module(host, one.module, directories)),
        sshd_without_pam=_without_pam(host),
        shell=shell if shell and host.info(shell) is None else None,
        expire=defaults.get("EXPIRE", ""),
        inactive=whole(defaults.get("INACTIVE", "")),
        max_days=whole(login.get("PASS_MAX_DAYS", "")),
        uid_min=whole(login.get("UID_MIN", "")),
        uid_max=whole(login.get("UID_MAX", "")),
        denied_hosts=_denied(host),
        access_denies=_access(host),
        stacks=pam_stacks.look(host, SERVICES, groups_given(host)),
        accounts=account_files.look(host, defaults.get("HOME", "")),
    )


def assignments(text: str) -> dict[str, str]:
    """KEY=value and KEY value, the last of a key."""
    rows = (re.split(r"[ \t=]+", line.split("#")[0].strip(), maxsplit=1) for line in text.splitlines())
    return {row[0]: row[1].strip("\"' ") for row in rows if len(row) == 2}


def _pam(host: Host) -> Iterator[PamLine]:
    for name in SERVICES[:MAX_FILES]:
        path = f"/etc/pam.d/{name}"
        if host.info(path) is None:
            continue
        for number, line in enumerate((host.text(path, SMALL) or "").splitlines(), 1):
            words = line.split("#")[0].split()
            if len(words) >= 3 and words[1] in NEEDED and not words[0].startswith("-"):
                yield PamLine(path, number, words[2], " ".join(words[3:]), words[0])


def _module(host: Host, module: str, directories: list[str]) -> bool:
    paths = [module] if module.startswith("/") else [f"{directory}/{module}" for directory in directories]
    return any(host.info(path) is not None for path in paths)


def _without_pam(host: Host) -> bool:
    names = host.list("/etc/pam.d")
    return names is not None and "other" in names and "sshd" not in names and host.info("/usr/lib/pam.d/sshd") is None


def _denied(host: Host) -> tuple[str, ...]:
    lines = {name: (host.text(f"/etc/{name}", SMALL) or "").splitlines() for name in ("hosts.allow", "hosts.deny")}
    fitting = {name: [line for line in found if _fits(line)] for name, found in lines.items()}
    return tuple(plain(line) for line in fitting["hosts.deny"]) if not fitting["hosts.allow"] else ()


def _fits(line: str) -> bool:
    daemons, colon, clients = line.split("#")[0].partition(":")
    named = set(daemons.replace(",", " ").split()) & {"ALL", "sshd"}
    return bool(colon and named and "ALL" in clients.split(":")[0].replace(",", " ").split())


def _access(host: Host) -> tuple[int, ...]:
    rows = enumerate((host.text("/etc/security/access.conf", SMALL) or "").splitlines(), 1)
    split = ((number, [part.strip() for part in line.split("#")[0].split(":", 2)]) for number, line in rows)
    return tuple(number for number, row in split if len(row) == 3 and row[0] == "-" and row[1].split()[:1] == ["ALL"])


def judge(facts: GateFacts, run: Run) -> Iterator[Verdict]:
    """Nothing refuses every login."""
    if facts.nologin:
        yield _found(f"{NOLOGIN} refuses every user but root", "Remove the file.", f"rm -f {NOLOGIN}")
    yield from _judge_pam(facts)
    yield from pam_stacks.judge(facts.stacks)
    yield from _judge_defaults(facts)
    yield from account_files.judge(facts.accounts)
    if facts.denied_hosts and agents_of(run).distribution.of("debian", "ubuntu"):
        yield Finding(
            Severity.WARNING,
            f"hosts.deny refuses every connection to sshd ({several(facts.denied_hosts)}), and hosts.allow none",
            "Allow sshd.",
            ("echo 'sshd: ALL' >> /etc/hosts.allow",),
            confidence=Confidence.LIKELY,
            confidence_reason="only an sshd that is built with TCP wrappers reads these files",
        )


def _judge_pam(facts: GateFacts) -> Iterator[Verdict]:
    for one in facts.missing_modules:
        yield _found(
            f"PAM refuses every login: {plain(one.module)} (line {one.line} of {one.path}) is not installed",
            "Install the module, or remove the line.",
            f"sed -i '{one.line}s/^/# /' {files([one.path])}",
        )
    if facts.sshd_without_pam:
        yield Finding(
            Severity.WARNING,
            "PAM has no file for sshd: what /etc/pam.d/other says counts, which mostly refuses",
            "Put the distribution's file back.",
        )
    for one in facts.pam:
        denies = one.module.endswith("pam_deny.so") and one.path.rpartition("/")[2] in ("sshd", "login", "sudo")
        access = one.module.endswith("pam_access.so") and bool(facts.access_denies)
        if denies or (access and one.kind == "account"):
            line, path = (facts.access_denies[0], "/etc/security/access.conf") if access else (one.line, one.path)
            yield _found(
                f"line {line} of {path} refuses every user of a new VM",
                "Remove the line, or name the users before it.",
                f"sed -i '{line}s/^/# /' {files([path])}",
                severity=Severity.WARNING if access else Severity.ERROR,
            )


def _judge_defaults(facts: GateFacts) -> Iterator[Verdict]:
    if facts.shell is not None:
        message = f"useradd gives new users the shell {plain(facts.shell)} ({USERADD}), which is not there"
        yield _found(message, "Name a shell that is there.", f"sed -i 's#^SHELL=.*#SHELL=/bin/bash#' {USERADD}")
    if facts.expire or (facts.inactive is not None and facts.inactive == 0):
        what = f"EXPIRE={plain(facts.expire, 20)}" if facts.expire else "INACTIVE=0"
        yield _found(
            f"{what} in {USERADD}: accounts of new users expire",
            "Remove the default.",
            f"sed -i -E '/^(EXPIRE|INACTIVE)=/d' {USERADD}",
            severity=Severity.WARNING,
        )
    if facts.max_days is not None and facts.max_days <= 1:
        yield _found(
            f"PASS_MAX_DAYS {facts.max_days} in {LOGIN_DEFS}: passwords of new users expire at once, and then keys are"
            " refused too",
            "Give passwords more days.",
            f"sed -i -E 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 99999/' {LOGIN_DEFS}",
        )
    if facts.uid_min is not None and facts.uid_max is not None and facts.uid_min > facts.uid_max:
        yield _found(
            f"UID_MIN {facts.uid_min} is above UID_MAX {facts.uid_max} in {LOGIN_DEFS}: useradd finds no number",
            "Set UID_MIN to 1000 and UID_MAX to 60000.",
            f"sed -i -E 's/^UID_MIN.*/UID_MIN 1000/; s/^UID_MAX.*/UID_MAX 60000/' {LOGIN_DEFS}",
        )


def _found(message: str, fix: str, *commands: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(severity, message, fix, tuple(commands))


CHECKS = (
    check(
        "login-gates",
        "neither /etc/nologin, PAM nor a default of new accounts refuses every login",
        part("gates", judge),
        Severity.ERROR,
    ),
)
