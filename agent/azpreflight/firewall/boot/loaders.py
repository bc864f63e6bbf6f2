"""Loaders in a command line or a script: which program loads which file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from azpreflight.firewall.boot import nftfile
from azpreflight.firewall.boot.load_plan import Reader, Step

_RESTORE = re.compile(r"(?:\S*/)?(ip6?tables(?:-legacy|-nft)?-restore)$")
_KEPT = ("-n", "--noflush", "-c", "--counters")
"""Options of iptables-restore that change what is loaded."""
_ENDS = frozenset(["|", "||", "&&", ";", "&", "2>/dev/null", "2>&1", ">/dev/null"])


class Load(NamedTuple):
    """One call of a loader, and the file that it is given."""

    tool: str
    options: tuple[str, ...]
    path: str


def loads_of(words: Sequence[str]) -> Iterator[Load]:
    """The loaders among the words of a command line that are given a file by its whole path."""
    for at, word in enumerate(words):
        name = word.rpartition("/")[2]
        rest = list(_own_words(words[at + 1 :]))
        if _RESTORE.match(word):
            options = tuple(option for option in rest if option in _KEPT)
            yield from (Load(name, options, path) for path in _paths(rest)[:1])
        elif name == "nft":
            yield from (Load("nft", (), path) for path in _after(rest, ("-f", "--file")))
        elif name == "ipset" and "restore" in rest:
            options = tuple(option for option in rest if option in ("-exist", "-!"))
            yield from (Load("ipset", options, path) for path in _paths(rest)[:1])


def _own_words(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word in _ENDS:
            return
        yield from (part for part in re.split(r"(<)|;$", word) if part)
        if word.endswith(";"):
            return


def _paths(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.startswith("/") and word != "/dev/null"]


def _after(words: Sequence[str], options: tuple[str, ...]) -> list[str]:
    found = [words[at + 1] for at, word in enumerate(words[:-1]) if word in options]
    return _paths([*found, *(word.partition("=")[2] for word in words if word.startswith("--file="))])


def step(reader: Reader, load: Load) -> tuple[list[Step], list[Step]]:
    """What it loads as text, and the same by the loader's own reading of the file; nothing where there is no file."""
    lines = reader.lines(load.path)
    if lines is None:
        return [], []
    if load.tool == "nft":
        whole = nftfile.included(reader, lines)
        return [Step("nft", ("-f", "-"), whole)], [Step("nft", ("-f", load.path))]
    arguments = ("restore", *load.options) if load.tool == "ipset" else load.options
    plain = Step(load.tool, arguments, lines)
    return [plain], [plain]
