"""What sshd is told, and where it looks for keys."""

from __future__ import annotations

import pytest

from azpreflight.guest import sshd_config, sudoers
from azpreflight.probes import agents
from tests.support.fakes import FakeHost
from tests.support.judging import judged, statuses
from tests.support.machines.login import DROP_IN, PROBE, RUN, host, said, with_azure_init, with_waagent


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


AFTER = {"/etc/sudoers.d/zz-site": "%sudo ALL=(ALL) ALL\n"}
KEYS_ELSEWHERE = {DROP_IN: "AuthorizedKeysFile /etc/ssh/keys/%u\n"}


def test_a_rule_that_is_read_after_that_of_azure_init_counts() -> None:
    """Its user has no password to be asked for."""
    ((severity, message),) = said(with_azure_init(AFTER), "login-sudo")
    assert (severity, "is read after azure-init-user and asks for a password" in message) == ("warning", True)
    assert said(with_azure_init({}), "login-sudo") == []


def test_azure_init_asks_sshd_where_keys_are() -> None:
    """As cloud-init does, and waagent does not."""
    assert said(with_azure_init(KEYS_ELSEWHERE), "login-sshd") == []
    assert said(with_waagent(KEYS_ELSEWHERE), "login-sshd")
