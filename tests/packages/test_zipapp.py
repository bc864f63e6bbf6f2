"""The single file for a machine without the packages: what it can do with Python alone, and what it says it cannot."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight import __version__
from azpreflight.cli import pages
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.xdist_group("zipapp")

SOURCE = Path(__file__).parents[2]
LIBRARIES = ("python3-dnspython", "python3-psutil", "python3-requests", "python3-yaml")
NAMES = ("dnspython", "psutil", "PyYAML")
CHECK = ("check", "--platform", "none", "--stage", "firstboot", "--format", "json")

YAML = "the Python library PyYAML is not installed"


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, built from this tree."""
    return built(tmp_path_factory.mktemp("zipapp"))


def built(folder: Path) -> Path:
    """A file built into this folder."""
    made = subprocess.run([SOURCE / "packaging/build-zipapp", folder], check=True, capture_output=True, timeout=60)
    return Path(made.stdout.decode().strip())


def alone(zipapp: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with a Python that finds nothing beyond its standard library."""
    command: list[str | Path] = [sys.executable, "-I", "-S", zipapp, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd="/")


def test_two_builds_are_the_same_to_the_byte(zipapp: Path, tmp_path: Path) -> None:
    assert len({hashlib.sha256(path.read_bytes()).hexdigest() for path in (zipapp, built(tmp_path))}) == 1


def test_it_has_every_page_and_runs_by_its_name(zipapp: Path) -> None:
    assert os.access(zipapp, os.X_OK) and zipapp.read_bytes().startswith(b"#!/usr/bin/python3 -I\n")
    assert alone(zipapp, "--version").stdout == f"azpreflight {__version__}\n"
    code = f"import json, sys; sys.path.insert(0, {str(zipapp)!r}); import azpreflight.cli.pages as p; "
    code += "print(json.dumps({id: p.page(id) for id in p.page_ids()}))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, timeout=60)
    assert json.loads(done.stdout) == {name: pages.page(name) for name in pages.page_ids()}


@pytest.mark.parametrize("arguments", [("list",), ("explain", "clock"), ("decode", "/dev/null"), ("--version",)])
def test_a_command_that_inspects_nothing_lacks_nothing(zipapp: Path, arguments: tuple[str, ...]) -> None:
    assert "without libraries" not in alone(zipapp, *arguments).stderr


def test_without_libraries_it_names_them_and_makes_the_checks_that_need_none(zipapp: Path) -> None:
    done = alone(zipapp, *CHECK)
    assert re.findall(r"(?m)^  (\w+): ", done.stderr) == list(NAMES)
    results = json.loads(done.stdout)["results"]
    assert not [result for result in results if result["traceback"]]
    assert [result for result in results if result["status"] in ("pass", "fail")]
    assert "the Python library dnspython is not installed" in " ".join(done.stdout.split())


def test_one_library_is_missed_by_what_needs_it_alone(zipapp: Path, tmp_path: Path) -> None:
    """An image whose netplan file cannot be read without PyYAML: the other marks of deprovisioning are judged."""
    netplan = tmp_path / "etc/netplan/50-cloud-init.yaml"
    netplan.parent.mkdir(parents=True)
    netplan.write_text("network: {version: 2}\n")
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    results = json.loads(alone(zipapp, "check", "--root", str(tmp_path), "--format", "json").stdout)["results"]
    statuses = {result["check"]: (result["status"], result["reason"]) for result in results}
    assert statuses["gen-network-config"] == (
        "unknown",
        f"{YAML}: install python3-yaml with the package manager, or PyYAML with pip",
    )
    assert statuses["gen-machine-id"][0] == "fail"


@pytest.mark.parametrize(("text", "code"), [("cloud: public\n", 2), ("# cloud: public\n\n", 1), ("", 1)])
def test_a_configuration_that_cannot_be_read_is_refused(text: str, code: int, zipapp: Path, tmp_path: Path) -> None:
    """As packages ship it, of comments alone, it can be read without PyYAML."""
    config = tmp_path / "config.yaml"
    config.write_text(text)
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    wanted = (
        "--config",
        str(config),
        "--root",
        str(tmp_path / "root"),
        "--only",
        "gen-machine-id",
        "--fail-on",
        "warning",
    )
    done = alone(zipapp, "check", *wanted)
    assert done.returncode == code, done.stderr
    assert (f"cannot read {config}: {YAML}" in done.stderr) is (code == 2)


def test_a_python_that_is_too_old_is_told_so(zipapp: Path, tmp_path: Path) -> None:
    """Its first module is read by Python 3.6 too; this one is made to look older than it is."""
    code = f"import runpy, sys; sys.version_info = (3, 6, 8); runpy.run_path({str(zipapp)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "this is Python 3.6, and it takes 3.9 or later" in done.stderr


@pytest.fixture
def root(zipapp: Path) -> Iterator[Path]:
    """A Debian with the libraries, and the file in it."""
    with overlay(tree_for_test("bookworm", ("python3", *LIBRARIES))) as tree:
        (tree / "azpreflight.pyz").write_bytes(zipapp.read_bytes())
        (tree / "azpreflight.pyz").chmod(0o755)
        yield tree


@pytest.mark.root
def test_with_libraries_it_has_nothing_to_say_of_them_and_writes_nothing(root: Path) -> None:
    before = {path for path in root.rglob("*") if "proc" not in path.parts}
    done = run_inside(root, "/azpreflight.pyz", *CHECK, network=False)
    assert done.returncode in (0, 1, 3) and done.stderr == ""
    assert "the Python module" not in done.stdout
    assert {path for path in root.rglob("*") if "proc" not in path.parts} == before
