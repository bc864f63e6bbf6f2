"""Reports out of a log: one or many boots, whole, fixed, or said to be damaged, and never a wrong one.

The log is data from a machine that is not trusted. Nothing is inflated before its SHA-256 is right, and never beyond
a limit; the number of frames, tokens and repairs is bounded, and so are time and memory on any input. What comes out
is JSON as it was in the log: whoever prints strings of it to a terminal has to make them harmless first.
"""

from __future__ import annotations

import json
import math
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import Enum
from typing import Any, Optional

from azpreflight.console.brief import whole
from azpreflight.console.erasure import restore
from azpreflight.console.frame import DIGEST, TEXT_MOST, Shape
from azpreflight.console.scan import Found, tokens
from azpreflight.dataclass import dataclass

FRAMES_MOST = 128
"""Frames of one log that are inspected, the newest: a boot log holds about 1 MiB and a frame takes 5 KiB or more."""
TEXTS_MOST = 8 << 20
"""Bytes of text of one log, inflated, the newest: a frame of a VM inflates to 40 to 200 KiB, one that is made to do
harm to 2 MiB, and what it says takes thirty times as much memory."""
DEPTH_MOST = 100
"""Levels of a report; those of a VM have some 10, and what walks through it may take a call for each."""
DIGITS_MOST = 40
"""Digits of an integer in a report; older Pythons take quadratic time for a long one."""


class Condition(str, Enum):
    """How a report stood in the log."""

    COMPLETE = "complete"
    """Every line was there, untouched."""
    REPAIRED = "repaired"
    """Lines were lost or cut in two; the checksum over the whole says that the report is right all the same."""


@dataclass(frozen=True)
class Recovered:
    """One report as it was written."""

    id: str
    """The first 12 hexadecimal digits of the frame's SHA-256."""
    document: Mapping[str, Any]
    """The report's JSON."""
    omitted: tuple[str, ...]
    """JSON paths that the machine left out because they did not fit."""
    boot: int
    """0 for reports of the newest boot in the log, 1 for the one before."""
    condition: Condition
    lines: int
    """Lines of the frame, as the machine wrote it."""
    lost: int
    """Lines that were not in the log, or damaged beyond joining."""
    joined: int
    """Lines that had foreign text in their middle."""


@dataclass(frozen=True)
class Damaged:
    """A frame that was in the log and cannot be brought back."""

    id: str
    lines: int
    found: int
    reason: str
    newest: bool = False
    """It ended after every report that was brought back."""


@dataclass(frozen=True)
class Decoded:
    """What one log held; both lists newest first."""

    reports: tuple[Recovered, ...]
    damaged: tuple[Damaged, ...]
    skipped: int
    """Older frames beyond FRAMES_MOST and TEXTS_MOST, which were not inspected."""


@dataclass
class _Frame:
    """The tokens of one frame so far."""

    id: bytes
    shape: Shape
    shards: dict[int, bytes] = field(default_factory=dict)
    joined: set[int] = field(default_factory=set)
    contradicted: set[int] = field(default_factory=set)

    def add(self, found: Found) -> None:
        """A frame may be in the log more than once; two tokens of one number that differ are both left out."""
        number, shard = found.token.number, found.token.shard
        if found.joined and number not in self.shards:
            self.joined.add(number)
        if self.shards.setdefault(number, shard) != shard:
            self.contradicted.add(number)

    def usable(self) -> dict[int, bytes]:
        return {number: shard for number, shard in self.shards.items() if number not in self.contradicted}


class _Broken(ValueError):
    """Why a frame cannot be brought back."""


