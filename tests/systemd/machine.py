"""A scratch tree that systemd runs, in namespaces of its own, with a pseudo terminal for its serial port.

It has the kernel of the machine that tests, so it tells nothing about drivers or the boot loader; it shows what units
do, in which order they are stopped, and what systemd says when. It has no network but a loopback of its own, firmware
that says what it is told to, and its own time since boot. Needs root, and a hierarchy of cgroups (version 2) that it
may make a branch in.
"""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Optional

from tests.support.scratchroot import CannotBuild

START_TIMEOUT = 60.0
"""Seconds; an idle machine takes one."""
PROGRAM_TIMEOUT = 120.0
VM_ID = "7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55"
POLL_S = 0.1
_SET_UP = """
set -e
root=$1 serial=$2 vm_id=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --make-rslave "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
device() { touch "$root/dev/$2"; mount --bind "$1" "$root/dev/$2"; }
for name in null zero full random urandom tty; do device "/dev/$name" "$name"; done
for name in console ttyS0; do device "$serial" "$name"; done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 tmpfs "$root/sys/class"
mkdir -p "$root/sys/class/tty/console" "$root/sys/class/dmi/id"
printf 'ttyS0\\n' > "$root/sys/class/tty/console/active"
printf '%s\\n' "$vm_id" > "$root/sys/class/dmi/id/product_uuid"
printf '7783-7084-3265-9085-8269-3286-77\\n' > "$root/sys/class/dmi/id/chassis_asset_tag"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec env -i container=test TERM=dumb PATH=$PATH chroot "$root" /lib/systemd/systemd --system "$@"
"""


class Machine:
    """A running machine; a context manager that ends it."""

    def __init__(self, root: Path, vm_id: str = VM_ID, uptime: float = 0.0, append: str = "") -> None:
        """`uptime` is how many seconds ago it was powered on, `append` is added to the command line of its init."""
        self.root = root
        self._vm_id, self._uptime, self._append = vm_id, uptime, append
        self._said = bytearray()
        self._branch: Optional[Path] = None
        self._process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> Machine:
        self._branch = _hierarchy() / f"azpreflight-test-{os.getpid()}-{time.monotonic_ns()}"
        self._branch.mkdir()
        self._far, self._near = pty.openpty()
        tty.setraw(self._near)
        threading.Thread(target=self._listen, daemon=True).start()
        enter = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self._branch)]
        boot = int(self._uptime - time.clock_gettime(time.CLOCK_BOOTTIME))
        unshare = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child"]
        unshare += ["--time", "--boottime", str(boot), "--monotonic", str(boot)]
        known = [str(self.root), os.ttyname(self._near), self._vm_id, *self._append.split()]
        command = [*enter, *unshare, "sh", "-c", _SET_UP, "sh", *known]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self._wait_until_up()
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        assert self._process is not None and self._branch is not None
        self._process.kill()
        self._process.wait(60)
        with contextlib.suppress(OSError):
            (self._branch / "cgroup.kill").write_text("1")
        for folder, _, _ in os.walk(self._branch, topdown=False):
            _remove_branch(Path(folder))
        os.close(self._near)
        os.close(self._far)

    def said(self) -> bytes:
        """What was written to the serial port so far."""
        return bytes(self._said)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A shell script in it, as root; the caller judges the exit status."""
        command = ["nsenter", "--target", str(self._init()), "--mount", "--uts", "--ipc", "--net", "--pid", "--time"]
        command += [
            "--root",
            "--wdns=/",
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "sh",
            "-c",
            script,
        ]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PROGRAM_TIMEOUT
        )

    def ended(self, timeout: float = PROGRAM_TIMEOUT) -> str:
        """Wait for its end: "off" or "again", as init asked the kernel for (reboot(2), in a PID namespace)."""
        assert self._process is not None
        status = self._process.wait(timeout)
        return {-signal.SIGINT: "off", -signal.SIGHUP: "again"}[status]

    def _init(self) -> int:
        """The process number of its init, as it is out here."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(children[0])

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            with contextlib.suppress(OSError, IndexError):
                if self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded"):
                    return
        raise TimeoutError(f"it did not come up: {self.said()[-2000:].decode('utf-8', 'replace')}")

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._far, 4096):
                self._said.extend(chunk)


def _hierarchy() -> Path:
    """Where the machine that tests keeps its cgroups of version 2."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(place)
    raise CannotBuild("a systemd of its own needs cgroups of version 2")


def _remove_branch(branch: Path) -> None:
    """The kernel takes a moment to see that the last process has gone."""
    for _ in range(50):
        try:
            branch.rmdir()
            return
        except OSError:
            time.sleep(POLL_S)


@contextlib.contextmanager
def outside(root: Path, place: str) -> Iterator[Path]:
    """A directory of the tree on a filesystem of its own, as a share or a data disk is."""
    folder = root / place.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder)], check=True, timeout=60)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)
