"""The wheel that pip installs: everything that the program reads at run time is in it, as plain files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).parents[2]
DATA = ROOT / "agent" / "azpreflight" / "data"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, in which the pages are links as they are in a checkout."""
    place = tmp_path_factory.mktemp("wheel")
    tree = place / "tree"
    tree.mkdir()
    for name in ("agent", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(place), str(tree)], check=True, timeout=300, stdin=subprocess.DEVNULL)
    (built,) = place.glob("*.whl")
    return built


def test_it_has_every_module_and_every_page(wheel: Path) -> None:
    """Word for word what the checkout has."""
    agent = ROOT / "agent"
    modules = [path for path in agent.rglob("*.py") if "__pycache__" not in path.parts]
    data = [path for folder in DATA.iterdir() for path in folder.rglob("*.md")]
    wanted = {path.relative_to(agent).as_posix(): path.read_bytes() for path in (*modules, *data)}
    with zipfile.ZipFile(wheel) as archive:
        there = {name: archive.read(name) for name in archive.namelist() if name in wanted}
    assert len(data) > len(list((ROOT / "docs" / "causes").iterdir()))
    assert there == wanted


def test_it_explains_once_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    """From a directory that has nothing to do with the checkout."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*install, str(wheel)], check=True, timeout=300, stdin=subprocess.DEVNULL)
    for page in ("guest-firewall", "dns-servers"):
        done = subprocess.run(
            [sys.executable, "-m", "azpreflight", "explain", page],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.startswith(f"# {page}\n")
