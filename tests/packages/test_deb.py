"""The Debian package: built as anybody would, and installed, used, upgraded and removed in four Debian generations."""

from __future__ import annotations

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
from azpreflight.paths import ARMED
from tests.packages.sources import BESIDE, PLACES, SOURCE, checked_out_elsewhere, copied, with_further_units
from tests.support.built import build_deb, deb_of_the_run
from tests.support.needs import need_programs
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

SUITES = ("bullseye", "bookworm", "trixie", "sid")
"""Python 3.9, 3.11, 3.13 and 3.14, with the libraries that belong to them."""
BUILD_TOOLS = ("dpkg-buildpackage", "dh", "dh_python3")
TIMEOUT = 300
HOME = "usr/share/azpreflight"
APT_OWN = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/proc", "/tmp")
"""Where the package manager itself keeps its books."""


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from this tree."""
    need_programs(*BUILD_TOOLS)
    return deb_of_the_run(tmp_path_factory)


def field(deb: Path, name: str) -> str:
    """One field of the package's control file."""
    done = subprocess.run(
        ["dpkg-deb", "--field", deb, name], check=True, capture_output=True, text=True, timeout=TIMEOUT
    )
    return done.stdout.strip()


def dependencies(deb: Path) -> tuple[str, ...]:
    """The names of what it depends on."""
    return tuple(sorted({re.split(r"[ :(]", item.strip())[0] for item in field(deb, "Depends").split(",")}))


# --- the package --------------------------------------------------------------------------------------------------


def test_two_builds_are_the_same_to_the_byte(deb: Path, tmp_path: Path) -> None:
    """Wherever and whenever the sources were checked out."""
    again = build_deb(tmp_path / "deb", checked_out_elsewhere(tmp_path / "source"))
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (deb, again)}
    assert len(digests) == 1


def test_the_version_is_that_of_the_program(deb: Path) -> None:
    assert field(deb, "Version") == __version__


