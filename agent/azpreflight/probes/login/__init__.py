"""Whether the user of a new VM gets in, and becomes root: "provisioned, and nobody can log in".

The agents make an account with a key or a password and a rule for sudo, and report Ready. sshd, PAM, sudo and the modes
of a dozen files then decide, and none of them reports anything to the platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from azpreflight.host import Host, HostError
from azpreflight.model import Cause, Check, Judge, Probe, Profile, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.login import gates, modes, sshd, sudo, tools
from azpreflight.probes.login.gates import GateFacts
from azpreflight.probes.login.modes import ModeFacts
from azpreflight.probes.login.sshd import SshdFacts
from azpreflight.probes.login.sudo import SudoFacts
from azpreflight.probes.login.tools import ToolFacts

__all__ = ["PROBE", "LoginFacts"]

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""


@dataclass(frozen=True)
class LoginFacts:
    """All that was found, subject by subject. None: that subject could not be read, and `errors` says why."""

    sshd: Optional[SshdFacts] = None
    modes: Optional[ModeFacts] = None
    sudo: Optional[SudoFacts] = None
    gates: Optional[GateFacts] = None
    tools: Optional[ToolFacts] = None
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a subject could not be read, by the name of its field."""


LOOKS: Mapping[str, Callable[[Host, Run], Any]] = {
    "sshd": sshd.look,
    "modes": modes.look,
    "sudo": sudo.look,
    "gates": gates.look,
    "tools": tools.look,
}


def gather(host: Host, run: Run) -> LoginFacts:
    """Every subject; one that cannot be read does not take the others with it."""
    found: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, look in LOOKS.items():
        try:
            found[name] = look(host, run)
        except HostError as error:
            errors[name] = str(error)
    return LoginFacts(**found, errors=errors)


def part(name: str, judge: Callable[[Any, Run], Iterator[Verdict]]) -> Judge:
    """The judge of one subject as a judge of the whole."""

    def judge_part(facts: LoginFacts, run: Run) -> Iterator[Verdict]:
        subject = getattr(facts, name)
        if subject is None:
            yield Unknown(facts.errors.get(name, f"{name} was not read"))
        else:
            yield from judge(subject, run)

    return judge_part


def _check(name: str, title: str, judge: Judge, severity: Severity, cause: Cause = Cause.BOOT_CONFIG) -> Check:
    return Check(
        name,
        title,
        judge,
        severity,
        cause=cause,
        stages=(Stage.BUILD, Stage.CAPTURE),
        profiles=(Profile.GENERALIZED,),
        offline=True,
    )


PROBE = Probe(
    name="login",
    facts=LoginFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        _check(
            "login-sshd",
            "sshd takes its configuration, which shuts out no user of a new VM",
            part("sshd", sshd.judge),
            Severity.ERROR,
        ),
        _check(
            "login-modes",
            "owners and modes are those that sshd, sudo and logins insist on",
            part("modes", modes.judge),
            Severity.ERROR,
        ),
        _check(
            "login-sudo",
            "sudo is there and asks a new user for no password that he has not",
            part("sudo", sudo.judge),
            Severity.ERROR,
        ),
        _check(
            "login-gates",
            "neither /etc/nologin, PAM nor a default of new accounts refuses every login",
            part("gates", gates.judge),
            Severity.ERROR,
        ),
        _check(
            "login-tools",
            "the programs that make a user are there",
            part("tools", tools.judge),
            Severity.ERROR,
            Cause.NO_PROVISIONING_AGENT,
        ),
    ),
)
