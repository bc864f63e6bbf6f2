"""Real files of every awkward kind, on the running system and below a root."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from azpreflight.host import FileKind, HostError, LocalHost
from azpreflight.host.disk.types import Attached, Disk, Format
from azpreflight.host.files import MAX_NAMES, Tree

DISK = Disk("vm.vhd", Format.RAW, 0, 0, attached=(Attached("/closed", "/dev/sdb1", False, None),))
"""One of whose filesystems is missing."""


@pytest.fixture(params=["rooted", "walked", "live"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[LocalHost, Path, str]:
    """A host, a directory, and the path of that directory as the host sees it."""
    if request.param == "rooted":
        return LocalHost(str(tmp_path)), tmp_path, ""
    if request.param == "walked":  # a place that is closed to paths has them resolved by hand
        return LocalHost(str(tmp_path), disk=DISK), tmp_path, ""
    return LocalHost(), tmp_path, str(tmp_path)


Place = tuple[LocalHost, Path, str]


def test_a_file_is_read(place: Place) -> None:
    """Bytes and text; what is no UTF-8 becomes replacement characters."""
    host, real, seen = place
    (real / "a").write_bytes(b"x\xff\r\n")
    assert host.read(f"{seen}/a") == b"x\xff\r\n"
    assert host.text(f"{seen}/a") == "x\ufffd\r\n"


def test_room_is_that_of_the_filesystem() -> None:
    """Of a mount point as of the running system; a mere directory has none of its own, and what is absent has none."""
    live, mounted = LocalHost().room("/"), LocalHost("/proc").room("/")
    assert live is not None and mounted is not None and live.device == os.stat("/").st_dev != mounted.device
    assert 0 <= live.free <= os.statvfs("/").f_blocks * os.statvfs("/").f_frsize
    assert LocalHost("/proc/self").room("/") is None
    assert LocalHost().room("/nowhere") is None


def test_what_is_absent_is_none(place: Place) -> None:
    """A missing file, one below a file, and one behind a dangling link; the link itself is seen."""
    host, real, seen = place
    (real / "file").write_text("")
    (real / "dangling").symlink_to("nowhere")
    for path in ("absent", "file/below", "dangling", "dangling/below"):
        assert host.read(f"{seen}/{path}") is None
        assert host.info(f"{seen}/{path}") is None
        assert host.list(f"{seen}/{path}") is None
    info = host.info(f"{seen}/dangling", follow=False)
    assert info is not None and (info.kind, info.target) == (FileKind.LINK, "nowhere")


def test_nothing_but_a_regular_file_is_read(place: Place) -> None:
    """A FIFO, a socket and a directory are refused at once and never waited for."""
    host, real, seen = place
    os.mkfifo(real / "fifo")
    (real / "directory").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(real / "socket"))
        began = time.monotonic()
        with pytest.raises(HostError, match="fifo: not a regular file"):
            host.read(f"{seen}/fifo")
        with pytest.raises(HostError, match="socket: not a regular file"):
            host.read(f"{seen}/socket")
        with pytest.raises(HostError, match="directory: a directory"):
            host.text(f"{seen}/directory")
        assert host.list(f"{seen}/fifo") is None
        assert time.monotonic() - began < 10
        kinds = {name: host.info(f"{seen}/{name}") for name in ("fifo", "socket", "directory")}
    assert [info.kind for info in kinds.values() if info] == [FileKind.OTHER, FileKind.OTHER, FileKind.DIRECTORY]


def test_a_link_that_is_not_to_be_followed_is_not_read(place: Place) -> None:
    """Whoever has seen a file of somebody else's reads that one, or nothing."""
    host, real, seen = place
    (real / "file").write_text("content")
    (real / "link").symlink_to("file")
    assert host.read(f"{seen}/file", follow=False) == b"content"
    with pytest.raises(HostError, match="link: not a regular file"):
        host.read(f"{seen}/link", follow=False)


