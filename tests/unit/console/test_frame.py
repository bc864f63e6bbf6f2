"""Frames as they are written."""

from __future__ import annotations

import random
import string
import zlib
from dataclasses import replace

import pytest

from azpreflight.console import frame
from azpreflight.console.frame import CODED, END, START, Shape, Token, encode, pack, shape_of, unpack

TOKEN = Token(b"\x01\x02\x03\x04\x05\x06", Shape(2, 100, 50), 299, bytes(range(63)))


def noise_text(size: int) -> bytes:
    """Text that does not compress."""
    return random.Random(size).randbytes(size)


def test_a_line_is_112_printable_characters_that_no_quoting_changes() -> None:
    lines = encode(b"hello") or ()
    assert {len(line) for line in lines} == {112}
    assert set("".join(lines)) <= {*string.ascii_letters, *string.digits, *"~:-_"}


def test_a_frame_never_takes_more_than_its_limit_and_never_has_less_parity_than_promised() -> None:
    for shards in range(1, 460):
        shape = shape_of(shards)
        assert shape is not None
        assert shape.groups * shape.data >= shards
        assert shape.parity >= frame.PARITY_LEAST
        assert shape.data + shape.parity <= 256
        assert shape.tokens * frame.LINE <= frame.FRAME_LIMIT


def test_what_does_not_fit_is_refused() -> None:
    assert encode(noise_text(28_000)) is not None
    assert encode(noise_text(30_000)) is None
    assert encode(b" " * (frame.TEXT_MOST + 1)) is None


def test_a_small_report_takes_less_than_4_kib() -> None:
    lines = encode(b"x" * 500) or ()
    assert len(lines) * frame.LINE < 4096


def test_a_token_comes_back() -> None:
    assert unpack(pack(TOKEN).encode()[len(START) : -len(END)]) == TOKEN


def test_every_single_changed_character_is_noticed() -> None:
    coded = pack(TOKEN).encode()[len(START) : -len(END)]
    for place in range(CODED):
        other = b"A" if coded[place : place + 1] != b"A" else b"B"
        assert unpack(coded[:place] + other + coded[place + 1 :]) is None


@pytest.mark.parametrize(
    "token",
    [
        replace(TOKEN, number=300),
        replace(TOKEN, shape=Shape(0, 1, 1), number=0),
        replace(TOKEN, shape=Shape(1, 0, 32), number=0),
        replace(TOKEN, shape=Shape(1, 200, 57), number=0),
        replace(TOKEN, shape=Shape(255, 200, 50), number=0),
    ],
)
def test_numbers_that_make_no_sense_are_refused_although_the_crc_is_right(token: Token) -> None:
    assert unpack(pack(token).encode()[len(START) : -len(END)]) is None


def test_the_first_tokens_are_the_text_itself() -> None:
    """The code is systematic: a whole frame is read without arithmetic."""
    lines = encode(b"hello") or ()
    tokens = [unpack(line.encode()[len(START) : -len(END)]) for line in lines]
    assert tokens[0] is not None
    body = b"".join(token.shard for token in tokens[: tokens[0].shape.data] if token)
    assert zlib.decompressobj().decompress(body[frame.DIGEST :]) == b"hello"
