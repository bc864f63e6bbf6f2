"""Sentences that differ in what was measured alone: addresses, numbers, names, paths. Pure.

Two hundred machines with a dead name server each are one group, whatever its address: what they have in common is the
check and the words around it.
"""

from __future__ import annotations

from functools import lru_cache

from azpreflight.azure.addresses import PLATFORM

ANY = "*"
_MARKS = "\"'`()[]{}<>,;:."
_NAMED = frozenset("0123456789./\\@_=%")
_QUOTES = "\"'`"


@lru_cache(maxsize=4096)
def shape(sentence: str) -> str:
    """The sentence with a star for each word that was measured; a list of them is one star.

    The count of further findings, which ends the sentence of some causes, is left out.
    """
    words: list[str] = []
    for word in sentence.partition(" (and ")[0].split():
        kept = _shape(word)
        if kept == ANY and words[-1:] == [ANY]:
            continue
        if kept == ANY and words[-2:] == [ANY, "and"]:
            words.pop()
            continue
        words.append(kept)
    return " ".join(words)


def _shape(word: str) -> str:
    """A star for a word with a digit, a path, a dotted name or a quoted word; the words of a language stay."""
    bare = word.strip(_MARKS)
    if bare.startswith(PLATFORM):
        return word
    quoted = len(word) > 1 and word[0] in _QUOTES
    return ANY if quoted or not _NAMED.isdisjoint(bare) else word
