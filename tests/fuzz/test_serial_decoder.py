"""Random damage to real frames, and a decoder that is fed what nobody would write.

The counts and rates are printed, because they are what the frame promises. The seed is fixed, so that a failure can be
inspected again; TEST_FUZZ_SEED tries other ones.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import replace
from functools import cache
from typing import Any, Callable

import pytest

from azpreflight.console import frame
from azpreflight.console.decode import FRAMES_MOST, decode
from azpreflight.console.frame import END, START, Shape, Token, pack, unpack
from tests.fuzz import damage

SEED = int(os.environ.get("TEST_FUZZ_SEED", "1"))
DAMAGES = 1_000
MUTATIONS = 100_000
SLOWEST = 2.0
"""Seconds of processor time for one mutation of a frame of 5 KiB, which takes 1 ms: no room for a loop gone wild."""


def document(number: int, values: int) -> dict[str, Any]:
    """A report with facts that compress about as badly as real ones."""
    rng = random.Random(number)
    facts = {f"rule {place}": rng.randbytes(12).hex() for place in range(values)}
    return {"schema": "azpreflight.report/1", "run": {"boot_id": f"b{number}"}, "facts": facts}


@cache
def lines(number: int, values: int) -> tuple[bytes, ...]:
    """Its frame."""
    text = json.dumps({"omitted": [], "report": document(number, values)})
    return tuple(line.encode("ascii") + b"\n" for line in frame.encode(text.encode("ascii")) or ())


# --- damage -------------------------------------------------------------------------------------------------------


def damaged(log: bytes, rng: random.Random, splices: int, bursts: int, tail: int) -> bytes:
    """A log with so many splices, so many lost bursts of 40 bytes and a tail cut off."""
    for _ in range(splices):
        log = damage.splice(log, rng)
    for _ in range(bursts):
        log = damage.lose(log, rng)
    return damage.cut_tail(log, rng, tail)


@pytest.mark.parametrize(
    ("splices", "bursts", "tail", "promised"),
    [(20, 2, 0, 1.0), (5, 0, 0, 1.0), (0, 2, 1500, 1.0), (100, 2, 0, 0.99), (20, 20, 1500, 0.99), (300, 60, 0, 0.0)],
    ids=lambda value: str(value),
)
def test_random_damage_is_mended_or_said(
    splices: int, bursts: int, tail: int, promised: float, record_property: Callable[[str, str], None]
) -> None:
    """What the frame promises is fixed every time; beyond that it may be lost, and is never wrong."""
    rng = random.Random(SEED)
    wanted, log = document(1, 250), b"".join(lines(1, 250))
    recovered = 0
    for _ in range(DAMAGES):
        decoded = decode(damage.carried(damaged(log, rng, splices, bursts, tail), rng))
        assert all(found.document == wanted for found in decoded.reports)
        recovered += len(decoded.reports)
    what = f"{splices} splices, {bursts} bursts of 40 bytes, up to {tail} bytes of tail"
    rate = 100 * recovered / DAMAGES
    record_property("measured", f"{DAMAGES} damages of {len(log)} bytes, {what}: {rate:.1f} % recovered")
    assert recovered >= promised * DAMAGES


# --- mutation -----------------------------------------------------------------------------------------------------


def flip(log: bytes, rng: random.Random) -> bytes:
    """Some bytes become others."""
    changed = bytearray(log)
    for _ in range(rng.randrange(1, 20)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def drop(log: bytes, rng: random.Random) -> bytes:
    """A piece is gone."""
    return damage.lose(log, rng, rng.randrange(1, 400))


def double(log: bytes, rng: random.Random) -> bytes:
    """A piece is there twice."""
    start = rng.randrange(len(log))
    end = start + rng.randrange(400)
    return log[:end] + log[start:end] + log[end:]


def insert(log: bytes, rng: random.Random) -> bytes:
    """Rubbish that looks like parts of tokens."""
    parts = (START, END, b"~", b":", b"\\", b"\\u", b"\0", b"A" * 104, b'"', b"\x1b[2J", rng.randbytes(20))
    place = rng.randrange(len(log))
    return log[:place] + b"".join(rng.choices(parts, k=rng.randrange(1, 6))) + log[place:]


def shuffle(log: bytes, rng: random.Random) -> bytes:
    """Lines in another order, some of them gone."""
    every = log.splitlines(keepends=True)
    return b"".join(rng.sample(every, rng.randrange(len(every) // 2, len(every) + 1)))


def forge(log: bytes, rng: random.Random) -> bytes:
    """Tokens whose CRC is right and whose content is not."""
    every = log.splitlines(keepends=True)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(every))
        token = unpack(every[place].rstrip()[len(START) : -len(END)])
        if token is not None:
            every[place] = pack(_forged(token, rng)).encode("ascii") + b"\n"
    return b"".join(every)


def _forged(token: Token, rng: random.Random) -> Token:
    shape = token.shape
    return rng.choice(
        (
            replace(token, shard=rng.randbytes(frame.SHARD)),
            replace(token, number=rng.randrange(shape.tokens + 2)),
            replace(token, frame=rng.randbytes(6)),
            replace(token, shape=Shape(shape.groups, shape.data - 1, shape.parity)),
            replace(token, shape=Shape(rng.randrange(4), rng.randrange(256), rng.randrange(256))),
        )
    )


def splice(log: bytes, rng: random.Random) -> bytes:
    """A few kernel lines."""
    return damaged(log, rng, rng.randrange(1, 6), 0, 0)


MUTATORS: tuple[Callable[[bytes, random.Random], bytes], ...] = (flip, drop, double, insert, shuffle, forge, splice)


def mutated(log: bytes, rng: random.Random) -> bytes:
    """One to three mutations, and sometimes a way through another tool."""
    for mutator in rng.choices(MUTATORS, k=rng.choice((1, 1, 2, 3))):
        log = mutator(log, rng) or b"\n"
    return damage.json_string(log, rng) if rng.random() < 0.05 else log


def test_no_mutation_raises_or_yields_a_wrong_report(record_property: Callable[[str, str], None]) -> None:
    """Two small frames, so that tokens of one can be mistaken for tokens of the other."""
    rng = random.Random(SEED)
    right = (document(1, 2), document(2, 6))
    logs = (b"".join(lines(1, 2)), b"".join(lines(2, 6)), b"".join(lines(2, 6) + lines(1, 2)))
    recovered = lost = 0
    slowest = 0.0
    for _ in range(MUTATIONS):
        log = mutated(rng.choice(logs), rng)
        began = time.process_time()
        decoded = decode(log)
        slowest = max(slowest, time.process_time() - began)
        assert all(found.document in right for found in decoded.reports)
        recovered += len(decoded.reports)
        lost += len(decoded.damaged)
    outcome = f"{recovered} right reports, {lost} frames damaged, no wrong report, no exception"
    record_property("measured", f"{MUTATIONS} mutations: {outcome}; the slowest took {1000 * slowest:.0f} ms")
    assert slowest < SLOWEST


# --- made to be slow ----------------------------------------------------------------------------------------------


def repeated(piece: bytes, mib: int = 10) -> bytes:
    """One line of so many MiB."""
    return piece * ((mib << 20) // len(piece))


def many_frames() -> bytes:
    """A million tokens, nearly each of a frame of its own."""
    token = Token(b"", Shape(1, 3, 32), 0, b"x" * frame.SHARD)
    some = [pack(replace(token, frame=number.to_bytes(6, "big"))) for number in range(10_000)]
    return "".join(some).encode("ascii") * 100


def costly_frames() -> bytes:
    """As many frames as are inspected, each with as much arithmetic as its size allows."""
    rng = random.Random(SEED)
    shape = Shape(2, 128, 128)
    tokens = [
        Token(number.to_bytes(6, "big"), shape, place, rng.randbytes(frame.SHARD))
        for number in range(FRAMES_MOST)
        for place in range(256, 512)
    ]
    return "".join(pack(token) for token in tokens).encode("ascii")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "one letter": lambda: repeated(b"A", 50),
    "backslashes": lambda: repeated(b"\\"),
    "escapes": lambda: repeated(b"\\r"),
    "beginnings": lambda: repeated(START),
    "ends": lambda: START + repeated(END),
    "empty tokens": lambda: repeated(START + END),
    "torn tokens": lambda: repeated(START + b"A" * 60 + b"[" + b"A" * 60 + END),
    "long torn tokens": lambda: repeated(START + b"A" * 5000 + END),
    "a million tokens": many_frames,
    "costly frames": costly_frames,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_takes_bounded_time(name: str, record_property: Callable[[str, str], None]) -> None:
    """Seconds of processor time for 10 MiB, where a quadratic step anywhere would take hours."""
    log = HOSTILE[name]()
    began = time.process_time()
    decoded = decode(log)
    took = time.process_time() - began
    record_property("measured", f"{len(log) >> 20} MiB of {name}: {took:.1f} s")
    assert decoded.reports == ()
    assert took < 30
