"""Whether sshd takes its configuration, and lets in the user whom the agents make.

One line that sshd does not know ends it before it listens. A list of users, an address of this machine or a method
that nobody has shuts everybody out of a VM that is reported Ready (sshd_config(5); OpenSSH, servconf.c and auth.c).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import sshd_config
from azpreflight.guest.sshd_config import Setting, SshdConfig
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, NotApplicable, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.login import sshd_narrow
from azpreflight.probes.login.algorithms import unknown
from azpreflight.probes.login.check import check
from azpreflight.probes.login.keywords import CHOICES, KEYWORDS, NUMBERS
from azpreflight.probes.login.sshd_narrow import NarrowFacts
from azpreflight.probes.subjects import part
from azpreflight.shell import argument
from azpreflight.text import plain, several

PROGRAMS = ("/usr/sbin/sshd", "/sbin/sshd", "/usr/lib/ssh/sshd")
EVERY_ADDRESS = ("0.0.0.0", "::", "[::]", "*", "any")  # noqa: S104 - read, not bound
KEYS_FILES = (".ssh/authorized_keys", "%h/.ssh/authorized_keys", "~/.ssh/authorized_keys")
"""Where waagent writes the key; cloud-init follows AuthorizedKeysFile."""
ALONE = ("any", "publickey", "password")
"""Methods of AuthenticationMethods that a new user can pass with a key or a password alone."""
TEST = "sshd -t"
HOST_KEYS = "/etc/ssh/ssh_host_"


@dataclass(frozen=True)
class SshdFacts:
    """The configuration, and what it names."""

    installed: bool = False
    config: SshdConfig = field(default_factory=SshdConfig)
    separation_user: bool = True
    """The account sshd is there, or systemd-sysusers makes it."""
    host_keys: tuple[str, ...] = ()
    """Files of HostKey lines that exist."""
    groups: tuple[str, ...] = ()
    """Groups that cloud-init's own configuration gives the new user."""
    narrow: NarrowFacts = field(default_factory=NarrowFacts)


def look(host: Host, run: Run) -> SshdFacts:
    """Files only."""
    if not any(host.info(path) is not None for path in PROGRAMS):
        return SshdFacts()
    config = sshd_config.read(host)
    named = [one.values[0] for one in config.all("hostkey") if one.values]
    return SshdFacts(
        installed=True,
        config=config,
        separation_user=_separation_user(host),
        host_keys=tuple(path for path in named if host.info(path) is not None),
        groups=groups_given(host),
        narrow=sshd_narrow.look(host),
    )


def _separation_user(host: Host) -> bool:
    if any(line.startswith("sshd:") for line in (host.text("/etc/passwd") or "sshd:").splitlines()):
        return True
    if host.info("/usr/share/baselayout/passwd") is not None or host.info("/usr/lib/passwd") is not None:
        return True
    made = (host.text(path) or "" for path in host.glob("/usr/lib/sysusers.d/*.conf"))
    return any(line.split()[:2] in (["u", "sshd"], ["u!", "sshd"]) for text in made for line in text.splitlines())


def groups_given(host: Host) -> tuple[str, ...]:
    """Words of the lines of `groups:` in cloud-init's files: enough to tell that a group is given."""
    texts = (
        host.text(path) or "" for path in ("/etc/cloud/cloud.cfg", *host.glob("/etc/cloud/cloud.cfg.d/*.cfg")[:50])
    )
    lines = (line.strip() for text in texts for line in text.splitlines())
    values = [line.partition(":")[2] for line in lines if line.startswith("groups:")]
    return tuple(sorted({word for value in values for word in value.strip("[] ").replace(",", " ").split()}))


def judge(facts: SshdFacts, run: Run) -> Iterator[Verdict]:
    """sshd starts, listens on the address of a VM, and lets the new user in."""
    if not facts.installed:
        yield NotApplicable("no OpenSSH server is installed")
        return
    if facts.config.path is None:
        yield _found("sshd finds no sshd_config and does not start", "Put the distribution's file back.")
        return
    if not facts.separation_user:
        command = "useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd"
        yield _found("the account sshd is missing, and sshd does not start", "Make the account.", command)
    yield from _judge_lines(facts.config)
    yield from _judge_listening(facts)
    yield from _judge_methods(facts, run)
    yield from _judge_lists(facts)
    yield from sshd_narrow.judge(facts.narrow, facts.config)


def _judge_lines(config: SshdConfig) -> Iterator[Verdict]:
    for one in config.settings:
        names = unknown(one.keyword, one.values[0]) if one.values else ()
        if names:
            yield Finding(
                Severity.ERROR,
                f"sshd does not start: {one.where}: {plain(one.keyword, 40)} has {several(names)}, which it does not"
                " know",
                "Take the name out of the list, or remove the line.",
                (_comment_out(one), TEST),
                confidence=Confidence.LIKELY,
                confidence_reason="OpenSSH before 7.6 and patched ones know more",
            )
        reason = refused(one)
        if reason is not None:
            yield _found(f"sshd does not start: {one.where}: {reason}", "Correct the line.", _comment_out(one), TEST)
        elif one.keyword not in KEYWORDS:
            yield Finding(
                Severity.ERROR,
                f"sshd does not start: {one.where}: bad configuration option {plain(one.keyword, 40)}",
                "Correct the line, or remove it.",
                (_comment_out(one), TEST),
                confidence=Confidence.LIKELY,
                confidence_reason="no version of OpenSSH known here has that keyword; a patched one may",
            )


