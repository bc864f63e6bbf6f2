"""Which services load rules at the next boot, and in which orders. From files alone, so of a mounted image too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Callable, NamedTuple, Optional

from azpreflight.firewall.boot import known_services as services
from azpreflight.firewall.boot import start_order
from azpreflight.firewall.boot.facts import Hook, Service
from azpreflight.firewall.boot.firewalld import firewalld
from azpreflight.firewall.boot.load_plan import Plan, Reader
from azpreflight.firewall.boot.loaders import loads_of
from azpreflight.firewall.boot.other_scripts import hooks
from azpreflight.firewall.boot.ufw import ufw
from azpreflight.guest.systemd_units import UnitFile, Units, conditions_hold
from azpreflight.host import Host
from azpreflight.host.systemd import UnitState

Planner = Callable[[Reader, UnitFile], Optional[Plan]]
PROGRAMS = (
    "/netfilter-persistent",
    "/ufw-init",
    "/firewalld",
    "/iptables.init",
    "/ip6tables.init",
    "/ipset.start-stop",
    services.AZURE_LINUX,
)
"""How the programs end that the services of distributions run."""
ABSENT = "there is nothing for it to load"


class Found(NamedTuple):
    """All that there is."""

    services: tuple[Service, ...]
    orders: tuple[tuple[Plan, ...], ...]
    """Plans of services that run, in each order that is possible; then each with what hooks are known to load."""
    hooks: tuple[Hook, ...]
    unread: tuple[str, ...]


NOT_UNDERSTOOD = ("SuSEfirewall2", "ferm", "firehol", "shorewall", "shorewall6")
AGENTS = ("waagent-network-setup.service", "walinuxagent-network-setup.service")
KNOWN: Mapping[str, Planner] = {
    "netfilter-persistent.service": services.netfilter_persistent,
    "iptables.service": services.iptables,
    "ip6tables.service": services.iptables,
    "ipset.service": services.ipset_service,
    "nftables.service": services.direct,
    "ufw.service": ufw,
    "firewalld.service": firewalld,
    **dict.fromkeys(AGENTS, services.agent_setup),
    **{f"{name}.service": services.unknown for name in NOT_UNDERSTOOD},
}
"""Services of distributions; any other unit is one of them only if its own command is a loader with a file."""


def discover(image: Host) -> Found:
    """Look at every service that is known or that some target wants."""
    reader, units = Reader(image), Units(image)
    names = dict.fromkeys((*KNOWN, *units.wanted))
    looked = [look for name in names if (look := _look(reader, units, name)) is not None]
    running = {plan.service.unit: plan for plan, _ in looked if plan.service.runs and plan.service.unit not in AGENTS}
    ordered = {found.name: found for _, found in looked if found.name in running}
    ordered.update(_targets(units, list(ordered.values())))
    possible = start_order.orders(tuple(running), ordered) if running else ()
    orders = tuple(tuple(running[name] for name in names) for names in possible)
    own = hooks(reader, list(_users_own(image, units, running)))
    last = tuple(found.plan for found in own if found.plan.steps)
    return Found(
        tuple(plan.service for plan, _ in looked),
        (*orders, *((*plans, *last) for plans in (orders or ((),)) if last)),
        tuple(found.hook for found in own),
        (*reader.unread, *units.unread),
    )


def _users_own(image: Host, units: Units, running: Mapping[str, Plan]) -> Iterator[UnitFile]:
    """Units that the boot starts and that are not known here; of those that are, what they run besides their own."""
    for name in units.wanted:
        found = units.file(name) if name not in AGENTS else None
        if found is None or _why_not(image, units.state(name), found) is not None:
            continue
        if name in running:
            more = (command for command in found.commands if not command[0].endswith(PROGRAMS))
            found = found._replace(commands=tuple(command for command in more if not any(loads_of(command))))
        if name in running or name not in KNOWN:
            yield found


def _look(reader: Reader, units: Units, name: str) -> Optional[tuple[Plan, UnitFile]]:
    """The service with what it would load; None where it is not installed, or where it has nothing to do with rules."""
    found = units.file(name)
    if found is None or units.is_alias(name):
        return None
    plan = KNOWN.get(name, services.direct)(reader, found)
    if plan is None and name not in KNOWN:
        return None
    why = _why_not(reader.image, units.state(name), found)
    if plan is None:
        service = Service(name.partition(".")[0], name, False, reason=why or ABSENT)
        return Plan(service), found
    if why is not None and plan.service.runs:
        plan = plan._replace(service=replace(plan.service, runs=False, reason=why))
    return plan, found


def _why_not(image: Host, state: UnitState, found: UnitFile) -> Optional[str]:
    if state is not UnitState.ENABLED:
        return f"its unit is {state.value}"
    return None if conditions_hold(image, found) else "a condition of its unit is not met"


def _targets(units: Units, services: Sequence[UnitFile]) -> dict[str, UnitFile]:
    """Targets that the units' order goes by, and those that these go by."""
    found: dict[str, UnitFile] = {}
    pending = [name for one in services for name in (*one.before, *one.after)]
    while pending:
        name = pending.pop()
        target = units.file(name) if name.endswith(".target") and name not in found else None
        if target is not None:
            found[name] = target
            pending += [*target.before, *target.after]
    return found
