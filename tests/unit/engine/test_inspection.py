"""Whole runs with a probe that takes the process along: the deadline, what is reported, and what is left running."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from azpreflight.engine.inspection.stall import Stall
from tests.support.hogs import LINES
from tests.support.processes import left

SOURCE = Path(__file__).parents[3]
GOOD = tuple(f"good{number}" for number in range(8))
BUDGET = 6.0
"""Seconds, where it is the deadline that ends a run."""
AMPLE = 60.0
"""Seconds, where something else ends it: a second of the processor may take ten on a busy machine."""
SLACK = 20
"""Seconds that a run may be late on a machine that does ten other things; without a deadline it would take hours."""
HELD_UP = "it held up all others without an end, and was ended"
LATE = re.compile(r"not done within the \d+\.\d s that this run had")

Report = dict[str, Any]


@pytest.fixture
def nap() -> Iterator[str]:
    """Seconds that name the programs of this test; none may be left when it ends."""
    seconds = f"61.{os.getpid()}{random.randrange(1000):03}"
    yield seconds
    assert gone(seconds)


def asleep(nap: str) -> list[int]:
    """The programs of the test that run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", nap.encode()]:
            found.append(int(path.parent.name))
    return found


def gone(nap: str) -> bool:
    """True once no program of the test runs."""
    deadline = time.monotonic() + 5
    while asleep(nap) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not asleep(nap)


def command(*names: str, timeout: float = BUDGET, module: str = "tests.support.hogs") -> list[str]:
    """A check with these probes and the good ones."""
    arguments = [",".join((*GOOD, *names)), "check", "--format", "json", "--timeout", str(timeout)]
    return [sys.executable, "-m", module, *arguments]


def ran(
    *names: str, budget: float = AMPLE, before: tuple[str, ...] = (), nap: str = "60", **kw: Any
) -> tuple[int, Report]:
    """Exit code and report of such a run, which is in time."""
    began = time.monotonic()
    done = subprocess.run(
        [*before, *command(*names, timeout=budget)],
        capture_output=True,
        text=True,
        timeout=budget + SLACK,
        check=False,
        env={**os.environ, "NAP": nap},
        cwd=SOURCE,
        **kw,
    )
    assert time.monotonic() - began < budget + SLACK
    assert "Traceback" not in done.stderr
    report: Report = json.loads(done.stdout)
    return done.returncode, report


def reasons(report: Report) -> dict[str, str]:
    """Why which checks are unknown; every other one passed."""
    undecided = {row["check"]: row["reason"] for row in report["results"] if row["status"] == "unknown"}
    passed = {row["check"] for row in report["results"] if row["status"] == "pass"}
    assert passed == {row["check"] for row in report["results"]} - undecided.keys()
    return undecided


# --- the deadline -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["holds", "helped"])
def test_a_probe_that_holds_the_interpreter_is_lost_alone(name: str) -> None:
    """Found by its threads' names, also where one works that it has started; long before the time is up."""
    code, report = ran(name)
    assert (code, reasons(report)) == (3, {name: HELD_UP})
    assert report["run"]["duration_s"] < AMPLE


def test_what_needs_it_is_asked_without_it() -> None:
    """And with what else it needs, which an earlier child has brought."""
    code, report = ran("holds", "after")
    assert (code, reasons(report)) == (3, {"holds": HELD_UP})
    assert report["facts"]["after"] == {"needed": 1}


def test_a_probe_that_never_ends_leaves_the_others_their_turns() -> None:
    """It is the deadline that ends it."""
    code, report = ran("spins", budget=BUDGET)
    assert code == 3 and list(reasons(report)) == ["spins"]
    assert LATE.fullmatch(reasons(report)["spins"])


def test_programs_that_do_not_want_to_end_are_gone(nap: str) -> None:
    """In sessions of their own, with every signal ignored that can be."""
    code, report = ran("programs", budget=BUDGET, nap=nap)
    assert code == 3 and list(reasons(report)) == ["programs"]
    assert gone(nap)


def test_a_judge_that_does_not_end_costs_the_verdict_and_not_the_report() -> None:
    """It works in the process that prints, on facts that have their limits."""
    code, report = ran("judged")
    assert (code, set(reasons(report).values())) == (3, {"what was seen could not be judged within 3 s"})


# --- memory, processes, descriptors -------------------------------------------------------------------------------


