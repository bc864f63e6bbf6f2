"""Whether the user of a new VM gets in and becomes root: sshd, modes, sudo, PAM, and the programs that make a user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest import sshd_config
from azpreflight.host import FileInfo, FileKind
from azpreflight.model import Profile, Run, Severity
from azpreflight.probes import agents
from azpreflight.probes.login import modes, sshd
from tests.support import fixing as mending
from tests.support.fakes import Denied
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.login import (
    BROKEN,
    DROP_IN,
    HEALTHY,
    PROBE,
    RUN,
    SUDOERS,
    TOOLS,
    directory,
    host,
    program,
    said,
    with_azure_init,
    with_waagent,
)


@pytest.mark.parametrize("run", [RUN, replace(RUN, root="/mnt")])
def test_a_healthy_image_passes(run: Run) -> None:
    """Whoever provisions, and mounted too."""
    for machine in (HEALTHY[0], with_waagent({})):
        found = statuses(judged(replace(machine, root=run.root), run, agents.PROBE, PROBE))
        assert {found[check.id] for check in PROBE.checks} == {"pass"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks(check: str) -> None:
    """On its own broken image, and it alone."""
    found = statuses(judged(*BROKEN[check], agents.PROBE, PROBE))
    assert [one.id for one in PROBE.checks if found[one.id] == "fail"] == [check]


def test_a_specialised_image_has_its_users() -> None:
    """Nobody makes one."""
    found = statuses(
        judged(host({}, "/usr/sbin/useradd"), replace(RUN, profile=Profile.SPECIALIZED), agents.PROBE, PROBE)
    )
    assert {found[check.id] for check in PROBE.checks} == {"notapplicable"}


def test_what_cannot_be_read_is_unknown() -> None:
    """One file takes no other subject along."""
    found = by_check(judged(host({"/etc/sudoers": Denied()}), RUN, agents.PROBE, PROBE))
    assert found["login-sudo"].status.value == "unknown"
    assert found["login-sshd"].status.value == "pass"


# --- modes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"/etc/sudoers": program(0o666)}, "error"),
        ({"/etc/sudoers.d/README": program(0o777)}, "error"),
        ({"/etc/sudoers.d": directory(0o777)}, "error"),
        ({"/etc/sudoers": FileInfo(FileKind.FILE, 9, 0o440, 1000, 0, 0.0)}, "error"),
        ({"/usr/bin/sudo": program(0o755)}, "warning"),
        ({"/run/sshd": directory(0o775)}, "error"),
        ({"/var/empty/sshd": directory(0o777)}, "error"),
        ({"/usr/share/empty.sshd": directory(0o711, 1000)}, "error"),
        ({"/usr/share/empty.sshd": directory(0o711)}, None),
        ({"/etc/ssh/ssh_host_rsa_key": program(0o644)}, "warning"),
        ({"/etc/ssh/ssh_host_rsa_key": program(0o640)}, None),
        ({"/etc/ssh/ssh_host_rsa_key": program(0o600)}, None),
        ({"/": directory(0o777)}, "error"),
        ({"/home": directory(0o755, 1000)}, "error"),
        ({"/": directory(0o700)}, "error"),
        ({"/etc": directory(0o700)}, "error"),
        ({"/etc/passwd": program(0o600)}, "warning"),
        ({"/usr/sbin/useradd": program(0o644)}, "error"),
        ({"/usr/sbin/sshd": program(0o644)}, "error"),
        ({"/etc/login.defs": "HOME_MODE 0777\n"}, "error"),
        ({"/etc/login.defs": "UMASK 002\n"}, "error"),
        ({"/etc/login.defs": "UMASK 002\nHOME_MODE 0700\n"}, None),
        ({"/etc": directory(0o777)}, "warning"),
        ({"/etc/ssh/sshd_config": FileInfo(FileKind.FILE, 0, 0o666, 0, 0, 0.0)}, "warning"),
        ({"/home": directory(0o777), DROP_IN: "StrictModes no\n"}, None),
    ],
)
def test_modes(changes: dict[str, Any], severity: str | None) -> None:
    """What sshd, sudo and logins refuse, and what they take."""
    found = said(host(changes), "login-modes")
    assert [one for one, _ in found] == ([severity] if severity else [])


def test_the_mode_of_a_home() -> None:
    """By HOME_MODE, else by UMASK."""
    assert modes.home_mode("UMASK\t022\n") == 0o755
    assert modes.home_mode("#HOME_MODE 0700\n") is None


# --- sudo ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "waagent", "severity"),
    [
        ({"/etc/sudoers": f"Defaults env_reset, targetpw # root's\n{SUDOERS}"}, True, "warning"),
        ({"/etc/sudoers": f"Defaults rootpw\n{SUDOERS}"}, True, "warning"),
        ({"/etc/sudoers.d/50-x": "Defaults runaspw\n"}, True, "warning"),
        ({"/etc/sudoers": f"Defaults targetpw\n{SUDOERS}"}, False, None),
        ({"/etc/sudoers": f"Defaults targetpw\n{SUDOERS}", "/etc/sudoers.d/a": "Defaults !targetpw\n"}, True, None),
        ({"/etc/sudoers": "root ALL=(ALL) ALL\n"}, True, "warning"),
        ({"/etc/sudoers": "root ALL=(ALL) ALL\n"}, False, None),
        ({"/etc/sudoers.d/x": "packer NOPASSWD\n"}, False, "error"),
        ({"/etc/sudoers.d/x.bak": "packer NOPASSWD\n"}, False, None),
        ({"/etc/sudoers": f"{SUDOERS}%sudo ALL=(ALL) ALL\n"}, False, "warning"),
        ({"/etc/sudoers": f"{SUDOERS}%sudo ALL=(ALL) NOPASSWD: ALL\n"}, False, None),
        ({"/etc/sudoers.d/zz-lock": "ALL ALL=(ALL) !ALL\n"}, True, "warning"),
        ({"/etc/sudoers.d/00-lock": "ALL ALL=(ALL) !ALL\n"}, True, None),
        ({"/usr/bin/sudo": None}, False, None),
    ],
)
def test_sudo(changes: dict[str, Any], waagent: bool, severity: str | None) -> None:
    """The last word counts; a password is asked for only where waagent sets one."""
    machine = with_waagent(changes) if waagent else host(changes)
    found = said(machine, "login-sudo")
    assert [one for one, _ in found] == ([severity] if severity else [])


def test_without_sudo() -> None:
    """Said where the image has a package database: a tree for tests may have left it out."""
    assert [severity for severity, _ in said(host({}, "/usr/bin/sudo"), "login-sudo")] == ["warning"]
    assert said(host({}, "/usr/bin/sudo", "/var/lib/dpkg/status"), "login-sudo") == []


# --- gates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"/etc/nologin": ""}, "error"),
        ({"/etc/pam.d/common-account": "account required pam_gone.so\n"}, "error"),
        ({"/etc/pam.d/common-account": "-account required pam_gone.so\naccount optional pam_gone.so\n"}, None),
        ({"/etc/pam.d/sshd": "auth required pam_deny.so\n"}, "error"),
        ({"/etc/default/useradd": "SHELL=/bin/zsh\n"}, "error"),
        ({"/etc/default/useradd": "SHELL=/bin/sh\nEXPIRE=2024-01-01\n"}, "warning"),
        ({"/etc/default/useradd": "INACTIVE=0\n"}, "warning"),
        ({"/etc/default/useradd": "INACTIVE=-1\nEXPIRE=\n"}, None),
        ({"/etc/login.defs": "PASS_MAX_DAYS 0\n"}, "error"),
        ({"/etc/login.defs": "UID_MIN 70000\nUID_MAX 60000\n"}, "error"),
        ({"/etc/hosts.deny": "ALL: ALL\n"}, "warning"),
        ({"/etc/hosts.deny": "sshd: ALL\n", "/etc/hosts.allow": "sshd: ALL\n"}, None),
        ({"/etc/hosts.deny": "# ALL: PARANOID\nin.tftpd: ALL\n"}, None),
        ({"/etc/security/access.conf": "- : ALL EXCEPT root : ALL\n"}, None),
        (
            {
                "/etc/security/access.conf": "# a\n- : ALL EXCEPT root : ALL\n",
                "/etc/pam.d/login": "account required pam_access.so\n",
            },
            "warning",
        ),
    ],
)
def test_gates(changes: dict[str, Any], severity: str | None) -> None:
    """What refuses every login, and what only looks so."""
    denies = {"/usr/lib/x86_64-linux-gnu/security/pam_deny.so": ""}
    found = said(host({**denies, **changes}), "login-gates")
    assert [one for one, _ in found] == ([severity] if severity else [])


# --- tools --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOOLS)
def test_a_program_that_the_agents_call(name: str) -> None:
    """Not there, empty, or not executable; without a package database only useradd is missed."""
    path = f"/usr/sbin/{name}"
    for broken in (host({}, path), host({path: ""}), host({path: program(0o644)})):
        ((severity, message),) = said(broken, "login-tools")
        assert (severity, name in message) == ("error", True)
    bare = said(host({}, path, "/var/lib/dpkg/status"), "login-tools")
    assert bool(bare) == (name == "useradd")


# --- fixes --------------------------------------------------------------------------------------------------------

FIXED: dict[str, tuple[str, dict[str, Any], bool]] = {
    "a wrong value": ("login-sshd", {DROP_IN: "PermitRootLogin maybe\n"}, False),
    "an unknown keyword": ("login-sshd", {DROP_IN: "# a\nPubkeyAuthenticaton yes\n"}, False),
    "an address": ("login-sshd", {DROP_IN: "ListenAddress 10.0.0.4\nListenAddress 10.0.0.5\n"}, False),
    "no keys": ("login-sshd", {DROP_IN: "PubkeyAuthentication no\n"}, False),
    "keys elsewhere": ("login-sshd", {DROP_IN: "AuthorizedKeysFile none\n"}, False),
    "users": ("login-sshd", {DROP_IN: "AllowUsers packer\n"}, False),
    "groups": ("login-sshd", {DROP_IN: "DenyGroups users\n"}, False),
    "methods": ("login-sshd", {DROP_IN: "AuthenticationMethods publickey,password\n"}, False),
    "homes": ("login-modes", {"/home": directory(0o777)}, False),
    "an umask": ("login-modes", {"/etc/login.defs": "UMASK 002\nHOME_MODE 0775\n"}, False),
    "the empty directory": ("login-modes", {"/var/empty/sshd": directory(0o777)}, False),
    "a rule of sudo": ("login-modes", {"/etc/sudoers.d/README": program(0o777)}, False),
    "a program": ("login-modes", {"/usr/sbin/sshd": program(0o644)}, False),
    "a shut directory": ("login-modes", {"/var": directory(0o700)}, False),
    "targetpw": ("login-sudo", {"/etc/sudoers": f"Defaults env_reset,targetpw # x\n{SUDOERS}"}, True),
    "no include": ("login-sudo", {"/etc/sudoers": "root ALL=(ALL) ALL\n"}, True),
    "syntax": ("login-sudo", {"/etc/sudoers.d/x": "packer NOPASSWD\n"}, False),
    "a later rule": ("login-sudo", {"/etc/sudoers": f"{SUDOERS}%sudo ALL=(ALL) ALL\n"}, False),
    "nologin": ("login-gates", {"/etc/nologin": "x\n"}, False),
    "a module": ("login-gates", {"/etc/pam.d/login": "account required pam_gone.so\n"}, False),
    "a shell": ("login-gates", {"/etc/default/useradd": "SHELL=/bin/zsh\n", "/bin/bash": program()}, False),
    "an end": ("login-gates", {"/etc/default/useradd": "EXPIRE=2024-01-01\nINACTIVE=0\n"}, False),
    "days": ("login-gates", {"/etc/login.defs": "PASS_MAX_DAYS\t0\n"}, False),
    "numbers": ("login-gates", {"/etc/login.defs": "UID_MIN 70000\nUID_MAX 60000\n"}, False),
    "hosts": ("login-gates", {"/etc/hosts.deny": "ALL: ALL\n"}, False),
}
"""State: its check, what is changed, and whether waagent provisions."""


@pytest.mark.parametrize("state", FIXED)
def test_a_fix_that_is_printed_fixes(state: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and the check passes there."""
    check, changes, waagent = FIXED[state]
    machine = with_waagent(changes) if waagent else host(changes)
    mending.write(tmp_path, machine.files)
    tmp_path.chmod(0o755)
    found = findings(mending.report(tmp_path, RUN, agents.PROBE, PROBE), check)
    assert found
    for finding in found:
        mending.run(tmp_path, finding)
    assert not findings(mending.report(tmp_path, RUN, agents.PROBE, PROBE), check)


