"""Requests against real servers on the loopback interface, well-behaved and not."""

from __future__ import annotations

import email.utils
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
import trustme

from azpreflight.host import HttpAnswer, Outcome, Phase, http, tls

TIMEOUT = 10.0
"""Seconds that a request in these tests may take; the servers are on this machine, which may be busy."""
IN_VAIN = 1.0
"""The same for one that is not answered."""
SLACK = 2.0
"""Seconds that a busy machine may add."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve, context: Optional[ssl.SSLContext] = None) -> Iterator[int]:
    """A port of 127.0.0.1 on which `serve` is called, in a thread, with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                wrapped = context.wrap_socket(connection, server_side=True) if context else connection
                with wrapped:
                    serve(wrapped)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def request(connection: socket.socket) -> bytes:
    """The head of the request, read to its end; of a TLS handshake, which has none, the first piece."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and not head.startswith(b"\x16"):
        piece = connection.recv(4096)
        if not piece:
            break
        head += piece
    return head


def answering(answer: bytes, seen: Optional[list[bytes]] = None) -> Serve:
    """Serves this answer to every request, and keeps the requests in `seen`."""

    def serve(connection: socket.socket) -> None:
        head = request(connection)
        if seen is not None:
            seen.append(head)
        connection.sendall(answer)

    return serve


def endless(piece: bytes, pause: float = 0.0, head: bytes = b"") -> Serve:
    """Serves `head`, then this piece again and again."""

    def serve(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return serve


def silent(connection: socket.socket) -> None:
    """Takes the request, says nothing."""
    while connection.recv(4096):
        pass


def resetting(connection: socket.socket) -> None:
    """Breaks the connection off with a RST."""
    request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def get(url: str, timeout: float = TIMEOUT, **kw: Any) -> HttpAnswer:
    """One request, which must end in its time."""
    began = time.monotonic()
    answer = http.get(url, timeout, headers=kw.pop("headers", {}), limit=kw.pop("limit", 1000), **kw)
    assert time.monotonic() - began < timeout + SLACK
    assert len((answer.detail or "").splitlines()) <= 1
    return answer


def patience(outcome: Outcome) -> float:
    """Seconds to wait for an outcome."""
    return IN_VAIN if outcome is Outcome.TIMEOUT else TIMEOUT


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


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Trusted Org")


@pytest.fixture(scope="module")
def store(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def presenting(authority: trustme.CA, *names: str, **kw: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **kw).configure_cert(context)
    return context


def test_a_pinned_address_is_connected_to_while_the_name_is_verified(authority: trustme.CA, store: str) -> None:
    names: list[Any] = []
    context = presenting(authority, "store.example.net")
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    with server(answering(OK), context) as port:
        got = get(f"https://store.example.net:{port}/", address="127.0.0.1", store=store)
    assert (got.outcome, got.phase, got.status, got.address) == (Outcome.OK, Phase.HTTP, 200, "127.0.0.1")
    assert names == ["store.example.net"]
    assert got.issuer == "O=Trusted Org"


def test_a_replaced_certificate_is_named_by_its_issuer(store: str) -> None:
    seen: list[bytes] = []
    context = presenting(trustme.CA(organization_name="Example Inspection"), "store.example.net")
    with server(answering(OK, seen), context) as port:
        got = get(f"https://store.example.net:{port}/", address="127.0.0.1", store=store)
    assert (got.outcome, got.phase) == (Outcome.ERROR, Phase.TLS)
    assert got.detail == "certificate not trusted: unable to get local issuer certificate"
    assert got.issuer == "O=Example Inspection"
    assert [head for head in seen if head] == []  # nothing was asked of a server that is not trusted


def test_a_certificate_for_another_name_is_not_trusted(authority: trustme.CA, store: str) -> None:
    with server(answering(OK), presenting(authority, "other.example.net")) as port:
        got = get(f"https://store.example.net:{port}/", address="127.0.0.1", store=store)
    assert (got.outcome, got.phase, got.issuer) == (Outcome.ERROR, Phase.TLS, "O=Trusted Org")
    assert "Hostname mismatch" in (got.detail or "")


def test_the_bundle_of_the_environment_has_no_say(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE and the libraries' own variables would make a server trusted that the agent does not trust."""
    other = trustme.CA()
    pem = Path(store).with_name("other.pem")
    other.cert_pem.write_to_path(str(pem))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(pem))
    with server(answering(OK), presenting(other, "store.example.net")) as port:
        got = get(f"https://store.example.net:{port}/", address="127.0.0.1", store=store)
    assert (got.outcome, got.phase) == (Outcome.ERROR, Phase.TLS)


