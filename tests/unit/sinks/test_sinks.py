"""Sinks on real files, real pseudo terminals and real pipes."""

from __future__ import annotations

import os
import pty
import resource
import signal
import socket
import stat
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import append_line, write_file
from azpreflight.sinks.serial import ACTIVE_CONSOLES, PAUSE_S, STALLED_S, consoles, write_serial
from tests.support.fakes import Denied, FakeHost

TEXT = "NOT READY: guest-firewall\n\nerror    a name with \x1b[31m and \xe9\n"


# --- file ---------------------------------------------------------------------------------------------------------


def test_a_report_is_whole_private_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """The file holds the text with mode 0640, whatever the umask, and no temporary file is left."""
    path = tmp_path / "report.json"
    before = os.umask(0o077)
    try:
        write_file(str(path), TEXT)
    finally:
        os.umask(before)
    assert path.read_text() == TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_relative_path_is_written_beside_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary file is made in the directory of the target."""
    monkeypatch.chdir(tmp_path)
    write_file("report.json", TEXT)
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_relative_path_in_a_directory_that_is_gone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's workspace may be removed below it; an absolute path still works."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SinkError, match=r"cannot write report\.json: No such file or directory"):
        write_file("report.json", TEXT)
    write_file(str(tmp_path / "report.json"), TEXT)
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_planted_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    """A root process that writes a report must not overwrite what somebody's link points to."""
    victim = tmp_path / "shadow"
    victim.write_text("root:*")
    link = tmp_path / "report.json"
    link.symlink_to(victim)
    write_file(str(link), TEXT)
    assert victim.read_text() == "root:*"
    assert link.read_text() == TEXT and not link.is_symlink()


