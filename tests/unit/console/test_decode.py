"""Reports out of logs: whole, damaged, and made to do harm."""

from __future__ import annotations

import hashlib
import json
import random
import time
import zlib
from dataclasses import replace
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azpreflight.console import frame
from azpreflight.console.decode import DEPTH_MOST, FRAMES_MOST, TEXTS_MOST, Condition, Decoded, decode
from azpreflight.console.frame import END, START, Shape, Token, pack, unpack
from azpreflight.render.decoded import Log, render_json
from tests.fuzz import damage

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def report(boot_id: str = "b1", **more: Any) -> dict[str, Any]:
    """As much of a report as the decoder looks at."""
    return {"schema": "azpreflight.report/1", "run": {"boot_id": boot_id}, **more}


def framed(document: Any, omitted: tuple[str, ...] = ()) -> bytes:
    """A log with one frame, as it goes out."""
    text = json.dumps({"omitted": omitted, "report": document})
    return lines_of(text.encode("ascii"))


def lines_of(text: bytes) -> bytes:
    """Any text in a frame."""
    lines = frame.encode(text)
    assert lines is not None
    return b"".join(line.encode("ascii") + b"\n" for line in lines)


def documents(decoded: Decoded) -> list[Any]:
    return [recovered.document for recovered in decoded.reports]


# --- whole --------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(), JSON, max_size=8))
@settings(deadline=None)
def test_every_document_comes_back(document: dict[str, Any]) -> None:
    decoded = decode(framed(document))
    assert documents(decoded) == [document]
    assert decoded.reports[0].condition is Condition.COMPLETE


def test_a_log_without_a_report_has_none() -> None:
    assert decode(damage.recorded("boot-cloud-init")) == Decoded((), (), 0)
    assert decode(b"") == Decoded((), (), 0)


def test_many_boots_in_one_log_are_listed_newest_first() -> None:
    boot = damage.recorded("boot-cloud-init")
    first, second, third = report("b1", n=1), report("b2", n=1), report("b2", n=2)
    decoded = decode(boot + framed(first) + boot + framed(second) + framed(third) + boot)
    assert documents(decoded) == [third, second, first]
    assert [recovered.boot for recovered in decoded.reports] == [0, 0, 1]


def test_a_frame_that_was_sent_twice_is_one_report_and_each_copy_mends_the_other() -> None:
    lines = framed(report()).splitlines()
    decoded = decode(b"\n".join(lines[20:]) + b"\n" + b"\n".join(lines[:20]))
    assert documents(decoded) == [report()]
    assert decoded.reports[0].condition is Condition.COMPLETE


def test_what_was_left_out_is_said() -> None:
    decoded = decode(framed(report(), ("facts.firewall.rules",)))
    assert decoded.reports[0].omitted == ("facts.firewall.rules",)


# --- damaged ------------------------------------------------------------------------------------------------------


def big_report() -> dict[str, Any]:
    """One that takes more lines than parity alone could make up for."""
    rng = random.Random(7)
    return report(facts={f"rule {number}": rng.randbytes(16).hex() for number in range(150)})


@pytest.mark.parametrize("transport", [*damage.TRANSPORTS, *damage.QUOTES], ids=lambda change: change.__name__)
def test_what_happens_between_console_and_reader_costs_nothing(
    transport: Callable[[bytes, random.Random], bytes],
) -> None:
    decoded = decode(transport(framed(big_report()), random.Random(1)))
    assert documents(decoded) == [big_report()]
    assert decoded.reports[0].condition is Condition.COMPLETE


def test_escapes_quoted_twice_cost_nothing() -> None:
    once = json.dumps(framed(big_report()).replace(b"\n", b"\r\n").decode())
    assert documents(decode(json.dumps(once).encode())) == [big_report()]


@pytest.mark.parametrize("seed", range(30))
def test_20_splices_and_two_lost_bursts_are_mended(seed: int) -> None:
    rng = random.Random(seed)
    log = framed(big_report())
    for _ in range(20):
        log = damage.splice(log, rng)
    for _ in range(2):
        log = damage.lose(log, rng)
    decoded = decode(damage.carried(log, rng))
    assert documents(decoded) == [big_report()]
    assert decoded.reports[0].condition is Condition.REPAIRED


def test_a_kernel_line_in_every_line_is_cut_out_again() -> None:
    """More than the parity could make up for: the two halves of a token are joined by its checksum."""
    rng = random.Random(3)
    lines = framed(big_report()).splitlines()
    cut = [(line, rng.randrange(6, 111)) for line in lines]
    log = b"\n".join(line[:place] + rng.choice(damage.KERNEL) + line[place:] for line, place in cut)
    decoded = decode(log)
    assert documents(decoded) == [big_report()]
    assert decoded.reports[0].joined == decoded.reports[0].lines == len(lines)
    assert decoded.reports[0].lost == 0


def test_any_32_lines_may_be_lost() -> None:
    """The worst case of 20 splices and 2 bursts is 24; here without any joining."""
    lines = framed(big_report()).splitlines()
    decoded = decode(b"\n".join(lines[32:]))
    assert documents(decoded) == [big_report()]
    assert decoded.reports[0].lost == 32


def test_too_much_loss_is_said_and_no_report_comes_out() -> None:
    lines = framed(big_report()).splitlines()
    decoded = decode(b"\n".join(lines[: token_of(lines[0]).shape.data - 1]))
    assert decoded.reports == ()
    assert [broken.reason for broken in decoded.damaged] == ["1 more of its lines are needed to bring it back"]
    assert decoded.damaged[0].lines == len(lines)


