"""A text as lines for a serial console that the kernel, systemd, a login prompt and agents write to as well.

Every line is one token, `~azp1:` + 104 characters of base64url + `:~`, that stands on its own: it says which frame it
belongs to, its number and how many there are, and has a CRC. No line is special, there is no header to lose, and line
ends mean nothing, so CRLF, wrapping, NUL padding and the JSON escaping of a command-line tool change nothing that a
decoder looks at. Any k of the k + m tokens of a group bring the text back (`erasure`); a SHA-256 over the whole says
that it is the same, before anything is inflated. docs/serial-frame.md describes the format for other decoders.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from typing import Optional

from azpreflight.console.erasure import FIELD, parity
from azpreflight.dataclass import dataclass

START, END = b"~azp1:", b":~"
_HEAD = struct.Struct(">6sBBBH")
"""First 6 bytes of the SHA-256, number of groups, data and parity tokens of a group, number of the token."""
SHARD = 63
"""Bytes of the text in one token. A kernel line or a lost burst costs one or two tokens whatever their length, so short
tokens need less parity and long ones less head: at 63 a token is 112 characters, and 55 % of the wire is text."""
CODED = 4 * (4 + _HEAD.size + SHARD) // 3
"""Characters of base64url in a token; the bytes divide by 3, so there is no padding."""
_ALPHABET = re.compile(rb"[A-Za-z0-9_-]{%d}" % CODED)
_STANDARD = bytes.maketrans(b"-_", b"+/")
TOKEN = len(START) + CODED + len(END)
LINE = TOKEN + 2
"""Bytes of one token on the wire, with CR and LF."""
DIGEST = 32
"""Bytes of SHA-256 before the compressed text."""

PARITY_LEAST = 32
"""Parity tokens of a group at the least. Twenty kernel lines in the middle of tokens cost at most 20 tokens, two lost
bursts of 40 bytes at most 2 each; all 24 may fall into one group. The rest is for a cut-off tail."""
PARITY_SHARE = 2
"""One parity token for so many data tokens where there is room: a third of the frame may then be missing."""
DATA_MOST = FIELD * PARITY_SHARE // (PARITY_SHARE + 1)
"""Data tokens of a group at the most, so that their full share of parity still fits the field."""
FRAME_LIMIT = 62 * 1024
"""Bytes of a frame on the wire: 64 KiB less the 12 lines of 100 columns before it. At 115,200 baud that is 5.5 s."""
TOKENS_MOST = FRAME_LIMIT // LINE
TEXT_MOST = 2 << 20
"""Bytes of text in a frame; a decoder refuses more, so that a hostile log cannot fill its memory."""


@dataclass(frozen=True)
class Shape:
    """How a frame is laid out: token t belongs to group t mod `groups`, so that neighbours are in different groups."""

    groups: int
    data: int
    """Data tokens of a group."""
    parity: int
    """Parity tokens of a group."""

    @property
    def tokens(self) -> int:
        """Tokens of the whole frame."""
        return self.groups * (self.data + self.parity)


@dataclass(frozen=True)
class Token:
    """One line of a frame."""

    frame: bytes
    """The first 6 bytes of the frame's SHA-256."""
    shape: Shape
    number: int
    shard: bytes


def encode(text: bytes) -> Optional[tuple[str, ...]]:
    """The text as lines without line ends, or None if it does not fit a frame."""
    import hashlib

    if len(text) > TEXT_MOST:
        return None
    packed = zlib.compress(text, 9)
    shape = shape_of(-(-(DIGEST + len(packed)) // SHARD))
    if shape is None:
        return None
    padded = packed.ljust(shape.groups * shape.data * SHARD - DIGEST, b"\0")
    body = hashlib.sha256(padded).digest() + padded
    data = [body[start : start + SHARD] for start in range(0, len(body), SHARD)]
    spare = [parity(data[group :: shape.groups], shape.parity) for group in range(shape.groups)]
    shards = data + [spare[group][row] for row in range(shape.parity) for group in range(shape.groups)]
    return tuple(pack(Token(body[:6], shape, number, shard)) for number, shard in enumerate(shards))


def size(text: bytes) -> Optional[int]:
    """Bytes that the lines of this text take on the wire, or None if it does not fit a frame."""
    if len(text) > TEXT_MOST:
        return None
    shape = shape_of(-(-(DIGEST + len(zlib.compress(text, 9))) // SHARD))
    return None if shape is None else shape.tokens * LINE


def shape_of(shards: int) -> Optional[Shape]:
    """The layout for so many data shards with as much parity as there is room for; None if there is not enough."""
    groups = -(-shards // DATA_MOST)
    data = -(-shards // groups)
    room = TOKENS_MOST // groups - data
    if room < PARITY_LEAST:
        return None
    return Shape(groups, data, min(room, max(PARITY_LEAST, data // PARITY_SHARE)))


def pack(token: Token) -> str:
    """The token as it is written."""
    shape = token.shape
    content = _HEAD.pack(token.frame, shape.groups, shape.data, shape.parity, token.number) + token.shard
    coded = base64.urlsafe_b64encode(zlib.crc32(content).to_bytes(4, "big") + content)
    return (START + coded + END).decode("ascii")


def unpack(coded: bytes) -> Optional[Token]:
    """The token in what stands between START and END.

    None unless it has the right characters, its CRC is right and its numbers make sense.
    """
    if not _ALPHABET.fullmatch(coded):
        return None
    content = binascii.a2b_base64(coded.translate(_STANDARD))
    if int.from_bytes(content[:4], "big") != zlib.crc32(content[4:]):
        return None
    frame, groups, data, spare, number = _HEAD.unpack_from(content, 4)
    shape = Shape(groups, data, spare)
    sensible = groups and data and data + spare <= FIELD and number < shape.tokens <= TOKENS_MOST
    return Token(frame, shape, number, content[4 + _HEAD.size :]) if sensible else None