def decode(log: bytes) -> Decoded:
    """All reports in a log. Never raises, whatever the log is."""
    frames, skipped = _frames(log)
    reports: list[Recovered] = []
    damaged: list[Damaged] = []
    boots: dict[Optional[str], int] = {}
    room = TEXTS_MOST
    for looked_at, frame in enumerate(reversed(frames.values())):
        if room <= 0:
            skipped += len(frames) - looked_at
            break
        usable = frame.usable()
        try:
            text = _inflated(_body(frame.shape, usable))
            room -= len(text)
            document, omitted = _content(text)
        except _Broken as error:
            damaged.append(Damaged(frame.id.hex(), frame.shape.tokens, len(usable), str(error), not reports))
            continue
        boot = boots.setdefault(_boot_id(document), len(boots))
        reports.append(_recovered(frame, usable, document, omitted, boot))
    return Decoded(tuple(reports), tuple(damaged), skipped)


def _frames(log: bytes) -> tuple[OrderedDict[tuple[bytes, Shape], _Frame], int]:
    """The frames of a log in the order in which they ended, the oldest of too many dropped."""
    frames: OrderedDict[tuple[bytes, Shape], _Frame] = OrderedDict()
    skipped = 0
    for found in tokens(log):
        key = (found.token.frame, found.token.shape)
        frames.setdefault(key, _Frame(*key)).add(found)
        frames.move_to_end(key)
        if len(frames) > FRAMES_MOST:
            frames.popitem(last=False)
            skipped += 1
    return frames, skipped


def _content(text: bytes) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The report in this text, and what was left out of it."""
    try:
        envelope = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise _Broken("its text is no JSON") from None
    report = envelope.get("report") if isinstance(envelope, dict) else None
    omitted = envelope.get("omitted") if isinstance(envelope, dict) else None
    if not isinstance(report, dict) or not isinstance(omitted, list):
        raise _Broken("its text is no report")
    if not _shallow([report, omitted]):
        raise _Broken(f"its text has more than {DEPTH_MOST} levels")
    return whole(report), tuple(str(path) for path in omitted)


def _shallow(level: Iterable[Any]) -> bool:
    """Whether these values have no more than DEPTH_MOST levels. Level by level, because a call for each may not do."""
    for _ in range(DEPTH_MOST):
        level = [
            inner
            for value in level
            if isinstance(value, (dict, list))
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return not level


def _body(shape: Shape, shards: dict[int, bytes]) -> bytes:
    """The checked, compressed text."""
    import hashlib

    groups = [
        {number // shape.groups: shard for number, shard in shards.items() if number % shape.groups == group}
        for group in range(shape.groups)
    ]
    lacking = sum(max(shape.data - len(group), 0) for group in groups)
    if lacking:
        raise _Broken(f"{lacking} more of its lines are needed to bring it back")
    restored = [restore(group, shape.data) for group in groups]
    body = b"".join(restored[group][place] for place in range(shape.data) for group in range(shape.groups))
    if hashlib.sha256(body[DIGEST:]).digest() != body[:DIGEST]:
        raise _Broken("its checksum is wrong although those of its lines are right")
    return body[DIGEST:]


def _inflated(packed: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(packed, TEXT_MOST)
    except zlib.error:
        raise _Broken("its text cannot be inflated") from None
    if not inflate.eof:
        raise _Broken(f"its text is cut off or longer than {TEXT_MOST} bytes")
    return text


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MOST:
        raise ValueError("a number of too many digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number too large")
    return value


def _constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _boot_id(document: Mapping[str, Any]) -> Optional[str]:
    run = document.get("run")
    boot_id = run.get("boot_id") if isinstance(run, dict) else None
    return boot_id if isinstance(boot_id, str) else None


def _recovered(
    frame: _Frame, usable: dict[int, bytes], document: Mapping[str, Any], omitted: tuple[str, ...], boot: int
) -> Recovered:
    lost = frame.shape.tokens - len(usable)
    joined = len(frame.joined & set(usable))
    return Recovered(
        id=frame.id.hex(),
        document=document,
        omitted=omitted,
        boot=boot,
        condition=Condition.REPAIRED if lost or joined else Condition.COMPLETE,
        lines=frame.shape.tokens,
        lost=lost,
        joined=joined,
    )
