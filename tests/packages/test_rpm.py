"""The rpm: what dnf installs with it in each distribution, and how it is installed, used, upgraded and removed.

The root that it is put into is a Debian tree, whose Python, libraries and systemctl are real; rpm knows them by
packages of their names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight import __version__
from tests.packages.sources import BESIDE, PLACES, SOURCE, checked_out_elsewhere, copied, with_further_units
from tests.packages.worlds import BOOKS, TIMEOUT, TOOLS, Package, dnf, installed, repository
from tests.support.needs import need_programs
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("rpm")]

NEXT = f"9{__version__[1:]}"
HOME = "usr/share/azpreflight"
LIBRARIES = ("python3-dnspython", "python3-psutil", "python3-requests", "python3-yaml")
SH = Package("bash", provides=("/bin/sh",))


@pytest.fixture(scope="module")
def rpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from this tree."""
    need_programs(*TOOLS)
    return built(SOURCE, tmp_path_factory.mktemp("rpm"))


def built(source: Path, folder: Path) -> Path:
    """A package built from this source into this folder."""
    subprocess.run([source / "packaging" / "build-rpm", folder], check=True, capture_output=True, timeout=TIMEOUT)
    (path,) = folder.glob("azpreflight-[0-9]*.rpm")
    return path


def asked(rpm: Path, *options: str) -> list[str]:
    """What rpm says of the package."""
    command: list[str | Path] = ["rpm", "--query", "--package", *options, rpm]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout.splitlines()


# --- the package --------------------------------------------------------------------------------------------------


def test_two_builds_are_the_same_to_the_byte(rpm: Path, tmp_path: Path) -> None:
    """Wherever and whenever the sources were checked out."""
    again = built(checked_out_elsewhere(tmp_path / "source"), tmp_path / "rpm")
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (rpm, again)}
    assert len(digests) == 1


def test_it_says_what_it_is(rpm: Path) -> None:
    """One package for every architecture, of the program's version, and for the oldest rpm among them."""
    said = asked(rpm, "--queryformat", "%{VERSION} %{ARCH} %{PAYLOADCOMPRESSOR}")[0].split()
    assert said == [__version__, "noarch", "gzip"]


def test_rpmlint_finds_nothing_that_is_not_argued(rpm: Path) -> None:
    command: list[str | Path] = ["rpmlint", "--rpmlintrc", SOURCE / "packaging/rpm/rpmlintrc", rpm]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    assert "0 errors, 0 warnings" in done.stdout, done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("added", [False, True])
def test_every_unit_and_every_preset_is_in_it_and_those_of_the_preset_are_enabled(
    added: bool, rpm: Path, tmp_path: Path
) -> None:
    """Also those that somebody adds to systemd/, and no other file has to be told."""
    source = SOURCE if not added else with_further_units(tmp_path / "source")
    package = rpm if not added else built(source, tmp_path / "rpm")
    units = {path.name for path in (source / "systemd").iterdir()}
    wanted = {f"/usr/lib/systemd/{PLACES.get(Path(name).suffix, 'system')}/{name}" for name in units}
    assert {path for path in asked(package, "--list") if path.startswith("/usr/lib/systemd/")} == wanted
    scripts = "\n".join(asked(package, "--scripts"))
    socket = " azpreflight-added.socket" if added else ""
    assert f" preset azpreflight.service{socket} >" in scripts
    every = " ".join(sorted(name for name in units if Path(name).suffix not in PLACES and "@" not in name))
    assert f" disable --now {every} >" in scripts


@pytest.mark.parametrize("of_guest", [True, False])
def test_every_module_is_in_it_and_only_directories_of_byte_code_are_ghosts(of_guest: bool, rpm: Path) -> None:
    """rpm owns and erases them, and does not miss them. What no guest has is in the other package, and only there."""
    beside = [SOURCE / "agent/azpreflight" / room for room in BESIDE]
    every = (SOURCE / "agent/azpreflight").rglob("*.py")
    modules = [path for path in every if of_guest != any(room in path.parents for room in beside)]
    package = rpm if of_guest else rpm.with_name(rpm.name.replace("azpreflight-", "azpreflight-rehearse-"))
    listed = dict(
        line.split("|")[::-1] for line in asked(package, "--queryformat", "[%{FILEFLAGS:fflags}|%{FILENAMES}\n]")
    )
    wanted = {f"/{HOME}/{path.relative_to(SOURCE / 'agent')}" for path in modules}
    assert {path for path in listed if path.endswith(".py")} == wanted
    folders = {f"{path.rpartition('/')[0]}/__pycache__" for path in wanted}
    assert {path for path, flags in listed.items() if "g" in flags} == folders
    assert not [path for path in listed if path.endswith(".pyc")]


