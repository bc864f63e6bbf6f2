"""The VM: a Debian root with the real agent in it, and namespaces of its own, kept alive by one process.

The holder is process 1 of the VM. It mounts the root and then waits for its standard input to end; with it end all
processes and mounts of the VM, however the test ends. The root is an overlay whose changes live in memory: nothing
that runs in the VM can change the tree, this checkout or the machine.
"""

from __future__ import annotations

import compileall
import contextlib
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Optional

from tests.netns import image
from tests.netns.namespaces import inside

START_TIMEOUT = 20.0
"""Seconds until the holder has mounted everything; it takes some ten milliseconds."""
PROGRAM_TIMEOUT = 60.0
"""Seconds for one program in the VM; the longest budget under test is 10."""
CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
DEVICES = ("null", "zero", "full", "random", "urandom")
HOLDER = """
mount -t tmpfs -o mode=755 tmpfs "$SCRATCH"
mkdir "$SCRATCH/upper" "$SCRATCH/work" "$SCRATCH/root"
root="$SCRATCH/root"
mount -t overlay -o "lowerdir=$PLANTED:$TREE,upperdir=$SCRATCH/upper,workdir=$SCRATCH/work" overlay "$root"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in $DEVICES; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
ln -s /proc/self/fd "$root/dev/fd"
for path in $READ_ONLY; do
  mkdir -p "$root$path"
  mount --bind "$path" "$root$path"
  mount -o remount,bind,ro "$root$path"
done
hostname standin
read -r pid rest < /proc/self/stat
mount -t proc proc "$root/proc"
mount --bind "$COMMAND_LINE" "$root/proc/cmdline"
exec chroot "$root" /bin/sh -c 'echo "$0"; read -r line' "$pid"
"""
"""Says its process id only once its root is the VM's: nothing may enter before, or it would have the machine's root."""


@dataclass(frozen=True)
class Done:
    """A program of the VM that ended."""

    status: int
    stdout: str
    stderr: str
    wall_s: float


class Vm:
    """A running VM, as a context manager.

    `tree` is the lowest layer of its root, `files` are planted over it: text by path, None where the path shall not
    exist. `scratch` is an empty directory for this VM alone.
    """

    def __init__(self, namespace: str, tree: Path, files: Mapping[str, Optional[str]], scratch: Path) -> None:
        self._namespace, self._tree, self._scratch = namespace, tree, scratch
        self._files = {**image.FILES, **files}
        self._holder: Optional[subprocess.Popen[str]] = None
        self._pid = 0

    def __enter__(self) -> Vm:
        compile_checkout()
        planted, mounts = self._scratch / "planted", self._scratch / "mounts"
        planted.mkdir()
        mounts.mkdir()
        for path, text in self._files.items():
            plant(planted, path, text)
        (self._scratch / "cmdline").write_text(f"BOOT_IMAGE=/boot/vmlinuz-{image.RELEASE} {image.COMMAND_LINE}\n")
        variables = {
            "COMMAND_LINE": str(self._scratch / "cmdline"),
            "SCRATCH": str(mounts),
            "PLANTED": str(planted),
            "TREE": str(self._tree),
            "DEVICES": " ".join(DEVICES),
            "READ_ONLY": " ".join(_read_only()),
        }
        unshare = ["unshare", "--mount", "--uts", "--pid", "--ipc", "--fork", "--kill-child"]
        self._holder = subprocess.Popen(
            inside(self._namespace, [*unshare, "sh", "-e", "-c", HOLDER]),
            env={**ENVIRONMENT, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self._pid = int(_first_line(self._holder))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._holder is None:
            return
        self._holder.kill()
        self._holder.communicate(timeout=60)
        self._holder = None

    def command(self, program: Sequence[str]) -> list[str]:
        """The command line, for the machine, that runs a program of the VM in the VM."""
        every = ["--mount", "--uts", "--pid", "--ipc", "--net", "--root", "--wd"]
        return ["nsenter", f"--target={self._pid}", *every, "--", *program]

    def run(self, *program: str, timeout: float = PROGRAM_TIMEOUT) -> Done:
        """Run a program in the VM to its end; the caller judges the exit status."""
        began = time.monotonic()
        done = subprocess.run(
            self.command(program),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    @contextlib.contextmanager
    def running(self, *program: str) -> Iterator[None]:
        """A program of the VM that works in the background and is killed at the end; its output is thrown away."""
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(self.command(program), env=ENVIRONMENT, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            yield
        finally:
            process.kill()
            process.wait(60)

    def azpreflight(self, *arguments: str) -> Done:
        """Run the checkout's azpreflight in the VM."""
        return self.run(sys.executable, "-m", "azpreflight", *arguments)


@lru_cache(maxsize=1)
def compile_checkout() -> None:
    """Compile the program beforehand, as it is where it is installed: the VM cannot write to the checkout."""
    compileall.compile_dir(CHECKOUT / "agent", quiet=1)


def plant(directory: Path, path: str, text: Optional[str]) -> None:
    """Put a file into an overlay's layer, a script to be run; None: no such path in the layers below (a whiteout)."""
    target = directory / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        os.mknod(target, stat.S_IFCHR, os.makedev(0, 0))
        return
    target.write_text(text)
    if text.startswith("#!"):
        target.chmod(0o755)


def _read_only() -> list[str]:
    """What the VM borrows from the machine: this checkout, and the interpreter that runs the tests."""
    paths = {str(CHECKOUT), sys.prefix, sys.base_prefix}
    return sorted(path for path in paths if path not in ("/", "/usr"))


def _first_line(holder: subprocess.Popen[str]) -> str:
    """What the holder says once the VM is up."""
    assert holder.stdout is not None
    readable, _, _ = select.select([holder.stdout], [], [], START_TIMEOUT)
    line = holder.stdout.readline() if readable else ""
    if not line.strip():
        holder.kill()
        raise RuntimeError(f"the VM did not come up: {holder.communicate(timeout=60)[1].strip() or 'silence'}")
    return line
