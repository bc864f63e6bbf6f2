"""Tokens of frames in the bytes of a log that was written by many and that nobody should trust.

What stands between tokens is never inspected. What stands inside one is cut out again: no token contains white space,
control characters or backslashes, so all of these (line ends, NUL padding, the escapes of a JSON string) are dropped
first, and the text of another writer in the middle of a token is found by its length alone: what is left on both sides
of it has as many characters as a token, and its checksum says where the cut is. So no format of kernel or systemd
messages is known here, and none can change under us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.console.frame import CODED, END, START, TOKEN, Token, unpack
from azpreflight.dataclass import dataclass

_ESCAPED = rb"(?:[rnt]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})"
_ESCAPE = re.compile(rb"\\\\{0,3}%s(?:\\{1,4}%s){0,255}" % (_ESCAPED, _ESCAPED))
r"""\r, \n, \u0000 and \x00 as JSON and Python write them, also when quoted twice. Bounded, so that a line of
nothing but backslashes takes linear time; and a run of them is cut into pieces, because the regular expression's engine
remembers every repetition, which for 64 MiB of escapes took gigabytes. It begins with a backslash and nothing else, so
that the engine finds the next one by memchr(3)."""
_BLANK = bytes([*range(0x21), 0x7F])
_TOKEN = re.compile(START + rb"(?:([A-Za-z0-9_-]{%d})%s|(?!%s))" % (CODED, END, START))
_FOREIGN = re.compile(rb"[^A-Za-z0-9_~:-]")

ENDS_TRIED = 4
"""Ends that are tried for one beginning: foreign text may contain one itself, as a shell prompt does (root@vm:~#)."""
JOINS_MOST = 4096
"""Tokens that are tried to be joined again in one log: a frame has at most 556, and each try may take 0.1 ms."""


@dataclass(frozen=True)
class Found:
    """A token with a right checksum, and how it was found."""

    token: Token
    place: int
    """Where it stands in the log, for the order alone."""
    joined: bool
    """True if foreign text was cut out of its middle."""


def tokens(log: bytes) -> Iterator[Found]:
    """All tokens of a log, in its order. Linear in time; memory for one copy of the log."""
    text = squeeze(log)
    joins = JOINS_MOST
    for match in _TOKEN.finditer(text):
        if match[1] is not None:
            token = unpack(match[1])
        elif joins:
            token, tried = _joined(text, match.start())
            joins -= tried
        else:
            continue
        if token is not None:
            yield Found(token, match.start(), match[1] is None)


def squeeze(log: bytes) -> bytes:
    """The log without what may stand between any two characters: white space, controls, escapes of JSON."""
    return (_ESCAPE.sub(b"", log) if b"\\" in log else log).translate(None, _BLANK)


def _joined(text: bytes, start: int) -> tuple[Optional[Token], bool]:
    """The token that begins at `start` and has foreign text in its middle, and whether there was anything to try."""
    following = text.find(START, start + len(START))
    limit = following if following >= 0 else len(text)
    if limit - start <= TOKEN:
        return None, False
    end, tried = start + len(START), False
    for _ in range(ENDS_TRIED):
        found = text.find(END, end, limit)
        if found < 0:
            break
        end = found + len(END)
        if end - start > TOKEN:
            tried = True
            token = _without_foreign(text, start, end)
            if token is not None:
                return token, tried
    return None, tried


def _without_foreign(text: bytes, start: int, end: int) -> Optional[Token]:
    """The token whose two parts begin at `start` and end at `end`, whatever stands between them."""
    first, last = start + len(START), end - len(END)
    foreign = _FOREIGN.search(text, first, last)
    longest = min(CODED, foreign.start() - first) if foreign else CODED
    for length in range(longest, -1, -1):
        token = unpack(text[first : first + length] + text[last - (CODED - length) : last])
        if token is not None:
            return token
    return None
