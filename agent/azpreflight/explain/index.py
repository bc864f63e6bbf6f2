"""Finds the lines of a text that match a signature, without asking every pattern of every line.

Every pattern has texts, its needles, of which one stands in whatever it matches; they are read off the pattern
itself. A text is split into words once, and a needle is searched only where its words are there. So a log of 1,000
lines costs about as much as splitting it into words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from azpreflight.azure.log_evidence import LINE
from azpreflight.azure.log_signatures import SIGNATURES, Signature
from azpreflight.dataclass import dataclass

_WORDS = bytes(code if chr(code).isalnum() and code < 128 else 0x20 for code in range(256))
"""Everything but letters and digits becomes a blank."""
_PIECE = re.compile(r"[A-Za-z0-9]{1,100}")
_CLASSES = "dDsSwWbBAZ"
BEFORE, BEHIND = LINE // 2, 100
"""Characters that are kept before a needle that stands far into a long line, and that a pattern may need behind it."""
HEAD = 160
"""Characters at the beginning of a line that may have its time: behind a prompt, with a host's and a program's name."""


@dataclass(frozen=True)
class Needle:
    """A text that may stand for a signature."""

    text: bytes
    words: frozenset[bytes]
    """Whole words of it: without all of them it is not there."""
    signature: Signature


@dataclass(frozen=True)
class Hit:
    """A line that matches a signature."""

    signature: Signature
    start: int
    """Where the line begins in the text."""
    head: str
    """Its beginning, where its time stands."""
    line: str
    """At most LINE characters of it."""
    match: re.Match[str]


@cache
def index() -> tuple[Needle, ...]:
    """The needles of all signatures."""
    return tuple(
        Needle(text.encode("ascii"), _words(text), signature)
        for signature in SIGNATURES
        for text in dict.fromkeys(needles(signature.pattern.pattern))
    )


@cache
def _every_word() -> frozenset[bytes]:
    return frozenset(word for needle in index() for word in needle.words)


def hits(text: bytes) -> list[Hit]:
    """The matching lines, in their order; one for each signature that a line matches."""
    present = _every_word().intersection(text.translate(_WORDS).split())
    found: dict[tuple[int, str], Hit] = {}
    for needle in index():
        if needle.words <= present:
            for hit in _search(text, needle):
                found.setdefault((hit.start, hit.signature.id), hit)
    return [found[key] for key in sorted(found)]


def _search(text: bytes, needle: Needle) -> Iterator[Hit]:
    at = text.find(needle.text)
    while at >= 0:
        start = text.rfind(b"\n", 0, at) + 1
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        begin = start if at + len(needle.text) + BEHIND <= start + LINE else at - BEFORE
        line = text[begin : min(end, begin + LINE)].decode("utf-8", "replace").rstrip()
        match = needle.signature.pattern.search(line)
        if match is not None:
            head = text[start : min(end, start + HEAD)].decode("utf-8", "replace")
            yield Hit(needle.signature, start, head, line, match)
        at = text.find(needle.text, end if match is not None else at + 1)


# --- needles of a pattern -----------------------------------------------------------------------------------------


def needles(pattern: str) -> tuple[str, ...]:
    """Texts of which one stands in whatever the pattern matches, the longest that can be had."""
    return tuple(text for branch in _branches(pattern) for text in _best(branch))


def _best(branch: str) -> tuple[str, ...]:
    """Of a pattern without alternatives: its longest literal run, or the needles of a group that it has to match."""
    choices = [needles(text) if is_group else (text,) for text, is_group in _parts(branch)]
    usable = [choice for choice in choices if choice and all(choice)]
    return max(usable, key=lambda choice: min(map(len, choice)), default=("",))


def _branches(pattern: str) -> list[str]:
    """The alternatives at the top of a pattern."""
    found, begin = [], 0
    for at, depth in _outside(pattern):
        if pattern[at] == "|" and depth == 0:
            found.append(pattern[begin:at])
            begin = at + 1
    return [*found, pattern[begin:]]


def _outside(pattern: str) -> Iterator[tuple[int, int]]:
    """The places of characters that are neither escaped nor in a class, with the depth of groups there."""
    at = depth = 0
    while at < len(pattern):
        char = pattern[at]
        depth += char == "("
        yield at, depth
        depth -= char == ")"
        if char == "[":
            at = pattern.index("]", at + 2)
        at += 2 if char == "\\" else 1


def _parts(branch: str) -> Iterator[tuple[str, bool]]:
    """The literal runs that the branch has to match, and the contents of groups that it has to match (True)."""
    run, at = "", 0
    while at < len(branch):
        char, after, literal, group = branch[at], at + 1, "", None
        if char == "\\":
            after = at + 2
            literal = "" if branch[at + 1] in _CLASSES else branch[at + 1]
        elif char == "[":
            after = branch.index("]", at + 2) + 1
        elif char == "(":
            after = _closing(branch, at) + 1
            group = None if branch.startswith(("(?!", "(?<!"), at) else _inside(branch[at + 1 : after - 1])
        elif char not in "^$.":
            literal = char
        least, after = _repeated(branch, after)
        if literal and least:
            run += literal
        if not (literal and least) or after > at + 1 + (char == "\\"):
            yield from [(run, False)] if run else []
            run = ""
        if group is not None and least:
            yield group, True
        at = after
    yield from [(run, False)] if run else []


def _closing(pattern: str, opening: int) -> int:
    """Where the group that opens there ends."""
    depth = next(depth for at, depth in _outside(pattern) if at == opening)
    return next(at for at, now in _outside(pattern) if at > opening and pattern[at] == ")" and now == depth)


def _inside(group: str) -> str:
    """The content of a group without what says which kind it is."""
    return re.sub(r"^\?(?:P<[a-z]{1,20}>|:|=)", "", group)


def _repeated(branch: str, at: int) -> tuple[int, int]:
    """How often at least what stands before `at` is there, and where the next part begins."""
    char = branch[at : at + 1]
    if char in ("?", "*", "+") and char:
        return int(char == "+"), at + 1
    if char == "{":
        end = branch.index("}", at)
        return int(branch[at + 1 : end].split(",")[0]), end + 1
    return 1, at


def _words(text: str) -> frozenset[bytes]:
    """The words that stand in the text with something that is none on both sides; where there are none, the first word,
    because no pattern begins or ends within a word of those who write the lines."""
    pieces = list(_PIECE.finditer(text))
    inside = [found.group() for found in pieces if found.start() > 0 and found.end() < len(text)]
    return frozenset(word.encode("ascii") for word in inside or [pieces[0].group()])
