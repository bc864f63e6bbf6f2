"""Having the kernel decide what the saved rules will do: loaded as the boot loads them, in a namespace of their own.

See `azpreflight.firewall.rehearsal` for the same with the live rules, and `worker.boot` for what is done there. Two
things differ. What a loader fails to load is no flaw of the rehearsal but what will happen at boot, so the flows are
tried on what was left. And a mounted image is rehearsed with the running system's tools; nothing of it is run, so what
they cannot load may be loaded by its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Optional

from azpreflight import package
from azpreflight.firewall import broker, parse_iptables_save, parse_nft
from azpreflight.firewall.boot.edit import located
from azpreflight.firewall.boot.facts import Boot
from azpreflight.firewall.boot.load_plan import Plan, Step
from azpreflight.firewall.boot.saved_rules import Ruleset
from azpreflight.firewall.facts import Backend, Dump, Flow, FlowFacts, Outcome, Rehearsal
from azpreflight.firewall.network_context import NO_WAY, Scene
from azpreflight.firewall.read_rules import LEGACY_NAMES
from azpreflight.firewall.rehearsal import (
    LIMIT,
    LIMIT_MANY,
    doubts,
    keep_logs_quiet,
    limits,
    load_errors_of,
    run_worker,
)
from azpreflight.firewall.rule_names import Index
from azpreflight.firewall.rule_verdicts import Copy, decide
from azpreflight.firewall.rules import MANY, Table
from azpreflight.firewall.static import fallback
from azpreflight.firewall.tools import PREFIX, backend_of, program, programs_of
from azpreflight.host import Host, HostError

PYTHON = ("-I", "-S", "-B", *package.arguments("azpreflight.firewall.worker.boot"))
NOT_HERE = "what loads rules at boot is not run by the service, only by azpreflight check"
"""The service of the rehearsal takes rules and no programs, and these are programs of the machine's own."""
MAX_STAND_INS = 32
"""Interfaces of this machine that no flow uses; rules may name them."""
_RESTORE = re.compile(r"(ip6?tables)-restore$")
_OF_IPTABLES = re.compile(r"ip6?tables(?:-legacy|-nft)?-restore$|ipset$")
_NEEDS_MODULE = re.compile(r"insmod|modprobe|kernel module|Protocol not supported")


class Setting(NamedTuple):
    """What is inspected, and with what."""

    image: Host
    machine: Host
    """The running system: the same, or the one that the image is mounted on."""
    scene: Scene

    @property
    def live(self) -> bool:
        """The running system's own next boot."""
        return self.image.root == "/"


def rehearse(setting: Setting, plans: Sequence[Plan], flows: Sequence[Flow], unread: Sequence[str]) -> Boot:
    """What comes of these plans, one after the other. Never raises: what cannot be done is in the result."""
    ruleset = Ruleset(_plain(setting.image), [place for plan in plans for place in plan.places])
    ruleset.take([step for plan in plans for step in plan.steps])
    unread = [*unread, *ruleset.unread]
    incomplete = f"some rules could not be read: {unread[0]}" if unread else _blind(plans, setting.live)
    names = tuple(plan.service.name for plan in plans)
    began = time.monotonic()
    try:
        keep_logs_quiet(setting.machine, ruleset.tables())
        answer = _ask(setting, plans, flows, ruleset)
    except HostError as error:
        return _by_text(names, setting, plans, flows, ruleset, incomplete or "", str(error))
    took = round(time.monotonic() - began, 4)
    return _boot(names, setting, plans, flows, ruleset, incomplete, {**answer, "duration_s": took})


def _blind(plans: Sequence[Plan], live: bool) -> Optional[str]:
    """Why the text of these plans is not all that they load; on the running system they load it by themselves."""
    return next((f"{plan.service.name} {plan.blind}" for plan in plans if plan.blind and not (live and plan.own)), None)


def _plain(image: Host) -> dict[str, Backend]:
    found = {family: backend_of(image, f"{prefix}-restore") for family, prefix in PREFIX.items()}
    return {family: backend for family, backend in found.items() if backend is not None}


def _boot(
    names: tuple[str, ...],
    setting: Setting,
    plans: Sequence[Plan],
    flows: Sequence[Flow],
    ruleset: Ruleset,
    incomplete: Optional[str],
    answer: Mapping[str, Any],
) -> Boot:
    dumps = tuple(_dump(read) for read in answer["reads"])
    tables = tables_of_boot(dumps)
    errors = load_errors_of(answer)
    copy = Copy(Index(tables), programs_of(setting.machine), incomplete or _doubt(setting, plans, answer))
    seen, in_doubt = iter(answer["flows"]), doubts(setting.scene, tables)

    def one(flow: Flow) -> FlowFacts:
        if not setting.scene.reaches(flow):
            return FlowFacts(flow, Outcome.UNKNOWN, reason=NO_WAY)
        return located(decide(flow, next(seen), copy, in_doubt(flow)), tables, ruleset)

    rehearsal = Rehearsal(
        needed=True,
        load_errors=errors,
        trace_error=answer["trace_error"],
        modules=tuple(answer["modules"]),
        limits=limits(tables),
        duration_s=answer["duration_s"],
    )
    return Boot(names, rehearsal, dumps, tuple(one(flow) for flow in flows))


