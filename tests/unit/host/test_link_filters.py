"""The kernel's word on what is attached to interfaces."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from azpreflight.host import LocalHost
from azpreflight.host.link_filters import attributes, messages


@given(st.binary(max_size=200))
def test_any_datagram_is_parsed(data: bytes) -> None:
    for _, body in messages(data):
        attributes(body)


def test_messages_and_attributes_are_padded_to_four_bytes() -> None:
    body = struct.pack("=HH", 5, 1) + b"a\0\0\0" + struct.pack("=HH", 4, 2)
    data = struct.pack("=IHHII", 16 + len(body), 16, 0, 1, 0) + body
    assert [(kind, attributes(body)) for kind, body in messages(data * 2)] == [(16, {1: b"a", 2: b""})] * 2


def test_anybody_may_ask() -> None:
    assert all(found.direction in ("ingress", "egress") for found in LocalHost().link_filters())
