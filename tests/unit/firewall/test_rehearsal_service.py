"""Rules tried by another unit: who asks it, what it takes for a request, and what it runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from azpreflight.cli.rehearse_rules import answer
from azpreflight.firewall import broker
from azpreflight.firewall.facts import Outcome
from azpreflight.firewall.rehearsal import PYTHON
from azpreflight.host import Completed, HostError, service
from tests.support.fakes import FakeHost
from tests.support.machines.firewall import DROP_ALL, facts_of, lost, machine
from tests.support.machines.firewall import answer as worker_says
from tests.support.machines.firewall import event as rule

STATUS = "Name:\tpython3\nUid:\t0\t0\t0\t0\nCapPrm:\t{caps}\nCapEff:\t{caps}\nCapBnd:\t000001ffffffffff\n"
ALL, OF_THE_DAEMON = "000001ffffffffff", "0000000000003004"
CONFINED = {broker.STATUS: STATUS.format(caps=OF_THE_DAEMON)}
NOT_ALLOWED = "this process may make no namespace (CAP_SYS_ADMIN)"
WIRE = "tcp 168.63.129.16:80"
REQUEST: dict[str, Any] = {
    "interfaces": [],
    "stand_ins": [],
    "ingress_devices": [],
    "destinations": [],
    "flows": [],
    "settings": {},
    "loads": [{"name": "nft", "input": "table ip a { }"}],
    "limit_s": 5.0,
}
LOADER = FakeHost(programs={("nft",): Completed(0, "", ""), ("sh",): Completed(0, "", "")})


@pytest.mark.parametrize(
    ("host", "confined"),
    [
        (FakeHost({broker.STATUS: STATUS.format(caps=ALL)}), False),
        (FakeHost(CONFINED), True),
        (FakeHost(CONFINED, privileged=False), False),
        (FakeHost(), False),
    ],
    ids=["root by hand", "the daemon's", "not root", "no /proc"],
)
def test_only_root_without_the_right_to_make_namespaces_asks(host: FakeHost, confined: bool) -> None:
    assert broker.is_confined(host) is confined


def test_the_request_is_rules_and_flows_and_no_program() -> None:
    """And the answer counts as the worker's own would."""
    said = worker_says({WIRE: lost(rule("filter", "OUTPUT", 1))}).stdout.encode()
    host = machine(DROP_ALL, files=CONFINED, services={broker.SOCKET: said})
    facts = facts_of(host)
    (request,) = (json.loads(sent) for sent in host.sent)
    assert set(request) == {*broker.FIELDS, "loads", "limit_s"}
    assert {key for load in request["loads"] for key in load} == {"name", "input"}
    assert [load["name"] for load in request["loads"]] == ["iptables-legacy-restore"]
    assert (sys.executable, *PYTHON) not in host.asked
    assert facts.rehearsal.error is None
    assert [found.outcome for found in facts.flows if found.flow.text == WIRE and found.flow.uid == 0] == [
        Outcome.BLOCKED
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b'{"invalid": "PermissionError: no"}', "PermissionError: no"),
        (b"", "the answer of azpreflight-rehearsal.socket cannot be read"),
        (b"[" * 100_000, "the answer of azpreflight-rehearsal.socket cannot be read"),
        (b"[]", "the rehearsal has no answer"),
        (None, f"{NOT_ALLOWED}, and cannot ask {broker.SOCKET}: No such file or directory"),
    ],
    ids=["refused", "empty", "deep", "no object", "no socket"],
)
def test_without_an_answer_nothing_is_claimed_to_have_been_tried(said: bytes | None, reason: str) -> None:
    """The reason is told, and no flow counts as rehearsed."""
    host = machine(DROP_ALL, files=CONFINED, services={} if said is None else {broker.SOCKET: said})
    facts = facts_of(host)
    assert facts.rehearsal.error == reason
    assert {found.rehearsed for found in facts.flows} == {False}


