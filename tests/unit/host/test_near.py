"""Files that are asked for at once, and those that are not: real mounts, and one that never answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from azpreflight.host import LocalHost
from azpreflight.host.near import Elsewhere, Near, mounts

HUNG = """
import ctypes, os, sys
place = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"none", place.encode(), b"fuse", 0, options):
    raise OSError(ctypes.get_errno(), "mount")
sys.path[:0] = [sys.argv[2]]
from azpreflight.host import HostError, LocalHost
for root, file in ((os.path.dirname(place), "/hung/x"), ("/", f"{place}/x")):
    host = LocalHost(root, 0.5)
    try:
        print(host.read(file))
    except HostError as error:
        print(error)
    print(LocalHost(root).text(file.replace("hung/x", "beside")))
sys.stdout.flush()
os._exit(0)
"""
"""A FUSE filesystem of which nobody answers the first word. What waits for it is ended with its process."""


READ = "LocalHost().text(sys.argv[1] + '/at'), LocalHost(sys.argv[1]).text('/at'), sep=' '"


def test_what_is_on_the_same_filesystem_is_asked_for_at_once(tmp_path: Path) -> None:
    """No helper thread is started for it, below a root and on the running system, and absence is an answer."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("here")
    (tmp_path / "link").symlink_to("/etc")
    before = threading.active_count()
    for root, base in ((tmp_path, ""), ("/", str(tmp_path))):
        host = LocalHost(str(root))
        assert host.text(f"{base}/etc/hosts") == "here"
        assert host.list(f"{base}/etc") == ("hosts",)
        assert host.glob(f"{base}/e*/h*") == (f"{base}/etc/hosts",)
        assert host.read(f"{base}/etc/none") is None and host.info(f"{base}/etc/hosts/x") is None
    assert LocalHost(str(tmp_path)).text("/link/hosts") == "here"
    assert threading.active_count() == before


def test_nothing_leads_out_of_the_root_or_the_filesystem(tmp_path: Path) -> None:
    """A link to another filesystem is elsewhere; one that climbs stays below the root."""
    (tmp_path / "out").symlink_to("../../../../../../etc/hostname")
    near = Near(str(tmp_path), mounts())
    with pytest.raises(FileNotFoundError):
        near.open("/out", os.O_RDONLY)
    (tmp_path / "kernel").symlink_to("/proc/self/comm")
    with pytest.raises(Elsewhere):
        Near("/", mounts()).open(f"{tmp_path}/kernel", os.O_RDONLY)


def test_of_an_unknown_filesystem_nothing_is_near(tmp_path: Path) -> None:
    """One that is not named as local, one that the kernel's table lacks, and one that is reached through another."""
    place, parent = str(tmp_path), str(tmp_path.parent)
    for known in ({}, {"/": True, place: False}, {"/": True, parent: False, place: True}):
        with pytest.raises(Elsewhere):
            Near(place, known).open("/", os.O_PATH)
        with pytest.raises(Elsewhere):
            Near("/", known).open(place, os.O_PATH)
    os.close(Near(place, {"/": True, f"{place}x": False}).open("/", os.O_PATH))


def test_a_file_that_is_mounted_alone_is_not_taken_for_absent(tmp_path: Path) -> None:
    """As the resolv.conf of a container is."""
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    file = str(tmp_path / "resolv.conf")
    with pytest.raises(Elsewhere):
        Near("/", {"/": True, file: True}).open(file, os.O_RDONLY)


@pytest.mark.root
def test_a_bind_mount_of_a_file_is_read(tmp_path: Path) -> None:
    """In a mount namespace of its own."""
    (tmp_path / "from").write_text("from")
    (tmp_path / "at").write_text("at")
    agent = Path(__file__).parents[3] / "agent"
    code = f"import sys; sys.path[:0] = [{str(agent)!r}]; from azpreflight.host import LocalHost; print({READ})"
    script = 'mount --bind "$0/from" "$0/at" && exec "$1" -I -c "$2" "$0"'
    command = ["unshare", "--mount", "sh", "-c", script, str(tmp_path), sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "from from\n"


@pytest.mark.root
def test_a_mount_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """By its name, with what is beside it read."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("this kernel has no FUSE")
    (tmp_path / "hung").mkdir()
    (tmp_path / "beside").write_text("beside")
    agent = Path(__file__).parents[3] / "agent"
    command = ["unshare", "--mount", sys.executable, "-I", "-c", HUNG, str(tmp_path / "hung"), str(agent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [
        "reading /hung/x did not answer within 0.5 s",
        "beside",
        f"reading {tmp_path}/hung/x did not answer within 0.5 s",
        "beside",
    ]


def test_what_the_kernel_says_of_processes_has_a_deadline() -> None:
    """A process may have its command line in a file of a filesystem that never answers."""
    with pytest.raises(Elsewhere):
        Near("/", mounts()).open(f"/proc/{os.getpid()}/cmdline", os.O_RDONLY)
    assert "python" in (LocalHost().text(f"/proc/{os.getpid()}/cmdline") or "")