def test_a_fifo_with_a_writer_is_not_read_either(place: Place) -> None:
    """An open FIFO opens at once, and still is no configuration file."""
    host, real, seen = place
    os.mkfifo(real / "fifo")
    reader = os.open(real / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(real / "fifo", os.O_WRONLY)
    try:
        with pytest.raises(HostError, match="not a regular file"):
            host.read(f"{seen}/fifo")
    finally:
        os.close(reader)
        os.close(writer)


def test_a_huge_file_is_refused_and_its_tail_is_read(place: Place) -> None:
    """A sparse file of a terabyte costs nothing; a log is read from its end, from a whole line on."""
    host, real, seen = place
    with open(real / "huge", "wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast but one\nlast\n")
    with pytest.raises(HostError, match="larger than 1000 bytes"):
        host.read(f"{seen}/huge", limit=1000)
    assert host.tail(f"{seen}/huge", limit=1000) == "last but one\nlast\n"
    (real / "short").write_text("one\ntwo\n")
    assert host.tail(f"{seen}/short", limit=8) == "one\ntwo\n"


def test_links_in_a_loop_are_an_error(place: Place) -> None:
    """Neither for ever nor absent."""
    host, real, seen = place
    (real / "a").symlink_to("b")
    (real / "b").symlink_to("a")
    with pytest.raises(HostError, match=r"/a: (too|Too) many"):
        host.read(f"{seen}/a")
    with pytest.raises(HostError, match=r"/a: (too|Too) many"):
        host.info(f"{seen}/a")


def test_a_directory_is_listed_in_order(place: Place) -> None:
    """Names, sorted, hidden ones too; through a link as well."""
    host, real, seen = place
    for name in ("b", ".hidden", "a"):
        (real / "d" / name).mkdir(parents=True)
    (real / "link").symlink_to("d")
    assert host.list(f"{seen}/d") == host.list(f"{seen}/link") == (".hidden", "a", "b")


def test_a_directory_of_very_many_names_is_refused(tmp_path: Path) -> None:
    """More than any of the system's own directories holds."""
    for number in range(MAX_NAMES + 1):
        os.symlink("nowhere", tmp_path / str(number))
    with pytest.raises(HostError, match=f"more than {MAX_NAMES} names"):
        Tree("/").list(str(tmp_path))  # without the host's deadline, which a loaded machine may well miss


def test_patterns_match_within_one_name(place: Place) -> None:
    """Hidden names only where the pattern is hidden; dangling links are names as well."""
    host, real, seen = place
    for path in ("home/a/.ssh/keys", "home/b/.ssh/keys", "home/.old/.ssh/keys"):
        (real / path).parent.mkdir(parents=True)
        (real / path).touch()
    (real / "home" / "c").symlink_to("nowhere")
    assert host.glob(f"{seen}/home/*/.ssh/keys") == (f"{seen}/home/a/.ssh/keys", f"{seen}/home/b/.ssh/keys")
    assert host.glob(f"{seen}/home/?") == tuple(f"{seen}/home/{name}" for name in "abc")
    assert host.glob(f"{seen}/home/.o*") == (f"{seen}/home/.old",)
    assert host.glob(f"{seen}/nowhere/*") == ()


def test_owner_mode_and_time_are_seen(place: Place) -> None:
    """What lstat says, with permission bits only."""
    host, real, seen = place
    (real / "a").write_text("abc")
    (real / "a").chmod(0o4640)
    os.utime(real / "a", (1, 12345))
    info = host.info(f"{seen}/a")
    assert info is not None
    assert (info.kind, info.size, info.mode, info.modified) == (FileKind.FILE, 3, 0o4640, 12345.0)
    assert (info.uid, info.gid) == (os.geteuid(), os.getegid())


@pytest.mark.parametrize("target", ["/etc/secret", "../../../../../../etc/secret", "/./../etc//secret"])
def test_links_never_leave_the_root(tmp_path: Path, target: str) -> None:
    """Absolute links and links full of dots end inside the image, where the image's own system would end."""
    root = tmp_path / "image"
    (root / "etc").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "secret").write_text("of this machine")
    (root / "link").symlink_to(target)
    host = LocalHost(str(root))
    assert host.read("/link") is None
    (root / "etc" / "secret").write_text("of the image")
    assert host.text("/link") == "of the image"
    assert host.text("/../../etc/secret") == "of the image"


def test_a_directory_link_out_of_the_root_stays_inside(tmp_path: Path) -> None:
    """/var -> /: everything below is that of the image."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hostname").write_text("image\n")
    (tmp_path / "var").symlink_to("/")
    host = LocalHost(str(tmp_path))
    assert host.text("/var/var/etc/hostname") == "image\n"
    assert host.glob("/var/etc/*") == ("/var/etc/hostname",)


def test_a_place_without_its_filesystem_is_not_empty(tmp_path: Path) -> None:
    """What belongs there is not known, by whatever way it is asked for; beside it all is as always."""
    (tmp_path / "var").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "link").symlink_to("../var/lib")
    tree = Tree(str(tmp_path), frozenset({"/var"}))
    for path in ("/var", "/var/lib/waagent/provisioned", "/etc/../var/log", "/etc/link/waagent"):
        with pytest.raises(HostError, match="the filesystem that belongs there is not mounted"):
            tree.info(path, follow=True)
    assert tree.list("/etc") == ("link",)
    assert tree.read("/etc/variable", 9) is None


def test_files_of_the_kernel_state_no_size(tmp_path: Path) -> None:
    """Files in /proc come in pieces and have size 0."""
    assert "Name:" in (LocalHost().text("/proc/self/status") or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error() -> None:
    """No permission is "could not look", and not "absent"."""
    with pytest.raises(HostError, match="cannot read /etc/shadow: Permission denied"):
        LocalHost().read("/etc/shadow")
