"""Questions to real servers on loopback: dnsmasq, and small ones that misbehave in every way that one can."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azpreflight.host import HostError, LocalHost, Outcome
from azpreflight.host import dns as host_dns
from azpreflight.host.dns import ask, resolve
from tests.support.needs import need_programs

NAME = "packages.example.net"
SHORT = 0.4
"""Seconds for a question that is to end in silence."""
LONG = 5.0
"""Seconds for a question that is to end at once: a slow machine must not make it silent."""

Talk = Callable[[bytes], "list[bytes]"]
"""The datagrams, or the pieces of a TCP stream, that a server sends back for a question."""


def bound() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket with the same free loopback port."""
    for _ in range(20):
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        udp.bind(("127.0.0.1", 0))
        try:
            tcp.bind(udp.getsockname())
        except OSError:  # somebody's TCP port
            udp.close()
            tcp.close()
            continue
        return udp, tcp
    raise AssertionError("no port is free for both UDP and TCP")


@contextlib.contextmanager
def server(talk: Talk) -> Iterator[int]:
    """A server on a free loopback port, UDP and TCP, that says what `talk` says; TCP is closed after the last piece."""
    udp, tcp = bound()
    tcp.listen()
    over = threading.Event()
    threads = [threading.Thread(target=serve, args=(talk, over), daemon=True) for serve in (_udp(udp), _tcp(tcp))]
    for thread in threads:
        thread.start()
    try:
        yield udp.getsockname()[1]
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
        udp.close()
        tcp.close()


def _udp(sock: socket.socket) -> Callable[[Talk, threading.Event], None]:
    def serve(talk: Talk, over: threading.Event) -> None:
        sock.settimeout(0.05)
        while not over.is_set():
            with contextlib.suppress(OSError):
                question, client = sock.recvfrom(65535)
                for reply in talk(question):
                    sock.sendto(reply, client)

    return serve


def _tcp(sock: socket.socket) -> Callable[[Talk, threading.Event], None]:
    def serve(talk: Talk, over: threading.Event) -> None:
        sock.settimeout(0.05)
        while not over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = sock.accept()
                with connection:
                    connection.settimeout(LONG)
                    pieces = talk(connection.recv(65535)[2:])
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(0.02)
                    if not pieces:
                        over.wait(LONG)

    return serve


def reply(question: bytes, *records: str, rcode: str = "NOERROR", truncated: bool = False) -> bytes:
    """An answer with records such as "name 60 IN A 192.0.2.1"."""
    message = dns.message.make_response(dns.message.from_wire(question))
    message.set_rcode(dns.rcode.from_text(rcode))
    message.flags |= dns.flags.TC if truncated else 0
    for record in records:
        name, ttl, klass, kind, value = record.split()
        message.answer.append(dns.rrset.from_text(name, int(ttl), klass, kind, value))
    return message.to_wire()


def framed(wire: bytes) -> bytes:
    """A message as it goes over TCP."""
    return len(wire).to_bytes(2, "big") + wire


def free_port() -> int:
    """A port that nobody listens on, UDP or TCP."""
    udp, tcp = bound()
    with udp, tcp:
        return int(udp.getsockname()[1])


@pytest.mark.parametrize("tcp", [False, True])
def test_addresses_at_the_end_of_a_chain_of_aliases(tcp: bool) -> None:
    records = (
        f"{NAME}. 60 IN CNAME blob.example.net.",
        "blob.example.net. 60 IN CNAME store.example.net.",
        "store.example.net. 60 IN A 192.0.2.7",
        "other.example.net. 60 IN A 192.0.2.9",
    )

    def talk(question: bytes) -> list[bytes]:
        wire = reply(question, *records)
        return [framed(wire)] if tcp else [wire]

    with server(talk) as port:
        answer = ask("127.0.0.1", NAME, "A", LONG, tcp=tcp, port=port)
    assert (answer.outcome, answer.rcode, answer.addresses) == (Outcome.OK, "NOERROR", ("192.0.2.7",))
    assert answer.duration_s < LONG


