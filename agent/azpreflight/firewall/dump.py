"""Reading the live rules with the system's own tools, without changing anything by looking.

Listing legacy tables can create them, and asking for nf_tables loads it; afterwards the machine is not what it was, and
`iptables` warns of tables that nobody made. So the kernel's own list of legacy tables is read first, nf_tables is asked
only if it is in the kernel already, and sets only if a rule uses one. A tool that fails half-way has printed half the
rules; that is "could not look", never "no rules".
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import Optional

from azpreflight.firewall import nfttext, savetext
from azpreflight.firewall.facts import Backend, Dump
from azpreflight.firewall.rules import Table
from azpreflight.firewall.tools import PREFIX, program
from azpreflight.host import Host, HostError

DUMP_TIMEOUT = 4.0
"""Seconds for one tool. `nft list ruleset` takes 2.3 s for 50,000 rules, everything else is quicker."""
LEGACY_NAMES = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
IPTABLES_NAMES = ("filter", "nat", "mangle", "raw", "security")
NFT_LIST = ("nft", "-n", "-a", "list", "ruleset")
_USES_SETS = re.compile(r"--(?:match|add|del|map)-set ")


def dump(host: Host) -> "tuple[Dump, ...]":
    """All live rules. A machine without any has no dumps, or empty ones."""
    first = [partial(_legacy, host, family) for family in LEGACY_NAMES]
    dumps = [found for found in host.together([*first, partial(_nft, host)]) if found is not None]
    nft = next((found for found in dumps if found.name == "nft"), None)
    if nft is not None:
        families = [family for family in PREFIX if nft.error is not None or _made_by_iptables(nft.text, family)]
        dumps += host.together([partial(_save, host, Backend.NFT, family) for family in families])
    if any(_USES_SETS.search(found.text) for found in dumps):
        dumps.append(_run(host, "ipset", ("ipset", "save")))
    return tuple(dumps)


def tables_of(dumps: "Sequence[Dump]") -> "tuple[Table, ...]":
    """The tables of all dumps, each once: those of nf_tables that iptables-save can show as it shows them."""
    by_name = {found.name: found.text for found in dumps if found.error is None}
    legacy = [
        table
        for family in PREFIX
        for table in savetext.parse(by_name.get(f"legacy {family}", ""), Backend.LEGACY, family)
    ]
    native = {(table.family, table.name): table for table in nfttext.parse(by_name.get("nft", ""))}
    shown = [
        table
        for family in PREFIX
        for table in savetext.parse(by_name.get(f"nft {family}", ""), Backend.NFT, family)
        if table.name not in savetext.incompatible(by_name[f"nft {family}"]) and _same(table, native)
    ]
    taken = {(table.family, table.name) for table in shown}
    return (*legacy, *shown, *(table for key, table in native.items() if key not in taken))


def _same(table: Table, native: "dict[tuple[str, str], Table]") -> bool:
    """True if iptables-save shows every rule that nft shows; without nft there is nothing to compare."""
    other = native.get((table.family, table.name))
    if other is None:
        return not native
    ours = {name: len(chain.lines) for name, chain in table.chains.items() if chain.lines}
    return ours == {name: len(chain.lines) for name, chain in other.chains.items() if chain.lines}


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
    found = _run(host, name, (tool, "-c"))
    if found.error is not None:
        return found
    try:
        savetext.parse(found.text, backend, family)
    except savetext.Cut as error:
        return Dump(found.name, found.command, found.text, f"{tool}: {error}")
    return found


def _nft(host: Host) -> Optional[Dump]:
    """All of nf_tables; None if it is not in the kernel, and then no tool is run that would load it."""
    try:
        if not _in_kernel(host):
            return None
    except HostError as error:
        return Dump("nft", " ".join(NFT_LIST), "", str(error))
    found = _run(host, "nft", NFT_LIST)
    if found.error is not None:
        return found
    try:
        nfttext.parse(found.text)
    except nfttext.Cut as error:
        return Dump(found.name, found.command, found.text, f"nft: {error}")
    return found


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


def _made_by_iptables(text: str, family: str) -> bool:
    return any(f"table {family} {name} {{" in text for name in IPTABLES_NAMES)


def _run(host: Host, name: str, command: "tuple[str, ...]") -> Dump:
    words = " ".join(command)
    try:
        done = host.run(command, DUMP_TIMEOUT)
    except HostError as error:
        return Dump(name, words, "", str(error))
    if done.status != 0:
        said = next((line for line in done.stderr.splitlines() if line.strip()), "no message")
        return Dump(name, words, done.stdout, f"{words} ended with {done.status}: {said.strip()}")
    if done.truncated:
        return Dump(name, words, done.stdout, f"{words} printed more than is read")
    return Dump(name, words, done.stdout)
