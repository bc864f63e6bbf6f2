"""Logging in to the VM over the virtual network, as its operator would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from azpreflight.host import programs
from azpreflight.host.api import HostError
from azpreflight.rehearse import login as words
from azpreflight.rehearse.disc import Operator
from azpreflight.rehearse.facts import Login
from azpreflight.standin.addresses import VM

LIMIT = 1 << 18
CONNECT_S = 30
OPTIONS = (
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null"),
    *(
        "-o",
        f"ConnectTimeout={CONNECT_S}",
        "-o",
        "NumberOfPasswordPrompts=1",
        "-o",
        "LogLevel=ERROR",
        "-F",
        "/dev/null",
    ),
)


def make_key(folder: Path) -> str:
    """A key pair of the operator's in this folder; its public half as a line of authorized_keys."""
    key = folder / "key"
    programs.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)), 30, None, None, LIMIT)
    return key.with_suffix(".pub").read_text().strip()


def host_keys(timeout: float) -> tuple[str, ...]:
    """Fingerprints of the keys that the server shows; none where no server answers."""
    try:
        scanned = programs.run(("ssh-keyscan", "-T", "10", VM), timeout, None, None, LIMIT).stdout
        if not scanned.strip():
            return ()
        shown = programs.run(("ssh-keygen", "-l", "-f", "-"), 30, scanned.encode(), None, LIMIT)
    except HostError:
        return ()
    return words.fingerprints(shown.stdout)


def log_in(folder: Path, operator: Operator, login: Login, timeout: float) -> Login:
    """By key, with the script, and by password."""
    key = ("-i", str(folder / "key"), "-o", "IdentitiesOnly=yes", "-o", "PreferredAuthentications=publickey")
    by_key = _ssh(key, operator, words.script(operator.password), timeout, {})
    login = words.read(replace(login, key=False), by_key[1])
    if not login.key:
        login = replace(login, error=words.reason(by_key[2] + by_key[1]) or f"the client ended with status {by_key[0]}")
    ask = folder / "ask"
    ask.write_text(f"#!/bin/sh\necho '{operator.password}'\n")
    ask.chmod(0o700)
    environment = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    methods = ("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive")
    by_password = _ssh(methods, operator, "echo in\n", timeout, environment)
    login = replace(login, password=by_password[1].strip() == "in")
    if login.key and not login.password:
        login = replace(login, error=words.reason(by_password[2]))
    return login


def _ssh(
    how: tuple[str, ...], operator: Operator, script: str, timeout: float, environment: dict[str, str]
) -> tuple[int, str, str]:
    """Status, output and the client's own words."""
    command = ("ssh", *OPTIONS, *how, f"{operator.user}@{VM}", "sh")
    try:
        done = programs.run(command, timeout, script.encode(), environment, LIMIT)
    except HostError as error:
        return 255, "", str(error)
    return done.status, done.stdout, done.stderr