def test_a_probe_that_takes_all_memory_is_lost_alone() -> None:
    """What it took from the others they are given when they are asked alone."""
    code, report = ran("takes")
    assert (code, reasons(report)) == (3, {"takes": "the memory that an inspection may take was used up"})


def test_a_probe_that_sees_too_much_brings_a_reason() -> None:
    """And the report is as small as ever."""
    code, report = ran("large")
    reason = "what it saw takes 9 MiB, and more than 8 MiB are not kept"
    assert (code, reasons(report)) == (3, {"large": reason})


def test_a_child_that_is_killed_costs_the_probe_that_it_was_at() -> None:
    """As by the kernel where memory is short; all others are asked one after another, and arrive."""
    code, report = ran("dies")
    assert (code, reasons(report)) == (3, {"dies": "the process that asked it ended with signal 9"})


def test_all_at_once() -> None:
    """Each is lost for its own reason."""
    code, report = ran("holds", "takes", "dies")
    assert code == 3 and reasons(report).keys() == {"holds", "takes", "dies"}
    assert reasons(report)["holds"] == HELD_UP


@pytest.mark.parametrize("descriptors", [5, 6, 8, 12, 24, 64])
def test_few_descriptors(descriptors: int) -> None:
    """There is a report, and no bug."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    code, report = ran(preexec_fn=limit)
    assert code in (0, 3)
    assert [row["reason"] for row in report["results"] if row["traceback"]] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else, whom alone RLIMIT_NPROC bounds")
@pytest.mark.parametrize("processes", [0, 1, 2, 3, 6])
def test_few_processes_and_threads(processes: int) -> None:
    """Down to none but its own: then it asks one probe after another itself."""
    uid = str(random.randrange(400_000, 500_000))
    nobody = ["setpriv", f"--reuid={uid}", "--regid=65534", "--clear-groups"]
    nobody += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    code, report = ran(before=(*nobody, "prlimit", f"--nproc={1 + processes}"))
    assert (code, reasons(report)) == (0, {})


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of this test alone that counts processes and threads (cgroup v1 or v2)."""
    for above in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")):
        place = above / f"azpreflight-test-{os.getpid()}"
        with suppress(OSError):
            place.mkdir()
            try:
                if (place / "pids.max").exists():
                    yield place
                    return
            finally:
                leave(place)
    pytest.skip("no control group that counts processes can be made here")


def leave(place: Path) -> None:
    """Remove it, once the last process is out of it."""
    deadline = time.monotonic() + 10
    while place.exists() and time.monotonic() < deadline:
        with suppress(OSError):
            place.rmdir()
        time.sleep(0.02)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 8, 16, 40])
def test_a_service_with_few_tasks(group: Path, most: int) -> None:
    """As TasksMax= bounds root too: it gets fewer processes and threads than it wants."""
    (group / "pids.max").write_text(str(most))
    inside = ("sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh")
    code, report = ran(before=inside)
    assert (code, reasons(report)) == (0, {})
    asked = [
        *inside,
        sys.executable,
        "-m",
        "azpreflight",
        "check",
        "--files",
        "--format",
        "json",
        "--timeout",
        str(AMPLE),
    ]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=AMPLE + SLACK, check=False, cwd=SOURCE)
    assert done.returncode in (0, 1, 3), done.stderr
    whole = json.loads(done.stdout)
    assert [row["reason"] for row in whole["results"] if row["traceback"]] == []
    assert sum(row["status"] != "unknown" for row in whole["results"]) > len(whole["results"]) / 2


