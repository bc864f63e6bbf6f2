"""The repositories for apt and dnf: their clients find the package in them, and trust the signature alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight import __version__
from tests.packages.worlds import TOOLS
from tests.support.needs import need_programs

SOURCE = Path(__file__).parents[2]
PACKAGING = SOURCE / "packaging"
KEY = "repository@example"

pytestmark = [pytest.mark.xdist_group("dist"), pytest.mark.root]


def run(*command: str | Path, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program, with these variables besides."""
    environment = {**os.environ, **variables}
    return subprocess.run(
        command,
        check=check,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both, signed with a key of their own."""
    need_programs(*TOOLS, "dpkg-buildpackage", "dh", "dpkg-scanpackages", "gpg", "apt-get")
    folder = tmp_path_factory.mktemp("repository")
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    for kind in ("deb", "rpm"):
        run(PACKAGING / f"build-{kind}", folder / "dist")
    quick = ["--quick-generate-key", KEY, "ed25519", "sign", "never"]
    run("gpg", "--batch", "--passphrase", "", *quick, GNUPGHOME=str(home))
    run(
        *(PACKAGING / "build-repository", folder / "made", KEY),
        GNUPGHOME=str(home),
        PACKAGES=str(folder / "dist"),
    )
    run("gpgconf", "--kill", "all", GNUPGHOME=str(home))
    return folder / "made"


def apt(repository: Path, folder: Path, key: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """apt-get with this repository alone, and with nothing of this machine's own."""
    for name in ("lists/partial", "archives/partial", "parts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "sources").write_text(f"deb [signed-by={key}] file:{repository}/apt ./\n")
    options = {
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Etc::sourcelist": folder / "sources",
        "Dir::Etc::sourceparts": folder / "parts",
        "APT::Sandbox::User": "root",
    }
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return run("apt-get", *given, *command, check=False)


def test_apt_finds_the_package(repository: Path, tmp_path: Path) -> None:
    done = apt(repository, tmp_path, repository / "azpreflight.asc", "--error-on=any", "update")
    assert done.returncode == 0, done.stderr
    shown = apt(repository, tmp_path, repository / "azpreflight.asc", "download", "--print-uris", "azpreflight")
    assert f"azpreflight_{__version__}_all.deb" in shown.stdout and "SHA256" in shown.stdout


def test_apt_refuses_what_was_changed(repository: Path, tmp_path: Path) -> None:
    """The list of packages is what the signature is about."""
    changed = tmp_path / "changed"
    run("cp", "-R", repository, changed)
    with (changed / "apt" / "InRelease").open("r+") as file:
        text = file.read().replace("Label: azpreflight", "Label: another")
        file.seek(0)
        file.write(text)
    done = apt(changed, tmp_path / "apt", changed / "azpreflight.asc", "--error-on=any", "update")
    assert done.returncode != 0 and "signature" in (done.stdout + done.stderr).lower()


def test_dnf_finds_the_package_and_the_signature_holds(repository: Path, tmp_path: Path) -> None:
    ask = ["dnf", "--quiet", f"--installroot={tmp_path}", "--releasever=1", f"--setopt=cachedir={tmp_path}/cache"]
    ask += [f"--repofrompath=own,{repository}/dnf", "--repo=own", "repoquery", "azpreflight"]
    assert run(*ask).stdout.strip() == f"azpreflight-0:{__version__}-1.noarch"
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    run("gpg", "--batch", "--import", repository / "azpreflight.asc", GNUPGHOME=str(home))
    data = repository / "dnf" / "repodata"
    run("gpg", "--batch", "--verify", data / "repomd.xml.asc", data / "repomd.xml", GNUPGHOME=str(home))


def test_the_documents_make_a_site(tmp_path: Path) -> None:
    """Without a warning; and the address in a finding is that of a page of it."""
    run(PACKAGING / "build-site", tmp_path, PYTHON=sys.executable)
    assert "<h1" in (tmp_path / "causes" / "guest-firewall" / "index.html").read_text()
    assert "症状" in (tmp_path / "causes" / "ja" / "guest-firewall" / "index.html").read_text()
    assert (tmp_path / "symptoms" / "index.html").exists()
