"""HTTP over TLS and through proxies: whom the certificate is for, and who replaced it."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from azpreflight.host import Outcome, Phase, tls
from tests.support.http_servers import (
    IN_VAIN,
    OK,
    Serve,
    answering,
    endless,
    get,
    patience,
    request,
    resetting,
    server,
    silent,
)

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