def refused(one: Setting) -> Optional[str]:
    """Why sshd takes a line for wrong; None if it does not, or if that cannot be told here."""
    if one.keyword not in KEYWORDS:
        return None
    if not one.values:
        return f"{plain(one.keyword, 40)} has no value"
    value = one.values[0].lower()
    if one.keyword in CHOICES and value not in CHOICES[one.keyword]:
        return f"{one.keyword} {plain(value, 40)} is none of {several(CHOICES[one.keyword])}"
    if one.keyword in CHOICES and len(one.values) > 1:
        return f"{one.keyword} has more than one value"
    if one.keyword in NUMBERS and not value.lstrip("+-").isdigit():
        return f"{one.keyword} {plain(value, 40)} is no number"
    if one.keyword == "port" and not 1 <= int(value[:9]) <= 65535:
        return f"port {plain(value, 40)} is out of range"
    return None


def _judge_listening(facts: SshdFacts) -> Iterator[Verdict]:
    config = facts.config
    addresses = [one for one in config.all("listenaddress") if one.values]
    if addresses and not any(_everywhere(one.values[0]) for one in addresses):
        named = several([one.values[0] for one in addresses])
        yield _found(
            f"sshd listens on {named} alone ({addresses[0].where}), and a new VM has another address",
            "Let sshd listen on every address.",
            *(_comment_out(one) for one in addresses),
        )
    ports = [one.values[0] for one in config.all("port") if one.values]
    if ports and "22" not in ports:
        message = f"sshd listens on port {several(ports)} and not on 22, as network security groups have it"
        yield _found(message, "Open that port in the network security group.", severity=Severity.NOTE)
    keys = [one for one in config.all("hostkey") if one.values]
    if keys and not facts.host_keys and not any(one.values[0].startswith(HOST_KEYS) for one in keys):
        yield _found(
            f"host key {plain(keys[0].values[0])} ({keys[0].where}) is not there and no agent makes it",
            "Name keys that the agents make, or none.",
            *(_comment_out(one) for one in keys),
        )


def _everywhere(value: str) -> bool:
    address = value.rpartition(":")[0] if value.count(":") == 1 or (value.startswith("[") and "]:" in value) else value
    return address.strip("[]") in EVERY_ADDRESS or address in EVERY_ADDRESS


def _judge_methods(facts: SshdFacts, run: Run) -> Iterator[Verdict]:
    config, agents = facts.config, run.facts(AgentsFacts)
    keys = config.says("yes", "pubkeyauthentication") == "yes"
    typed = config.says("yes", "passwordauthentication") == "yes"
    asked = config.says("yes", "kbdinteractiveauthentication", "challengeresponseauthentication") == "yes"
    asked = asked and config.says("no", "usepam") == "yes"
    where = config.first("pubkeyauthentication")
    if not keys and where is not None:
        nothing = not typed and not asked
        said = "neither keys nor passwords: nobody can log in" if nothing else "no key: a VM created with one is shut"
        severity = Severity.ERROR if nothing else Severity.WARNING
        yield _found(f"sshd takes {said} ({where.where})", "Allow keys.", _set(where, "yes"), severity=severity)
    methods = config.first("authenticationmethods")
    if methods is not None and not any(one.partition(":")[0].lower() in ALONE for one in methods.values):
        yield _found(
            f"authentication by {several(methods.values)} alone ({methods.where}): one method alone lets nobody in",
            "Ask for one method.",
            _comment_out(methods),
            severity=Severity.WARNING,
        )
    files = config.first("authorizedkeysfile")
    follows = agents is not None and agents.provisioner in (Provisioner.CLOUD_INIT, Provisioner.AZURE_INIT)
    if files is not None and not set(files.values) & set(KEYS_FILES) and (not follows or "none" in files.values):
        yield _found(
            f"authorized keys in {several(files.values)} ({files.where}) are not where the key of a new VM is written",
            f"Add {KEYS_FILES[0]}.",
            _set(files, KEYS_FILES[0]),
        )


def _judge_lists(facts: SshdFacts) -> Iterator[Verdict]:
    for keyword, name in (("allowusers", "AllowUsers"), ("allowgroups", "AllowGroups")):
        lines = [one for one in facts.config.all(keyword) if one.values]
        allowed = [value for one in lines for value in one.values]
        given = facts.groups if keyword == "allowgroups" else ()
        if lines and not any(_for_all(value) or value in given for value in allowed):
            yield Finding(
                Severity.WARNING,
                f"the list {name} {several(allowed)} ({lines[0].where}) shuts out users of another name or group: that"
                " of a new VM is not known here",
                "Remove the line, or let the list have the user of every VM.",
                tuple(_comment_out(one) for one in lines),
                confidence=Confidence.LIKELY,
                confidence_reason="VMs may be created with a name of the list, or put their user into the group",
            )
    for keyword, name in (("denyusers", "DenyUsers"), ("denygroups", "DenyGroups")):
        for one in facts.config.all(keyword):
            given = (*facts.groups, "users") if keyword == "denygroups" else ()
            hit = [value for value in one.values if _for_all(value) or value in given]
            if hit:
                message = f"the list {name} {several(hit)} ({one.where}) shuts out the user of a new VM"
                yield _found(message, "Remove it from the list.", _comment_out(one))


def _for_all(pattern: str) -> bool:
    """It fits names that nobody has thought of."""
    return fnmatch.fnmatchcase("a-name-of-9", pattern.partition("@")[0])


def _set(one: Setting, value: str) -> str:
    return f"sed -i '{one.line}s#.*#{one.keyword} {value}#' {argument(one.path)}"


def _comment_out(one: Setting) -> str:
    return f"sed -i '{one.line}s/^/# /' {argument(one.path)}"


def _found(message: str, fix: str, *commands: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(severity, message, fix, tuple(commands))


CHECKS = (
    check(
        "login-sshd",
        "sshd takes its configuration, which shuts out no user of a new VM",
        part("sshd", judge),
        Severity.ERROR,
    ),
)
