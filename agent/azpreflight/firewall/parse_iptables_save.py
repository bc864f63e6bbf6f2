"""What iptables-save prints, legacy and nft alike (`iptables-save(8)`, format of `iptables-restore`)."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from azpreflight import shell
from azpreflight.firewall.facts import Backend
from azpreflight.firewall.rules import Chain, Table

_INCOMPATIBLE = re.compile(r"^# Table `([^'\n]+)' (?:is incompatible|contains incompatible base-chains)", re.MULTILINE)
_LINE = re.compile(r"(?:#.*|\*\S+|:\S+ \S.*|(?:\[[0-9]+:[0-9]+\] )?-A \S.*|COMMIT|)")
_ENDS = re.compile(r"^(?:\*|COMMIT$)", re.MULTILINE)
_COUNTER = re.compile(r"\[([0-9]{1,20}):[0-9]+\] ")
_TARGET = re.compile(r" -[jg] (\S+)")


def is_whole(text: str) -> bool:
    """True unless the text ends in the middle, or is none of these programs'. One that fails half-way prints half a
    table, and none prints nothing where there are tables."""
    if not text.strip() or not all(_LINE.fullmatch(line) for line in text.splitlines()):
        return False
    ends = _ENDS.findall(text)
    return ends[0::2] == ["*"] * (len(ends) // 2) and ends[1::2] == ["COMMIT"] * (len(ends) // 2)


def parse(text: str, backend: Backend, family: str) -> tuple[Table, ...]:
    """The tables in a whole text."""
    tables: list[Table] = []
    open_table: Optional[_Open] = None
    for line in text.splitlines():
        if line.startswith("*"):
            open_table = _Open(line[1:].strip(), {}, {}, [])
        elif open_table is None or not line or line.startswith("#"):
            continue
        elif line == "COMMIT":
            tables.append(open_table.table(backend, family))
            open_table = None
        else:
            open_table.take(line)
    return tuple(tables)


def incompatible(text: str) -> frozenset[str]:
    """Tables that iptables-nft-save says it cannot show, or not all of; it prints them empty and exits with 0."""
    return frozenset(_INCOMPATIBLE.findall(text))


def packets(line: str) -> Optional[int]:
    """The packet counter before a rule; None without one."""
    match = _COUNTER.match(line)
    return int(match[1]) if match else None


def specification(line: str) -> str:
    """The rule without its counter: "-A OUTPUT ..."."""
    return line[line.find("-A ") :]


def words(text: str) -> list[str]:
    """The words of a rule. Between double quotes a backslash stands before a quote of either kind and before another
    backslash (xtables_save_string in libxtables/xtables.c); no shell reads the single quote like that."""
    return shell.words(text.replace("\\'", "'"))


def target(line: str) -> str:
    """What the rule does: DROP, REJECT, the name of a chain, or "" for a rule that only counts."""
    found = _TARGET.findall(line)
    return str(found[-1]) if found else ""


class _Open(NamedTuple):
    """A table whose end has not come yet."""

    name: str
    policies: dict[str, Optional[str]]
    rules: dict[str, list[str]]
    lines: list[str]

    def take(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith(":"):
            name, policy = line[1:].split(" ", 2)[:2]
            self.policies[name] = None if policy == "-" else policy
            self.rules.setdefault(name, [])
            return
        at = 0 if line.startswith("-A ") else line.find("] -A ") + 2
        name = line[at + 3 :].split(" ", 1)[0]
        self.rules.setdefault(name, []).append(line)

    def table(self, backend: Backend, family: str) -> Table:
        chains = {name: Chain(name, self.policies.get(name), tuple(lines)) for name, lines in self.rules.items()}
        text = "\n".join([f"*{self.name}", *self.lines, "COMMIT", ""])
        return Table(backend, family, self.name, True, chains, text)
