"""How long a connection took is known, whatever came after it."""

from __future__ import annotations

import socket

from azpreflight.host import LocalHost, Outcome, Phase


def test_the_time_of_a_connection_is_that_of_its_handshake_alone() -> None:
    """A server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        got = LocalHost().get(f"http://127.0.0.1:{port}/", 0.3)
    assert (got.outcome, got.phase) == (Outcome.TIMEOUT, Phase.HTTP)
    assert got.connected_s is not None
    assert got.connected_s < got.duration_s


def test_without_a_connection_there_is_no_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    got = LocalHost().get(f"http://127.0.0.1:{port}/", 0.3)
    assert (got.outcome, got.connected_s) == (Outcome.REFUSED, None)