@pytest.mark.parametrize("mib", [64, 128, 256, 1024])
def test_little_memory(mib: int) -> None:
    """Addresses for all, stacks of threads included."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    code, report = ran(preexec_fn=limit)
    assert code in (0, 3)
    assert [row["reason"] for row in report["results"] if row["traceback"]] == []


# --- signals ------------------------------------------------------------------------------------------------------


def started(nap: str, *names: str) -> subprocess.Popen[str]:
    """A run that goes on for ever, whose programs run."""
    pipe = subprocess.PIPE
    asked = ["env", "--default-signal=INT,TERM", *command(*names, timeout=600)]
    process = subprocess.Popen(asked, stdout=pipe, stderr=pipe, text=True, env={**os.environ, "NAP": nap}, cwd=SOURCE)
    while len(asleep(nap)) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_is_ended_at_once_in_the_middle_of_c(number: signal.Signals, code: int, nap: str) -> None:
    """While a probe holds the interpreter and programs run that do not want to end."""
    with started(nap, "programs", "holds") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=SLACK)
    assert (process.returncode, out) == (code, "") and "Traceback" not in err
    assert gone(nap)


def test_a_run_that_is_killed_leaves_nothing_running(nap: str) -> None:
    """At 40 moments, eight of them under way at once; who keeps the programs sees that nobody is there any more."""

    def killed(after_s: float) -> None:
        process = subprocess.Popen(
            command("programs", timeout=600),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NAP": nap},
            cwd=SOURCE,
            start_new_session=True,
        )
        time.sleep(after_s)
        process.kill()
        process.wait(SLACK)

    with ThreadPoolExecutor(8) as several:
        list(several.map(killed, [random.uniform(0.1, 4) for _ in range(40)]))
    assert gone(nap)
    assert left(f"NAP={nap}") == []


# --- who holds up the others --------------------------------------------------------------------------------------


def test_silence_without_work_is_no_stall() -> None:
    """A machine that does not let the child run is no reason to end it."""
    stall = Stall(lambda: {"a": 100.0, "b": 3.0}, 10)
    assert [stall.culprit(heard) for heard in (False, False, False)] == [None, None, None]


def test_the_busiest_thread_is_to_blame_once_it_has_had_its_time() -> None:
    """Counted from the last word of the child."""
    used = iter(({"a": 10.0, "b": 3.0}, {"a": 10.5, "b": 3.0}, {"a": 12.0, "b": 3.9}, {"a": 12.1, "b": 5.0}))
    stall = Stall(lambda: next(used), 10)
    assert stall.culprit(False) is None  # the first look
    assert stall.culprit(False) is None  # half a second
    assert stall.culprit(True) is None  # it speaks
    assert stall.culprit(False) is None  # the first look again
    assert stall.culprit(False) == "b"


def test_the_lines_hold_up_python_itself() -> None:
    """The expression is what it is said to be: it does not end in a second."""
    code = f"import re; re.findall(r'^\\s*x', '\\n' * {len(LINES)}, re.MULTILINE)"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", code], timeout=1, check=False)


# --- what the parent knows afterwards -----------------------------------------------------------------------------

LOADING = """
import sys
from contextlib import contextmanager
from azpreflight.host import LocalHost
from azpreflight.engine.inspection import Question, inspect
from azpreflight.model import Probe, Run
from tests.support.hogs import Facts

def look(host, run):
    import wave
    return Facts(len(wave.__name__))

PROBES = (Probe("a", Facts, look, ()),)

@contextmanager
def ask(spent, tell):
    yield Question(LocalHost(), Run(), PROBES)

before = "wave" in sys.modules
inspect(ask, PROBES, 10, Run())
between = "wave" in sys.modules
snapshot = inspect(ask, PROBES, 10, Run(), load=True)
print(before, between, "wave" in sys.modules, snapshot.probes["a"].facts)
"""


def test_what_a_child_has_imported_can_be_imported_by_its_parent() -> None:
    """Which `seal` needs, because it may delete the directory that the program is in before it inspects again."""
    command = [sys.executable, "-c", LOADING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=SOURCE)
    assert done.stdout == "False False True Facts(needed=4)\n"


def test_a_configuration_that_cannot_be_used_is_said_as_ever(tmp_path: Path) -> None:
    """It is the child that reads it."""
    wrong = tmp_path / "config.yaml"
    wrong.write_text("clod: public\n")
    asked = [*command(), "--config", str(wrong)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False, cwd=SOURCE)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{wrong}:1" in done.stderr


def test_a_configuration_may_give_more_time(tmp_path: Path) -> None:
    """Counted from the beginning, by the child that reads it and by its parent."""
    config = tmp_path / "config.yaml"
    config.write_text("timeout: 2\n")
    asked = [sys.executable, "-m", "tests.support.hogs", "spins,good0", "check", "--format", "json"]
    asked += ["--config", str(config)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False, cwd=SOURCE)
    assert done.returncode == 3
    assert 1.5 < json.loads(done.stdout)["run"]["duration_s"] < 8


def test_the_limit_of_memory_is_above_what_the_process_has() -> None:
    """A parent that is large leaves its child no less room than a small one."""
    code = (
        "import resource; from azpreflight.host import limits; held = bytearray(600 << 20); limits.limit_memory();"
        "used = [int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmData')][0] << 10;"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0] - used >= limits.LEAST)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30)
    assert done.stdout == "True\n"
