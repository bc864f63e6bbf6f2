"""Whether the user whom the agents make becomes root with sudo.

The last rule that fits counts, and so does the last word on `targetpw`: with it sudo asks for the password of root,
which is locked. waagent gives a user with a password a rule that asks for it, cloud-init and
azure-init one that asks for none (sudoers(5); WALinuxAgent, common/osutil/default.py; cloud-init,
config/cloud.cfg.tmpl; azure-init, libazureinit/src/provision/user.rs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import os_release, package_database
from azpreflight.guest import sudoers as sudoersfile
from azpreflight.guest.sudoers import Line, Sudoers, is_alias
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.agents.facts import Provisioner
from azpreflight.probes.generalization.leftover import agents_of, config_of
from azpreflight.probes.login.check import check
from azpreflight.probes.subjects import part
from azpreflight.shell import argument
from azpreflight.text import files, plain, several

PROGRAMS = ("/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs", "/usr/bin/doas")
OF_OTHERS = ("targetpw", "rootpw", "runaspw")
"""Switches with which sudo asks for a password that the user has not."""
WRITTEN = {
    Provisioner.WAAGENT: "waagent",
    Provisioner.CLOUD_INIT: "90-cloud-init-users",
    Provisioner.AZURE_INIT: "azure-init-user",
}
"""The file that the agent puts its rule into."""
GIVEN = ("ALL", "%sudo", "%wheel", "%admin", "%adm")
"""Whom a rule is for, that may be the new user."""
CHECK = "visudo --check"


@dataclass(frozen=True)
class SudoFacts:
    """What sudo reads."""

    program: Optional[str] = None
    sudoers: Sudoers = field(default_factory=Sudoers)
    directory_exists: bool = False
    """That of the agents' files; waagent includes it only where it makes it."""
    package_known: bool = False
    """The image is a whole one: what is missing was not installed."""


def look(host: Host, run: Run) -> SudoFacts:
    """sudoers and what it includes. HostError without root."""
    return SudoFacts(
        program=next((path for path in PROGRAMS if host.info(path) is not None), None),
        sudoers=sudoersfile.read(host),
        directory_exists=host.info(config_of(run).sudoers_dir) is not None,
        package_known=package_database.is_whole(host),
    )


def judge(facts: SudoFacts, run: Run) -> Iterator[Verdict]:
    """sudo is there, takes its rules, and asks a new user for no password but his own."""
    if facts.program is None:
        if facts.package_known:
            yield _missing(run)
        return
    if not facts.sudoers.exists and facts.program.endswith("sudo") and facts.package_known:
        yield _found("sudo has no /etc/sudoers: nobody becomes root", "Put the distribution's file back.")
    yield from _judge_syntax(facts.sudoers)
    who = agents_of(run).provisioner
    if who is Provisioner.WAAGENT:
        yield from _judge_password(facts.sudoers)
        yield from _judge_included(facts, run)
    if who in WRITTEN:
        yield from _judge_after(facts.sudoers, WRITTEN[who])


def _missing(run: Run) -> Finding:
    command = os_release.install_command(agents_of(run).distribution, "sudo")
    return _found("sudo is not installed: the user of a new VM does not become root", "Install sudo.", command)


def _judge_syntax(sudoers: Sudoers) -> Iterator[Verdict]:
    for line in sudoers.lines:
        if (line.is_rule or is_alias(line)) and not _balanced(line.text):
            yield Finding(
                Severity.ERROR,
                f"{line.where} is no rule, and sudo may refuse all rules",
                "Correct the line, or remove it.",
                (f"sed -i '{line.number}s/^/# /' {files([line.path])}", CHECK),
                confidence=Confidence.LIKELY,
                confidence_reason="sudo from 1.9 on passes over a wrong line and reads on",
            )


def _balanced(text: str) -> bool:
    """It has what every rule has: an equals sign, and an end to what is in brackets."""
    return "=" in text and text.count("(") == text.count(")")


def _judge_password(sudoers: Sudoers) -> Iterator[Verdict]:
    for name in OF_OTHERS:
        holds, where = sudoers.switch(name)
        if holds:
            path = where.rpartition(" of ")[2]
            yield _found(
                f"{name} is set ({where}): sudo asks the user of a new VM for a password that the user has not, because"
                " root's is locked",
                f"Remove {name}.",
                f"sed -i -E '/^Defaults/s/(^|[[:space:],]){name}([[:space:],#]|$)/\\1!{name}\\2/' {files([path])}",
            )


def _judge_included(facts: SudoFacts, run: Run) -> Iterator[Verdict]:
    directory = config_of(run).sudoers_dir.rstrip("/")
    if facts.sudoers.exists and facts.directory_exists and directory not in facts.sudoers.directories:
        yield _found(
            f"/etc/sudoers does not include {plain(directory)}, where waagent writes the rule for the new user",
            "Include the directory.",
            f"echo {argument(f'#includedir {directory}')} >> /etc/sudoers",
        )


def _judge_after(sudoers: Sudoers, name: str) -> Iterator[Verdict]:
    """Rules that are read after the agent's own file and fit the new user, so that they count and not the agent's."""
    for rule in _read_after(sudoers, name):
        if rule.words[0] not in GIVEN:
            continue
        denies = rule.text.split("=", 1)[-1].split()[-1:] == ["!ALL"]
        asks = name != WRITTEN[Provisioner.WAAGENT] and "NOPASSWD" not in rule.text
        if denies or asks:
            what = "takes all rights from" if denies else "asks for a password that nobody has set from"
            yield Finding(
                Severity.WARNING,
                f"{rule.where} is read after {name} and {what} {several([rule.words[0]])}: the last rule counts",
                "Put the line before the included directory, or into a file of an earlier name.",
                (f"sed -i '{rule.number}s/^/# /' {files([rule.path])}",),
                confidence=Confidence.LIKELY,
                confidence_reason="the new user may not be of that group",
            )


def _read_after(sudoers: Sudoers, name: str) -> tuple[Line, ...]:
    """Rules of files of the included directory that sort after, and of /etc/sudoers after the directory."""
    seen, after = False, []
    for line in sudoers.lines:
        directory, _, own = line.path.rpartition("/")
        included = directory in sudoers.directories
        seen = seen or line.includes
        if line.is_rule and ((included and own > name) or (not included and seen)):
            after.append(line)
    return tuple(after)


def _found(message: str, fix: str, *commands: str) -> Finding:
    return Finding(Severity.WARNING, message, fix, tuple(commands))


CHECKS = (
    check(
        "login-sudo",
        "sudo is there and asks a new user for no password that he has not",
        part("sudo", judge),
        Severity.ERROR,
    ),
)