def test_only_what_only_root_may_write_is_read() -> None:
    """No path of a check here is below a home or a directory that everybody may write to."""
    assert all(path.startswith(("/etc", "/usr", "/sbin")) for path in (*sshd.PROGRAMS, *sshd_config.PATHS))
    assert Severity.ERROR.rank > Severity.WARNING.rank


# --- names --------------------------------------------------------------------------------------------------------

ACCOUNTS = "root:x:0:0::/root:/bin/bash\n"


@pytest.mark.parametrize(
    ("accounts", "groups", "expected"),
    [
        ("azureuser:x:998:998::/:/usr/sbin/nologin\n", "azureuser:x:998:\n", ["warning"]),
        ("", "adminuser:x:990:\n", ["warning"]),
        ("toor:x:0:0::/root:/bin/sh\n", "", ["warning"]),
        ("azureuser:x:1000:1000::/home/azureuser:/bin/bash\n", "azureuser:x:1000:\n", []),
        ("sshd:x:74:74::/:/sbin/nologin\nchrony:x:990:987::/:/sbin/nologin\n", "wheel:x:10:\nadm:x:4:\n", []),
    ],
)
def test_names(accounts: str, groups: str, expected: list[str]) -> None:
    """A system account, a group without its user, a second root; those of packages are of no concern."""
    files = {"/etc/passwd": ACCOUNTS + accounts, "/etc/group": f"root:x:0:\n{groups}"}
    assert [severity for severity, _ in said(host(files), "login-names")] == expected


def test_azure_init_calls_programs_to_make_a_user() -> None:
    """The same name for the same fault."""
    ((severity, message),) = said(with_azure_init({}, "/usr/sbin/useradd"), "login-tools")
    assert (severity, message.startswith("azure-init calls useradd")) == ("error", True)
    assert said(with_azure_init({}), "login-tools") == []
