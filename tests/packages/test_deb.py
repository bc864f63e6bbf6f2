"""The Debian package: built as anybody would, and installed, used, upgraded and removed in four Debian generations."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight import __version__
from azpreflight.probes.generalization.own import ARMED
from tests.needs import need_programs
from tests.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

SOURCE = Path(__file__).parents[2]
SUITES = ("bullseye", "bookworm", "trixie", "sid")
"""Python 3.9, 3.11, 3.13 and 3.14, with the libraries that belong to them."""
BUILD_TOOLS = ("dpkg-buildpackage", "dh", "lintian")
TIMEOUT = 300
LARGEST = 600_000
"""Bytes of all files: less than each library that it depends on adds to an image."""
APT_OWN = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/proc", "/tmp")
"""Where the package manager itself keeps its books."""


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from this tree."""
    need_programs(*BUILD_TOOLS)
    return built(tmp_path_factory.mktemp("deb"))


def built(folder: Path) -> Path:
    """A package built into this folder."""
    subprocess.run([SOURCE / "packaging" / "build-deb", folder], check=True, capture_output=True, timeout=TIMEOUT)
    (path,) = folder.glob("*.deb")
    return path


def field(deb: Path, name: str) -> str:
    """One field of the package's control file."""
    done = subprocess.run(
        ["dpkg-deb", "--field", deb, name], check=True, capture_output=True, text=True, timeout=TIMEOUT
    )
    return done.stdout.strip()


def dependencies(deb: Path) -> "tuple[str, ...]":
    """The names of what it depends on."""
    return tuple(sorted({re.split(r"[ :(]", item.strip())[0] for item in field(deb, "Depends").split(",")}))


# --- the package --------------------------------------------------------------------------------------------------


def test_two_builds_are_the_same_to_the_byte(deb: Path, tmp_path: Path) -> None:
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (deb, built(tmp_path))}
    assert len(digests) == 1


def test_the_version_is_that_of_the_program(deb: Path) -> None:
    assert field(deb, "Version") == __version__


def test_lintian_finds_neither_errors_nor_warnings(deb: Path) -> None:
    command = ["lintian", "--allow-root", "--fail-on", "error,warning", deb]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_is_small(deb: Path, tmp_path: Path) -> None:
    """Every file counts, and the file system's blocks do not: they are the file system's."""
    subprocess.run(["dpkg-deb", "--extract", deb, tmp_path], check=True, timeout=TIMEOUT)
    assert sum(path.lstat().st_size for path in tmp_path.rglob("*") if not path.is_dir()) < LARGEST


def test_it_depends_on_the_distributions_own_libraries(deb: Path) -> None:
    libraries = ("python3-dnspython", "python3-psutil", "python3-requests", "python3-yaml")
    assert dependencies(deb) == ("python3", *libraries)
    assert field(deb, "Suggests") == "python3-iptables"


def test_every_unit_and_every_preset_is_in_it(deb: Path) -> None:
    done = subprocess.run(["dpkg-deb", "--contents", deb], check=True, capture_output=True, text=True, timeout=TIMEOUT)
    there = set(re.findall(r"/(systemd/\S+)$", done.stdout, re.MULTILINE))
    places = {".service": "systemd/system", ".socket": "systemd/system", ".preset": "systemd/system-preset"}
    wanted = {f"{places[path.suffix]}/{path.name}" for path in (SOURCE / "systemd").iterdir()}
    assert wanted and wanted <= there


# --- installed ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=SUITES)
def root(request: pytest.FixtureRequest, deb: Path) -> "Iterator[Path]":
    """A root of each generation that has what the package depends on, from the archive, and the package at hand."""
    with overlay(tree_for_test(request.param, dependencies(deb))) as tree:
        shutil.copy(deb, tree / "azpreflight.deb")
        yield tree


def done_inside(root: Path, *command: str, codes: "tuple[int, ...]" = (0,)) -> str:
    """What a program in the root printed; it has to end with one of these codes."""
    done = run_inside(root, "env", "DEBIAN_FRONTEND=noninteractive", *command)
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def install(root: Path, *options: str) -> None:
    done_inside(root, "apt-get", "install", "--yes", "--no-install-recommends", *options, "/azpreflight.deb")


