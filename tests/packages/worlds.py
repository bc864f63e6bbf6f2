"""Distributions as rpm sees them: repositories of packages with the names that each uses, and dnf to install from them.

The real ones cannot be reached from a Debian machine, so their packages are empty, apart from files that are taken from
a scratch tree. The names are those of the distributions' own specs and documentation.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 120
TOOLS = ("rpmbuild", "rpmlint", "dnf", "createrepo_c")
BOOKS = ("/var/lib/dnf", "/var/log", "/var/cache", "/var/tmp", "/etc/dnf", "/root/.rpmdb", "/proc", "/tmp")
"""Where dnf and rpm keep their books, on a Debian machine."""


@dataclass(frozen=True)
class Package:
    """A package of a distribution, with what it provides besides its name, and the files that it brings."""

    name: str
    version: str = "1"
    provides: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def repository(folder: Path, packages: Sequence[Package], *ready: Path, tree: Path | None = None) -> Path:
    """A repository of these packages, whose files are taken from the tree, and of others that are ready."""
    place = folder / "repository"
    place.mkdir(parents=True, exist_ok=True)
    for path in ready:
        shutil.copy(path, place)
    if packages:
        spec = folder / "world.spec"
        spec.write_text("\n".join(_spec(packages)))
        build = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder / 'build'}"]
        build += ["--define", f"_rpmdir {place}", "--define", "_binary_payload w0.gzdio", "--define", f"tree {tree}"]
        build += ["--define", "__os_install_post %{nil}"]
        build += ["--define", "_binaries_in_noarch_packages_terminate_build 0", str(spec)]
        subprocess.run(build, check=True, capture_output=True, timeout=TIMEOUT)
    subprocess.run(["createrepo_c", "--quiet", place], check=True, capture_output=True, timeout=TIMEOUT)
    return place


def _spec(packages: Sequence[Package]) -> Iterator[str]:
    yield "Name: world\nVersion: 1\nRelease: 1\nSummary: A distribution\nLicense: none\nBuildArch: noarch"
    yield "%description"
    for package in packages:
        yield f"%package -n {package.name}\nVersion: {package.version}\nSummary: A package\nAutoReqProv: no"
        yield from (f"Provides: {provided}" for provided in package.provides)
        yield f"%description -n {package.name}"
    yield "%install"
    for path in (path for package in packages for path in package.files):
        yield f"mkdir -p $(dirname %{{buildroot}}{path}) && cp -a %{{tree}}{path} %{{buildroot}}{path}"
    for package in packages:
        yield "\n".join((f"%files -n {package.name}", *package.files))


def dnf(root: Path, repository: Path, *command: str) -> str:
    """Run dnf for this root with this repository alone; what it said. AssertionError where it fails."""
    done = subprocess.run(
        [
            *("dnf", "--assumeyes", f"--installroot={root}", "--releasever=1", "--nogpgcheck"),
            *(f"--repofrompath=world,{repository}", "--repo=world"),
            *(f"--setopt=cachedir={repository.parent / 'cache'}", "--setopt=metadata_expire=0"),
            *command,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def installed(root: Path) -> set[str]:
    """The names of the packages that rpm knows to be installed in this root."""
    listed: list[str | Path] = ["rpm", "--root", root, "--query", "--all", "--queryformat", "%{NAME}\n"]
    done = subprocess.run(listed, check=True, capture_output=True, text=True, timeout=TIMEOUT)
    return set(done.stdout.split())
