"""Reading many logs: in this process, in several, again, and with what goes wrong on the way."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.fleet import local, pool
from azpreflight.fleet.item import Item
from azpreflight.fleet.run import Engine
from azpreflight.fleet.store import Store
from azpreflight.fleet.work import Batch
from tests.support import truths
from tests.support.readers import blocked_on, end_readers
from tests.support.reading import NOW, of_items

LOGS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of many machines."""
    top = tmp_path_factory.mktemp("fleet")
    assert len(list(truths.write(top, LOGS, 40_000))) == LOGS
    return top


def answer(out: Path, *arguments: str | Path) -> bytes:
    """The JSON document for these logs."""
    main(["fleet", "--format", "json", "-o", str(out), *map(str, arguments)])
    return out.read_bytes()


def test_the_answer_is_the_truth(folder: Path, tmp_path: Path) -> None:
    """What was made to be wrong is found, with what those machines have in common, and nothing else is."""
    found = json.loads(answer(tmp_path / "out", folder))
    known = [truths.truth(number) for number in range(LOGS)]
    told = {one["vm_id"]: one for one in found["machines"] if one["vm_id"]}
    assert set(told) == {one.vm_id for one in known if one.report}
    for one in known:
        if one.report:
            assert [entry["cause"] for entry in told[one.vm_id]["causes"]] == [word.value for word in one.causes]
            assert told[one.vm_id]["traits"]["subnets"] == [one.subnet]
    assert found["totals"]["without_report"] == sum(not one.report for one in known)
    dead = next(group for group in found["groups"] if group["cause"] == "dns-unreachable")
    assert [(one["dimension"], one["value"]) for one in dead["common"]] == [("subnet", "10.9.0.0/24")]
    regions = {row["value"]: row["machines"] for row in found["by"]["region"]}
    assert regions == {
        **{name: sum(one.region == name for one in known if one.report) for name in truths.REGIONS},
        "unknown": found["totals"]["without_report"],
    }


def test_one_process_and_several_give_the_same_answer_to_the_byte(folder: Path, tmp_path: Path) -> None:
    one = answer(tmp_path / "one", folder, "--jobs", "1")
    assert answer(tmp_path / "three", folder, "--jobs", "3") == one
    backwards = sorted(folder.rglob("*.log"), reverse=True)
    assert answer(tmp_path / "listed", *backwards, "--jobs", "2") == one


def test_a_worker_that_is_killed_loses_nothing(folder: Path, tmp_path: Path) -> None:
    """What was under way with it is read again, each alone; the log on which it was killed is read the second time."""
    odd, content = tmp_path / "odd.log", truths.log(3)
    odd.write_bytes(content)
    items = [*local.found(str(folder)), Item(str(odd), str(odd))]
    expected = of_items(items, Engine(1))
    odd.unlink()
    os.mkfifo(odd)
    feeding = threading.Thread(target=end_readers, args=(odd, 1, content), daemon=True)
    feeding.start()
    assert of_items(items, Engine(2)) == expected
    feeding.join(60)


