"""Probes that are slow or broken, and a run that is interrupted or lacks rights."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from azpreflight.render.json import SNAPSHOT_SCHEMA

NAP = f"62.{os.getpid()}"
"""Seconds that name the program of this test process, so that tests beside it cannot be taken for it."""

SLOW = f"""
import sys, time
from azpreflight.cli import main as cli
from azpreflight.cli import inspecting, judging
from azpreflight.host import LocalHost
from azpreflight.model import Check, Probe, Severity
from tests.support.probes import Facts

def never(host, run):
    LocalHost(budget=60).run(["sleep", "{NAP}"], 60)

def broken(host, run):
    raise ZeroDivisionError("oops")

def probe(name, gather):
    check = Check(name, name + " is well", lambda facts, run: iter(()), Severity.ERROR, offline=True)
    return Probe(name, Facts, gather, (check,))

PROBES = dict(slow=probe("slow", never), good=probe("good", lambda host, run: Facts()), bad=probe("bad", broken))
inspecting.PROBES = judging.PROBES = tuple(PROBES[name] for name in sys.argv[1].split(","))
sys.exit(cli.main(sys.argv[2:]))
"""


def with_probes(names: str, *arguments: str) -> list[str]:
    """The command line with probes that are slow or broken on purpose."""
    return [sys.executable, "-c", SLOW, names, *arguments]


def sleeper() -> bool:
    """True while the slow probe's program runs."""
    return (
        subprocess.run(
            ["pgrep", "-f", f"^[a-z/]*sleep {NAP}$"], capture_output=True, check=False, timeout=60
        ).returncode
        == 0
    )


def no_sleeper_left() -> bool:
    """True once the slow probe's program is gone."""
    deadline = time.monotonic() + 3
    while sleeper() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not sleeper()


def test_a_probe_that_never_returns_costs_the_budget_and_no_more() -> None:
    """The others report, the slow one is unknown, the process ends in time and leaves no program behind."""
    began = time.monotonic()
    done = subprocess.run(
        with_probes("slow,good", "check", "--timeout", "1", "-v"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert time.monotonic() - began < 10
    assert done.returncode == 3
    assert "[PASS] good: good is well" in done.stdout
    assert re.search(r"\[UNKN\] slow: not done within the \d\.\d s that this run had", done.stdout)
    assert no_sleeper_left()


def test_a_bug_is_exit_70_with_the_report(tmp_path: Path) -> None:
    """The other checks are judged, standard error asks for a report of the bug, the JSON has the traceback."""
    done = subprocess.run(
        with_probes("bad,good", "check", "--format", "json"), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 70
    assert "azpreflight: a bug in azpreflight: bad; the JSON has the traceback, please report it" in done.stderr
    results = {row["check"]: row for row in json.loads(done.stdout)["results"]}
    assert results["good"]["status"] == "pass"
    assert results["bad"]["status"] == "unknown" and "ZeroDivisionError" in results["bad"]["traceback"]
    recorded = subprocess.run(
        with_probes("bad,good", "record"), capture_output=True, text=True, timeout=30, check=False
    )
    assert recorded.returncode == 70 and json.loads(recorded.stdout)["schema"] == SNAPSHOT_SCHEMA


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_at_once(number: signal.Signals, code: int) -> None:
    """Without a traceback, and without leaving its programs behind; also where the tests run in the background, whose
    programs a shell lets ignore SIGINT."""
    command = ("env", "--default-signal=INT,TERM", *with_probes("slow", "check", "--timeout", "30"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not sleeper():
            assert process.poll() is None
            time.sleep(0.02)
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert time.monotonic() - began < 10
    assert process.returncode == code
    assert "Traceback" not in err and out == ""
    assert no_sleeper_left()


def test_a_slow_run_tells_a_terminal_what_it_waits_for() -> None:
    """One line that is rewritten on the terminal; nothing in a pipe."""
    command = with_probes("slow,good", "check", "--timeout", "2")
    far, near = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=near, text=True) as process:
        os.close(near)
        out, _ = process.communicate(timeout=30)
    said = os.read(far, 65536).decode()
    os.close(far)
    assert "1 of 2 done, now slow" in said
    assert said.endswith("\r") and "\n" not in said.split("looking", 1)[1]
    assert "looking" not in out
    piped = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "looking" not in piped.stderr


def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user who may read every file, to reach this interpreter, and nothing else."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    nobody += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    command = [*nobody, sys.executable, "-m", "azpreflight", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_root_it_says_first_what_it_cannot_see(root: str) -> None:
    """On standard error, before anything else; the report says that it was unprivileged."""
    done = as_nobody("check", "--root", root)
    assert done.stderr.startswith("azpreflight: not root, so this cannot see firewall rules, ")
    assert "unprivileged" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_looks_twice_is_told_once_what_cannot_be_seen(root: str, tmp_path: Path) -> None:
    """First at the image as it is, and then at everything."""
    done = as_nobody("check", "--root", root, "--as-captured", str(tmp_path / "missing" / "as-captured.json"))
    assert done.stderr.count("not root") == 1
    assert "unprivileged" in done.stdout
