"""Requests against real servers on the loopback interface, well-behaved and not."""

from __future__ import annotations

import email.utils
import socket
import time
from typing import Optional

import pytest

from azpreflight.host import Outcome, Phase
from tests.support.http_servers import IN_VAIN, OK, Serve, answering, endless, get, patience, resetting, server, silent


def test_a_good_answer_has_its_status_headers_and_body() -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nETag: 7\r\nSet-Cookie: a=b\r\nX-Auth-Token: s\r\nContent-Length: 2\r\n\r\nhi"
    with server(answering(answer, seen)) as port:
        got = get(f"http://127.0.0.1:{port}/x?comp=versions", headers={"x-ms-version": "2012-11-30"})
    assert (got.outcome, got.phase, got.status, got.body, got.truncated) == (Outcome.OK, Phase.HTTP, 200, b"hi", False)
    assert got.address == "127.0.0.1"
    assert dict(got.headers) == {"etag": "7", "content-length": "2"}
    assert seen[0].startswith(b"GET /x?comp=versions HTTP/1.1\r\n")
    assert b"x-ms-version: 2012-11-30\r\n" in seen[0]
    assert b"User-Agent: azpreflight/" in seen[0]
    assert b"Accept-Encoding: identity\r\n" in seen[0]


def test_an_error_status_is_an_answer() -> None:
    with server(answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")) as port:
        got = get(f"http://127.0.0.1:{port}/")
    assert (got.outcome, got.status) == (Outcome.OK, 503)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with server(answering(OK)) as port:
        assert get(f"http://127.0.0.1:{port}/").status == 200


def test_nothing_is_unpacked() -> None:
    """A compressed body is kept as it came, so that a small one cannot become a huge one."""
    body = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    with server(answering(body)) as port:
        assert get(f"http://127.0.0.1:{port}/").body == b"\x1f\x8b\x08\x00"


def test_a_body_is_read_up_to_the_limit() -> None:
    with server(endless(b"x" * 65536, head=b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        got = get(f"http://127.0.0.1:{port}/", limit=1000)
    assert (got.outcome, len(got.body), got.truncated) == (Outcome.OK, 1000, True)


MISBEHAVING: dict[str, tuple[Serve, Outcome, Optional[int]]] = {
    "silent": (silent, Outcome.TIMEOUT, None),
    "a byte at a time, for ever": (endless(b"x", 0.05, b"HTTP/1.1 200 OK\r\n\r\n"), Outcome.TIMEOUT, 200),
    "a header at a time, for ever": (endless(b"a: b\r\n", 0.05, b"HTTP/1.1 200 OK\r\n"), Outcome.TIMEOUT, 200),
    "half a status line": (answering(b"HTTP/1.1 20"), Outcome.ERROR, None),
    "informational answers, for ever": (endless(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001), Outcome.TIMEOUT, None),
    "reset": (resetting, Outcome.RESET, None),
    "closed without an answer": (answering(b""), Outcome.RESET, None),
    "garbage": (answering(b"\x00\xff SSH-2.0-OpenSSH_9.2\r\n" * 50), Outcome.ERROR, None),
    "one huge header": (answering(b"HTTP/1.1 200 OK\r\na: " + b"b" * 300_000 + b"\r\n\r\n"), Outcome.ERROR, None),
    "a thousand headers": (answering(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n"), Outcome.ERROR, None),
    "a body that ends early": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), Outcome.ERROR, 200),
    "broken chunks": (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Outcome.ERROR, 200),
}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_a_server_that_misbehaves_is_told_in_time(name: str) -> None:
    serve, outcome, status = MISBEHAVING[name]
    with server(serve) as port:
        got = get(f"http://127.0.0.1:{port}/", patience(outcome))
    assert (got.outcome, got.phase) == (outcome, Phase.HTTP)
    assert got.status in (status, None)  # whether the status line was taken in before the deadline is up to the machine
    assert got.detail


def test_a_reset_before_anything_was_said_is_a_reset() -> None:
    """It may arrive while the connection is made, while the request is sent, or while the answer is waited for."""

    def at_once(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with server(at_once) as port:
        outcomes = {get(f"http://127.0.0.1:{port}/", timeout=5.0).outcome for _ in range(50)}
    assert outcomes == {Outcome.RESET}


def test_a_closed_port_is_refused_in_phase_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    got = get(f"http://127.0.0.1:{port}/")
    assert (got.outcome, got.phase, got.address) == (Outcome.REFUSED, Phase.TCP, "127.0.0.1")


def test_a_port_that_does_not_accept_is_a_timeout_in_phase_tcp() -> None:
    """A full queue of connections looks like a firewall that drops."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filling = [socket.socket() for _ in range(4)]
        for sock in filling:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        got = get(f"http://127.0.0.1:{listener.getsockname()[1]}/", IN_VAIN)
        for sock in filling:
            sock.close()
    assert (got.outcome, got.phase) == (Outcome.TIMEOUT, Phase.TCP)


def test_a_name_that_does_not_exist_fails_in_phase_dns() -> None:
    got = get("http://no-such-host.invalid/", timeout=5)
    assert got.phase is Phase.DNS
    assert got.outcome in (Outcome.ERROR, Outcome.TIMEOUT)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://[::1", "http://127.0.0.1:99999/", "x", ""])
def test_a_url_that_makes_no_sense_is_an_error_and_is_not_repeated(url: str) -> None:
    got = get(url + "?sig=secret")
    assert got.outcome is Outcome.ERROR
    assert "secret" not in (got.detail or "")


# --- redirects ----------------------------------------------------------------------------------------------------


def moved(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_redirect_is_not_followed_unless_asked() -> None:
    with server(answering(moved("/next?sig=secret"))) as port:
        got = get(f"http://127.0.0.1:{port}/")
    assert (got.outcome, got.status, got.headers["location"]) == (Outcome.OK, 302, "/next")


def test_a_redirect_to_another_server_gets_no_headers_and_no_pinned_address() -> None:
    seen: list[bytes] = []
    with server(answering(OK, seen)) as there, server(answering(moved(f"http://127.0.0.1:{there}/y"))) as here:
        got = get(f"http://pinned.invalid:{here}/", headers={"x-ms-version": "1"}, address="127.0.0.1", redirects=1)
    assert got.status == 200
    assert seen[0].startswith(b"GET /y ")
    assert b"x-ms-version" not in seen[0]


def test_a_loop_of_redirects_ends_at_the_last_one_allowed() -> None:
    seen: list[bytes] = []
    with server(answering(moved("/again"), seen)) as port:
        got = get(f"http://127.0.0.1:{port}/", redirects=3)
    assert (got.status, len(seen)) == (302, 4)


def test_a_redirect_to_another_scheme_is_an_error() -> None:
    with server(answering(moved("file:///etc/shadow"))) as port:
        got = get(f"http://127.0.0.1:{port}/", redirects=3)
    assert got.outcome is Outcome.ERROR
    assert got.body == b""


# --- clocks and segments ------------------------------------------------------------------------------------------


def dated(date: str) -> Optional[float]:
    """What a request to a server learns that sends this date."""
    with server(answering(f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())) as port:
        return get(f"http://127.0.0.1:{port}/").ahead_s


@pytest.mark.parametrize("ahead", [0, 3600, -400 * 86400])
def test_the_date_of_an_answer_tells_how_far_the_clocks_are_apart(ahead: int) -> None:
    got = dated(email.utils.formatdate(time.time() + ahead, usegmt=True))
    assert got is not None
    assert abs(got - ahead) < 60


@pytest.mark.parametrize("date", ["soon", "Sun, 31 Feb 2020 25:61:00 GMT"])
def test_a_date_that_makes_no_sense_tells_nothing(date: str) -> None:
    assert dated(date) is None


def test_segments_are_as_small_as_asked_for_in_both_directions() -> None:
    """The size is agreed on with the first packets, so the server's kernel knows it."""
    sizes: list[int] = []

    def serve(connection: socket.socket) -> None:
        sizes.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
        answering(OK)(connection)

    with server(serve) as port:
        assert get(f"http://127.0.0.1:{port}/", segment=536).body == b"hi"
        assert get(f"http://127.0.0.1:{port}/").body == b"hi"
    assert sizes[0] <= 536 < sizes[1]
