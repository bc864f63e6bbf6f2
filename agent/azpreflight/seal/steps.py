"""The changes that `seal` makes. Each is said; none is believed, because all effects are inspected afterwards."""

from __future__ import annotations

from collections.abc import Callable

from azpreflight.engine.assess import run_of_snapshot
from azpreflight.host import HostError, LocalHost, mutations, removal
from azpreflight.host.removable import Verb
from azpreflight.paths import ARMED
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.seal import account, ownership, preconditions
from azpreflight.seal.cleanup import wanted
from azpreflight.seal.inspection import Prepared
from azpreflight.seal.plan import MOST_ASKED, MOST_ENTRIES, Plan, plan

Say = Callable[[str], None]

AGENT_TIMEOUT = 300.0
"""Seconds for one agent's cleaning, which takes some seconds; waagent on RHEL waits for a network NIC for ever."""
OWNERS_BUDGET = 60.0
"""Seconds for all questions to package managers."""
OWN_TRACES = ("/var/lib/azpreflight", "/var/log/azpreflight", "/run/azpreflight/as-captured.json", *ARMED)
SHOWN_LINES = 20
"""Lines of an agent's output that are passed on; waagent says a dozen."""


def agent_commands(agents: AgentsFacts) -> tuple[tuple[str, ...], ...]:
    """cloud-init cleans its own state first; waagent comes last, because it may delete the user who is watching."""
    cloud_init = (("cloud-init", "clean", "--logs", "--seed"),) if agents.cloud_init.installed else ()
    waagent = (("waagent", "-force", "-deprovision+user"),) if agents.waagent.installed else ()
    return (*cloud_init, *waagent)


def run_agents(prepared: Prepared, say: Say) -> None:
    """The agents' own cleaning. What they print is passed on; their exit status means nothing."""
    for command in agent_commands(prepared.agents) if prepared.agents is not None else ():
        _run(command, say)


def delete_user(prepared: Prepared, looked: Prepared, say: Say) -> None:
    """The user whom waagent was to delete, if the account is still there and is one who may be deleted."""
    known = looked.facts.accounts.accounts if looked.facts.accounts is not None else ()
    if prepared.user is None or not any(one.name == prepared.user for one in known):
        return
    try:
        accounts = preconditions.accounts(LocalHost(), prepared.user, removal.mount_points())
    except HostError as error:
        say(f"will not delete the user {prepared.user!a}: {error}")
        return
    refused = account.refusal(prepared.user, accounts)
    if refused is not None:
        say(refused)
        return
    _run(("userdel", "--force", "--remove", "--", prepared.user), say)


def described(prepared: Prepared) -> str:
    """The account of the user who is to be deleted, for a person; empty where there is none."""
    found = prepared.facts.accounts.accounts if prepared.facts.accounts is not None else ()
    entry = next((one for one in found if one.name == prepared.user), None)
    return "" if entry is None else f" (uid {entry.uid}, home {entry.home})"


def planned(looked: Prepared) -> Plan:
    """What neither agent removes, as far as the policy asks for it and it may be done, by the facts of this look."""
    asked = wanted(looked.facts, run_of_snapshot(looked.snapshot, ("agents",)), looked.fixes)
    inside = {change.path: removal.inside(change.path, MOST_ENTRIES + 1) for change in asked}
    shipped = (path for paths in inside.values() if len(paths) <= MOST_ASKED for path in paths)
    try:
        mounts = removal.mount_points()
        owned = ownership.owned(LocalHost(budget=OWNERS_BUDGET), [*(change.path for change in asked), *shipped])
    except HostError as error:
        return Plan(kept=tuple(f"keep {change.path}: {error}" for change in asked))
    return plan(asked, mounts, owned, inside)


def mend(looked: Prepared, say: Say) -> None:
    """Make the planned changes."""
    found = planned(looked)
    for line in found.kept:
        say(line)
    if found.objection is not None:
        say(found.objection)
        return
    for change in found.changes:
        say(f"{change.verb.value} {change.path}")
        _make(change.path, mutations.empty if change.verb is Verb.EMPTY else mutations.remove, say)


def forget(say: Say) -> None:
    """azpreflight's own reports and state, and what `arm` enabled."""
    for path in OWN_TRACES:
        _make(path, mutations.remove, say)


def _make(path: str, change: Callable[[str], None], say: Say) -> None:
    try:
        change(path)
    except HostError as error:
        say(str(error))


def _run(command: tuple[str, ...], say: Say) -> None:
    say(f"run {' '.join(command)}")
    try:
        done = LocalHost(budget=AGENT_TIMEOUT).run(command, AGENT_TIMEOUT)
    except HostError as error:
        say(str(error))
        return
    for line in [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-SHOWN_LINES:]:
        say(f"  {line.strip()}")