# --- each distribution --------------------------------------------------------------------------------------------


def named(prefix: str, *libraries: str) -> tuple[Package, ...]:
    return tuple(Package(f"{prefix}-{library}") for library in libraries)


RED_HAT = named("python3", "requests", "psutil", "pyyaml", "dns")
RHEL_8 = (
    Package("platform-python", "3.6.8"),
    Package("python36", "3.6.8", ("python3 = 3.6.8",)),
    *RED_HAT,
    Package("python39", "3.9.20"),
    *named("python39", "requests", "psutil", "pyyaml"),
    Package("python3.11", "3.11.13"),
    *named("python3.11", "requests", "pyyaml"),
    Package("python3.12", "3.12.12"),
    *named("python3.12", "requests", "pyyaml"),
)
RHEL_9 = (
    Package("python3", "3.9.21"),
    *RED_HAT,
    Package("python3.12", "3.12.9"),
    *named("python3.12", "requests", "pyyaml"),
)
SLES_15 = (
    Package("python3", "3.6.15"),
    *named("python3", "requests", "psutil", "PyYAML", "dnspython"),
    Package("python311", "3.11.13"),
    *named("python311", "requests", "psutil", "PyYAML", "dnspython"),
)
SLES_16 = (
    Package("python313", "3.13.5", ("python3 = 3.13.5",)),
    *(
        Package(f"python313-{library}", provides=(f"python3-{library} = 1",))
        for library in ("requests", "psutil", "PyYAML", "dnspython")
    ),
)
AZURE_LINUX_3 = (
    Package("python3", "3.12.9"),
    *named("python3", "requests", "psutil"),
    Package("PyYAML", provides=("python3-PyYAML = 1", "python3-yaml = 1")),
)
WORLDS: dict[str, tuple[tuple[Package, ...], tuple[str, ...], str]] = {
    "rhel-8": (RHEL_8, ("platform-python",), "python3.12 python3.12-requests python3.12-pyyaml"),
    "rhel-8 with python3.11": (
        RHEL_8,
        ("python36", "platform-python", "python3.11"),
        "python3.11-requests python3.11-pyyaml",
    ),
    "rhel-9": (RHEL_9, (), "python3 python3-requests python3-psutil python3-pyyaml python3-dns"),
    "rhel-9 with python3.12": (
        RHEL_9,
        ("python3", "python3.12"),
        "python3-requests python3-psutil python3-pyyaml python3-dns",
    ),
    "rhel-10, fedora": (
        (Package("python3", "3.14.0"), *RED_HAT),
        (),
        "python3 python3-requests python3-psutil python3-pyyaml python3-dns",
    ),
    "sles-15": (
        SLES_15,
        ("python3",),
        "python311 python311-requests python311-psutil python311-PyYAML python311-dnspython",
    ),
    "sles-16": (
        SLES_16,
        (),
        "python313 python313-requests python313-psutil python313-PyYAML python313-dnspython",
    ),
    "azure-linux-3": (AZURE_LINUX_3, ("python3",), "python3-requests python3-psutil PyYAML"),
}
"""What the distribution has, what is installed already, and what is to come with the package."""


@pytest.mark.parametrize("name", WORLDS)
def test_a_distribution_brings_its_own_python_and_those_libraries_that_it_has(
    name: str, rpm: Path, tmp_path: Path
) -> None:
    packages, there, wanted = WORLDS[name]
    place, root = repository(tmp_path, (SH, *packages), rpm), tmp_path / "root"
    root.mkdir()
    dnf(root, place, "install", "bash", *there)
    before = installed(root)
    dnf(root, place, "--setopt=tsflags=noscripts", "install", "azpreflight")
    assert installed(root) - before == {"azpreflight", *wanted.split()}


# --- installed ----------------------------------------------------------------------------------------------------