def test_a_chain_of_aliases_that_is_a_loop_ends() -> None:
    with server(lambda question: [reply(question, f"{NAME}. 60 IN CNAME {NAME}.")]) as port:
        assert ask("127.0.0.1", NAME, "A", LONG, port=port).addresses == ()


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_an_rcode_is_an_answer(rcode: str) -> None:
    with server(lambda question: [reply(question, rcode=rcode)]) as port:
        answer = ask("127.0.0.1", NAME, "AAAA", LONG, port=port)
    assert (answer.outcome, answer.rcode, answer.addresses) == (Outcome.OK, rcode, ())


def test_the_truncated_flag_is_kept() -> None:
    with server(lambda question: [reply(question, truncated=True)]) as port:
        assert ask("127.0.0.1", NAME, "A", LONG, port=port).truncated


@pytest.mark.parametrize("tcp", [False, True])
def test_a_closed_port_is_told_from_silence_at_once(tcp: bool) -> None:
    answer = ask("127.0.0.1", NAME, "A", LONG, tcp=tcp, port=free_port())
    assert answer.outcome is Outcome.REFUSED
    assert answer.duration_s < LONG / 2
    assert answer.offender == (None if tcp else "127.0.0.1")


def test_a_closed_port_of_an_ipv6_server() -> None:
    answer = ask("::1", NAME, "A", LONG, port=free_port())
    assert answer.outcome in (Outcome.REFUSED, Outcome.UNREACHABLE), "unreachable where the machine has no IPv6"


@pytest.mark.parametrize("tcp", [False, True])
def test_silence_ends_at_the_deadline(tcp: bool) -> None:
    with server(lambda _: []) as port:
        answer = ask("127.0.0.1", NAME, "A", SHORT, tcp=tcp, port=port)
    assert answer.outcome is Outcome.TIMEOUT
    assert SHORT <= answer.duration_s < SHORT + 0.5


def test_a_lost_datagram_is_sent_again() -> None:
    seen: list[bytes] = []

    def talk(question: bytes) -> list[bytes]:
        seen.append(question)
        return [] if len(seen) == 1 else [reply(question, f"{NAME}. 60 IN A 192.0.2.7")]

    with server(talk) as port:
        answer = ask("127.0.0.1", NAME, "A", 1.0, port=port)
    assert answer.addresses == ("192.0.2.7",)
    assert seen[0] == seen[1], "the same question, so that a late answer to the first counts as well"


def test_a_wrong_id_is_ignored_and_the_right_one_after_it_counts() -> None:
    def talk(question: bytes) -> list[bytes]:
        wire = reply(question, f"{NAME}. 60 IN A 192.0.2.7")
        return [bytes([wire[0] ^ 1]) + wire[1:], b"", wire]

    with server(talk) as port:
        assert ask("127.0.0.1", NAME, "A", LONG, port=port).addresses == ("192.0.2.7",)


def test_nothing_but_wrong_ids_is_said_so() -> None:
    with server(lambda question: [bytes([question[0] ^ 1]) + reply(question)[1:]]) as port:
        answer = ask("127.0.0.1", NAME, "A", SHORT, port=port)
    assert answer.outcome is Outcome.ERROR
    assert answer.detail is not None
    assert "wrong id" in answer.detail


def test_an_answer_to_another_question_is_refused() -> None:
    def talk(question: bytes) -> list[bytes]:
        other = dns.message.make_query("other.example.net", "A")
        other.id = dns.message.from_wire(question).id
        return [reply(other.to_wire(), "other.example.net. 60 IN A 192.0.2.7")]

    with server(talk) as port:
        answer = ask("127.0.0.1", NAME, "A", LONG, port=port)
    assert (answer.outcome, answer.addresses) == (Outcome.ERROR, ())
    assert answer.detail == "not an answer to the question that was asked"


def test_garbage_is_an_error_that_says_so() -> None:
    with server(lambda question: [question[:2] + b"\xff" * 40]) as port:
        answer = ask("127.0.0.1", NAME, "A", LONG, port=port)
    assert answer.outcome is Outcome.ERROR
    assert answer.detail is not None
    assert answer.detail.startswith("not a DNS message")


def test_a_message_in_small_pieces_over_tcp() -> None:
    def talk(question: bytes) -> list[bytes]:
        wire = framed(reply(question, f"{NAME}. 60 IN A 192.0.2.7"))
        return [wire[:1], wire[1:9], wire[9:]]

    with server(talk) as port:
        assert ask("127.0.0.1", NAME, "A", LONG, tcp=True, port=port).addresses == ("192.0.2.7",)


