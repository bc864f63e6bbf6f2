"""Whether the user of a new VM gets in and becomes root: sshd, modes, sudo, PAM, and the programs that make a user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.guest import sshd_config, sudoers
from azpreflight.host import FileInfo, FileKind
from azpreflight.model import Platform, Profile, Run, Severity, Stage
from azpreflight.probes import agents, login
from azpreflight.probes.login import modes, sshd
from tests.support import fixing as mending
from tests.support.fakes import Denied, FakeHost
from tests.support.judging import by_check, findings, judged, statuses
from tests.unit.probes import test_agents as with_agents

PROBE = login.PROBE
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)


def program(mode: int = 0o755) -> FileInfo:
    return FileInfo(FileKind.FILE, 1000, mode, 0, 0, 0.0)


def directory(mode: int = 0o755, uid: int = 0) -> FileInfo:
    return FileInfo(FileKind.DIRECTORY, 0, mode, uid, 0, 0.0)


SSHD_CONFIG = "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\n"
SUDOERS = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"
TOOLS = ("useradd", "usermod", "groupadd", "passwd", "chpasswd", "ssh-keygen", "ip", "mount", "blkid")
FILES: dict[str, Any] = {
    **with_agents.FILES,
    "/usr/sbin/sshd": program(),
    "/usr/bin/sudo": program(0o4755),
    **{f"/usr/sbin/{name}": program() for name in TOOLS},
    "/etc/ssh/sshd_config": SSHD_CONFIG,
    "/etc/sudoers": SUDOERS,
    "/etc/sudoers.d/README": "#\n",
    "/etc/passwd": "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
    "/etc/login.defs": "UMASK 022\nUID_MIN 1000\nUID_MAX 60000\nPASS_MAX_DAYS 99999\n",
    "/etc/default/useradd": "SHELL=/bin/sh\n",
    "/bin/sh": program(),
    "/etc/pam.d/sshd": "account required pam_nologin.so\n@include common-account\n",
    "/etc/pam.d/other": "auth required pam_deny.so\n",
    "/usr/lib/x86_64-linux-gnu/security/pam_nologin.so": "",
    "/usr/lib/x86_64-linux-gnu/security/pam_access.so": "",
    "/var/lib/dpkg/status": "",
    "/boot/vmlinuz-6": "MZ",
    "/sbin/dhclient": "",
    "/run/sshd": directory(),
    "/home": directory(),
}
DROP_IN = "/etc/ssh/sshd_config.d/10-x.conf"


def host(changes: dict[str, Any], *removed: str) -> FakeHost:
    """A Debian that cloud-init provisions, with some files changed and some away."""
    return FakeHost(files={path: node for path, node in {**FILES, **changes}.items() if path not in removed})


def with_waagent(changes: dict[str, Any]) -> FakeHost:
    """The same, and waagent provisions."""
    return host({**with_agents.conf("Provisioning.Agent=waagent"), **changes}, *with_agents.NO_CLOUD_INIT)


UFW = {
    "/etc/ufw/ufw.conf": "ENABLED=yes\n",
    "/etc/default/ufw": 'DEFAULT_INPUT_POLICY="DROP"\n',
    "/lib/systemd/system/ufw.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/ufw.service": "",
}
HEALTHY = (host({}), RUN)
BROKEN = {
    "login-sshd": (host({DROP_IN: "PermitRootLogin maybe\n"}), RUN),
    "login-modes": (host({"/home": directory(0o777)}), RUN),
    "login-sudo": (with_waagent({"/etc/sudoers": f"Defaults targetpw\n{SUDOERS}"}), RUN),
    "login-gates": (host({"/etc/nologin": "maintenance\n"}), RUN),
    "login-inbound": (host({**UFW, "/etc/ufw/user.rules": "*filter\n"}), RUN),
    "login-names": (host({"/etc/group": "root:x:0:\nazureuser:x:900:\n"}), RUN),
    "login-tools": (host({}, "/usr/sbin/useradd"), RUN),
}


def said(on: FakeHost, check: str, run: Run = RUN) -> list[tuple[str, str]]:
    found = findings(judged(replace(on, root=run.root), run, agents.PROBE, PROBE), check)
    return [(one.severity.value, one.message) for one in found]


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


# --- sshd ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("PermitRootLogin maybe\n", "error"),
        ("PasswordAuthentication ja\n", "error"),
        ("UsePAM\n", "error"),
        ("MaxSessions many\n", "error"),
        ("Port 22\nPort 70000\n", "error"),
        ("PubkeyAuthenticaton yes\n", "error"),
        ("LogLevel debug4\n", "error"),
        ("Match User x\n  X11Forwarding maybe\n", "error"),
        ("ListenAddress 10.0.0.4\n", "error"),
        ("ListenAddress 127.0.0.1:22\n", "error"),
        ("ListenAddress 10.0.0.4\nListenAddress 0.0.0.0:22\n", None),
        ("ListenAddress ::\n", None),
        ("PasswordAuthentication no\nPubkeyAuthentication no\n", "error"),
        ("PubkeyAuthentication no\n", "warning"),
        ("PasswordAuthentication no\n", None),
        ("AuthenticationMethods publickey,keyboard-interactive\n", "warning"),
        ("AuthenticationMethods publickey password\n", None),
        ("AuthorizedKeysFile none\n", "error"),
        ("AuthorizedKeysFile /etc/ssh/keys/%u\n", None),
        ("AllowUsers packer\n", "warning"),
        ("AllowGroups sshusers\n", "warning"),
        ("AllowGroups sshusers\nAllowGroups *\n", None),
        ("AllowUsers *\n", None),
        ("DenyUsers *\n", "error"),
        ("DenyGroups users\n", "error"),
        ("DenyUsers root\n", None),
        ("HostKey /opt/keys/rsa\n", "error"),
        ("HostKey /etc/ssh/ssh_host_rsa_key\n", None),
        ("Port 2222\n", "note"),
        ("Match Group sftp\n  AllowUsers x\n  PubkeyAuthentication no\n", None),
        ("permitrootlogin WITHOUT-PASSWORD # as ever\nMaxAuthTries=3\n", None),
    ],
)
def test_sshd(text: str, severity: str | None) -> None:
    """A line that ends it, and settings that shut the user of a new VM out."""
    found = said(host({DROP_IN: text}), "login-sshd")
    assert [one for one, _ in found] == ([severity] if severity else [])


def test_keys_where_waagent_does_not_write_them() -> None:
    """cloud-init follows AuthorizedKeysFile, waagent does not."""
    elsewhere = {DROP_IN: "AuthorizedKeysFile /etc/ssh/keys/%u\n"}
    assert [severity for severity, _ in said(with_waagent(elsewhere), "login-sshd")] == ["error"]


def test_a_group_that_cloud_init_gives() -> None:
    """So the new user is in it."""
    cfg = {"/etc/cloud/cloud.cfg": "system_info:\n  default_user:\n    groups: [adm, sudo]\n"}
    assert said(host({DROP_IN: "AllowGroups sudo\n", **cfg}), "login-sshd") == []


def test_sshd_without_its_file_or_its_account() -> None:
    """It does not start; without the program nothing is asked."""
    assert [severity for severity, _ in said(host({}, "/etc/ssh/sshd_config"), "login-sshd")] == ["error"]
    ((severity, message),) = said(host({"/etc/passwd": "root:x:0:0::/root:/bin/bash\n"}), "login-sshd")
    assert (severity, "account sshd" in message) == ("error", True)
    made = {"/etc/passwd": "root:x:0:0::/root:/bin/bash\n", "/usr/lib/sysusers.d/sshd.conf": "u sshd - - /run/sshd\n"}
    assert said(host(made), "login-sshd") == []
    without = judged(host({}, "/usr/sbin/sshd"), RUN, agents.PROBE, PROBE)
    assert statuses(without)["login-sshd"] == "notapplicable"


def test_a_circle_of_includes_ends() -> None:
    """sshd refuses it; nothing here goes round for ever."""
    circle = FakeHost(files={"/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config\nPort 22\n"})
    assert len(sshd_config.read(circle).settings) < 100
    endless = FakeHost(files={"/etc/sudoers": "@include /etc/sudoers\na ALL=ALL\n"})
    assert len(sudoers.read(endless).lines) < 100


def test_every_choice_is_a_keyword() -> None:
    """The tables fit one another."""
    from azpreflight.probes.login.keywords import CHOICES, KEYWORDS, NUMBERS

    assert {*CHOICES, *NUMBERS} <= KEYWORDS
    assert all(word == word.lower() for word in KEYWORDS)


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

FIXED = {
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


def with_azure_init(changes: dict[str, Any], *removed: str) -> FakeHost:
    """The same, and azure-init provisions."""
    gone = (*with_agents.NO_CLOUD_INIT, *with_agents.NO_WAAGENT, *removed)
    return host({**with_agents.AZURE_INIT, **changes}, *gone)


AFTER = {"/etc/sudoers.d/zz-site": "%sudo ALL=(ALL) ALL\n"}
KEYS_ELSEWHERE = {DROP_IN: "AuthorizedKeysFile /etc/ssh/keys/%u\n"}


def test_a_rule_that_is_read_after_that_of_azure_init_counts() -> None:
    """Its user has no password to be asked for."""
    ((severity, message),) = said(with_azure_init(AFTER), "login-sudo")
    assert (severity, "is read after azure-init-user and asks for a password" in message) == ("warning", True)
    assert said(with_azure_init({}), "login-sudo") == []


def test_azure_init_calls_programs_to_make_a_user() -> None:
    """The same name for the same fault."""
    ((severity, message),) = said(with_azure_init({}, "/usr/sbin/useradd"), "login-tools")
    assert (severity, message.startswith("azure-init calls useradd")) == ("error", True)
    assert said(with_azure_init({}), "login-tools") == []


def test_azure_init_asks_sshd_where_keys_are() -> None:
    """As cloud-init does, and waagent does not."""
    assert said(with_azure_init(KEYS_ELSEWHERE), "login-sshd") == []
    assert said(with_waagent(KEYS_ELSEWHERE), "login-sshd")