def files(root: Path) -> "set[str]":
    """Every path of the root, apart from what the package manager keeps for itself."""
    every = (
        f"/{Path(folder, name).relative_to(root)}"
        for folder, folders, names in os.walk(root)
        for name in (*folders, *names)
    )
    return {path for path in every if not path.startswith(APT_OWN)}


def test_it_works_with_that_python_and_those_libraries(root: Path) -> None:
    """Every command that a machine without a network can answer."""
    install(root)
    assert done_inside(root, "azpreflight", "--version") == f"azpreflight {__version__}\n"
    assert "gen-machine-id" in done_inside(root, "azpreflight", "list")
    assert "# gen-machine-id" in done_inside(root, "azpreflight", "explain", "gen-machine-id")
    said = done_inside(root, "azpreflight", "check", "--format", "json", "--platform", "none", codes=(0, 1, 3))
    report = json.loads(said)
    assert report["tool"]["version"] == __version__
    assert not [result for result in report["results"] if result["traceback"]]


def test_it_runs_from_byte_code_and_without_it_from_the_sources(root: Path) -> None:
    """The archive of byte code is for one Python; for another, as after a release upgrade, it is made anew."""
    install(root)
    (compiled,) = (root / "usr/share/azpreflight").glob("azpreflight.*.zip")
    where = ("python3", "-v", "/usr/bin/azpreflight", "--version")
    assert f"names in '/{compiled.relative_to(root)}'" in run_inside(root, *where).stderr
    compiled.rename(compiled.with_name("azpreflight.cpython-38.zip"))
    done = run_inside(root, *where)
    assert re.search(r"names in '/proc/\d+/fd/\d+'", done.stderr), done.stderr
    assert done.stdout == f"azpreflight {__version__}\n"
    done_inside(root, "/usr/share/python3/runtime.d/azpreflight.rtupdate", "rtupdate", "3.8", "3")
    assert list(compiled.parent.glob("azpreflight.*.zip")) == [compiled]
    assert not list(root.glob("usr/share/azpreflight/**/__pycache__"))


def test_the_service_is_enabled_and_not_started(root: Path) -> None:
    install(root)
    wanted = root / "etc/systemd/system/sysinit.target.wants/azpreflight.service"
    assert wanted.is_symlink()
    assert (root / os.readlink(wanted).lstrip("/")).is_file()
    assert "enable azpreflight.service" in (root / "usr/lib/systemd/system-preset/80-azpreflight.preset").read_text()


def test_an_upgrade_keeps_configuration_and_state_and_removal_leaves_only_the_configuration(
    root: Path, tmp_path: Path
) -> None:
    before = files(root)
    install(root)
    config, state = root / "etc/azpreflight/config.yaml", root / "var/lib/azpreflight/report.json"
    config.write_text("fail_on: warning\n")
    state.parent.mkdir()
    state.write_text("{}")
    armed(root)
    repacked(root / "azpreflight.deb", "99.0.0", tmp_path)
    install(root)
    assert "99.0.0" in done_inside(root, "dpkg-query", "--show", "azpreflight")
    assert (config.read_text(), state.read_text()) == ("fail_on: warning\n", "{}")
    done_inside(root, "dpkg", "--remove", "azpreflight")
    assert files(root) - before == {"/etc/azpreflight", "/etc/azpreflight/config.yaml"}
    done_inside(root, "dpkg", "--purge", "azpreflight")
    assert files(root) == before


def armed(root: Path) -> None:
    """As `azpreflight arm` leaves it, which needs systemctl; these trees have none."""
    link, settings = (root / path.lstrip("/") for path in ARMED)
    link.symlink_to("/lib/systemd/system/azpreflight-capture.service")
    settings.mkdir()
    (settings / "armed.conf").write_text("[Service]\n")


def repacked(deb: Path, version: str, scratch: Path) -> None:
    """The same package as another version of it, in its place."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, scratch / "raw"], check=True, timeout=TIMEOUT)
    control = scratch / "raw/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", control.read_text()))
    subprocess.run(["dpkg-deb", "--build", scratch / "raw", deb], check=True, capture_output=True, timeout=TIMEOUT)
