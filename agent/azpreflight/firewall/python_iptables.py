"""Asking python-iptables for a second opinion on legacy tables, where it is installed. Never the verdict.

It cannot see nf_tables, and so would call a machine open whose nf_tables drop everything. What it is good for is a
check on the system's own tools, which everything else here relies on: two readers that differ are worth a note.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from azpreflight import package
from azpreflight.firewall.facts import Backend, SecondOpinion
from azpreflight.firewall.rules import Table
from azpreflight.foreign import loads
from azpreflight.host import Host, HostError

TIMEOUT = 5.0
"""Seconds; it takes 0.2 for a thousand rules, most of it to start."""
COMMAND = ("-I", "-B", *package.arguments("azpreflight.firewall.worker.python_iptables"))

Key = tuple[str, str, str]
"""Family, table and chain."""
Seen = dict[Key, tuple[Optional[str], int]]
"""Policy and number of rules."""


def second_opinion(host: Host, tables: Sequence[Table]) -> Optional[SecondOpinion]:
    """What the library says of the legacy ones of these tables; None if there are none, or no library."""
    legacy = [table for table in tables if table.backend is Backend.LEGACY]
    return opinion(host, legacy) if legacy and installed() else None


def opinion(host: Host, legacy: Sequence[Table]) -> SecondOpinion:
    """What the library says of these tables, which exist."""
    names: dict[str, list[str]] = {}
    for table in legacy:
        names.setdefault(table.family, []).append(table.name)
    try:
        done = host.run((sys.executable, *COMMAND), TIMEOUT, stdin=json.dumps(names).encode())
        answer = loads(done.stdout) if done.status == 0 else {"error": f"it ended with {done.status}"}
    except (HostError, ValueError) as error:
        answer = {"error": str(error)}
    if "error" in answer:
        return SecondOpinion(error=answer["error"])
    return SecondOpinion(differences=tuple(_differences(_ours(legacy), _theirs(answer["chains"]))))


def installed() -> bool:
    """True if the library can be found; it is not imported here."""
    return importlib.util.find_spec("iptc") is not None


def _ours(tables: Sequence[Table]) -> Seen:
    return {
        (table.family, table.name, chain.name): (chain.policy, len(chain.lines))
        for table in tables
        for chain in table.chains.values()
    }


def _theirs(chains: Sequence[dict[str, Any]]) -> Seen:
    return {(chain["family"], chain["table"], chain["chain"]): (chain["policy"], chain["rules"]) for chain in chains}


def _differences(ours: Seen, theirs: Seen) -> Iterator[str]:
    for key in sorted({*ours, *theirs}):
        if ours.get(key) != theirs.get(key):
            family, table, chain = key
            yield f"{family} {table} {chain}: {_words(ours.get(key))} against {_words(theirs.get(key))}"


def _words(seen: Optional[tuple[Optional[str], int]]) -> str:
    if seen is None:
        return "absent"
    policy, rules = seen
    return f"{rules} rules" if policy is None else f"policy {policy} and {rules} rules"
