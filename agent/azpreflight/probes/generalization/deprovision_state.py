"""How far deprovisioning came: never run, half-way, done, or undone by another start. Pure.

`waagent -deprovision+user` collects what it will do and then does it step by step; a step that fails ends it, and it
exits 0 all the same. So which effects are there, and which are not, tells what happened. One mark is left by nothing
else: the host name `localhost.localdomain` (WALinuxAgent, azurelinuxagent/pa/deprovision/default.py, agent.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from azpreflight.dataclass import dataclass
from azpreflight.guest.passwords import Password
from azpreflight.model import Finding, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.facts import GeneralizationFacts
from azpreflight.probes.generalization.leftover import DEPROVISION, agents_of, config_of, deprovisions
from azpreflight.probes.generalization.resolver import deleted_by_waagent
from azpreflight.text import files, several

RESET_NAME = "localhost.localdomain"
NEEDED = ("sentinel", "library", "host_keys", "resolver", "leases", "accounts", "sudoers", "identity", "traces")
"""Subjects without which nothing can be told."""


class Progress(str, Enum):
    """What became of deprovisioning."""

    FRESH = "fresh"
    """Nothing says that the machine was ever provisioned."""
    NEVER = "never"
    HALF = "half-way"
    AGAIN = "started again"
    """Done, and then the agent ran once more."""
    DONE = "done"


@dataclass(frozen=True)
class Step:
    """One step of deprovisioning."""

    name: str
    done: bool


def steps(facts: GeneralizationFacts, run: Run) -> tuple[Step, ...]:
    """The steps that this agent takes on this distribution, in its order."""
    config = config_of(run)
    planned = (
        (config.regenerate_ssh_host_keys, "SSH host keys deleted", _keys_deleted(facts)),
        (True, "DHCP leases deleted", facts.leases is not None and not facts.leases.deprovisioned),
        (True, "host name reset", _name_reset(facts)),
        (config.delete_root_password, "root's password locked", _root_locked(facts)),
        (True, "library emptied", _library_empty(facts)),
        (True, "logs deleted", facts.traces is not None and not facts.traces.agent_logs),
        (deleted_by_waagent(agents_of(run).distribution), "resolv.conf deleted", _resolver_deleted(facts)),
        (bool(_users_left(facts)), f"user {several(_users_left(facts))} deleted", False),
    )
    return tuple(Step(name, done) for applies, name, done in planned if applies)


def progress(facts: GeneralizationFacts, run: Run) -> Progress:
    """What the effects say together."""
    reset, empty, provisioned = _name_reset(facts), _library_empty(facts), _provisioned(facts)
    logged = facts.traces is not None and bool(facts.traces.agent_logs)
    if reset and not provisioned and not _users_left(facts):
        return Progress.DONE if empty and not logged else Progress.AGAIN
    if reset:
        return Progress.HALF
    if provisioned:
        begun = config_of(run).regenerate_ssh_host_keys and _sshd_without_keys(facts)
        return Progress.HALF if begun else Progress.NEVER
    if _users_left(facts):
        return Progress.HALF if logged or _made_by_waagent(facts) else Progress.NEVER
    return Progress.FRESH


def judge(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """Deprovisioning was run and came to its end."""
    missing = [name for name in NEEDED if getattr(facts, name) is None]
    if missing:
        yield Unknown(facts.errors.get(missing[0], f"{missing[0]} was not inspected"))
        return
    done = [step.name for step in steps(facts, run) if step.done]
    left = [step.name for step in steps(facts, run) if not step.done]
    message = {
        Progress.NEVER: "this machine was provisioned and never deprovisioned",
        Progress.HALF: f"deprovisioned half-way: done {several(done) or 'nothing'}; not done {several(left)}",
        Progress.AGAIN: "deprovisioned, and then the agent was started again before the capture",
    }.get(progress(facts, run))
    if message is not None:
        fix = (
            "Deprovision the machine as the last step, and capture it without starting it again."
            if deprovisions(run)
            else "Install waagent to deprovision with it, or delete what the other checks name."
        )
        commands = (DEPROVISION,) if deprovisions(run) else ()
        users = _users_left(facts)
        if len(left) == 1 and users:
            fix = "Delete the user, which waagent does not: no ovf-env.xml names it."
            commands = (f"userdel --force --remove {files(users)}",)
        yield Finding(
            Severity.WARNING if progress(facts, run) is Progress.AGAIN else Severity.ERROR,
            message,
            fix,
            commands,
            {"done": ", ".join(done), "not done": ", ".join(left)},
        )


# --- single effects -----------------------------------------------------------------------------------------------


def _keys_deleted(facts: GeneralizationFacts) -> bool:
    return facts.host_keys is not None and not facts.host_keys.private


def _sshd_without_keys(facts: GeneralizationFacts) -> bool:
    return facts.host_keys is not None and facts.host_keys.sshd and not facts.host_keys.private


def _name_reset(facts: GeneralizationFacts) -> bool:
    return facts.identity is not None and facts.identity.host_name == RESET_NAME


def _root_locked(facts: GeneralizationFacts) -> bool:
    accounts = facts.accounts.accounts if facts.accounts is not None else ()
    return not any(one.uid == 0 and one.password in (Password.HASH, Password.EMPTY) for one in accounts)


def _library_empty(facts: GeneralizationFacts) -> bool:
    library = facts.library
    if library is None or _provisioned(facts):
        return False
    return not (library.disable_agent or library.private_keys or library.extensions or library.others)


def _provisioned(facts: GeneralizationFacts) -> bool:
    """The library says that this machine was provisioned."""
    sentinel = facts.sentinel is not None and facts.sentinel.provisioned is not None
    return sentinel or (facts.library is not None and bool(facts.library.settings))


def _made_by_waagent(facts: GeneralizationFacts) -> bool:
    """waagent gave a user of the machine rights: what says that it provisioned has been deleted since."""
    accounts = {one.name for one in facts.accounts.accounts} if facts.accounts is not None else set()
    return facts.sudoers is not None and bool(accounts.intersection(facts.sudoers.waagent))


def _resolver_deleted(facts: GeneralizationFacts) -> bool:
    return facts.resolver is not None and facts.resolver.kind is None


def _users_left(facts: GeneralizationFacts) -> tuple[str, ...]:
    """Users whom an agent made and who still have an account: that of ovf-env.xml, and where that file is gone, so that
    waagent deletes nobody, the one whom `seal` was to delete, or those whom an agent's own rules for sudo name."""
    accounts = {one.name for one in facts.accounts.accounts} if facts.accounts is not None else set()
    user = (facts.library.user if facts.library is not None else None) or (facts.own.deleting if facts.own else None)
    if user is not None:
        return (user,) if user in accounts else ()
    rules = (
        (*facts.sudoers.waagent, *facts.sudoers.cloud_init, *facts.sudoers.azure_init)
        if facts.sudoers is not None
        else ()
    )
    return tuple(sorted(accounts.intersection(rules)))


CHECKS = (
    check(
        "gen-deprovisioned",
        "deprovisioning completed",
        judge,
        ERROR,
        stages=(Stage.CAPTURE,),
    ),
)
