"""What is released: every file is there, described, counted in the checksums and signed, and can be built again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from azpreflight import __version__
from tests.support.needs import need_programs

pytestmark = pytest.mark.xdist_group("dist")

SOURCE = Path(__file__).parents[2]
PACKAGING = SOURCE / "packaging"
TIMEOUT = 300
TOOLS = ("dpkg-buildpackage", "dh", "rpmbuild", "ssh-keygen")
WHO = "maintainers@example"


def run(*command: str | Path) -> str:
    """What a program printed; it has to succeed."""
    environment = {**os.environ, "PYTHON": sys.executable}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=TIMEOUT, env=environment, stdin=subprocess.DEVNULL
    ).stdout


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a release, made as `make dist` makes them."""
    need_programs(*TOOLS)
    folder = tmp_path_factory.mktemp("dist")
    run(PACKAGING / "dist", folder)
    return folder


ARTEFACTS = {
    f"azpreflight-{__version__}.tar.gz",
    f"azpreflight-{__version__}-py3-none-any.whl",
    f"azpreflight_{__version__}_all.deb",
    f"azpreflight-rehearse_{__version__}_all.deb",
    f"azpreflight-{__version__}-1.noarch.rpm",
    f"azpreflight-rehearse-{__version__}-1.noarch.rpm",
    f"azpreflight-{__version__}.pyz",
}
BOM = f"azpreflight-{__version__}.spdx.json"


def test_every_file_is_counted_in_the_checksums(dist: Path) -> None:
    sums = dict(line.split("  ")[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {*ARTEFACTS, BOM}
    assert sums == {name: digest(dist / name) for name in sums}
    assert {path.name for path in dist.iterdir()} >= {*sums, "SHA256SUMS"}


def test_its_bill_of_materials_is_valid_and_names_every_file_and_every_library(dist: Path) -> None:
    run(Path(sys.executable).with_name("pyspdxtools"), "--infile", dist / BOM)
    bom = json.loads((dist / BOM).read_text())
    files = {
        one["packageFileName"]: one["checksums"][0]["checksumValue"] for one in bom["packages"] if "checksums" in one
    }
    assert files == {name: digest(dist / name) for name in ARTEFACTS}
    setup = ConfigParser()
    setup.read(SOURCE / "setup.cfg")
    extras = setup["options.extras_require"]
    wanted = re.findall(
        r"(?m)^([\w-]+)>=", setup["options"]["install_requires"] + extras["iptables"] + extras["rehearse"]
    )
    libraries = {one["name"] for one in bom["packages"] if one["primaryPackagePurpose"] == "LIBRARY"}
    assert libraries == set(wanted) and "dnspython" in libraries


def test_its_bill_of_materials_has_the_minimum_that_ntia_names(dist: Path) -> None:
    """Supplier, name, version, identifier and relationships of everything, an author and a time; by a checker of it.

    What it does not reach from the document it does not judge, so that is looked at too.
    """
    assert "Conformant: True" in run(Path(sys.executable).with_name("ntia-checker"), dist / BOM)
    packages = json.loads((dist / BOM).read_text())["packages"]
    assert [one["name"] for one in packages if not (one.get("supplier") and one.get("versionInfo"))] == []


def test_the_source_archive_builds_the_same_again(dist: Path, tmp_path: Path) -> None:
    """Unpacked, and no checkout, it makes itself, the wheel and the single file to the byte."""
    run("tar", "--extract", "--file", dist / f"azpreflight-{__version__}.tar.gz", "--directory", tmp_path)
    tree = tmp_path / f"azpreflight-{__version__}"
    for kind in ("source", "wheel", "zipapp"):
        made = Path(run(tree / "packaging" / f"build-{kind}", tmp_path / "again").strip())
        assert digest(made) == digest(dist / made.name)
    assert run(tree / "packaging/version").strip() == __version__


def test_the_signature_holds_for_these_checksums_alone(dist: Path, tmp_path: Path) -> None:
    key, sums = tmp_path / "key", tmp_path / "SHA256SUMS"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    run(PACKAGING / "sign", key, dist)
    (tmp_path / "signers").write_text(f'{WHO} namespaces="azpreflight" {key.with_suffix(".pub").read_text()}')
    verify: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        tmp_path / "signers",
        "-I",
        WHO,
        "-n",
        "azpreflight",
    ]
    verify += ["-n", "azpreflight", "-s", dist / "SHA256SUMS.sig"]
    shutil.copy(dist / "SHA256SUMS", sums)
    codes = []
    for change in ("", "0" * 64 + "  azpreflight.pyz\n"):
        sums.write_text(sums.read_text() + change)
        with sums.open() as signed:
            codes.append(
                subprocess.run(verify, check=False, stdin=signed, capture_output=True, timeout=TIMEOUT).returncode
            )
    assert codes[0] == 0 and codes[1] != 0


def test_what_is_not_in_the_checksums_is_not_signed(dist: Path, tmp_path: Path) -> None:
    """A file that was changed after they were made."""
    for name in ("SHA256SUMS", *ARTEFACTS, BOM):
        shutil.copy(dist / name, tmp_path)
    with (tmp_path / BOM).open("a") as changed:
        changed.write("\n")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    done = subprocess.run(
        [PACKAGING / "sign", tmp_path / "key", tmp_path], check=False, capture_output=True, timeout=60
    )
    assert done.returncode != 0 and not (tmp_path / "SHA256SUMS.sig").exists()
