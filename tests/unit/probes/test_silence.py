"""Silence of the network is an answer only where this machine listened, and had the time and a processor to do so."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Optional

import pytest

from azpreflight.host import HostError, LocalHost, Outcome, Phase
from azpreflight.host.cpu_time import busy

ASK = """
import sys
from azpreflight.host import HostError, LocalHost
host = LocalHost(budget=60)
try:
    print(host.ask("127.0.0.1", "azure.com", "A", 0.6, port=int(sys.argv[1])).outcome.value)
except HostError as error:
    print(error)
"""
STOPPED_S = 1.8
"""Longer than a question may take and the lateness that is borne together."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A name server that takes questions and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield sock


def port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_silence_for_as_long_as_was_asked_is_an_answer(silent: socket.socket) -> None:
    assert LocalHost(budget=60).ask("127.0.0.1", "azure.com", "A", 0.3, port=port(silent)).outcome is Outcome.TIMEOUT


def test_a_connection_that_has_less_time_than_the_request_is_not_made() -> None:
    """The port takes no more connections, and its silence ends the request early: that is no busy machine."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        answer = LocalHost(budget=60).get(f"http://127.0.0.1:{port(full)}/", 8.0, connect=1.5)
    assert (answer.outcome, answer.phase) == (Outcome.TIMEOUT, Phase.TCP)


def test_silence_in_what_is_left_of_a_run_is_none(silent: socket.socket) -> None:
    """The question was asked, and there was no time to hear an answer."""
    with pytest.raises(HostError, match="used up before an answer could be waited for"):
        LocalHost(budget=0.3).ask("127.0.0.1", "azure.com", "A", 1.5, port=port(silent))


def test_an_answer_in_what_is_left_of_a_run_is_one() -> None:
    """A closed port answers at once."""
    assert LocalHost(budget=5).connect("127.0.0.1", 1, 60.0).outcome is Outcome.REFUSED


def stopped(process: subprocess.Popen[str], silent: socket.socket, questions: int) -> None:
    """Keep the process from running right after it has asked so many questions."""
    for _ in range(questions):
        silent.recv(512)
    process.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)
    process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("times", "said"), [(1, "timeout"), (2, "this machine was too busy to wait for an answer")], ids=["once", "twice"]
)
def test_a_machine_that_does_not_get_to_run_asks_again(silent: socket.socket, times: int, said: str) -> None:
    """A question is sent twice within its time; who was late asks again, and who is late again does not know."""
    with subprocess.Popen([sys.executable, "-c", ASK, str(port(silent))], stdout=subprocess.PIPE, text=True) as process:
        stopped(process, silent, 1)
        if times == 2:
            stopped(process, silent, 2)
        output, _ = process.communicate(timeout=30)
    assert output.startswith(said)


BESIDE = """
import os, time
from azpreflight.host.cpu_time import occupied_s
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
before, began = occupied_s(), time.monotonic()
time.sleep(0.5)
asleep, began = occupied_s(), time.monotonic()
while time.monotonic() - began < 1.0:
    pass
print(asleep - before, occupied_s() - asleep, time.thread_time())
"""
"""Sleeps, and then wants one processor for a second: how long it was occupied with either, and what it got."""
SPINS = """
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
began = time.monotonic()
while time.monotonic() - began < 20:
    pass
"""


def test_the_kernel_tells_how_long_a_thread_could_not_listen() -> None:
    """Beside one that has twenty times its weight it gets next to nothing of the processor that they share."""
    with subprocess.Popen([sys.executable, "-c", SPINS]) as other:
        try:
            command = ["nice", "-n", "14", sys.executable, "-c", BESIDE]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        finally:
            other.kill()
    asleep, wanted, got = (float(word) for word in done.stdout.split())
    assert wanted > 0.9 > got
    assert asleep < wanted / 2


@pytest.mark.parametrize(
    ("took_s", "occupied_s", "said"),
    [
        (2.0, 0.0, None),
        (2.5, 1.5, None),
        (2.6, 0.0, "0.6 s late"),
        (2.1, 1.3, "it listened for 0.8 of 2.0 s"),
        (2.0, 9.0, "it listened for 0.0 of 2.0 s"),
        (0.6, 0.2, None),
        (0.6, 0.4, "it listened for 0.2 of 0.6 s"),
    ],
    ids=[
        "as long as asked",
        "as much as is borne",
        "late",
        "kept from running",
        "more than is possible",
        "no connection in its own time",
        "kept from running in that",
    ],
)
def test_silence_is_believed_who_could_listen(took_s: float, occupied_s: float, said: Optional[str]) -> None:
    assert busy(2.0, took_s, occupied_s) == said
