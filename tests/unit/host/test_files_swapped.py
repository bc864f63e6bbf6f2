"""Files that somebody swaps while they are inspected: nothing from outside a root, and no device is ever opened.

Two names change places by renameat2(2) with RENAME_EXCHANGE as fast as a second process can, and each is one of the two
at any moment. A FIFO stands for a device; the kernel tells of everybody who opens it (inotify(7)), and not of those who
only see where it is (O_PATH).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from azpreflight.host import HostError
from azpreflight.host.files import Tree

ROUNDS = 12_000
"""Of reads against a few hundred thousand swaps; the code that resolved to a name lost some ten of them."""
MOST = 50 * ROUNDS
"""Until each of the two was seen, on a machine that has other work."""
IN_OPEN = 0x20
WALKED = frozenset({"/closed"})
"""Places that are closed to paths have these resolved by hand."""
SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
one, other = (os.fsencode(path) for path in sys.argv[1:])
parent = os.getppid()
print("on", flush=True)
while os.getppid() == parent:
    for _ in range(1000):
        libc.renameat2(-100, one, -100, other, 2)
"""


@contextlib.contextmanager
def running(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python program beside this one, once it is at work."""
    command = [sys.executable, "-I", "-S", "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "on\n"
        yield process
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()  # type: ignore[union-attr]  # it is a pipe


@pytest.fixture(params=["kernel", "walked"])
def closed(request: pytest.FixtureRequest) -> frozenset[str]:
    """Both ways of resolving a path below a root."""
    return frozenset() if request.param == "kernel" else WALKED


def test_a_directory_that_becomes_a_link_leads_nowhere(tmp_path: Path, closed: frozenset[str]) -> None:
    """Its files and names are those of the root, or are not there at that moment; both were seen."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    for folder, text in ((outside, "outside"), (root / "etc" / "real", "inside")):
        folder.mkdir(parents=True)
        (folder / "file").write_text(text)
        (folder / text).touch()
    (root / "etc" / "link").symlink_to(outside)
    tree = Tree(str(root), closed)
    read: set[object] = set()
    listed: set[object] = set()
    seen: set[object] = set()
    with running(SWAP, root / "etc" / "real", root / "etc" / "link"):
        for number in range(MOST):
            read.add(tree.read("/etc/real/file", 100))
            listed.add(tree.list("/etc/real"))
            seen.add(tree.info("/etc/real/outside", follow=True))
            if number > ROUNDS and len(read) > 1 and len(listed) > 1:
                break
    assert read == {b"inside", None}
    assert listed == {("file", "inside"), None}
    assert seen == {None}


@contextlib.contextmanager
def opens(path: Path) -> Iterator[Callable[[], bool]]:
    """Whether anybody has opened it since."""
    libc = ctypes.CDLL(None, use_errno=True)
    queue = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert queue >= 0 and libc.inotify_add_watch(queue, os.fsencode(path), IN_OPEN) >= 0

    def opened() -> bool:
        try:
            return bool(os.read(queue, 4096))
        except BlockingIOError:
            return False

    try:
        yield opened
    finally:
        os.close(queue)


@pytest.mark.parametrize("place", ["kernel", "walked", "live"])
def test_a_file_that_becomes_a_fifo_is_not_opened(tmp_path: Path, place: str) -> None:
    """It is read as the file that it is, or refused as what it is not."""
    (tmp_path / "file").write_text("content")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    live = place == "live"
    tree = Tree("/") if live else Tree(str(tmp_path), WALKED if place == "walked" else frozenset())
    path = str(tmp_path / "file") if live else "/file"
    with opens(tmp_path / "fifo") as opened:
        outcomes: set[object] = set()
        with running(SWAP, tmp_path / "file", tmp_path / "link"):
            for number in range(MOST):
                try:
                    outcomes.add(tree.read(path, 100))
                except HostError as error:
                    outcomes.add(str(error).rpartition(": ")[2])
                if number > ROUNDS and len(outcomes) > 1:
                    break
        assert outcomes == {b"content", "not a regular file"}
        assert not opened()
        os.close(os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK))
        assert opened()


FILTERED = """
import ctypes, os, struct, sys
sys.path[:0] = {path!r}
from azpreflight.host.files import Tree
libc = ctypes.CDLL(None, use_errno=True)
program = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 437, 0x06, 0, 0, 0x50000 | {code}, 0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(program)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer)), 0, 0) == 0
assert libc.syscall(437, -100, b"/", struct.pack("QQQ", 0, 0, 0), 24) == -1
tree = Tree(sys.argv[1])
print(tree.read("/etc/link", 100), tree.read("/etc/none", 100), tree.list("/etc"), tree.glob("/e*/f*"))
"""


@pytest.mark.parametrize("code", [1, 38], ids=["EPERM", "ENOSYS"])
def test_where_the_kernel_may_not_be_asked_links_are_resolved_by_hand(tmp_path: Path, code: int) -> None:
    """Under a filter of system calls, as an older container has it, and with an older kernel."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "file").write_text("inside")
    (tmp_path / "etc" / "link").symlink_to("/../etc/./file")
    program = FILTERED.format(path=sys.path, code=code)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("b'inside' None ('file', 'link') ('/etc/file',)\n", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="taking /proc away in a mount namespace needs root")
def test_without_proc_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    """As in a chroot in which nothing is mounted: what is found has to be what was inspected."""
    (tmp_path / "file").write_text("inside")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from azpreflight.host.files import Tree\n"
        "for tree, base in ((Tree(sys.argv[1]), ''), (Tree(sys.argv[1], {'/x'}), ''), (Tree('/'), sys.argv[1])):\n"
        "    print(tree.read(base + '/link', 9), tree.list(base + '/'))\n"
        "    try:\n"
        "        tree.read(base + '/fifo', 9)\n"
        "    except Exception as error:\n"
        "        print(str(error).rpartition(': ')[2])\n"
    )
    command = ["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60)
    expected = "b'inside' ('fifo', 'file', 'link')\nnot a regular file\n"
    assert (done.stdout, done.stderr) == (expected * 3, "")