@pytest.mark.parametrize("suite", SUITES[1:])
def test_lintian_finds_neither_errors_nor_warnings(suite: str, deb: Path) -> None:
    """The lintian of each generation, whose rules differ; that of Debian 11 knows none of today's."""
    with overlay(tree_for_test(suite, ("lintian",))) as tree:
        shutil.copy(deb, tree / deb.name)
        done = run_inside(tree, "lintian", "--allow-root", "--fail-on", "error,warning", f"/{deb.name}", network=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_module_and_every_page_is_in_it_as_a_plain_file(deb: Path, tmp_path: Path) -> None:
    """Word for word as in the source tree, readable for everybody, and nothing compiled."""
    subprocess.run(["dpkg-deb", "--extract", deb, tmp_path], check=True, timeout=TIMEOUT)
    agent, there = SOURCE / "agent", tmp_path / HOME
    every = (
        Path(folder, name) for folder, _, names in os.walk(agent / "azpreflight", followlinks=True) for name in names
    )
    beside = tuple(agent / "azpreflight" / room for room in BESIDE)
    wanted = {
        path.relative_to(agent): path.read_bytes()
        for path in every
        if (path.suffix in (".py", ".md", ".json") or path.parent.name == "completions")
        and not any(room in path.parents for room in beside)
    }
    assert {path.relative_to(there): path.read_bytes() for path in there.rglob("*") if path.is_file()} == wanted
    assert {path.stat().st_mode & 0o7777 for path in there.rglob("*")} == {0o644, 0o755}


def test_what_no_guest_has_is_in_a_package_of_its_own(deb: Path, tmp_path: Path) -> None:
    """All its modules, and nothing else but what Debian wants of every package; of the same version as the program."""
    (other,) = deb.parent.glob("azpreflight-rehearse_*.deb")
    subprocess.run(["dpkg-deb", "--extract", other, tmp_path], check=True, timeout=TIMEOUT)
    agent, there = SOURCE / "agent", tmp_path / HOME
    wanted = {path.relative_to(agent) for room in BESIDE for path in (agent / "azpreflight" / room).rglob("*.py")}
    assert {path.relative_to(there) for path in there.rglob("*") if path.is_file()} == wanted
    outside = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert all(name.startswith((HOME, "usr/share/doc/", "usr/share/python3/runtime.d/")) for name in outside)
    assert {"azpreflight", "python3-cryptography"} <= set(dependencies(other))
    assert f"azpreflight (= {__version__})" in field(other, "Depends")


def test_it_depends_on_the_distributions_own_libraries(deb: Path) -> None:
    libraries = ("python3-dnspython", "python3-psutil", "python3-requests", "python3-yaml")
    assert dependencies(deb) == ("python3", *libraries)
    assert field(deb, "Suggests") == "azpreflight-rehearse, python3-iptables"


@pytest.mark.parametrize("added", [False, True])
def test_every_unit_and_every_preset_is_in_it_and_those_of_the_preset_are_enabled(
    added: bool, deb: Path, tmp_path: Path
) -> None:
    """Also those that somebody adds to systemd/, and no other file has to be told."""
    source = SOURCE if not added else with_further_units(tmp_path / "source")
    package = deb if not added else build_deb(tmp_path / "deb", source)
    subprocess.run(["dpkg-deb", "--raw-extract", package, tmp_path / "raw"], check=True, timeout=TIMEOUT)
    there = {str(path.relative_to(tmp_path / "raw/usr/lib")) for path in (tmp_path / "raw/usr/lib").rglob("*.*")}
    units = {path.name for path in (source / "systemd").iterdir()}
    assert there == {f"systemd/{PLACES.get(Path(name).suffix, 'system')}/{name}" for name in units}
    script = (tmp_path / "raw/DEBIAN/postinst").read_text()
    enabled = {"azpreflight.service"} | ({"azpreflight-added.socket"} if added else set())
    assert set(re.findall(r"deb-systemd-helper enable '(\S+)'", script)) == enabled
    assert "deb-systemd-invoke" not in script and "systemctl" not in script
    removal = (tmp_path / "raw/DEBIAN/prerm").read_text()
    assert ("azpreflight-added.service" in removal) is added and "@" not in removal


# --- installed ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=SUITES)
def root(request: pytest.FixtureRequest, deb: Path) -> Iterator[Path]:
    """A root of each generation that has what the package depends on, from the archive, and the package at hand."""
    with overlay(tree_for_test(request.param, dependencies(deb))) as tree:
        shutil.copy(deb, tree / "azpreflight.deb")
        yield tree


def done_inside(root: Path, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    """What a program in the root printed; it has to end with one of these codes."""
    done = run_inside(root, "env", "DEBIAN_FRONTEND=noninteractive", *command)
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def install(root: Path, *options: str) -> None:
    done_inside(root, "apt-get", "install", "--yes", "--no-install-recommends", *options, "/azpreflight.deb")


STANDIN = """
azpreflight standin --format json >/listing & pid=$!
until [ -s /listing ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
kill $pid; wait $pid
cat /listing
"""


def test_the_stand_in_runs_with_its_own_package_and_without_it_says_which(deb: Path) -> None:
    """Removed, it leaves nothing behind."""
    (other,) = deb.parent.glob("azpreflight-rehearse_*.deb")
    needed = {*dependencies(deb), *dependencies(other)} - {"azpreflight"}
    with overlay(tree_for_test("bookworm", tuple(sorted(needed)))) as root:
        for package in (deb, other):
            shutil.copy(package, root / f"{package.name.partition('_')[0]}.deb")
        install(root)
        alone = run_inside(root, "azpreflight", "standin")
        assert (alone.returncode, "install azpreflight-rehearse" in alone.stderr) == (2, True)
        done_inside(root, "apt-get", "install", "--yes", "--no-install-recommends", "/azpreflight-rehearse.deb")
        listing = json.loads(done_inside(root, "sh", "-c", STANDIN))
        done_inside(root, "apt-get", "remove", "--yes", "azpreflight-rehearse")
        assert not (root / HOME / "azpreflight/standin").exists()
    assert {one["part"] for one in listing["listeners"]} == {"wire", "hostgaplugin", "imds", "store", "dns", "ntp"}


def files(root: Path) -> set[str]:
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


def test_the_distribution_compiles_it_and_a_run_writes_nothing(root: Path) -> None:
    """For its own Python, and again for another one, as after a release upgrade."""
    install(root)
    modules = {path.relative_to(root) for path in (root / HOME).rglob("*.py")}
    (tag,) = {path.suffixes[-2] for path in (root / HOME).rglob("*.pyc")}
    assert compiled(root) == modules
    said = run_inside(root, "python3", "-v", "/usr/bin/azpreflight", "--version").stderr
    assert re.search(rf"# code object from '/{HOME}/azpreflight/cli/__pycache__/main{tag}.pyc'", said)
    for path in (root / HOME).rglob("*.pyc"):
        path.unlink()
    assert done_inside(root, "azpreflight", "--version") == f"azpreflight {__version__}\n"
    assert compiled(root) == set()
    done_inside(root, "/usr/share/python3/runtime.d/azpreflight.rtupdate", "rtupdate", "3.8", "3")
    assert compiled(root) == modules


def compiled(root: Path) -> set[Path]:
    """The modules that there is byte code of."""
    made = [path.relative_to(root) for path in (root / HOME).rglob("__pycache__/*.pyc")]
    return {path.parents[1] / f"{path.name.partition('.')[0]}.py" for path in made}


def test_nothing_else_of_its_name_takes_its_place(root: Path) -> None:
    """Neither in the working directory, nor by a variable, nor as pip would install it for all."""
    install(root)
    (python,) = {path.name for path in (root / "usr/lib").glob("python3.*")}
    for folder in ("tmp/azpreflight", f"usr/local/lib/{python}/dist-packages/azpreflight"):
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").write_text("raise SystemExit(66)\n")
    done_inside(root, "python3", "-I", "-c", "import azpreflight", codes=(66,))
    run = "cd /tmp && PYTHONPATH=/tmp azpreflight --version"
    assert done_inside(root, "sh", "-c", run) == f"azpreflight {__version__}\n"


def test_dpkg_and_debsums_notice_an_edited_file_and_nothing_else(root: Path) -> None:
    need_programs("debsums")
    install(root)
    sums = ("debsums", f"--root={root}", "--all", "--silent", "azpreflight")
    assert done_inside(root, "dpkg", "--verify", "azpreflight") == ""
    assert subprocess.run(sums, check=False, capture_output=True, timeout=TIMEOUT).returncode == 0
    edited = f"{HOME}/azpreflight/cli/main.py"
    with (root / edited).open("a") as module:
        module.write("\n")
    assert re.fullmatch(rf"\S+ +/{edited}\n", done_inside(root, "dpkg", "--verify", "azpreflight"))
    done = subprocess.run(sums, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 2 and f"/{edited}" in done.stderr


def test_it_runs_where_proc_is_not_mounted(root: Path) -> None:
    """As in a chroot: every check gives an answer, and what needs /proc says so."""
    install(root)
    check = "umount /proc && azpreflight check --format json --platform none"
    done = run_inside(root, "sh", "-c", check, network=False)
    assert done.returncode in (0, 1, 3) and done.stderr == ""
    results = json.loads(done.stdout)["results"]
    assert not [result for result in results if result["traceback"]]
    assert "there is no /proc/net/dev" in done.stdout
    assert {"pass", "unknown"} <= {result["status"] for result in results}


def test_its_own_autopkgtest_passes_there(root: Path, tmp_path: Path) -> None:
    """In the tree of each generation, with the package as it was built."""
    need_programs("autopkgtest")
    install(root)
    source = copied(tmp_path / "source")
    shutil.copytree(source / "packaging/debian", source / "debian")
    (source / "debian/files").touch()  # a tree that is built already, so that nothing that builds it is wanted
    command: list[str | Path] = [
        "unshare",
        "--net",
        "--mount",
        "autopkgtest",
        "--no-built-binaries",
        f"{source}/",
        "--",
        "chroot",
        root,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    assert re.search(r"(?m)^installed +PASS", done.stdout + done.stderr), done.stdout + done.stderr
    assert done.returncode == 0


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
