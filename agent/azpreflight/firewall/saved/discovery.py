"""Which services load rules at the next boot, and in which orders. From files alone, so of a mounted image too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Callable, NamedTuple, Optional

from azpreflight.firewall.saved import order, services
from azpreflight.firewall.saved.facts import Hook, Service
from azpreflight.firewall.saved.firewalld import firewalld
from azpreflight.firewall.saved.hooks import hooks
from azpreflight.firewall.saved.plan import Plan, Reader
from azpreflight.firewall.saved.ufw import ufw
from azpreflight.firewall.saved.units import UnitFile, conditions_hold, unit_file, wanted_services
from azpreflight.host import Host
from azpreflight.host.systemd import Unit, UnitState, unit

Planner = Callable[[Reader, UnitFile], Optional[Plan]]
ABSENT = "there is nothing for it to load"


class Found(NamedTuple):
    """All that there is."""

    services: tuple[Service, ...]
    orders: tuple[tuple[Plan, ...], ...]
    """Plans of services that run, in each order that is possible; then each with what hooks are known to load."""
    hooks: tuple[Hook, ...]
    unread: tuple[str, ...]


KNOWN: "Mapping[str, Planner]" = {
    "netfilter-persistent.service": services.netfilter_persistent,
    "iptables.service": services.iptables,
    "ip6tables.service": services.iptables,
    "ipset.service": services.ipset_service,
    "nftables.service": services.direct,
    "ufw.service": ufw,
    "firewalld.service": firewalld,
}
"""Services of distributions; any other unit is one of them only if its own command is a loader with a file."""


def discover(image: Host) -> Found:
    """Look at every service that is known or that some target wants."""
    reader = Reader(image)
    names = dict.fromkeys((*KNOWN, *wanted_services(image)))
    looked = [look for name in names if (look := _look(reader, name)) is not None]
    running = {plan.service.unit: plan for plan, _ in looked if plan.service.runs}
    units = {found.name: found for plan, found in looked if plan.service.runs}
    units.update(_targets(image, list(units.values())))
    possible = order.orders(tuple(running), units) if running else ()
    orders = tuple(tuple(running[name] for name in names) for names in possible)
    own = hooks(reader, list(_users_own(image, running)))
    last = tuple(found.plan for found in own if found.plan.steps)
    return Found(
        tuple(plan.service for plan, _ in looked),
        (*orders, *((*plans, *last) for plans in (orders or ((),)) if last)),
        tuple(found.hook for found in own),
        tuple(reader.unread),
    )


def _users_own(image: Host, running: "Mapping[str, Plan]") -> "Iterator[UnitFile]":
    """Units that the boot starts and that are not known here."""
    for name in wanted_services(image):
        found = unit_file(image, name) if name not in running and name not in KNOWN else None
        if found is not None and _why_not(image, unit(image, name), found) is None:
            yield found


def _look(reader: Reader, name: str) -> "Optional[tuple[Plan, UnitFile]]":
    """The service with what it would load; None where it is not installed, or where it has nothing to do with rules."""
    state = unit(reader.image, name)
    found = unit_file(reader.image, name) if state.path is not None else None
    if found is None or _is_alias(reader.image, found):
        return None
    plan = KNOWN.get(name, services.direct)(reader, found)
    if plan is None and name not in KNOWN:
        return None
    why = _why_not(reader.image, state, found)
    if plan is None:
        service = Service(name.partition(".")[0], name, False, reason=why or ABSENT)
        return Plan(service), found
    if why is not None and plan.service.runs:
        plan = plan._replace(service=replace(plan.service, runs=False, reason=why))
    return plan, found


def _is_alias(image: Host, found: UnitFile) -> bool:
    """Another name of a unit, which is looked at under its own."""
    info = image.info(found.path, follow=False)
    target = "" if info is None or info.target is None else info.target.rpartition("/")[2]
    return target not in ("", "null", found.name)


def _why_not(image: Host, state: Unit, found: UnitFile) -> Optional[str]:
    if state.state is not UnitState.ENABLED:
        return f"its unit is {state.state.value}"
    return None if conditions_hold(image, found) else "a condition of its unit is not met"


def _targets(image: Host, units: "Sequence[UnitFile]") -> "dict[str, UnitFile]":
    """Targets that the units' order goes by, and those that these go by."""
    found: dict[str, UnitFile] = {}
    pending = [name for one in units for name in (*one.before, *one.after)]
    while pending:
        name = pending.pop()
        target = unit_file(image, name) if name.endswith(".target") and name not in found else None
        if target is not None:
            found[name] = target
            pending += [*target.before, *target.after]
    return found