def test_a_temporary_name_cannot_be_taken_before(tmp_path: Path) -> None:
    """Two writers at once never share a temporary file; the last one wins with a whole text."""
    path = str(tmp_path / "report.json")
    texts = [f"{number}\n" * 10_000 for number in range(8)]
    threads = [threading.Thread(target=write_file, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Path(path).read_text() in texts
    assert os.listdir(tmp_path) == ["report.json"]


@pytest.mark.parametrize("kind", ["directory", "fifo", "no directory", "socket"])
def test_what_cannot_be_a_report_is_an_error_and_stays(tmp_path: Path, kind: str) -> None:
    """A directory, a socket or a FIFO that nobody reads is refused and not replaced by a regular file."""
    path = tmp_path / "there"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "no directory":
        path = tmp_path / "absent" / "report.json"
    else:
        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(SinkError, match="cannot write"):
        write_file(str(path), TEXT)
    assert not path.is_file()
    assert [name for name in os.listdir(tmp_path) if name != "there"] == []


PRINTED = (
    "import sys\nfrom azpreflight.sinks.errors import SinkError\nfrom azpreflight.sinks.file import write_file\n"
    "try:\n  write_file(sys.argv[1], 'line\\n' * 50_000)\n"
    "except SinkError as error:\n  sys.exit(str(error))\n"
)
SYSTEM_LINKS = ("stdout", "stderr", "fd/1")


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """The links of /dev, in a directory of our own, so that the machine's are safe from a fault."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/fd").symlink_to("/proc/self/fd")
    (tmp_path / "dev/stdout").symlink_to("/proc/self/fd/1")
    (tmp_path / "dev/stderr").symlink_to("fd/2")
    return tmp_path / "dev"


@pytest.mark.parametrize("name", SYSTEM_LINKS)
def test_links_to_our_own_output_are_written_to_and_stay(dev: Path, name: str) -> None:
    """A rename over /dev/stdout would take it away from every program of the machine."""
    before = {path.name: os.readlink(path) for path in dev.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", PRINTED, str(dev / name)], capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stderr if name == "stderr" else done.stdout) == "line\n" * 50_000
    assert {path.name: os.readlink(path) for path in dev.iterdir()} == before


def test_our_own_output_that_is_a_file_is_added_to(dev: Path, tmp_path: Path) -> None:
    """`>> log`: opened again it would be overwritten from its start, and replaced it would be lost to the shell."""
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("a") as output:
        subprocess.run([sys.executable, "-c", PRINTED, str(dev / "stdout")], stdout=output, timeout=30, check=True)
    assert log.read_text() == "before\n" + "line\n" * 50_000


def test_a_fifo_that_is_read_gets_it_whole(tmp_path: Path) -> None:
    """Also through a link of our own, and from a reader that takes its time."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to("fifo")
    reader = subprocess.Popen(["sh", "-c", 'sleep 0.5; cat "$0" >"$0.read"', str(fifo)])
    write_file(str(tmp_path / "link"), "line\n" * 50_000)
    assert reader.wait(timeout=30) == 0
    assert (tmp_path / "fifo.read").read_text() == "line\n" * 50_000
    assert fifo.is_fifo() and (tmp_path / "link").is_symlink()


def test_a_terminal_is_written_to(tmp_path: Path) -> None:
    """Through its own name and through a link of ours to it."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    (tmp_path / "link").symlink_to(os.ttyname(theirs))
    for path in (os.ttyname(theirs), str(tmp_path / "link")):
        write_file(path, "one\n")
        assert os.read(ours, 100) == b"one\n"
    os.close(ours)
    os.close(theirs)


def test_a_link_that_others_may_have_planted_leads_to_no_device(tmp_path: Path) -> None:
    """Opening a device can do something already, such as starting a watchdog."""
    tmp_path.chmod(0o1777)
    (tmp_path / "report.json").symlink_to("/dev/null")
    with pytest.raises(SinkError, match="a link that others may have made"):
        write_file(str(tmp_path / "report.json"), TEXT)
    assert os.readlink(tmp_path / "report.json") == "/dev/null"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_what_the_umask_decides(tmp_path: Path, mask: int, mode: int) -> None:
    """Where no mode is asked for; a file that is there keeps the one that it has."""
    path = tmp_path / "report.xml"
    before = os.umask(mask)
    try:
        write_file(str(path), TEXT, None)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o604)
        write_file(str(path), TEXT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


# --- a history ----------------------------------------------------------------------------------------------------


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """Every file of this process stops growing there, as on a full disk but for the number of the error."""
    limit, signalled = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, signalled)


@pytest.mark.parametrize("length", [100, 7_000, 100_000])
def test_a_line_that_has_no_room_leaves_nothing_of_itself(tmp_path: Path, length: int) -> None:
    """And it is one error for all lengths, because the places after it still want the report."""
    path = tmp_path / "report.jsonl"
    append_line(str(path), "first")
    with no_room_beyond(50), pytest.raises(SinkError, match=r"cannot write .*: File too large"):
        append_line(str(path), "x" * length)
    append_line(str(path), "third")
    assert path.read_text() == "first\nthird\n"


# --- standard output ----------------------------------------------------------------------------------------------

PRINT = (
    "import sys\nfrom azpreflight.sinks.stdout import write_stdout, SinkError\n"
    "try:\n  write_stdout('line\\n' * 200_000)\n"
)


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`azpreflight check | head -1` says nothing on standard error."""
    process = subprocess.Popen(
        [sys.executable, "-c", PRINT + "finally:\n  pass"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(5)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(10) == 0
    process.stderr.close()


def test_a_full_disk_is_said() -> None:
    """Output that is lost is an error, never silence."""
    code = PRINT + "except SinkError as error:\n  sys.exit(str(error))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert done.stderr == "cannot write to standard output: No space left on device\n"


# --- the serial console -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "devices"),
    [
        ("tty0 ttyS0\n", ("/dev/ttyS0",)),
        ("ttyS1 ttyAMA0 hvc0\n", ("/dev/ttyS1", "/dev/ttyAMA0", "/dev/hvc0")),
        ("tty0\n", ("/dev/console",)),
        ("", ("/dev/console",)),
        ("ttyS0/../sda ttyS ttySx\n", ("/dev/console",)),
    ],
)
def test_serial_ports_are_those_that_the_kernel_uses(active: str, devices: tuple[str, ...]) -> None:
    """The kernel's list decides; what is no serial port is left out."""
    assert consoles(FakeHost(files={ACTIVE_CONSOLES: active})) == devices


@pytest.mark.parametrize("files", [{}, {ACTIVE_CONSOLES: Denied()}])
def test_without_a_list_the_console_is_used(files: dict[str, Denied]) -> None:
    """A container has no such file in /sys."""
    assert consoles(FakeHost(files=files)) == ("/dev/console",)


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """A pseudo terminal: the descriptor of its far end, and the device to write to."""
    far, near = pty.openpty()
    tty.setraw(near)
    yield far, os.ttyname(near)
    os.close(far)
    os.close(near)


def test_a_console_gets_every_line_in_ascii(port: tuple[int, str]) -> None:
    """An empty line first, because a login prompt may be pending; then the lines, no escape sequence among them."""
    far, device = port
    write_serial(device, TEXT, timeout=5)
    got = b""
    while not got.endswith(b"xe9\r\n"):
        got += os.read(far, 4096)
    assert got == b"\r\nNOT READY: guest-firewall\r\n\r\nerror    a name with \\x1b[31m and \\xe9\r\n"


def test_a_slow_console_gets_everything(port: tuple[int, str]) -> None:
    """More than the kernel buffers goes out as the reader takes it."""
    far, device = port
    text = "".join(f"line {number}\n" for number in range(3000))
    got = bytearray()

    def read() -> None:
        while not got.endswith(b"line 2999\r\n"):
            got.extend(os.read(far, 512))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    write_serial(device, text, timeout=20)
    reader.join(5)
    assert got.decode() == "\r\n" + text.replace("\n", "\r\n")


def test_a_console_that_nobody_reads_holds_nothing_up(port: tuple[int, str]) -> None:
    """A full buffer ends in an error within the deadline."""
    _, device = port
    began = time.monotonic()
    with pytest.raises(SinkError, match=r"took \d+ of \d+ lines within 0.3 s"):
        write_serial(device, "x" * 80 + "\n" + "line\n" * 50_000, timeout=0.3)
    assert time.monotonic() - began < 10


def test_a_console_that_is_stopped_by_flow_control_holds_nothing_up(port: tuple[int, str]) -> None:
    """After XOFF the port takes nothing at all."""
    _, device = port
    descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(descriptor, termios.TCOOFF)
    try:
        began = time.monotonic()
        with pytest.raises(SinkError, match="lines within"):
            write_serial(device, TEXT, timeout=0.3)
        assert time.monotonic() - began < 10
    finally:
        termios.tcflow(descriptor, termios.TCOON)
        os.close(descriptor)


def test_a_dead_console_is_given_up_before_the_time_for_all_lines(port: tuple[int, str]) -> None:
    """A moment without progress ends it."""
    _, device = port
    began = time.monotonic()
    with pytest.raises(SinkError, match=r"took \d+ of"):
        write_serial(device, ("x" * 80 + "\n") * 700, timeout=60)
    assert STALLED_S <= time.monotonic() - began < 30


def test_a_console_never_gets_more_than_64_kib(port: tuple[int, str]) -> None:
    """Whole lines only, and paced: 8 lines, then a rest."""
    far, device = port
    got = bytearray()

    def read() -> None:
        with suppress(OSError):
            while chunk := os.read(far, 4096):
                got.extend(chunk)

    threading.Thread(target=read, daemon=True).start()
    began = time.monotonic()
    write_serial(device, "x" * 98 + "\n" + ("y" * 98 + "\n") * 2000, timeout=20)
    took = time.monotonic() - began
    deadline = time.monotonic() + 5
    while len(got) < 65_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(got) == 2 + 655 * 100
    assert took > 655 // 8 * PAUSE_S


@pytest.mark.parametrize("kind", ["absent", "file", "fifo", "null"])
def test_what_is_no_console_is_an_error(tmp_path: Path, kind: str) -> None:
    """A device that is missing, or is something else, is named in the error and not written to."""
    path = tmp_path / "ttyS0"
    if kind == "file":
        path.write_text("")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "null":
        path = Path("/dev/null")
    with pytest.raises(SinkError, match=f"cannot write to {path}"):
        write_serial(str(path), TEXT, timeout=1)
    assert kind != "file" or path.read_text() == ""
