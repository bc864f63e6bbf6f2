"""What the saved text amounts to: tables and chains with the line of the file that each rule comes from. Pure.

Not to decide anything: the kernel does that. But the kernel numbers rules and knows no files, and where it cannot be
asked the text is all there is. A place is claimed only where the text has as many rules in a chain as the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from azpreflight.firewall import parse_iptables_save
from azpreflight.firewall.boot import nftfile
from azpreflight.firewall.boot.load_plan import GENERATED, Line, Step
from azpreflight.firewall.facts import Backend
from azpreflight.firewall.rule_names import Place
from azpreflight.firewall.rules import Chain, Table
from azpreflight.foreign import whole
from azpreflight.host import HostError, reading

_RESTORE = re.compile(r"(ip6?tables)(?:-(legacy|nft))?-restore$")
_COUNTER = re.compile(r"^\[[0-9]+:[0-9]+\] ")
FAMILIES = {"iptables": "ip", "ip6tables": "ip6"}
NOFLUSH, TEST = {"-n", "--noflush"}, {"-t", "--test"}
DECLARING = ("type", "policy", "comment", "flags", "devices", "device")
"""What begins a statement of a chain that is no rule."""
Key = tuple[str, str, str]


@dataclass
class SavedChain:
    """A chain while the text is read."""

    policy: Optional[str] = None
    policy_lines: dict[str, Line] = field(default_factory=dict)
    """Where each policy was last asked for: if what came later did not load, an earlier one holds."""
    rules: list[Line] = field(default_factory=list)
    """The text of each is the rule alone."""
    exact: bool = True
    """False once something was done to it that is not followed here."""


@dataclass
class SavedTable:
    """A table while the text is read."""

    iptables: bool
    chains: dict[str, SavedChain] = field(default_factory=dict)
    ends: dict[str, Line] = field(default_factory=dict)
    """The line COMMIT of each file that adds to it."""

    def chain(self, name: str) -> SavedChain:
        """The chain, made if it is new."""
        return self.chains.setdefault(name, SavedChain())


class Ruleset:
    """All that the steps load, one after the other. `plain` is what the plain commands speak to, by family; `places`
    as in a plan."""

    def __init__(self, plain: Mapping[str, Backend], places: Sequence[tuple[str, str]] = ()) -> None:
        self._plain, self._places = plain, places
        self.found: dict[Key, SavedTable] = {}
        self.unread: list[str] = []
        """Why a file's text could not be followed; what else is loaded is here all the same."""

    def take(self, steps: Sequence[Step]) -> Ruleset:
        """Read what these steps load."""
        for step in steps:
            path = next((line.path for line in step.lines if line.path), step.tool)
            try:
                with reading(path):
                    self._take(step)
            except HostError as error:
                self.unread.append(str(error))
        return self

    def _take(self, step: Step) -> None:
        match = _RESTORE.search(step.tool)
        if match is not None and not TEST & set(step.arguments):
            family = FAMILIES[match[1]]
            backend = Backend(match[2]) if match[2] else self._plain.get(family, Backend.NFT)
            self._take_iptables(step, backend, family)
        elif step.tool == "nft":
            for statement in nftfile.statements(step.lines):
                self._take_nft(statement)

    # iptables

    def _take_iptables(self, step: Step, backend: Backend, family: str) -> None:
        flush = not NOFLUSH & set(step.arguments)
        table: Optional[SavedTable] = None
        for line in step.lines:
            text = line.text.strip()
            if text.startswith("*"):
                table = self._open((backend.value, family, text[1:].strip()), flush)
            elif table is None or not text or text.startswith("#"):
                continue
            elif text == "COMMIT":
                table.ends[line.path], table = line, None
            elif text.startswith(":"):
                _declare(table, line, *text[1:].split(" ", 2)[:2])
            else:
                _command(table, line, _COUNTER.sub("", text))

    def _open(self, key: Key, flush: bool) -> SavedTable:
        table = self.found.setdefault(key, SavedTable(iptables=True))
        if flush:
            kept = {name: chain for name, chain in table.chains.items() if chain.policy is not None}
            table.chains = {name: SavedChain(chain.policy, chain.policy_lines) for name, chain in kept.items()}
        return table

    # nft

    def _take_nft(self, statement: nftfile.Statement) -> None:
        words = statement.text.replace('"', "").split()
        if not words:
            return
        if statement.context:
            table, chain = self._place(statement.context)
            if chain is not None:
                _in_chain(chain, statement, words)
            elif table is not None and words[:1] == ["chain"]:
                table.chain(words[-1])
            return
        verb = words[0] if words[0] in ("add", "insert", "create", "delete", "destroy", "flush", "replace") else "add"
        what = words[1:] if words[0] == verb else words
        self._at_top(verb, what, statement)

    def _at_top(self, verb: str, what: list[str], statement: nftfile.Statement) -> None:
        if verb == "flush" and what[:1] == ["ruleset"]:
            gone = [key for key in self.found if key[0] == "nft" and (len(what) < 2 or key[1] == what[1])]
            for key in gone:
                del self.found[key]
        elif what[:1] == ["table"]:
            key = _key(what[1:])
            if verb in ("delete", "destroy"):
                self.found.pop(key, None)
            elif verb == "flush":
                for chain in self._nft(key).chains.values():
                    chain.rules.clear()
            else:
                self._nft(key)
        elif what[:1] == ["chain"] and len(what) > 2:
            chain = self._nft(_key(what[1:-1])).chain(what[-1])
            chain.rules = [] if verb in ("flush", "delete", "destroy") else chain.rules
        elif what[:1] == ["rule"]:
            self._rule(verb, what[1:], statement)

    def _rule(self, verb: str, words: list[str], statement: nftfile.Statement) -> None:
        has_family = words[:1] and words[0] in ("ip", "ip6", "inet", "arp", "bridge", "netdev")
        start = words[:2] if has_family else words[:1]
        after = words[len(start) :]
        chain = self._nft(_key(start)).chain(after[0] if after else "")
        rule = statement.line._replace(text=" ".join(after[1:]))
        if verb == "add":
            chain.rules.append(rule)
        elif verb == "insert" and after[1:2] not in (["position"], ["index"], ["handle"]):
            chain.rules.insert(0, rule)
        else:
            chain.exact = False

    def _nft(self, key: Key) -> SavedTable:
        return self.found.setdefault(key, SavedTable(iptables=False))

    def _place(self, context: Sequence[str]) -> tuple[Optional[SavedTable], Optional[SavedChain]]:
        """The table and chain that a block speaks of."""
        headers = [
            [word for word in text.replace('"', "").split() if word not in ("add", "create")] for text in context
        ]
        first = headers[0]
        if first[0] == "chain":
            return None, self._nft(_key(first[1:-1])).chain(first[-1])
        table = self._nft(_key(first[1:]))
        if len(headers) > 1 and headers[1][0] == "chain":
            return table, table.chain(headers[1][-1])
        return table, None

    # what it amounts to

    def tables(self) -> tuple[Table, ...]:
        """As if they had been dumped, for working out from text what rules do."""
        return tuple(_table(key, found) for key, found in self.found.items())

    def line_of(self, place: Place) -> Optional[Line]:
        """Where a rule or a policy stands. Its number is 0 where only the file is known."""
        table = self.found.get(place.table.key)
        chain = table.chains.get(place.chain.name) if table is not None else None
        if chain is None:
            return next((Line(path, 0, "") for path, part in self._places if part in place.chain.name), None)
        if place.number is None:
            return _real(chain.policy_lines.get(place.chain.policy or ""))
        if chain.exact and len(chain.rules) == len(place.chain.lines):
            return _real(chain.rules[place.number - 1])
        text = parse_iptables_save.specification(place.line)
        same = [line for line in chain.rules if line.text == text]
        if len(same) == 1:
            return _real(same[0])
        paths = {line.path for line in chain.rules if line.path != GENERATED}
        return Line(paths.pop(), 0, "") if len(paths) == 1 else None

    def end_of(self, table: Table, path: str) -> Optional[Line]:
        """The line that ends a table of iptables' in a file."""
        found = self.found.get(table.key)
        return _real(found.ends.get(path)) if found is not None else None


