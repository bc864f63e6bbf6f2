"""What lets sshd start and answer, and still keeps the user of a new VM out: keys that it refuses, one command for
all, a directory that nobody gets out of, addresses of one network.

Azure makes RSA keys of 3072 bits and ed25519 keys, and takes RSA from 2048 bits on (Microsoft Learn, "Detailed steps:
Create and manage SSH keys"; sshd_config(5); crypto-policies(7)).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest.limits import SMALL
from azpreflight.guest.sshd_config import Setting, SshdConfig
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Confidence, Finding, Severity, Verdict
from azpreflight.probes.login.algorithms import OF_KEYS, OF_RSA
from azpreflight.shell import argument
from azpreflight.text import plain, several

SOCKETS = ("ssh.socket", "sshd.socket")
POLICY = "/etc/crypto-policies/config"
STRICT = ("FUTURE",)
"""Policies that refuse RSA keys of 2048 bits."""
RSA_BITS = 3072
NO_KEYS = ("pubkeyauthentication", ("no",))
ONE_COMMAND = ("ForceCommand", "ChrootDirectory")


@dataclass(frozen=True)
class NarrowFacts:
    """Beside sshd_config."""

    policy: Optional[str] = None
    """The crypto policy, of the RHEL family."""
    streams: tuple[str, ...] = ()
    """ListenStream= of the socket that starts sshd; empty where none is enabled."""
    socket: str = ""


def look(host: Host) -> NarrowFacts:
    """The crypto policy's word, and the socket's unit."""
    lines = (line.split("#")[0].strip() for line in (host.text(POLICY, SMALL) or "").splitlines())
    units = [one for one in (systemd.unit(host, name) for name in SOCKETS) if one.state is UnitState.ENABLED]
    streams: list[str] = []
    for key, _, value in (line.partition("=") for one in units[:1] for line in systemd.text(host, one).splitlines()):
        if key.strip() == "ListenStream":
            streams = [*streams, value.strip()] if value.strip() else []
    return NarrowFacts(next(filter(None, lines), None), tuple(streams), units[0].name if units else "")


def judge(facts: NarrowFacts, config: SshdConfig) -> Iterator[Verdict]:
    """Keys, commands and addresses are those of any VM's user."""
    yield from _judge_keys(facts, config)
    yield from _judge_commands(config)
    yield from _judge_blocks(config)
    yield from _judge_sources(config)
    yield from _judge_socket(facts)


def _judge_keys(facts: NarrowFacts, config: SshdConfig) -> Iterator[Verdict]:
    kinds = config.first(*OF_KEYS)
    if kinds is not None and kinds.values and not kinds.values[0].startswith(("+", "-", "^")):
        names = kinds.values[0].split(",")
        if not any(fnmatch.fnmatchcase(rsa, name) for rsa in OF_RSA for name in names):
            message = f"sshd takes no RSA key ({kinds.where}): a VM that is created with one shuts its user out"
            yield _likely(message, "Add rsa-sha2-512 and rsa-sha2-256 to the list, or remove it.", _comment_out(kinds))
    size = config.first("requiredrsasize")
    bits = whole(size.values[0]) if size is not None and size.values else None
    if size is not None and bits is not None and bits > RSA_BITS:
        message = f"sshd takes RSA keys from {bits} bits on ({size.where}), and Azure makes them with {RSA_BITS}"
        yield _likely(message, f"Set RequiredRSASize to {RSA_BITS} or less.", _comment_out(size))
    if facts.policy is not None and facts.policy.partition(":")[0] in STRICT:
        message = (
            f"the crypto policy {plain(facts.policy, 40)} ({POLICY}) has sshd refuse RSA keys under {RSA_BITS} bits"
        )
        yield _likely(message, "Use the policy DEFAULT.", "update-crypto-policies --set DEFAULT")


def _judge_commands(config: SshdConfig) -> Iterator[Verdict]:
    for keyword in ONE_COMMAND:
        one = config.first(keyword.lower())
        if one is not None and one.values and one.values[0].lower() != "none":
            shown = several([" ".join(one.values)])
            message = f"{keyword} {shown} ({one.where}) is for every user: that of a new VM gets no shell of his own"
            yield _likely(message, "Remove the line, or put it into a Match block.", _comment_out(one))


def _judge_blocks(config: SshdConfig) -> Iterator[Verdict]:
    """A Match block for every user counts as much as a line outside."""
    everybody: Optional[str] = None
    for one in config.settings:
        if one.keyword == "match":
            everybody = one.path if _for_everybody(one.values) else None
        elif (one.conditional, one.path, one.keyword, one.values[:1]) == (True, everybody, *NO_KEYS):
            message = f"a Match block for every user takes keys away ({one.where}): a VM created with one is shut"
            yield _likely(message, "Remove the line.", _comment_out(one))


def _for_everybody(values: tuple[str, ...]) -> bool:
    """Of its criteria User and Group alone, with a pattern that fits names that nobody has thought of."""
    pairs = list(zip(values[::2], values[1::2]))
    return bool(pairs) and all(
        key.lower() == "user" and any(fnmatch.fnmatchcase("a-name-of-9", name) for name in names.split(","))
        for key, names in pairs
    )


def _judge_sources(config: SshdConfig) -> Iterator[Verdict]:
    for one in config.all("allowusers"):
        sources = [value for value in one.values if value.partition("@")[2] not in ("", "*")]
        if sources and len(sources) == len(one.values):
            message = f"AllowUsers {several(sources)} ({one.where}) lets users in from these addresses alone"
            yield _likely(message, "Leave addresses to the network security group.", _comment_out(one))


def _judge_socket(facts: NarrowFacts) -> Iterator[Verdict]:
    ports = [stream for stream in facts.streams if whole(stream) is not None]
    bound = [stream for stream in facts.streams if whole(stream) is None and not stream.startswith("/")]
    if bound and not ports and not any(stream.startswith(("0.0.0.0:", "[::]:")) for stream in bound):
        drop_ins = f"/etc/systemd/system/{facts.socket}.d/*.conf"
        yield Finding(
            Severity.ERROR,
            f"{facts.socket} listens on {several(bound)} alone, and a new VM has another address",
            "Let it listen on port 22 of every address.",
            (f"sed -i -E 's/^ListenStream=.+/ListenStream=22/' {drop_ins}",),
        )


def _comment_out(one: Setting) -> str:
    return f"sed -i '{one.line}s/^/# /' {argument(one.path)}"


def _likely(message: str, fix: str, command: str) -> Finding:
    return Finding(
        Severity.WARNING,
        message,
        fix,
        (command,),
        confidence=Confidence.LIKELY,
        confidence_reason="all VMs of this image may be created to fit it",
    )