# --- made to do harm ----------------------------------------------------------------------------------------------


def forged(text: bytes, packed: bytes = b"") -> bytes:
    """A frame whose checksums are all right, around any text or any bytes that claim to be compressed."""
    body = packed or zlib.compress(text, 9)
    count = -(-(frame.DIGEST + len(body)) // frame.SHARD)
    body = body.ljust(count * frame.SHARD - frame.DIGEST, b"\0")
    body = hashlib.sha256(body).digest() + body
    shards = [body[start : start + frame.SHARD] for start in range(0, len(body), frame.SHARD)]
    tokens = [Token(body[:6], Shape(1, count, 0), number, shard) for number, shard in enumerate(shards)]
    return b"\n".join(pack(token).encode() for token in tokens)


def token_of(line: bytes) -> Token:
    token = unpack(line[len(START) : -len(END)])
    assert token is not None
    return token


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"no json", "its text is no JSON"),
        (b"\xff\xfe", "its text is no JSON"),
        (b"[]", "its text is no report"),
        (b'{"omitted": [], "report": []}', "its text is no report"),
        (b'{"omitted": {}, "report": {}}', "its text is no report"),
        (b'{"omitted": [], "report": {"n": NaN}}', "its text is no JSON"),
        (b'{"omitted": [], "report": {"n": 1e999}}', "its text is no JSON"),
        (b'{"omitted": [], "report": {"n": %s}}' % (b"9" * 100_000), "its text is no JSON"),
        (b'{"omitted": [], "report": ' + b"[" * 500_000, "its text is no JSON"),
        (b" " * (frame.TEXT_MOST + 1), f"its text is cut off or longer than {frame.TEXT_MOST} bytes"),
    ],
    ids=["text", "bytes", "list", "report", "omitted", "nan", "infinite", "digits", "nesting", "bomb"],
)
def test_a_frame_that_is_no_report_is_damaged(text: bytes, reason: str) -> None:
    decoded = decode(forged(text))
    assert decoded.reports == ()
    assert [broken.reason for broken in decoded.damaged] == [reason]


@pytest.mark.parametrize("packed", [b"\x78\xdanonsense", zlib.compress(b"{}" * 99)[:-5]], ids=["garbage", "cut off"])
def test_what_does_not_inflate_is_damaged(packed: bytes) -> None:
    decoded = decode(forged(b"", packed))
    assert decoded.reports == ()
    assert len(decoded.damaged) == 1


def test_a_bomb_is_not_inflated_beyond_the_limit() -> None:
    began = time.perf_counter()
    decoded = decode(forged(b"\0" * (12 << 20)))
    assert decoded.damaged[0].reason == f"its text is cut off or longer than {frame.TEXT_MOST} bytes"
    assert time.perf_counter() - began < 5


def test_a_forged_line_damages_a_report_and_never_changes_it() -> None:
    lines = framed(report()).splitlines()
    lines[0] = pack(replace(token_of(lines[0]), shard=b"\xaa" * frame.SHARD)).encode()
    decoded = decode(b"\n".join(lines))
    assert decoded.reports == ()
    assert decoded.damaged[0].reason == "its checksum is wrong although those of its lines are right"


def test_lines_that_contradict_each_other_are_left_out() -> None:
    lines = framed(report()).splitlines()
    lines.append(pack(replace(token_of(lines[0]), shard=b"\xaa" * frame.SHARD)).encode())
    decoded = decode(b"\n".join(lines))
    assert documents(decoded) == [report()]
    assert decoded.reports[0].lost == 1


def test_only_the_newest_frames_are_looked_at_and_the_rest_is_said() -> None:
    log = b"".join(framed(report(n=number)) for number in range(FRAMES_MOST + 3))
    decoded = decode(log)
    assert len(decoded.reports) == FRAMES_MOST
    assert decoded.reports[0].document["n"] == FRAMES_MOST + 2
    assert decoded.skipped == 3


def test_texts_that_would_fill_the_memory_are_not_all_looked_at() -> None:
    """A megabyte of log says a quarter of a gigabyte; the newest of it is inflated and the rest counted."""
    long = "[]," * (frame.TEXT_MOST // 3 - 100)
    texts = [f'{{"omitted":[],"report":{{"n":{number},"x":[{long}[]]}}}}'.encode() for number in range(12)]
    decoded = decode(b"".join(map(lines_of, texts)))
    assert [recovered.document["n"] for recovered in decoded.reports] == list(range(11, 11 - len(decoded.reports), -1))
    assert sum(len(texts[0]) for _ in decoded.reports) <= TEXTS_MOST + frame.TEXT_MOST
    assert decoded.skipped == 12 - len(decoded.reports) > 0


@pytest.mark.parametrize(("levels", "well"), [(DEPTH_MOST - 3, True), (DEPTH_MOST + 1, False), (900, False)])
def test_a_report_in_too_many_levels_is_none(levels: int, well: bool) -> None:
    """The parser takes 900 of them, and whoever prints them would run out of calls."""
    nested = "[" * levels + "]" * levels
    decoded = decode(lines_of(f'{{"omitted":[],"report":{{"x":{nested}}}}}'.encode()))
    if well:
        render_json((Log("boot.log", decoded),))
    else:
        assert decoded.damaged[0].reason == f"its text has more than {DEPTH_MOST} levels"
    assert bool(decoded.reports) is well
