"""The kernel's own count of nft tables."""

from __future__ import annotations

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.host import HostError, LocalHost
from azpreflight.host.nft_tables import parse


def message(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def test_an_error_is_told_by_its_number() -> None:
    assert parse(message(2, struct.pack("=i", -1))) == ([], 1)


def test_tables_and_the_end_are_told_apart() -> None:
    assert parse(message(0xA00, b"\0" * 8) * 2 + message(3)) == ([0xA00, 0xA00, 3], 0)


@given(st.binary(max_size=200))
def test_any_datagram_is_parsed(data: bytes) -> None:
    parse(data)


def test_the_kernel_counts_or_says_why_not() -> None:
    """As root it answers; an ordinary user is refused."""
    if os.geteuid() == 0:
        assert LocalHost().nft_tables() >= 0
    else:
        with pytest.raises(HostError, match="not permitted"):
            LocalHost().nft_tables()
