"""The boot services of distributions that load rules from files: what each would load. From files alone.

netfilter-persistent (Debian, Ubuntu), nftables.service (all), iptables.service and ip6tables.service of
iptables-services (RHEL and its kin), Azure Linux's iptables.service, ipset.service, and any unit whose own command is a
loader with a file. ufw and firewalld have modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.firewall.boot import loaders
from azpreflight.firewall.boot.facts import Service
from azpreflight.firewall.boot.load_plan import Line, Plan, Reader, Step
from azpreflight.guest.systemd_units import UnitFile

PERSISTENT = "/etc/default/netfilter-persistent"
PLUGINS = "/usr/share/netfilter-persistent/plugins.d"
OWN_PLUGINS = ("ip4tables", "ip6tables", "ipset")
PERSISTENT_FILES = {"ip4tables": "/etc/iptables/rules.v4", "ip6tables": "/etc/iptables/rules.v6"}
PERSISTENT_SETS = "/etc/iptables/ipsets"
SYSCONFIG = "/etc/sysconfig"
AZURE_LINUX = "/etc/systemd/scripts/iptables"
AZURE_LINUX_FILES = (
    ("iptables", "/etc/systemd/scripts/ip4save"),
    ("ip6tables", "/etc/systemd/scripts/ip6save"),
)
_COMMAND = re.compile(r"^\s*(?:\S*/)?(?:ip6?tables\S*|nft|ipset)\s")
_OWN_COMMAND = re.compile(r"^\s*(?:\S*/)?ip6?tables(?:-restore <| (?:-t \w+ )?-[FXZP]\b)")
"""Commands on rules in Azure Linux's script, and those that it is shipped with."""
_POLICY = re.compile(r"^\s*(?:\S*/)?(ip6?tables) (?:-P|--policy) +(\w+) +(\w+)\s*$")


def netfilter_persistent(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """Its plugins in the order of their names; each loads one file, after a test if its settings ask for one."""
    plugins = reader.image.list(PLUGINS) or ()
    settings = reader.settings(PERSISTENT)
    steps: list[Step] = []
    for plugin in plugins:
        if "ipset" in plugin:
            steps += _sets(reader, [PERSISTENT_SETS])
        for name, path in PERSISTENT_FILES.items():
            if name in plugin:
                steps += _persistent(reader, path, name.replace("4", ""), settings)
    return _plan("netfilter-persistent", unit, steps)


def _persistent(reader: Reader, path: str, prefix: str, settings: dict[str, str]) -> Iterator[Step]:
    """iptables-persistent's plugin (plugins.d/15-ip4tables); the names of its settings begin with the program's."""
    lines = reader.lines(path)
    if lines is None:
        return
    names = prefix.upper()
    options = ("--noflush",) if settings.get(f"{names}_RESTORE_NOFLUSH") == "yes" else ()
    tested = settings.get(f"{names}_TEST_RULESET") == "yes"
    if tested:
        yield Step(f"{prefix}-restore", ("--test", *options), lines)
    yield Step(f"{prefix}-restore", options, lines, if_well=tested)


def iptables(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """Units of one name that are different things in different distributions, told by what they run."""
    programs = [command[0] for command in unit.commands]
    if AZURE_LINUX in programs:
        return _azure_linux(reader, unit)
    if any(program.endswith("iptables.init") or program.endswith("ip6tables.init") for program in programs):
        return _iptables_services(reader, unit)
    return direct(reader, unit)


def _iptables_services(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """iptables.init of RHEL loads /etc/sysconfig/iptables, or ip6tables."""
    prefix = unit.name.partition(".")[0]
    lines = reader.lines(f"{SYSCONFIG}/{prefix}")
    return _plan(prefix, unit, [Step(f"{prefix}-restore", (), lines)] if lines is not None else [])


def _azure_linux(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """Its script sets policies, DROP as it is shipped, empties the tables, and only then loads the two files: one that
    cannot be loaded leaves the policies as they are (SPECS/iptables of azurelinux)."""
    script = reader.lines(AZURE_LINUX) or ()
    more = next((line for line in script if _COMMAND.match(line.text) and not _OWN_COMMAND.match(line.text)), None)
    steps = [step for prefix, _ in AZURE_LINUX_FILES for step in _policies(script, prefix)]
    for prefix, path in AZURE_LINUX_FILES:
        lines = reader.lines(path)
        steps += [Step(f"{prefix}-restore", (), lines)] if lines is not None else []
    plan = _plan("iptables", unit, steps)
    if plan is None or more is None:
        return plan
    blind = f"has commands of the user's own in {AZURE_LINUX}, line {more.number}"
    return plan._replace(service=replace(plan.service, reason=f"it {blind}, which are not run"), blind=blind)


def _policies(script: Sequence[Line], prefix: str) -> Iterator[Step]:
    """The policies that the script sets, as text for a loader."""
    found = [(line, match) for line in script if (match := _POLICY.match(line.text)) and match[1] == prefix]
    lines = [line._replace(text=f":{match[2]} {match[3]} [0:0]") for line, match in found]
    if lines:
        first, last = lines[0]._replace(text="*filter"), lines[-1]._replace(text="COMMIT")
        yield Step(f"{prefix}-restore", (), (first, *lines, last))


def ipset_service(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """RHEL's ipset-service: one file a set, or all in one."""
    paths = reader.image.glob(f"{SYSCONFIG}/ipset.d/*.set") or (f"{SYSCONFIG}/ipset",)
    return _plan("ipset", unit, list(_sets(reader, paths)))


def _sets(reader: Reader, paths: Sequence[str]) -> Iterator[Step]:
    for path in paths:
        lines = reader.lines(path)
        if lines is not None:
            yield Step("ipset", ("restore", "-exist"), lines)


def unknown(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """A front end that makes its rules itself, from settings that are not read here."""
    blind = "makes its rules itself, from settings that are not understood here"
    service = Service(unit.name.rpartition(".")[0], unit.name, True, reason=f"it {blind}")
    return Plan(service, blind=blind)


def agent_setup(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """The guest agent's own: it lets root reach the wire server, and nobody else. Listed, and never in the way."""
    return Plan(Service(unit.name.rpartition(".")[0], unit.name, True))


def direct(reader: Reader, unit: UnitFile) -> Optional[Plan]:
    """A unit whose own commands are loaders with files: nftables.service, and many of users' own."""
    steps: list[Step] = []
    own: list[Step] = []
    for command in unit.commands:
        for load in loaders.loads_of(command):
            made, theirs = loaders.step(reader, load)
            steps += made
            own += theirs
    return _plan(unit.name.rpartition(".")[0], unit, steps, own)


def _plan(name: str, unit: UnitFile, steps: Sequence[Step], own: Sequence[Step] = ()) -> Optional[Plan]:
    if not steps:
        return None
    files = dict.fromkeys(line.path for step in steps for line in step.lines if line.path)
    return Plan(Service(name, unit.name, True, tuple(files)), tuple(steps), tuple(own))
