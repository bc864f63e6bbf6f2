"""The same logs on a real Dask cluster of several processes: the same answer, also where one of them is killed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.fleet import local
from azpreflight.fleet.cluster import ENDED
from azpreflight.fleet.item import Item
from azpreflight.fleet.run import Engine
from tests.support import truths
from tests.support.cluster import cluster
from tests.support.readers import end_readers
from tests.support.reading import of_items

pytestmark = pytest.mark.xdist_group("dask")

WORKERS = 4
GIVEN_UP = 4
"""Workers that are lost with a task before the scheduler gives it up: its own default."""


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    with cluster(tmp_path_factory.mktemp("dask"), WORKERS) as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of many machines."""
    top = tmp_path_factory.mktemp("logs")
    assert len(list(truths.write(top, 200, 40_000))) == 200
    return top


def answer(out: Path, *arguments: str | Path) -> bytes:
    """The JSON document for these logs."""
    assert main(["fleet", "--format", "json", "-o", str(out), *map(str, arguments)]) == 1
    return out.read_bytes()


def test_a_cluster_gives_the_same_answer_to_the_byte(scheduler: str, folder: Path, tmp_path: Path) -> None:
    here = answer(tmp_path / "here", folder, "--jobs", "1")
    assert answer(tmp_path / "there", folder, "--engine", "dask", "--scheduler", scheduler) == here


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(scheduler: str, folder: Path, tmp_path: Path) -> None:
    """The scheduler gives what it was at to another."""
    odd, content = tmp_path / "odd.log", truths.log(13)
    odd.write_bytes(content)
    items = [*local.found(str(folder)), Item(str(odd), str(odd))]
    here = of_items(items, Engine(1))
    odd.unlink()
    os.mkfifo(odd)
    feeding = threading.Thread(target=end_readers, args=(odd, 1, content), daemon=True)
    feeding.start()
    assert of_items(items, Engine(1, scheduler)) == here
    feeding.join(60)
    assert not feeding.is_alive()


def test_a_log_that_ends_every_worker_takes_no_other_along(scheduler: str, folder: Path, tmp_path: Path) -> None:
    """Dask gives a task up when four workers were lost with it: its logs are read alone then, and one is said to."""
    odd = tmp_path / "odd.log"
    os.mkfifo(odd)
    ending = threading.Thread(target=end_readers, args=(odd, 2 * GIVEN_UP), daemon=True)
    ending.start()
    few = list(local.found(str(folder)))[:20]
    found = json.loads(of_items([*few, Item(str(odd), str(odd))], Engine(1, scheduler)))
    ending.join(60)
    assert found["totals"]["unread"] == 1
    assert [one["reason"] for one in found["machines"] if one["unread"]] == [ENDED]
    assert len(found["machines"]) == 21


def test_a_cluster_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(truths.log(0))
    address = "tcp://127.0.0.1:9"
    assert main(["fleet", str(tmp_path / "a.log"), "--engine", "dask", "--scheduler", address]) == 2
    assert f"cannot reach the scheduler {address}" in capsys.readouterr().err
