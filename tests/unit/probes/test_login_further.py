"""States of logins of public reports: keys that are refused, lists of PAM, locks, limits, accounts that expire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azpreflight.probes import agents
from azpreflight.probes.login.algorithms import unknown
from tests.support import fixing
from tests.support.fakes import Link
from tests.support.judging import findings
from tests.support.machines.login import DROP_IN, FILES, PROBE, RUN, SUDOERS, UFW, directory, host, program, said

SOCKET = "/lib/systemd/system/ssh.socket"
BY_SOCKET = {
    SOCKET: "[Socket]\nListenStream=22\n",
    "/etc/systemd/system/sockets.target.wants/ssh.socket": Link(SOCKET),
}
BOUND = "/etc/systemd/system/ssh.socket.d/x.conf"
PAM = "/etc/pam.d/sshd"
MODULES = {
    f"/usr/lib/x86_64-linux-gnu/security/pam_{name}.so": "" for name in ("listfile", "succeed_if", "sss", "deny")
}
SHADOW = "/etc/shadow"

STATES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a cipher": ("login-sshd", {DROP_IN: "Ciphers aes256-ctr,blowfish-cbc\n"}, "error", "ciphers has blowfish-cbc"),
    "a MAC": ("login-sshd", {DROP_IN: "MACs +hmac-ripemd160\n"}, "error", "macs has hmac-ripemd160"),
    "an exchange": ("login-sshd", {DROP_IN: "KexAlgorithms group1\n"}, "error", "kexalgorithms has group1"),
    "no RSA": ("login-sshd", {DROP_IN: "PubkeyAcceptedAlgorithms ssh-ed25519\n"}, "warning", "takes no RSA key"),
    "long keys": ("login-sshd", {DROP_IN: "RequiredRSASize 4096\n"}, "warning", "from 4096 bits on"),
    "a policy": ("login-sshd", {"/etc/crypto-policies/config": "# x\nFUTURE\n"}, "warning", "crypto policy FUTURE"),
    "one command": ("login-sshd", {DROP_IN: "ForceCommand /bin/false\n"}, "warning", "ForceCommand /bin/false"),
    "a jail": ("login-sshd", {DROP_IN: "ChrootDirectory /srv/jail\n"}, "warning", "ChrootDirectory /srv/jail"),
    "a block": (
        "login-sshd",
        {DROP_IN: "Match User *,!root\n PubkeyAuthentication no\n"},
        "warning",
        "takes keys away",
    ),
    "sources": ("login-sshd", {DROP_IN: "AllowUsers *@10.20.0.0/16\n"}, "warning", "from these addresses alone"),
    "a socket": (
        "login-sshd",
        {**BY_SOCKET, BOUND: "[Socket]\nListenStream=\nListenStream=10.0.0.4:22\n"},
        "error",
        "10.0",
    ),
    "no empty directory": ("login-modes", {"/run/sshd": Link("/gone")}, "error", "empty directory is missing"),
    "brackets": ("login-sudo", {"/etc/sudoers.d/50-x": "%ops ALL=(ALL NOPASSWD: ALL\n"}, "error", "is no rule"),
    "a list": (
        "login-gates",
        {**MODULES, PAM: "auth required pam_listfile.so item=user sense=allow file=/etc/who\n"},
        "warning",
        "line 1 of /etc/pam.d/sshd: only who is in /etc/who passes",
    ),
    "a group": (
        "login-gates",
        {**MODULES, PAM: "account required pam_succeed_if.so quiet user ingroup admins\n"},
        "warning",
        "only who is in the group admins passes",
    ),
    "a directory": (
        "login-gates",
        {**MODULES, PAM: "account required pam_sss.so\n"},
        "warning",
        "pam_sss.so knows no account",
    ),
    "no account": (
        "login-gates",
        {**MODULES, "/etc/pam.d/common-account": "account requisite pam_deny.so\n"},
        "error",
        "pam_deny.so comes before",
    ),
    "a lock": ("login-gates", {"/etc/passwd.lock": ""}, "error", "useradd finds /etc/passwd.lock"),
    "no process": ("login-gates", {"/etc/security/limits.d/x.conf": "* hard nproc 0\n"}, "error", "* hard nproc 0"),
    "no login": ("login-gates", {"/etc/security/limits.conf": "# x\n* - maxlogins 0\n"}, "error", "line 2 of"),
    "no local accounts": ("login-gates", {"/etc/nsswitch.conf": "passwd: sss\n"}, "error", "passwd: sss"),
    "an end of root": ("login-gates", {SHADOW: "root:*:20000:0:99999:7::20100:\n"}, "warning", "expires on day 20100"),
    "a change of root": ("login-gates", {SHADOW: "root:*:0:0:99999:7:::\n"}, "warning", "must be changed first"),
    "an age of root": ("login-gates", {SHADOW: "root:*:20000:0:60:7:::\n"}, "note", "after 60 days"),
    "homes": ("login-gates", {"/etc/default/useradd": "HOME=/opt/homes\n"}, "warning", "/opt/homes"),
}
"""State: its check, what is changed, the severity, and what the message has."""


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_named(state: str) -> None:
    """By its check, with the object."""
    check, changes, severity, text = STATES[state]
    assert [(found, text in message) for found, message in said(host(changes), check)] == [(severity, True)]


SILENT: dict[str, tuple[str, dict[str, Any]]] = {
    "names taken away": ("login-sshd", {DROP_IN: "Ciphers -3des-cbc,none-such\nMACs hmac-sha2-256\n"}),
    "every kind of key": ("login-sshd", {DROP_IN: "PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-*\n"}),
    "a kind more": ("login-sshd", {DROP_IN: "PubkeyAcceptedAlgorithms +ssh-dss\nRequiredRSASize 2048\n"}),
    "the policy": ("login-sshd", {"/etc/crypto-policies/config": "DEFAULT:AD-SUPPORT\n"}),
    "files alone for a group": ("login-sshd", {DROP_IN: "Match Group sftp\n ForceCommand internal-sftp\n"}),
    "a block for a guest": ("login-sshd", {DROP_IN: "Match User guest\n PubkeyAuthentication no\n"}),
    "no jail": ("login-sshd", {DROP_IN: "ChrootDirectory none\n"}),
    "a socket": ("login-sshd", BY_SOCKET),
    "a directory that systemd makes": (
        "login-modes",
        {"/run/sshd": Link("/gone"), "/lib/systemd/system/ssh.service": "[Service]\nRuntimeDirectory=sshd\n"},
    ),
    "a rule": ("login-sudo", {"/etc/sudoers.d/50-x": "%ops ALL=(ALL:ALL) NOPASSWD: ALL\n"}),
    "a list of who may not": (
        "login-gates",
        {**MODULES, PAM: "auth required pam_listfile.so item=user sense=deny file=/etc/ftpusers\n"},
    ),
    "numbers of people": ("login-gates", {**MODULES, PAM: "auth requisite pam_succeed_if.so uid >= 1000 quiet\n"}),
    "a directory beside local accounts": (
        "login-gates",
        {
            **MODULES,
            "/usr/lib/x86_64-linux-gnu/security/pam_localuser.so": "",
            PAM: "account sufficient pam_localuser.so\naccount required pam_sss.so\n",
        },
    ),
    "the end of a stack": (
        "login-gates",
        {
            **MODULES,
            "/etc/pam.d/common-auth": "auth [success=1 default=ignore] pam_x.so nullok\nauth requisite pam_deny.so\n",
        },
    ),
    "limits": ("login-gates", {"/etc/security/limits.conf": "* hard core 0\n* soft nproc 4096\n@x hard nproc 0\n"}),
    "a lock of every system": ("login-gates", {"/etc/.pwd.lock": ""}),
    "local accounts": ("login-gates", {"/etc/nsswitch.conf": "passwd: files systemd\ngroup: compat\nshadow: files\n"}),
    "a root that stays": ("login-gates", {SHADOW: "root:*:20000:0:99999:7:::\n"}),
    "homes": ("login-gates", {"/etc/default/useradd": "HOME=/home\n"}),
}


@pytest.mark.parametrize("state", SILENT)
def test_its_neighbour_is_not(state: str) -> None:
    """What looks alike and works."""
    check, changes = SILENT[state]
    assert said(host(changes), check) == []


def test_a_group_that_the_new_user_is_in() -> None:
    """By cloud-init's own configuration."""
    group = {"/etc/cloud/cloud.cfg": "system_info:\n  default_user:\n    groups: [adm, admins]\n"}
    passes = {**MODULES, **group, PAM: "account required pam_succeed_if.so user ingroup admins\n"}
    assert said(host(passes), "login-gates") == []


