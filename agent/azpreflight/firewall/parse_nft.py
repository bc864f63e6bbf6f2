"""What `nft -a list ruleset` prints (`nft(8)`): blocks by indentation, one rule a line, each with its handle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.firewall.facts import Backend
from azpreflight.firewall.rules import Chain, Table

_TABLE = re.compile(r"table (\S+) (\S+) \{(?: # handle \d+)?")
_CHAIN = re.compile(r"\tchain (\S+) \{(?: # handle \d+)?")
_DEVICES = re.compile(r"\bdevices? (?:= \{ ([^{}]*) \}|(\S+))")
_HOOK = re.compile(r" hook (\w+)")
_POLICY = re.compile(r"policy (accept|drop);")
_HANDLE = re.compile(r" # handle ([0-9]{1,20})$")
_QUOTED = re.compile(r'"[^"]*"')
_COUNTER = re.compile(r"\bcounter packets ([0-9]{1,20}) bytes [0-9]+")
_OWNER = re.compile(r"^\tflags (.*)$", re.MULTILINE)
_INTERFACE = re.compile(r"\b[io]if \"([^\"]+)\"")


def is_whole(text: str) -> bool:
    """True unless the text ends in the middle, or is none of nft's."""
    lines = [line for line in text.splitlines() if line and line[0] not in "\t#"]
    return all(_TABLE.match(line) for line in lines[0::2]) and lines[1::2] == ["}"] * ((len(lines) + 1) // 2)


def parse(text: str) -> tuple[Table, ...]:
    """The tables in a whole text."""
    return tuple(_table(block) for block in _blocks(text))


def _table(block: list[str]) -> Table:
    _, family, name = block[0].split(" ", 3)[:3]
    chains = {chain.name: chain for chain in _chains(block)}
    return Table(Backend.NFT, family, name, False, chains, "\n".join(block) + "\n")


def handle(line: str) -> Optional[int]:
    """The handle after a rule."""
    match = _HANDLE.search(line)
    return int(match[1]) if match else None


def packets(line: str) -> Optional[int]:
    """What the rule has counted; None if it does not count."""
    match = _COUNTER.search(line)
    return int(match[1]) if match else None


def specification(line: str) -> str:
    """The rule without its handle."""
    return _HANDLE.sub("", line)


def unquoted(line: str) -> str:
    """The rule without comments, and other words of the user's."""
    return _QUOTED.sub('""', line)


def uncounted(line: str) -> str:
    """The rule without its handle, and without what it has counted."""
    return _COUNTER.sub("counter", specification(line))


def loadable(table: Table) -> str:
    """The table as `nft -f` takes it without binding it to that program's life (a table of firewalld's has an owner,
    and would go with the loader)."""
    return _OWNER.sub(_without_owner, table.text)


def _without_owner(match: re.Match[str]) -> str:
    kept = [flag for flag in re.split(r"[,\s]+", match[1]) if flag not in ("owner", "persist", "")]
    return f"\tflags {','.join(kept)}" if kept else ""


def interfaces(table: Table) -> tuple[str, ...]:
    """Interfaces that have to exist for the table to be loaded. Patterns are slow to find out that a long text has
    none."""
    text = table.text
    named = devices(text) if "device" in text else ()
    by_index = _INTERFACE.findall(text) if 'if "' in text else ()
    return tuple(dict.fromkeys([*named, *by_index]))


def devices(text: str) -> tuple[str, ...]:
    """The interfaces of netdev chains and flow tables: `device "eth0"` or `devices = { eth0, eth1 }`."""
    found = [name for match in _DEVICES.findall(text) for name in re.split(r"[,\s]+", " ".join(match))]
    return tuple(name.strip('"') for name in found if name)


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines of each table."""
    block: list[str] = []
    for line in text.splitlines():
        if block or line.startswith("table "):
            block.append(line)
        if line == "}":
            yield block
            block = []


def _chains(block: list[str]) -> Iterator[Chain]:
    name: Optional[str] = None
    policy: Optional[str] = None
    bound: tuple[str, ...] = ()
    hook: Optional[str] = None
    rules: list[str] = []
    for line in block:
        match = _CHAIN.match(line)
        if match is not None:
            name, policy, bound, hook, rules = match[1], None, (), None, []
        elif name is None:
            continue
        elif line == "\t}":
            yield Chain(name, policy, tuple(rules), bound, hook)
            name = None
        elif line.startswith("\t\ttype "):
            found = _POLICY.search(line)
            policy = found[1].upper() if found else "ACCEPT"
            bound = devices(line)
            at = _HOOK.search(line)
            hook = at[1] if at else None
        elif _HANDLE.search(line):
            rules.append(line.strip())