def _real(line: Optional[Line]) -> Optional[Line]:
    return None if line is None or line.path == GENERATED else line


def _declare(table: SavedTable, line: Line, name: str, policy: str = "-") -> None:
    """A chain's own line; for a chain that exists already it empties one of the user's."""
    chain = table.chain(name)
    if policy == "-":
        chain.rules.clear()
    else:
        chain.policy = policy
        chain.policy_lines[policy] = line


def _command(table: SavedTable, line: Line, text: str) -> None:
    words = text.split()
    verb, name = (*words, "", "")[:2]
    if verb in ("-A", "--append") and name:
        table.chain(name).rules.append(line._replace(text=f"-A {text.split(None, 1)[1]}"))
    elif verb in ("-I", "--insert") and name:
        number = whole(words[2]) if len(words) > 2 else None
        rest = " ".join(words[2:] if number is None else words[3:])
        rules = table.chain(name).rules
        rules.insert(min(max((number or 1) - 1, 0), len(rules)), line._replace(text=f"-A {name} {rest}"))
    elif verb in ("-P", "--policy") and len(words) > 2:
        _declare(table, line, name, words[2])
    elif verb in ("-N", "--new-chain"):
        table.chain(name)
    elif verb in ("-F", "--flush"):
        for chain in [table.chain(name)] if name else table.chains.values():
            chain.rules.clear()
    elif name:
        table.chain(name).exact = False


def _in_chain(chain: SavedChain, statement: nftfile.Statement, words: list[str]) -> None:
    if words[0] not in DECLARING:
        chain.rules.append(statement.line._replace(text=statement.text))
    elif words[0] == "policy" and len(words) > 1:
        chain.policy = words[1].upper()
        chain.policy_lines[chain.policy] = statement.line


def _key(words: Sequence[str]) -> Key:
    """Of "inet filter", or "filter" alone, which is of IPv4."""
    family, name = (words[0], words[1]) if len(words) > 1 else ("ip", words[0] if words else "")
    return "nft", family, name


def _table(key: Key, found: SavedTable) -> Table:
    backend, family, name = key
    chains = {
        chain_name: Chain(chain_name, chain.policy, tuple(line.text for line in chain.rules))
        for chain_name, chain in found.chains.items()
    }
    text = "".join(f"{line}\n" for line in _texts(found))
    return Table(Backend(backend), family, name, found.iptables, chains, text)


def _texts(found: SavedTable) -> Iterator[str]:
    for chain in found.chains.values():
        yield from (line.text for line in chain.rules)
