"""What neither waagent nor cloud-init removes, as a list of changes made from the facts. Pure.

Each group goes by the id of the check that finds it, so that the configuration can say in the same words what `seal`
fixes: `seal_fixes: [gen-machine-id, gen-shell-history]`. What may be meant to be in the image, such as users, keys,
memberships and the network, is left to a person unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from azpreflight.dataclass import dataclass
from azpreflight.host.removable import Verb, refusal
from azpreflight.model import Run
from azpreflight.probes.generalization import histories_and_logs, machine_identity
from azpreflight.probes.generalization.facts import GeneralizationFacts
from azpreflight.probes.generalization.hostkeys import replaced_by
from azpreflight.probes.generalization.resolver import PATH as RESOLV_CONF


@dataclass(frozen=True)
class Change:
    """One thing that is done to one path."""

    verb: Verb
    path: str


def wanted(facts: GeneralizationFacts, run: Run, fixes: tuple[str, ...]) -> tuple[Change, ...]:
    """What these checks ask for, in their order, each path once, whether or not it may be done."""
    found = (change for check, of in FIXES.items() if check in fixes for change in of(facts, run))
    return tuple(dict.fromkeys(found))


def changes(facts: GeneralizationFacts, run: Run, fixes: tuple[str, ...]) -> tuple[Change, ...]:
    """What of it is on the list of what may be removed or emptied."""
    asked = wanted(facts, run, fixes)
    return tuple(change for change in asked if refusal(change.path, change.verb) is None)


def _removed(*paths: str) -> Iterator[Change]:
    return (Change(Verb.REMOVE, path) for path in paths)


def _emptied(*paths: str) -> Iterator[Change]:
    return (Change(Verb.EMPTY, path) for path in paths)


def _machine_id(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    """Emptied and not removed: a missing one makes systemd take the next boot for the first and reset its presets."""
    if facts.identity is not None and facts.identity.machine_id:
        yield from _emptied(machine_identity.MACHINE_ID)
    if facts.identity is not None and facts.identity.dbus_id:
        yield from _removed(machine_identity.DBUS_ID)


def _random_seed(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.identity is not None:
        yield from _removed(*facts.identity.secrets, *facts.identity.seeds)


def _leases(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.leases is not None:
        yield from _removed(*facts.leases.deprovisioned, *facts.leases.kept)


def _histories(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.traces is not None:
        yield from _removed(
            *facts.traces.histories, *((histories_and_logs.ROOT_HISTORY,) if facts.traces.root_history else ())
        )


def _agent_logs(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.traces is not None:
        yield from _removed(*facts.traces.agent_logs, *facts.traces.rotated_logs, *facts.traces.cloud_init_logs)


def _system_logs(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    """Logs are emptied, because their daemons hold them open; journals are directories."""
    if facts.litter is not None:
        yield from _emptied(*facts.litter.logs)
        yield from _removed(*facts.litter.journals)


def _litter(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    """Not a swap file: it may be in use."""
    if facts.litter is not None:
        yield from _emptied(*facts.litter.pools)
        yield from _removed(*facts.litter.units, *facts.litter.crontabs, *facts.litter.sshd, *facts.litter.memory)


def _password_backup(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.accounts is not None and facts.accounts.backup_hashes:
        yield from _removed(f"{facts.accounts.shadow_path}-")
    if facts.accounts is not None:
        yield from _removed(*(path for path in facts.accounts.answers if not path.startswith("/etc/")))


def _sudoers(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.sudoers is not None and facts.sudoers.cloud_init:
        yield from _removed(f"{facts.sudoers.directory}/90-cloud-init-users")
    if facts.sudoers is not None and facts.sudoers.waagent:
        yield from _removed(f"{facts.sudoers.directory}/waagent")
    if facts.sudoers is not None and facts.sudoers.azure_init:
        yield from _removed(f"{facts.sudoers.directory}/azure-init-user")


def _host_keys(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    """Only where an agent makes new ones: a VM without host keys lets nobody in."""
    keys = facts.host_keys
    if keys is not None and replaced_by(keys, run) is not None:
        yield from _removed(*(f"{keys.directory}/{name}{end}" for name in keys.private for end in ("", ".pub")))


def _resolver(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.resolver is not None and facts.resolver.servers:
        yield from _removed(RESOLV_CONF)


def _authorized_keys(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.key_files is not None:
        root = facts.key_files.root
        yield from _removed(*(("/root/.ssh/authorized_keys",) if root.usable or root.refused else ()))
        yield from _removed(*facts.key_files.orphaned)


def _private_keys(facts: GeneralizationFacts, run: Run) -> Iterator[Change]:
    if facts.key_files is not None:
        yield from _removed(*facts.key_files.private)


FIXES: Mapping[str, Callable[[GeneralizationFacts, Run], Iterator[Change]]] = {
    "gen-ssh-host-keys": _host_keys,
    "gen-resolv-conf": _resolver,
    "gen-dhcp-leases": _leases,
    "gen-sudoers": _sudoers,
    "gen-password-backup": _password_backup,
    "gen-authorized-keys": _authorized_keys,
    "gen-private-keys": _private_keys,
    "gen-shell-history": _histories,
    "gen-agent-logs": _agent_logs,
    "gen-system-logs": _system_logs,
    "gen-litter": _litter,
    "gen-random-seed": _random_seed,
    "gen-machine-id": _machine_id,
}
DEFAULT_FIXES = tuple(check for check in FIXES if check not in ("gen-authorized-keys", "gen-private-keys"))
"""What every machine has and no image needs."""