def test_a_server_that_drips_over_tcp_cannot_outlive_the_deadline() -> None:
    with server(lambda _: [b"\xff\xff", *([b"x"] * 40)]) as port:
        answer = ask("127.0.0.1", NAME, "A", SHORT, tcp=True, port=port)
    assert answer.outcome is Outcome.TIMEOUT
    assert answer.duration_s < SHORT + 0.5


def test_a_connection_that_is_closed_before_the_answer() -> None:
    with server(lambda _: [b"\x00\x20only"]) as port:
        answer = ask("127.0.0.1", NAME, "A", LONG, tcp=True, port=port)
    assert answer.outcome is Outcome.RESET
    assert answer.detail == "the connection was closed after 6 bytes of an answer"


@pytest.mark.parametrize("address", ["not-an-address", "fe80::1%nosuchlink", "\u2603", "10.0.0.300"])
def test_what_is_no_address_is_unreachable(address: str) -> None:
    assert ask(address, NAME, "A", SHORT).outcome is Outcome.UNREACHABLE


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example.net", "\ud800"])
def test_what_is_no_name_is_an_error(name: str) -> None:
    assert ask("127.0.0.1", name, "A", SHORT).outcome is Outcome.ERROR


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(min_value=2, max_value=60))
def test_no_bytes_from_the_network_raise(garbage: bytes, keep: int) -> None:
    """A genuine answer overwritten from some place on is an answer or an error."""
    query = dns.message.make_query(NAME, "A")
    wire = reply(query.to_wire(), f"{NAME}. 60 IN CNAME b.example.net.", "b.example.net. 60 IN A 192.0.2.7")
    assert host_dns._read(query, wire[:keep] + garbage).outcome in (Outcome.OK, Outcome.ERROR)


@pytest.fixture(scope="module")
def dnsmasq() -> Iterator[int]:
    """The port of a dnsmasq that knows one name and refuses nothing."""
    need_programs("dnsmasq")
    port = free_port()
    command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"]
    command += [f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file"]
    command += [f"--address=/{NAME}/192.0.2.7", f"--address=/{NAME}/2001:db8::7", "--log-facility=-"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert any(b"started" in line for line in process.stderr), "dnsmasq did not start"
        yield port
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.parametrize("tcp", [False, True])
def test_dnsmasq_answers_what_it_knows_and_refuses_the_rest(dnsmasq: int, tcp: bool) -> None:
    host = LocalHost()
    assert host.ask("127.0.0.1", NAME, "A", LONG, tcp=tcp, port=dnsmasq).addresses == ("192.0.2.7",)
    assert host.ask("127.0.0.1", NAME, "AAAA", LONG, tcp=tcp, port=dnsmasq).addresses == ("2001:db8::7",)
    assert host.ask("127.0.0.1", "elsewhere.example.org", "A", LONG, tcp=tcp, port=dnsmasq).rcode == "REFUSED"


def test_the_c_library_knows_localhost_and_literals_and_nothing_of_what_is_invalid() -> None:
    assert "127.0.0.1" in resolve("localhost", LONG) or "::1" in resolve("localhost", LONG)
    assert resolve("192.0.2.7", LONG) == ("192.0.2.7",)
    assert resolve("x" * 64, LONG) == ()
    assert resolve("a\0b", LONG) == ()


def test_a_lookup_that_does_not_end_is_killed() -> None:
    began = time.monotonic()
    with pytest.raises(HostError, match=f"cannot look up {NAME} through glibc: .* did not end within 0.3 s"):
        resolve(NAME, 0.3, script="import time; time.sleep(60)")
    assert time.monotonic() - began < 5


def test_a_lookup_that_breaks_is_not_an_empty_answer() -> None:
    with pytest.raises(HostError, match="exit status 3"):
        resolve(NAME, LONG, script="import sys; sys.exit(3)")


def test_the_name_server_library_is_not_imported_with_the_host() -> None:
    code = "import sys, azpreflight.host; sys.exit('dns' in sys.modules or 'dns.message' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
