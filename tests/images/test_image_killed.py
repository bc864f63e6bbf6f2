"""`azpreflight image` is killed, and nothing is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from azpreflight.host.descendants import below
from azpreflight.host.disk.mount_point import mount_point
from tests.images.disks import converted, disk, tool
from tests.images.looking import TIMEOUT, fingerprint, leftovers, looked, statuses, two_parts
from tests.support.processes import left

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("images")]
"""One after the other, because each looks for what is left on the whole machine."""

CHECKOUT = Path(__file__).parents[2]
KILLS = int(os.environ.get("TEST_KILLS", "3"))
"""Runs of each kind that are killed; the tests take few of them."""
ENDS = (0, 1, 3)
"""Exit codes of one that was quicker."""


def mounts_of(pid: int) -> Iterator[list[list[str]]]:
    """The mounts of an image in the namespaces of the threads of a process, which may be gone."""
    for path in Path(f"/proc/{pid}/task").glob("*/mounts"):
        with suppress(OSError):
            lines = path.read_text().splitlines()
            yield [line.split() for line in lines if "azpreflight-image" in line]


def mounted_below(pid: int) -> list[list[str]]:
    """What a process below this one has mounted of an image."""
    return max((mounts for one in below(pid) for mounts in mounts_of(one)), key=len, default=[])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_however_it_ends(place: Path, number: int) -> None:
    """Ended while everything is mounted, by threads of a process below it, and a probe that never ends looks at it."""
    path = disk(place / "disk.raw", two_parts(place))
    command = [sys.executable, "-m", "tests.support.hogs", "spins", "image", str(path), "--timeout", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=CHECKOUT) as process:
        while len(own := mounted_below(process.pid)) < 3 and process.poll() is None:
            time.sleep(0.05)
        kinds = [(line[2], set(line[3].split(",")) >= {"nodev", "nosuid", "noexec"}) for line in own]
        assert kinds == [("tmpfs", True), ("ext4", True), ("ext4", True)]
        assert all("ro" in line[3].split(",") for line in own[1:])
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT)
    empty = [path for path in Path("/run").glob("azpreflight-image-*") if number == signal.SIGKILL]
    assert [list(directory.iterdir()) for directory in empty] == [[]] * len(empty)
    looked(path)  # removes it, and itself leaves nothing
    assert leftovers() == []


@pytest.mark.parametrize("form", ["raw", "qcow2"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_may_be_killed_at_any_moment(place: Path, form: str, number: int) -> None:
    """No process, mount or device stays, nor what it unpacked; the file is as it was, and the next run works."""
    path = converted(disk(place / "disk.img", two_parts(place)), form)
    before = fingerprint(path)
    scratch, mark, chance = place / "tmp", f"TEST_KILLED={place}", random.Random(form)
    scratch.mkdir()
    name, _, value = mark.partition("=")
    env = {**os.environ, name: value, "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "azpreflight", "image", str(path)]
    nowhere = subprocess.DEVNULL
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=env, start_new_session=True) as process:
            time.sleep(chance.uniform(0.05, 1.2))
            process.send_signal(number)
        assert process.returncode in (-number, 128 + number, *ENDS)
        assert left(mark) == []
        mine = [Path("/proc/self/mounts").read_text().count("azpreflight-image"), len(list(scratch.iterdir()))]
        assert (mine, tool("losetup", "--list", "--noheadings").count("azp-image-")) == ([0, 0], 0)
        assert fingerprint(path) == before
        assert statuses(looked(path))["gen-provisioned-sentinel"] == "fail"


def test_a_run_does_not_disturb_another(place: Path) -> None:
    """What stands in /run may be in use: the mounts of one that is looked at by now outlive the start of the next."""
    path = disk(place / "disk.raw", two_parts(place))
    command = [sys.executable, "-m", "tests.support.hogs", "spins", "image", str(path), "--timeout", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=CHECKOUT) as process:
        while len(mounted_below(process.pid)) < 3:
            assert process.poll() is None
            time.sleep(0.05)
        with mount_point() as another:
            assert another is not None and len(mounted_below(process.pid)) == 3
        process.terminate()
        process.communicate(timeout=TIMEOUT)
    assert leftovers() == []
