"""Whose word a file is: only what nobody but the system could have written counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.guest import writers
from azpreflight.host import FileInfo, FileKind, HostError
from azpreflight.model import Status
from azpreflight.probes import logs
from tests.support.fakes import FakeHost, Link
from tests.support.machines.logs import BROKEN, judged

LOG = "/var/log/waagent.log"
FILE = FileInfo(FileKind.FILE, 10, 0o640, 0, 4, 0.0)
FOLDER = FileInfo(FileKind.DIRECTORY, 10, 0o755, 0, 0, 0.0)
MINE = replace(FILE, uid=1000)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({LOG: FILE}, None),
        ({LOG: replace(FILE, uid=104), "/var/log": replace(FOLDER, mode=0o775, gid=104)}, None),
        ({LOG: FILE, "/var/log": replace(FOLDER, mode=0o1777)}, None),
        ({}, None),
        ({LOG: MINE}, f"{LOG} belongs to user 1000"),
        ({LOG: replace(FILE, uid=65534)}, f"{LOG} belongs to user 65534"),
        ({LOG: replace(FILE, mode=0o666)}, f"everybody may write to {LOG}"),
        ({LOG: replace(FILE, mode=0o660, gid=100)}, f"group 100 may write to {LOG}"),
        ({LOG: replace(FILE, mode=0o660, gid=1001)}, f"group 1001 may write to {LOG}"),
        ({LOG: FILE, "/var/log": replace(FOLDER, mode=0o777)}, "everybody may write to /var/log"),
        ({LOG: FILE, "/var/log": replace(FOLDER, uid=1000)}, "/var/log belongs to user 1000"),
        ({"/var/log": Link("/home/x"), "/home/x": replace(FOLDER, uid=1000)}, "/home/x belongs to user 1000"),
        ({"/var/log": Link("../srv"), "/srv/waagent.log": MINE}, "/srv/waagent.log belongs to user 1000"),
        ({LOG: Link("other.log"), "/var/log/other.log": FILE}, None),
    ],
)
def test_who_could_have_written_it(files: dict[str, object], why: str | None) -> None:
    """The file, every directory above it, and where links lead."""
    host = FakeHost(files=files)  # type: ignore[arg-type]  # nodes of the fake
    assert writers.others(host, LOG) == why
    assert writers.believed(host, LOG) is (why is None)


def test_what_cannot_be_told_is_not_believed() -> None:
    loop = FakeHost(files={"/a": Link("/b"), "/b": Link("/a")})
    with pytest.raises(HostError):
        writers.others(loop, "/a")
    assert not writers.believed(loop, "/a")


def test_who_runs_it_for_himself_believes_himself() -> None:
    """A report that is made without root is nobody else's."""
    assert writers.believed(FakeHost(files={LOG: MINE}, privileged=False), LOG)


def test_a_log_of_somebody_else_proves_nothing() -> None:
    """What would be an error out of root's log is unknown out of one that anybody may write."""
    host, run = BROKEN["logs-vm-identifier"]
    assert judged(host)[0] is Status.FAIL
    open_to_all = FakeHost(files={**host.files, "/var/log": replace(FOLDER, mode=0o777)})
    status, reason = judged(open_to_all)
    assert (status, "everybody may write to /var/log" in reason) == (Status.UNKNOWN, True)
    assert logs.gather(open_to_all, run).sightings == ()