def test_a_server_that_does_not_speak_tls_fails_in_phase_tls(store: str) -> None:
    with server(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        got = get(f"https://store.example.net:{port}/", address="127.0.0.1", store=store)
    assert (got.outcome, got.phase) == (Outcome.ERROR, Phase.TLS)


@pytest.mark.parametrize(("serve", "outcome"), [(silent, Outcome.TIMEOUT), (resetting, Outcome.RESET)])
def test_a_handshake_that_goes_nowhere_fails_in_phase_tls(serve: Serve, outcome: Outcome, store: str) -> None:
    with server(serve) as port:
        got = get(f"https://store.example.net:{port}/", patience(outcome), address="127.0.0.1", store=store)
    assert (got.outcome, got.phase) == (outcome, Phase.TLS)


def test_a_drip_inside_tls_ends_in_time(authority: trustme.CA, store: str) -> None:
    """TLS takes the socket over; the deadline must still reach it."""
    serve = endless(b"x", 0.05, b"HTTP/1.1 200 OK\r\n\r\n")
    with server(serve, presenting(authority, "store.example.net")) as port:
        got = get(f"https://store.example.net:{port}/", IN_VAIN, address="127.0.0.1", store=store)
    assert (got.outcome, got.phase, got.status) == (Outcome.TIMEOUT, Phase.HTTP, 200)


@pytest.mark.parametrize("junk", [b"", b"\x30", b"\x30\x82\xff\xff", b"\x30\x03\x30\x01\x02", bytes(range(256))])
def test_junk_in_place_of_a_certificate_has_no_issuer(junk: bytes) -> None:
    assert tls.issuer_of_der(junk) is None


# --- proxies ------------------------------------------------------------------------------------------------------


def tunnel(target: int) -> Serve:
    """A proxy that opens every tunnel to one port of this machine."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def serve(connection: socket.socket) -> None:
        assert request(connection).startswith(b"CONNECT store.example.net:443 ")
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", target)) as far:
            threading.Thread(target=pump, args=(far, connection), daemon=True).start()
            pump(connection, far)

    return serve


def test_a_proxy_that_is_asked_for_is_used(authority: trustme.CA, store: str) -> None:
    with server(answering(OK), presenting(authority, "store.example.net")) as far, server(tunnel(far)) as port:
        got = get("https://store.example.net/", proxy=f"http://127.0.0.1:{port}", store=store)
    assert (got.outcome, got.phase, got.status) == (Outcome.OK, Phase.HTTP, 200)


def test_a_proxy_that_wants_a_password_is_told_by_its_status() -> None:
    with server(answering(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as port:
        got = get("https://store.example.net/", proxy=f"http://user:secret@127.0.0.1:{port}")
    assert (got.outcome, got.phase, got.status) == (Outcome.ERROR, Phase.PROXY, 407)
    assert "secret" not in repr(got)


@pytest.mark.parametrize(("serve", "outcome"), [(silent, Outcome.TIMEOUT), (resetting, Outcome.RESET)])
def test_a_proxy_that_goes_nowhere_fails_in_phase_proxy(serve: Serve, outcome: Outcome) -> None:
    with server(serve) as port:
        got = get("https://store.example.net/", patience(outcome), proxy=f"http://127.0.0.1:{port}")
    assert (got.outcome, got.phase) == (outcome, Phase.PROXY)


def test_a_proxy_that_replaces_certificates_is_named_by_their_issuer(store: str) -> None:
    context = presenting(trustme.CA(organization_name="Example Inspection"), "store.example.net")
    with server(answering(OK), context) as far, server(tunnel(far)) as port:
        got = get("https://store.example.net/", proxy=f"http://127.0.0.1:{port}", store=store)
    assert (got.outcome, got.phase, got.issuer) == (Outcome.ERROR, Phase.TLS, "O=Example Inspection")


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