def test_a_request_becomes_the_job_of_the_worker() -> None:
    """With the system's own program; what else a request says of a step is not taken."""
    asked = {**REQUEST, "loads": [{"name": "nft", "input": "x", "command": ["/bin/sh", "-c", "id"], "environment": {}}]}
    job, limit = broker.job_of(LOADER, json.dumps({**asked, "hidden": ["/etc"], "reads": []}).encode())
    assert job["loads"] == [{"name": "nft", "command": ["/usr/sbin/nft", "-f", "-"], "input": "x"}]
    assert set(job) == {*broker.FIELDS, "loads"}
    assert limit == 5.0


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({**REQUEST, "loads": [{"name": "sh", "input": "id"}]}, "'sh' is no program that loads rules"),
        ({**REQUEST, "loads": [{"name": "/tmp/nft", "input": ""}]}, "'/tmp/nft' is no program that loads rules"),
        ({**REQUEST, "loads": [{"name": "ipset", "input": ""}]}, "no program ipset"),
        ({**REQUEST, "loads": [{"name": "nft"}]}, "not a request for a rehearsal: KeyError"),
        ({**REQUEST, "loads": 5}, "not a request for a rehearsal: TypeError"),
        ({**REQUEST, "limit_s": 3600}, "a rehearsal of 3600.0 s; it takes 10 s at most"),
        ({**REQUEST, "limit_s": float("nan")}, "a rehearsal of nan s; it takes 10 s at most"),
        ({"loads": [], "limit_s": 1}, "not a request for a rehearsal: KeyError"),
        (["nft"], "not a request for a rehearsal: TypeError"),
        ("", "not a request for a rehearsal: TypeError"),
    ],
)
def test_anything_else_is_refused(request_: Any, reason: str) -> None:
    with pytest.raises(HostError) as refused:
        broker.job_of(LOADER, json.dumps(request_).encode())
    assert str(refused.value) == reason


def test_bytes_that_are_no_request_are_refused() -> None:
    for request in (b"", b"\xff\x00", b"[" * 100_000):
        with pytest.raises(HostError, match="not a request for a rehearsal"):
            broker.job_of(LOADER, request)


def test_only_root_is_served() -> None:
    """The kernel says who is at the other end; the mode of the socket keeps others out already."""
    request = json.dumps({**REQUEST, "loads": []}).encode()
    assert answer(LOADER, 1000, request) == {"invalid": "only root may have rules rehearsed"}
    assert answer(LOADER, 0, request)["invalid"].startswith("no program ")  # it came as far as the worker


def test_the_kernel_says_who_asks() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs:
        assert service.peer_uid(ours.fileno()) == os.getuid()
    assert service.peer_uid(reading) is None
    os.close(reading)
    os.close(writing)


def test_the_command_is_for_systemd_alone() -> None:
    """With nothing to answer to it does nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "azpreflight", "rehearse-rules"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is not a connection" in done.stderr


# --- asking a socket ----------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A socket at which one connection is served by a function; its path."""
    listener = socket.socket(socket.AF_UNIX)
    place = str(tmp_path / "socket")
    listener.bind(place)
    listener.listen()

    def serve(how: Callable[[socket.socket], None]) -> str:
        def one() -> None:
            connection, _ = listener.accept()
            with connection:
                how(connection)

        threading.Thread(target=one, daemon=True).start()
        return place

    yield serve
    listener.close()


def _echo(connection: socket.socket) -> None:
    whole = b""
    while piece := connection.recv(65536):
        whole += piece
    connection.sendall(whole[::-1])


def test_a_request_is_sent_whole_and_the_answer_read_whole(served: Any) -> None:
    request = os.urandom(1 << 20)
    assert service.exchange(served(_echo), request, 30, 1 << 20) == request[::-1]


def test_an_answer_has_a_limit(served: Any) -> None:
    with pytest.raises(HostError, match="the answer is larger than 1000 bytes"):
        service.exchange(served(_echo), bytes(1001), 30, 1000)


def test_nobody_there_and_one_who_is_silent(served: Any, tmp_path: Path) -> None:
    """Neither is waited for, for ever."""
    release = threading.Event()
    with pytest.raises(HostError, match=r"cannot ask \S+/none: No such file or directory"):
        service.exchange(str(tmp_path / "none"), b"", 1, 10)
    with pytest.raises(HostError, match=r"socket did not answer within 0\.2 s"):
        service.exchange(served(lambda connection: release.wait(30) and None), b"", 0.2, 10)
    release.set()