def _doubt(setting: Setting, plans: Sequence[Plan], answer: Mapping[str, Any]) -> Optional[str]:
    """Why what could not be loaded here may be loaded at boot, if so."""
    errors = load_errors_of(answer)
    blind = {plan.service.name for plan in plans if plan.blind}
    failed = [load for load in answer["loads"] if load["status"] != 0 and load["service"] in blind]
    if failed:
        return f"{failed[0]['service']} could not be started in the rehearsal: {errors[0]}"
    if errors and not setting.live:
        return f"the tools of this machine could not load all of the image's rules: {errors[0]}"
    missing = next((error for error in errors if _NEEDS_MODULE.search(error)), None)
    return f"a kernel module that is not loaded now is missing: {missing}" if missing else None


def _by_text(
    names: tuple[str, ...],
    setting: Setting,
    plans: Sequence[Plan],
    flows: Sequence[Flow],
    ruleset: Ruleset,
    incomplete: str,
    error: str,
) -> Boot:
    """What the text of the rules says, where all of it is known."""
    blind = _blind(plans, live=False)
    incomplete = incomplete or (f"{blind}; it could not be run: {error}" if blind else "")
    tables = ruleset.tables()
    copy = Copy(Index(tables), programs_of(setting.machine), incomplete or None)
    found = fallback.by_text(flows, setting.scene, tables, copy, error)
    return Boot(
        names,
        Rehearsal(True, error, limits=limits(tables)),
        (),
        tuple(located(one, tables, ruleset) for one in found),
    )


# --- the worker ---------------------------------------------------------------------------------------------------


def _ask(setting: Setting, plans: Sequence[Plan], flows: Sequence[Flow], ruleset: Ruleset) -> dict[str, Any]:
    if broker.is_confined(setting.machine):
        raise HostError(NOT_HERE)
    text = "\n".join(step.text for plan in plans for step in plan.steps)
    used = [flow for flow in flows if setting.scene.reaches(flow)]
    others = set(sorted(setting.scene.interfaces)[:MAX_STAND_INS]) if setting.live else set()
    job = {
        **setting.scene.as_json(used, others, set(parse_nft.devices(text))),
        "hidden": [path for plan in plans for path in plan.hidden],
        "loads": [_load(setting, plan, step) for plan in plans for step in plan.run(setting.live)],
        "reads": list(_reads(setting, plans)),
    }
    limit = LIMIT if text.count("\n") <= MANY else LIMIT_MANY
    return run_worker(setting.machine, PYTHON, job, limit)


def _load(setting: Setting, plan: Plan, step: Step) -> dict[str, Any]:
    return {
        "name": step.tool.rpartition("/")[2],
        "service": plan.service.name,
        "command": [_path(setting, step.tool), *step.arguments],
        "input": step.text,
        "if_well": step.if_well,
        "files": dict(step.files),
        "environment": dict(step.environment),
    }


def _path(setting: Setting, tool: str) -> str:
    """Where a loader is on the running system; for an image, one that fills the tables that the image's own would."""
    if tool.startswith("/"):
        return tool
    match = _RESTORE.match(tool)
    if match is not None and not setting.live:
        backend = backend_of(setting.image, tool)
        family = next(family for family, prefix in PREFIX.items() if prefix == match[1])
        tool = program(setting.machine, backend or Backend.NFT, family, "-restore") or f"{tool} of that kind"
    path = setting.machine.which(tool)
    if path is None:
        raise HostError(f"no program {tool}")
    return path


def _reads(setting: Setting, plans: Sequence[Plan]) -> Iterator[dict[str, Any]]:
    """Tools that print what is loaded. Legacy tables only where there are some, as asking creates them; nft, which is
    slow with very many rules, only where something else than iptables' loaders may have been at work."""
    machine = setting.machine
    for family, names in LEGACY_NAMES.items():
        for backend in Backend:
            tool = program(machine, backend, family, "-save")
            path = machine.which(tool) if tool is not None else None
            if path is not None:
                only = names if backend is Backend.LEGACY else None
                yield {"name": f"{backend.value} {family}", "command": [path], "if_any": only}
    nft, steps = machine.which("nft"), [step for plan in plans for step in plan.run(setting.live)]
    if nft is not None and not all(_OF_IPTABLES.match(step.tool) for step in steps):
        yield {"name": "nft ruleset", "command": [nft, "-n", "-a", "list", "ruleset"], "if_any": None}


def _dump(read: Mapping[str, Any]) -> Dump:
    name, text = read["name"], read["text"]
    is_whole = parse_nft.is_whole if name == "nft ruleset" else parse_iptables_save.is_whole
    error = None if read["status"] == 0 else f"it ended with {read['status']}"
    if error is None and text.strip() and not is_whole(text):
        error = f"{name}: its output is no list of rules, or ends in the middle"
    return Dump(name, name, text, error)


def tables_of_boot(dumps: Sequence[Dump]) -> tuple[Table, ...]:
    """The tables that were loaded, each once: those of iptables as it shows them, everything else as nft does."""
    shown: dict[tuple[str, str, str], Table] = {}
    for found in dumps:
        if found.error is None and found.name != "nft ruleset":
            backend, family = found.name.split()
            hidden = parse_iptables_save.incompatible(found.text)
            tables = parse_iptables_save.parse(found.text, Backend(backend), family)
            shown.update((table.key, table) for table in tables if table.name not in hidden)
    listed = [table for found in dumps if found.name == "nft ruleset" for table in parse_nft.parse(found.text)]
    return (*shown.values(), *(table for table in listed if table.key not in shown))
