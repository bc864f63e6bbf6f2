"""The changes that `seal` makes. Each is said; none is believed, because all effects are looked at afterwards."""

from collections.abc import Callable

from azpreflight.assess import run_of_snapshot
from azpreflight.host import HostError, LocalHost, changes, removal
from azpreflight.host.removable import Verb
from azpreflight.probes.agents import AgentsFacts
from azpreflight.probes.generalization.own import ARMED
from azpreflight.seal import account, preflight
from azpreflight.seal.extras import Change
from azpreflight.seal.extras import changes as extras
from azpreflight.seal.prepare import Prepared

Say = Callable[[str], None]

AGENT_TIMEOUT = 300.0
"""Seconds for one agent's cleaning, which takes some seconds; waagent on RHEL waits for a network card for ever."""
OWN_TRACES = ("/var/lib/azpreflight", "/var/log/azpreflight", "/run/azpreflight/as-captured.json", *ARMED)
SHOWN_LINES = 20
"""Lines of an agent's output that are passed on; waagent says a dozen."""


def agent_commands(agents: AgentsFacts) -> "tuple[tuple[str, ...], ...]":
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
        accounts = preflight.accounts(LocalHost(), prepared.user, removal.mount_points())
    except HostError as error:
        say(f"will not delete the user {prepared.user!a}: {error}")
        return
    refused = account.refusal(prepared.user, accounts)
    if refused is not None:
        say(refused)
        return
    _run(("userdel", "--force", "--remove", "--", prepared.user), say)


def planned(looked: Prepared) -> "tuple[Change, ...]":
    """What neither agent removes, as far as the policy asks for it, by the facts of this look."""
    return extras(looked.facts, run_of_snapshot(looked.snapshot, ("agents",)), looked.mends)


def mend(looked: Prepared, say: Say) -> None:
    """Make the planned changes."""
    for change in planned(looked):
        say(f"{change.verb.value} {change.path}")
        _make(change.path, changes.empty if change.verb is Verb.EMPTY else changes.remove, say)


def forget(say: Say) -> None:
    """azpreflight's own reports and state, and what `arm` enabled."""
    for path in OWN_TRACES:
        _make(path, changes.remove, say)


def _make(path: str, change: "Callable[[str], None]", say: Say) -> None:
    try:
        change(path)
    except HostError as error:
        say(str(error))


def _run(command: "tuple[str, ...]", say: Say) -> None:
    say(f"run {' '.join(command)}")
    try:
        done = LocalHost(budget=AGENT_TIMEOUT).run(command, AGENT_TIMEOUT)
    except HostError as error:
        say(str(error))
        return
    for line in [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-SHOWN_LINES:]:
        say(f"  {line.strip()}")
