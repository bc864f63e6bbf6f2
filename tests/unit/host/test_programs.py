"""Running programs that hang, flood, fork and feed badly: each ends in time, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from azpreflight.host import Completed, HostError, LocalHost
from azpreflight.host.programs import which


def sh(script: str, timeout: float = 5.0, limit: int = 1 << 20) -> Completed:
    return LocalHost().run(["sh", "-c", script], timeout, limit=limit)


NAP = f"60.{os.getpid()}"
"""Seconds that name the programs of this test process, so that no other test's can be taken for them."""


def nobody_sleeps(seconds: str) -> bool:
    """True once no program sleeps for so long, which takes a moment after its signal."""
    deadline = time.monotonic() + 10
    search = ["pgrep", "-f", f"^[a-z/]*sleep {seconds}$"]
    while subprocess.run(search, capture_output=True, check=False, timeout=60).returncode == 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_output_and_status_come_back() -> None:
    """Both streams, and the exit status."""
    assert sh("echo out; echo err >&2; exit 3") == Completed(3, "out\n", "err\n")


def test_a_program_may_die_with_us() -> None:
    """Whoever started it is killed and cannot end it any more: the kernel does, while its session lives on."""
    nap = f"61.{os.getpid()}"
    code = f"from azpreflight.host.programs import run; run(('sleep', '{nap}'), 60, None, None, 9, dies_with_us=True)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        search = ["pgrep", "-f", f"^[a-z/]*sleep {nap}$"]
        while subprocess.run(search, capture_output=True, check=False, timeout=60).returncode != 0:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    assert nobody_sleeps(nap)


def test_a_signal_is_a_negative_status() -> None:
    """A program that crashed is told apart from one that failed."""
    assert sh("kill -SEGV $$").status == -11


def test_input_is_fed_and_closed() -> None:
    """More than a pipe holds, to a program that answers while it reads."""
    data = b"0123456789abcde\n" * 20_000
    assert LocalHost().run(["cat"], 5, stdin=data).stdout.encode() == data


def test_a_program_that_does_not_read_its_input_ends_all_the_same() -> None:
    """The pipe breaks, and that is no error of ours."""
    assert LocalHost().run(["true"], 5, stdin=b"x" * 1_000_000).status == 0


def test_without_input_it_is_closed() -> None:
    """A program that asks a question gets no answer and does not wait."""
    assert sh("read line; echo $?").stdout == "1\n"


def test_the_environment_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no locale and no preloaded library of the caller reaches the program."""
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    monkeypatch.setenv("https_proxy", "http://10.0.0.1:3128")
    names = {line.split("=")[0] for line in sh("env").stdout.splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "LC_ALL", "LANG"}


def test_no_such_program() -> None:
    """The error names it."""
    with pytest.raises(HostError, match="no program no-such-program"):
        LocalHost().run(["no-such-program"], 5)
    assert which("no-such-program") is None


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    """A script without an interpreter is an error with the kernel's word for it."""
    path = tmp_path / "tool"
    path.write_text("\x00\x01")
    path.chmod(0o755)
    with pytest.raises(HostError, match=r"cannot run .*: Exec format error"):
        LocalHost().run([str(path)], 5)


def test_rubbish_is_text_with_replacement_characters() -> None:
    """Bytes that are no UTF-8 do not break the reader."""
    assert sh(r"printf '\377\376ok'").stdout == "\ufffd\ufffdok"


def test_a_hung_program_is_killed_with_its_children() -> None:
    """At the deadline the whole session ends, a child that ignores signals too."""
    script = f"trap '' TERM; sleep {NAP}1 & wait"
    began = time.monotonic()
    with pytest.raises(HostError, match=r"sh did not end within 0.5 s"):
        sh(script, timeout=0.5)
    assert time.monotonic() - began < 10
    assert nobody_sleeps(f"{NAP}1")


def test_endless_output_is_cut_and_ended() -> None:
    """A program that prints for ever neither fills the memory nor outlives its deadline."""
    began = time.monotonic()
    with pytest.raises(HostError, match="yes did not end within"):
        LocalHost().run(["yes"], 0.5, limit=1000)
    assert time.monotonic() - began < 10


def test_long_output_is_cut_and_said() -> None:
    """Nothing may be concluded from what is missing, so the cut is visible."""
    done = sh("head -c 100000 /dev/zero | tr '\\0' x", limit=1000)
    assert (len(done.stdout), done.truncated, done.status) == (1000, True, 0)


def test_a_grandchild_that_keeps_the_pipe_open_is_killed() -> None:
    """The program itself has ended, its background child holds the output: it ends at the deadline."""
    began = time.monotonic()
    with pytest.raises(HostError, match="did not end within"):
        sh(f"sleep {NAP}2 & exit 0", timeout=0.5)
    assert time.monotonic() - began < 10
    assert nobody_sleeps(f"{NAP}2")


def test_a_program_that_closes_its_output_is_waited_for() -> None:
    """Nothing more to read is not the end: its status comes later."""
    began = time.monotonic()
    assert sh("exec >&- 2>&-; sleep 0.3; exit 7").status == 7
    assert time.monotonic() - began >= 0.3


def test_a_program_that_closes_its_output_and_goes_on_is_killed() -> None:
    """At the deadline, like one that is silent."""
    with pytest.raises(HostError, match="did not end within"):
        sh(f"exec >&- 2>&-; sleep {NAP}3", timeout=0.5)
    assert nobody_sleeps(f"{NAP}3")


def test_the_run_ends_a_program_that_nobody_waits_for_any_more() -> None:
    """Python ends while a daemon thread waits for a program: the program ends too."""
    code = (
        "import sys, threading, time\n"
        "from azpreflight.host import LocalHost, programs\n"
        "command = ['sleep', sys.argv[1]]\n"
        "threading.Thread(target=LocalHost().run, args=(command, 9), daemon=True).start()\n"
        "while not programs._running: time.sleep(0.01)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code, f"{NAP}3"], timeout=30, check=True)
    assert time.monotonic() - began < 9
    assert nobody_sleeps(f"{NAP}3")


def test_many_at_once() -> None:
    """Each caller gets the output of its own program."""
    host = LocalHost()
    numbers = tuple(range(30))
    done = host.together([lambda number=number: host.run(["echo", str(number)], 5) for number in numbers])  # type: ignore[misc]  # a default binds the number
    assert [result.stdout for result in done] == [f"{number}\n" for number in numbers]


def test_a_mounted_image_runs_nothing(tmp_path: Path) -> None:
    """Programs of an image are not run, and those of this machine say nothing about it."""
    host = LocalHost(str(tmp_path))
    with pytest.raises(HostError, match="running true needs the running system"):
        host.run(["true"], 5)
    assert host.which("sh") is None
