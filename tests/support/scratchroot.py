"""Scratch Debian trees: real packages installed by the real package manager, cached, and thrown away as overlays.

A development machine has no Azure agents, and no test may touch the one that it runs on. So a tree is built once for
a suite and a set of packages, with the archive that the machine's own apt is configured for, and every test works on
an overlay of it. Building takes about half a minute and some 250 MB; needs root, mmdebstrap and a Debian archive.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.needs import hold_back

RECIPE = "1"
"""Part of a tree's name: raise it when the way of building changes, and older trees are no longer found."""
BUILD_TIMEOUT = 900
"""Seconds: 25 s on a good line, and a slow mirror must not hang a test run for ever."""
PROGRAM_TIMEOUT = 120
"""Seconds for one program in a tree; waagent's deprovisioning takes 3 s."""

READ_ONLY = """
set -e
mount --make-rprivate /
cut -d ' ' -f 5 /proc/self/mountinfo | while read -r place; do
  case "$place" in "$0"|"$0"/*) continue ;; esac
  mount -o remount,bind,ro "$place" 2>/dev/null || if mountpoint -q "$place"; then exit 1; fi
done
"""
"""A program of root's that deletes must not find a way out of its tree; it fails where a mount stays
writable. Those of other tests may vanish meanwhile."""


class CannotBuild(Exception):
    """No tree on this machine; the text says why."""


def cache_directory() -> Path:
    """Where trees are kept: one place for all checkouts of a user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "azpreflight-tests"


def debian_tree(
    suite: str = "bookworm", packages: tuple[str, ...] = ("waagent",), options: tuple[str, ...] = ()
) -> Path:
    """A Debian tree of this suite with these packages, without recommended ones. Do not write into it: `overlay` it.

    `options` are further ones of mmdebstrap, hooks for example.
    Raises CannotBuild where the machine lacks what it takes.
    """
    if os.geteuid() != 0:
        raise CannotBuild("building a Debian tree needs root")
    if shutil.which("mmdebstrap") is None:
        raise CannotBuild("building a Debian tree needs mmdebstrap")
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(" ".join((RECIPE, suite, *sorted(packages), *options)).encode()).hexdigest()[:12]
    tree = cache / f"{suite}-{digest}"
    with open(cache / f"{suite}-{digest}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.is_dir():
            _build(suite, packages, options, tree)
    return tree


def tree_for_test(suite: str, packages: tuple[str, ...]) -> Path:
    """The same for a test, which is skipped where no tree can be built, and fails in CI."""
    try:
        return debian_tree(suite, packages)
    except CannotBuild as error:
        hold_back(error)


def _build(suite: str, packages: tuple[str, ...], options: tuple[str, ...], tree: Path) -> None:
    """Build beside its final place and rename, so that a tree that exists is a whole one."""
    unfinished = tree.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
    command += ["--aptopt=APT::Install-Recommends false", "--aptopt=Acquire::Check-Valid-Until false"]
    command += [*options, f"--include={','.join(packages)}", suite, str(unfinished), f"deb {_archive()} {suite} main"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_TIMEOUT)
    except subprocess.CalledProcessError as error:
        raise CannotBuild(f"mmdebstrap {suite}: {error.stderr.strip()[-500:]}") from None
    except subprocess.TimeoutExpired:
        raise CannotBuild(f"mmdebstrap {suite} did not end within {BUILD_TIMEOUT} s") from None
    unfinished.rename(tree)


def _archive() -> str:
    """The Debian archive that this machine's own apt uses."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT).stdout
    except (OSError, subprocess.CalledProcessError):
        raise CannotBuild("building a Debian tree needs apt") from None
    for line in listed.splitlines():
        origin, _, uri = line.partition(" ")
        if origin == "Debian" and "security" not in uri:
            return uri
    raise CannotBuild("this machine's apt knows no Debian archive; run apt-get update")


@contextlib.contextmanager
def overlay(tree: Path) -> Iterator[Path]:
    """A writable copy of the tree that costs nothing and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="azpreflight-tree-") as scratch:
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", scratch)
        try:
            upper, work, merged = (Path(scratch, name) for name in ("upper", "work", "merged"))
            for directory in (upper, work, merged):
                directory.mkdir()
            _mount("-t", "overlay", "-o", f"lowerdir={tree},upperdir={upper},workdir={work}", "overlay", str(merged))
            try:
                yield merged
            finally:
                _umount(str(merged))
        finally:
            _umount(scratch)


def run_inside(
    root: Path,
    *command: str,
    host_name: str = "template",
    network: bool = True,
    timeout: float = PROGRAM_TIMEOUT,
) -> subprocess.CompletedProcess[str]:
    """Run a program of the tree as its root, in mount, UTS and PID namespaces of its own.

    What it does to mounts, to the host name and to processes stays there, and every mount outside of the tree is
    read-only; the network is that of the caller, or none at all. The caller judges the exit status.
    """
    script = f'{READ_ONLY} hostname {host_name} && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
    unshare = ["unshare", "--mount", "--uts", "--pid", "--ipc", "--fork", "--kill-child"]
    unshare += [] if network else ["--net"]
    return subprocess.run(
        [*unshare, "sh", "-c", script, str(root), *command],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True, timeout=PROGRAM_TIMEOUT)


def _umount(path: str) -> None:
    """Lazily where something still looks at it, so that a failing test leaves no mount behind."""
    if subprocess.run(["umount", path], check=False, capture_output=True, timeout=PROGRAM_TIMEOUT).returncode != 0:
        subprocess.run(["umount", "-l", path], check=True, capture_output=True, timeout=PROGRAM_TIMEOUT)