def test_a_log_that_ends_every_worker_is_said_to(folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.log"
    os.mkfifo(odd)
    killing = threading.Thread(target=end_readers, args=(odd, 2), daemon=True)
    killing.start()
    found = json.loads(of_items([*local.found(str(folder)), Item(str(odd), str(odd))], Engine(2)))
    killing.join(60)
    (row,) = (one for one in found["machines"] if one["log"] == str(odd))
    assert (row["reason"], row["unread"], row["exit_code"]) == (pool.ENDED, True, 2)
    assert found["totals"]["machines"] == LOGS + 1


def test_what_only_this_process_has_open_is_read_by_it(folder: Path, tmp_path: Path) -> None:
    """As a shell passes the output of a program: <(zcat boot.log.gz)."""
    odd, content = tmp_path / "odd.log", truths.log(7)
    os.mkfifo(odd)
    writing = threading.Thread(target=odd.write_bytes, args=(content,), daemon=True)
    writing.start()
    found = json.loads(answer(tmp_path / "out", folder, odd, "--jobs", "2"))
    writing.join(60)
    assert {one["vm_id"] for one in found["machines"] if one["log"] == str(odd)} <= {truths.truth(7).vm_id}
    assert found["totals"]["older_logs"] == 1  # the folder has a log of this machine too


def test_an_interruption_ends_a_worker_that_waits(folder: Path, tmp_path: Path) -> None:
    """Else Ctrl-C would wait for it: the second log is none that ever ends."""
    odd = tmp_path / "odd.log"
    os.mkfifo(odd)
    first = next(local.found(str(folder)))
    batches = [Batch((first,), NOW), Batch((Item(str(odd), str(odd)),), NOW)]
    reading = pool.spread(iter(batches), 2, lambda: None)
    assert next(reading)[0] == first
    with open(odd, "wb"):
        end = time.monotonic() + 30
        while not blocked_on(odd):  # its open has let ours through, and may not have returned itself
            assert time.monotonic() < end
            time.sleep(0.01)
        reading.close()  # type: ignore[attr-defined]  # it is a generator
        end = time.monotonic() + 30
        while blocked_on(odd):
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_second_run_reads_only_what_is_new(tmp_path: Path) -> None:
    """What is known is not opened again: its content is put in place of by nothing, with the same stamp."""
    logs, state = tmp_path / "logs", tmp_path / "state"
    list(truths.write(logs, 20, 30_000))
    first = answer(tmp_path / "out", logs, "--state", state)
    for path in sorted(logs.rglob("*.log"))[:10]:
        seen = path.stat()
        path.write_bytes(b"\0" * seen.st_size)
        os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert answer(tmp_path / "out", logs, "--state", state) == first
    assert answer(tmp_path / "out", logs) != first


def test_what_has_changed_came_or_went_is_as_in_a_first_run(tmp_path: Path) -> None:
    logs, state = tmp_path / "logs", tmp_path / "state"
    paths = list(truths.write(logs, 20, 30_000))
    answer(tmp_path / "out", logs, "--state", state)
    paths[3].write_bytes(truths.log(4)[:-1])
    paths[5].unlink()
    (logs / "new.log").write_bytes(truths.log(33))
    (logs / "gone.log").symlink_to("nowhere")
    assert answer(tmp_path / "again", logs, "--state", state) == answer(tmp_path / "fresh", logs)
    (logs / "gone.log").unlink()
    (logs / "gone.log").write_bytes(truths.log(34))
    assert answer(tmp_path / "again", logs, "--state", state) == answer(tmp_path / "fresh", logs)
    assert answer(tmp_path / "other", logs / "new.log", "--state", state) == answer(
        tmp_path / "fresh", logs / "new.log"
    )


def test_a_state_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written over."""
    state = tmp_path / "state"
    state.write_text("what somebody has written down, which is no database at all\n" * 20)
    (tmp_path / "a.log").write_bytes(truths.log(0))
    assert main(["fleet", str(tmp_path / "a.log"), "--state", str(state)]) == 2
    assert f"cannot keep the state in {state}" in capsys.readouterr().err
    assert state.read_text().startswith("what somebody")


def test_a_state_that_another_run_uses_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.log").write_bytes(truths.log(0))
    with Store(str(tmp_path / "state")):
        assert main(["fleet", str(tmp_path / "a.log"), "--state", str(tmp_path / "state")]) == 2
    assert "database is locked" in capsys.readouterr().err
    assert main(["fleet", str(tmp_path / "a.log"), "--state", str(tmp_path / "state")]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--jobs", "0"],
        ["x", "--engine", "dask"],
        ["x", "--scheduler", "tcp://127.0.0.1:1"],
        ["--resource-group", "g", "x"],
        ["x", "--format", "parquet"],
        ["--subscription", "s", "--arm", "http://management.example"],
    ],
)
def test_what_contradicts_itself_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["fleet", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert capsys.readouterr().err