def test_names_of_algorithms() -> None:
    """Of other keywords nothing is said."""
    assert unknown("ciphers", "^aes128-ctr,x") == ("x",)
    assert unknown("hostkeyalgorithms", "x") == ()


FIXED = (
    *("a cipher", "no RSA", "long keys", "one command", "a jail", "a block", "sources", "a socket", "brackets"),
    *(
        "a list",
        "a group",
        "a directory",
        "no account",
        "a lock",
        "no process",
        "no login",
        "no local accounts",
        "homes",
    ),
)


@pytest.mark.parametrize("state", FIXED)
def test_a_fix_that_is_printed_fixes(state: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and the check passes there."""
    check, changes, _, _ = STATES[state]
    fixing.write(tmp_path, host(changes).files)
    tmp_path.chmod(0o755)
    found = findings(fixing.report(tmp_path, RUN, agents.PROBE, PROBE), check)
    assert found
    for finding in found:
        fixing.run(tmp_path, finding)
    assert not findings(fixing.report(tmp_path, RUN, agents.PROBE, PROBE), check)


def test_the_host_is_whole() -> None:
    """Else what is missing would be taken for left out."""
    assert {"/var/lib/dpkg/status", "/boot/vmlinuz-6"} <= set(FILES)
    assert (program().mode, directory().mode, "@includedir" in SUDOERS) == (0o755, 0o755, True)


def started(name: str) -> dict[str, Any]:
    """A unit that the next boot starts."""
    path = f"/lib/systemd/system/{name}"
    return {path: "[Unit]\n", f"/etc/systemd/system/multi-user.target.wants/{name}": Link(path)}


FIREWALLD = {**started("firewalld.service"), "/etc/firewalld/firewalld.conf": "DefaultZone=site\n"}
RULES, ZONE, NFT = "/etc/iptables/rules.v4", "/etc/firewalld/zones/site.xml", "/etc/nftables.conf"
DROPS = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n{}COMMIT\n"
CHAIN = "table inet f {{ chain i {{ type filter hook input priority 0; policy drop; {} }} }}\n"
INBOUND: dict[str, tuple[dict[str, Any], str | None]] = {
    "ufw": ({**UFW, "/etc/ufw/user.rules": "*filter\n"}, "ufw lets no SSH in"),
    "ufw with a rule": ({**UFW, "/etc/ufw/user.rules": "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n"}, None),
    "ufw that is off": ({**UFW, "/etc/ufw/ufw.conf": "ENABLED=no\n"}, None),
    "a zone": ({**FIREWALLD, ZONE: "<zone><service name='x'/></zone>"}, "no SSH in its zone site"),
    "a zone with SSH": ({**FIREWALLD, ZONE: '<zone><service name="ssh"/></zone>'}, None),
    "a shut zone": ({**FIREWALLD, "/etc/firewalld/firewalld.conf": "DefaultZone=drop\n"}, "in its zone drop"),
    "rules": ({**started("netfilter-persistent.service"), RULES: DROPS.format("")}, f"{RULES} drops what comes in"),
    "rules for SSH": ({**started("netfilter-persistent.service"), RULES: DROPS.format("-A INPUT --dport 22\n")}, None),
    "rules that nothing loads": ({RULES: DROPS.format("")}, None),
    "a chain": ({**started("nftables.service"), NFT: CHAIN.format("ct state established accept")}, "input chain that"),
    "a chain with SSH": ({**started("nftables.service"), NFT: CHAIN.format("tcp dport { ssh, 80 } accept")}, None),
    "another port": (
        {**started("nftables.service"), NFT: CHAIN.format("tcp dport 2222 accept"), DROP_IN: "Port 2222\n"},
        None,
    ),
}


@pytest.mark.parametrize("state", INBOUND)
def test_ssh_is_let_in(state: str) -> None:
    """By the files of what the next boot starts."""
    changes, text = INBOUND[state]
    found = said(host(changes), "login-inbound")
    assert [(severity, text is not None and text in message) for severity, message in found] == (
        [] if text is None else [("warning", True)]
    )


def test_a_saved_rule_is_put_first(tmp_path: Path) -> None:
    """Before what it is to come before."""
    fixing.write(tmp_path, host(INBOUND["rules"][0]).files)
    (finding,) = findings(fixing.report(tmp_path, RUN, agents.PROBE, PROBE), "login-inbound")
    fixing.run(tmp_path, finding)
    rows = (tmp_path / RULES.lstrip("/")).read_text().splitlines()
    assert rows[2:4] == ["-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -i lo -j ACCEPT"]
    assert not findings(fixing.report(tmp_path, RUN, agents.PROBE, PROBE), "login-inbound")
