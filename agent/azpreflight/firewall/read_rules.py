"""Reading the live rules with the system's own tools, without changing anything by looking.

Listing legacy tables can create them, and asking for nf_tables loads it; afterwards the machine is not what it was, and
`iptables` warns of tables that nobody made. So the kernel's own list of legacy tables is read first, nf_tables is asked
only if it is in the kernel already, and sets only if a rule uses one. A tool that fails half-way has printed half the
rules; that is "could not look", never "no rules".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Callable, Optional

from azpreflight.firewall import parse_iptables_save, parse_nft, table_owner
from azpreflight.firewall.facts import Backend, Dump
from azpreflight.firewall.rules import Table
from azpreflight.firewall.tools import PREFIX, program
from azpreflight.host import Host, HostError

DUMP_TIMEOUT = 7.0
"""Seconds for one tool. For 50,000 rules in one chain of nf_tables the kernel alone takes two to five, because it walks
the chain from its beginning for every 32 KiB that it hands out."""
CHECKED = 2_000
"""Rules up to which it is checked that iptables-nft-save shows what is there; more come from programs that speak to
iptables, and to list them once more would cost as long as the whole rehearsal."""
LEGACY_NAMES = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
IPTABLES_NAMES = ("filter", "nat", "mangle", "raw", "security")
NFT_CHAINS = ("nft", "-n", "list", "chains")
"""The tables of nf_tables with their chains. Of all listings this alone does not fetch every rule."""
_TABLE = re.compile(r"^table (\S+) (\S+) \{", re.MULTILINE)
_LOST = re.compile(r"^XT (?:match|target) \S+ not found", re.MULTILINE)
"""What nft says on standard error of a part of a rule that it then leaves out, and ends with 0."""
_USES_SETS = re.compile(r"--(?:match|add|del|map)-set ")

Name = tuple[str, str]
"""Family and table."""


def dump(host: Host) -> tuple[Dump, ...]:
    """All live rules. A machine without any has no dumps, or an empty list of chains."""
    first = [partial(_legacy, host, family) for family in LEGACY_NAMES]
    dumps = [found for found in host.together([*first, partial(_chains, host)]) if found is not None]
    chains = next((found for found in dumps if found.name == "nft chains"), None)
    if chains is not None:
        dumps += _nft(host, _TABLE.findall(chains.text))
    if any(_USES_SETS.search(found.text) for found in dumps):
        dumps.append(_run(host, "ipset", ("ipset", "save")))
    return tuple(dumps)


def tables_of(dumps: Sequence[Dump]) -> tuple[Table, ...]:
    """The tables of all dumps that are whole, each once."""
    names = frozenset(found.name for found in dumps)
    return tuple(table for found in dumps if found.error is None for table in _tables(found, names))


def _tables(found: Dump, listed: Collection[str]) -> Iterator[Table]:
    words = found.name.split()
    if words[0] == "ipset" or words[1] == "chains":
        return
    if len(words) == 3:
        yield from parse_nft.parse(found.text)
        return
    hidden = parse_iptables_save.incompatible(found.text)
    for table in parse_iptables_save.parse(found.text, Backend(words[0]), words[1]):
        if table.name not in hidden and f"{found.name} {table.name}" not in listed:
            yield table


def _nft(host: Host, names: Sequence[Name]) -> list[Dump]:
    """The tables of nf_tables: those that iptables made as it shows them, everything else as nft does.

    iptables-nft-save passes over what it cannot show, or fails, or shows something else; nft shows that too.
    """
    made = [(family, table) for family, table in names if family in PREFIX and table in IPTABLES_NAMES]
    families = [family for family in PREFIX if any(name[0] == family for name in made)]
    native = [name for name in names if name not in made]
    asks = [partial(_save, host, Backend.NFT, family) for family in families]
    found = host.together([*asks, *(partial(_list, host, name) for name in native)])
    saved = dict(zip(families, found))
    passed_over = [name for name in made if name[1] in _left_out(saved[name[0]], name)]
    again = host.together([partial(_list, host, name) for name in passed_over])
    replaced = {name[0] for name, listed in zip(passed_over, again) if listed.error is None}
    kept = [one for one in (*found, *again) if one.error is None or one.name.partition(" ")[2] not in replaced]
    shown = [name for name in made if name not in passed_over and saved[name[0]].text.count(" -A ") <= CHECKED]
    checked = host.together([partial(_not_by_iptables, host, name) for name in shown])
    return [*kept, *(one for one in checked if one is not None)]


def _not_by_iptables(host: Host, name: Name) -> Optional[Dump]:
    """The table as nft lists it, where iptables-nft-save does not print what it is; None where it does."""
    listed, said = _listed(host, name)
    tables = parse_nft.parse(listed.text) if listed.error is None else ()
    if any(table_owner.foreign(table, said) for table in tables):
        return listed
    if any(table_owner.mixed(table, said) for table in tables):
        reason = f"table {' '.join(name)} has rules of both iptables and nft, and neither program prints all of them"
        return Dump(listed.name, listed.command, listed.text, reason)
    return None


def unchecked(tables: Sequence[Table]) -> tuple[str, ...]:
    """What is said where nobody asked whether iptables-nft-save prints what is there."""
    rules = dict.fromkeys(PREFIX, 0)
    for table in tables:
        if table.iptables and table.backend is Backend.NFT:
            rules[table.family] += sum(len(chain.lines) for chain in table.chains.values())
    return tuple(
        f"{PREFIX[family]}-nft-save prints {number} rules, and of more than {CHECKED} it is not asked whether nft"
        " prints others"
        for family, number in rules.items()
        if number > CHECKED
    )


def _left_out(saved: Dump, name: Name) -> Collection[str]:
    return parse_iptables_save.incompatible(saved.text) if saved.error is None else (name[1],)


def _legacy(host: Host, family: str) -> Optional[Dump]:
    """The legacy tables of a family; None if there are none, and then no tool is run that would create them."""
    try:
        names = host.text(LEGACY_NAMES[family])
    except HostError as error:
        return Dump(f"legacy {family}", f"cat {LEGACY_NAMES[family]}", "", str(error))
    return _save(host, Backend.LEGACY, family) if names and names.strip() else None


def _save(host: Host, backend: Backend, family: str) -> Dump:
    name, tool = f"{backend.value} {family}", program(host, backend, family, "-save")
    if tool is None:
        wanted = f"{PREFIX[family]}-{backend.value}-save"
        return Dump(name, f"{wanted} -c", "", f"there are tables, but no program {wanted} to read them")
    return _whole(_run(host, name, (tool, "-c")), parse_iptables_save.is_whole)


def _whole(found: Dump, is_whole: Callable[[str], bool]) -> Dump:
    if found.error is None and not is_whole(found.text):
        reason = f"{found.command}: its output is no list of rules, or ends in the middle"
        return Dump(found.name, found.command, found.text, reason)
    return found


def _chains(host: Host) -> Optional[Dump]:
    """The chains of nf_tables; None if it is not in the kernel, and then no tool is run that would load it.

    Where there is no nft the kernel is asked whether there is anything for it to list.
    """
    try:
        if not _in_kernel(host) or (host.which("nft") is None and host.nft_tables() == 0):
            return None
        return _with_every_table(host, _whole(_run(host, "nft chains", NFT_CHAINS), parse_nft.is_whole))
    except HostError as error:
        return Dump("nft chains", " ".join(NFT_CHAINS), "", str(error))


def _with_every_table(host: Host, found: Dump) -> Dump:
    """The kernel counts its tables too: a program that prints nothing and says that all went well proves nothing."""
    listed, there = len(_TABLE.findall(found.text)), host.nft_tables()
    if found.error is None and listed < there:
        reason = f"{found.command}: it lists {listed} tables, and the kernel has {there}"
        return Dump(found.name, found.command, found.text, reason)
    return found


def _list(host: Host, name: Name) -> Dump:
    return _listed(host, name)[0]


def _listed(host: Host, name: Name) -> tuple[Dump, str]:
    """The table, and what nft said on standard error."""
    family, table = name
    found, said = _run_and_hear(host, f"nft {family} {table}", ("nft", "-n", "-a", "list", "table", family, table))
    lost = _LOST.search(said)
    if found.error is None and lost is not None:
        reason = f"{found.command} leaves out what it has no extension for: {lost[0]}"
        return Dump(found.name, found.command, found.text, reason), said
    return _whole(found, parse_nft.is_whole), said


def _in_kernel(host: Host) -> bool:
    """nf_tables is loaded or built in. Where no module can be loaded at all, asking for it does no harm either."""
    loaded = host.text("/proc/modules")
    if loaded is None:
        return True
    if any(line.startswith("nf_tables ") for line in loaded.splitlines()):
        return True
    release = (host.text("/proc/sys/kernel/osrelease") or "").strip()
    built_in = host.text(f"/lib/modules/{release}/modules.builtin")
    return built_in is None or "/nf_tables.ko" in built_in


def _run(host: Host, name: str, command: tuple[str, ...]) -> Dump:
    return _run_and_hear(host, name, command)[0]


def _run_and_hear(host: Host, name: str, command: tuple[str, ...]) -> tuple[Dump, str]:
    words = " ".join(command)
    try:
        done = host.run(command, DUMP_TIMEOUT)
    except HostError as error:
        return Dump(name, words, "", str(error)), ""
    reason = None
    if done.status != 0:
        said = next((line for line in done.stderr.splitlines() if line.strip()), "no message")
        reason = f"{words} ended with {done.status}: {said.strip()}"
    elif done.truncated:
        reason = f"{words} printed more than is read"
    return Dump(name, words, done.stdout, reason), done.stderr