INTERPRETER = ("/usr/bin/python3.11", "/usr/lib/python3.11/os.py")
OWN_PYTHON = Package("python3", "3.11.2", files=("/usr/bin/python3", *INTERPRETER))


@pytest.fixture
def root() -> Iterator[Path]:
    """A tree with systemd, a Python and the libraries, of which rpm knows nothing yet.

    A directory in it is of the package `filesystem` on every distribution with rpm.
    """
    with overlay(tree_for_test("bookworm", ("systemd", *LIBRARIES))) as tree:
        (tree / "usr/share/licenses").mkdir()
        yield tree


def done_inside(root: Path, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    """What a program in the root printed; it has to end with one of these codes."""
    done = run_inside(root, *command, network=False)
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def files(root: Path) -> set[str]:
    """Every path of the root, apart from what the package manager keeps for itself."""
    every = (
        f"/{Path(folder, name).relative_to(root)}"
        for folder, folders, names in os.walk(root)
        for name in (*folders, *names)
    )
    return {path for path in every if not path.startswith(BOOKS)}


def compiled(root: Path) -> tuple[int, set[str]]:
    """How many modules there is byte code of, and for which Pythons."""
    made = list((root / HOME).rglob("__pycache__/*.pyc"))
    return len({(path.parent, path.name.partition(".")[0]) for path in made}), {path.suffixes[-2] for path in made}


def modules(root: Path) -> int:
    return len(list((root / HOME).rglob("*.py")))


def test_it_works_and_its_service_is_enabled(rpm: Path, root: Path, tmp_path: Path) -> None:
    place = repository(tmp_path, (SH, OWN_PYTHON, Package("systemd")), rpm, tree=root)
    dnf(root, place, "install", "systemd", "azpreflight")
    assert done_inside(root, "azpreflight", "--version") == f"azpreflight {__version__}\n"
    assert "# gen-machine-id" in done_inside(root, "azpreflight", "explain", "gen-machine-id")
    assert unsaid(root) == []
    assert done_inside(root, "systemctl", "is-enabled", "azpreflight.service") == "enabled\n"
    assert not (root / "run/systemd/system").exists()
    manual = done_inside(root, "gzip", "-dc", "/usr/share/man/man8/azpreflight.service.8.gz")
    assert manual == (SOURCE / "man/azpreflight.service.8").read_text()


def unsaid(root: Path) -> list[str]:
    """The libraries that checks miss, from a report of all of them."""
    said = done_inside(
        root,
        *("azpreflight", "check", "--format", "json", "--platform", "none", "--stage", "firstboot"),
        codes=(0, 1, 3),
    )
    report = json.loads(said)
    assert not [result for result in report["results"] if result["traceback"]]
    return sorted(set(re.findall(r"the Python library (\w+) is not installed", said)))


def test_byte_code_is_for_the_python_that_there_is_and_a_run_writes_none(rpm: Path, root: Path, tmp_path: Path) -> None:
    """It is made at installation, and again when a Python comes."""
    place = repository(tmp_path, (SH, OWN_PYTHON), rpm, tree=root)
    dnf(root, place, "install", "azpreflight")
    assert compiled(root) == (modules(root), {".cpython-311"})
    said = run_inside(root, "/usr/bin/python3", "-v", "/usr/bin/azpreflight", "--version").stderr
    assert f"# code object from '/{HOME}/azpreflight/cli/__pycache__/main.cpython-311.pyc'" in said
    for path in (root / HOME).rglob("*.pyc"):
        path.unlink()
    assert done_inside(root, "azpreflight", "--version") == f"azpreflight {__version__}\n"
    assert compiled(root) == (0, set())
    dnf(root, place, "reinstall", "python3")
    assert compiled(root) == (modules(root), {".cpython-311"})


def test_rpm_notices_an_edited_file_and_nothing_else(rpm: Path, root: Path, tmp_path: Path) -> None:
    place = repository(tmp_path, (SH, OWN_PYTHON), rpm, tree=root)
    dnf(root, place, "install", "azpreflight")
    verify: list[str | Path] = ["rpm", "--root", root, "--verify", "azpreflight"]
    done = subprocess.run(verify, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stdout) == (0, "")
    edited = f"{HOME}/azpreflight/cli/main.py"
    with (root / edited).open("a") as module:
        module.write("\n")
    done = subprocess.run(verify, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 1 and re.fullmatch(rf"S.5\S+ +/{edited}\n", done.stdout)


@pytest.mark.parametrize("edited", [True, False])
def test_an_upgrade_keeps_configuration_and_state_and_removal_leaves_only_edited_configuration(
    edited: bool, rpm: Path, newer: Path, root: Path, tmp_path: Path
) -> None:
    place = repository(tmp_path / "old", (SH, OWN_PYTHON), rpm, tree=root)
    dnf(root, place, "install", "python3")
    before = files(root)
    dnf(root, place, "install", "azpreflight")
    config, state = root / "etc/azpreflight/config.yaml", root / "var/lib/azpreflight/report.json"
    if edited:
        config.write_text("fail_on: warning\n")
    shipped = config.read_text()
    state.parent.mkdir()
    state.write_text("{}")
    done_inside(root, "azpreflight", "arm")
    first = files(root)
    dnf(root, repository(tmp_path / "new", (), newer), "upgrade", "azpreflight")
    assert done_inside(root, "azpreflight", "--version") == f"azpreflight {NEXT}\n"
    assert (config.read_text(), state.read_text()) == (shipped, "{}")
    assert done_inside(root, "systemctl", "is-enabled", "azpreflight.service") == "enabled\n"
    assert files(root) == first
    dnf(root, place, "remove", "--noautoremove", "azpreflight")
    left = {"/etc/azpreflight", "/etc/azpreflight/config.yaml.rpmsave"} if edited else set()
    assert files(root) - before == left
    assert before - files(root) == set()


@pytest.fixture(scope="module")
def newer(rpm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A later version, whose files have the size and the time of the earlier one's, so that old byte code fits them."""
    tree = copied(tmp_path_factory.mktemp("newer"))
    module = tree / "agent/azpreflight/__init__.py"
    module.write_text(module.read_text().replace(__version__, NEXT))
    return built(tree, tree / "dist")


# --- a system whose own Python is too old -------------------------------------------------------------------------


@pytest.fixture
def old_root(root: Path) -> Path:
    """The same tree as SLES 15 or RHEL 8 have it: python3 is 3.6, and a newer one has to be installed.

    Nothing may run this 3.6, so it need not be one: it fails whoever does.
    """
    for path in INTERPRETER:
        (root / "distribution" / path.lstrip("/")).parent.mkdir(parents=True)
        shutil.copy2(root / path.lstrip("/"), root / "distribution" / path.lstrip("/"))
    for name in ("python3", "python3.11"):
        (root / "usr/bin" / name).unlink()
    (root / "usr/bin/python3.6").write_text("#!/bin/sh\nexit 66\n")
    (root / "usr/bin/python3.6").chmod(0o755)
    (root / "usr/bin/python3").symlink_to("python3.6")
    return root


def test_a_newer_python_beside_the_systems_is_taken_and_lacking_libraries_can_be_put_beside(
    rpm: Path, old_root: Path, tmp_path: Path
) -> None:
    newer = Package("python311", "3.11.13", files=INTERPRETER)
    packages = (SH, Package("python3", "3.6.15"), newer)
    place = repository(tmp_path, packages, rpm, tree=old_root / "distribution")
    dnf(old_root, place, "install", "python3")
    for library in ("dns", "psutil"):
        shutil.rmtree(old_root / "usr/lib/python3/dist-packages" / library)
    dnf(old_root, place, "install", "azpreflight")
    assert compiled(old_root) == (modules(old_root), {".cpython-311"})
    assert unsaid(old_root) == ["dnspython", "psutil"]
    target = old_root / "usr/local/lib/azpreflight"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        target,
        "dnspython",
        "psutil",
    ]
    subprocess.run(pip, check=True, timeout=TIMEOUT)
    assert unsaid(old_root) == []


def test_without_any_python_that_is_new_enough_it_says_so(rpm: Path, old_root: Path, tmp_path: Path) -> None:
    """As rpm --nodeps leaves it, or the removal of that Python."""
    unpacked = f"rpm2cpio {rpm} | cpio --quiet --extract --make-directories --directory {old_root}"
    subprocess.run(["sh", "-c", unpacked], check=True, timeout=TIMEOUT)
    done = run_inside(old_root, "azpreflight", "--version")
    assert (done.returncode, done.stderr) == (2, "azpreflight: there is no Python 3.9 or later in /usr/bin\n")
