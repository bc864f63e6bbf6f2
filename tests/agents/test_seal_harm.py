"""`azpreflight seal` on machines whose configuration and state would lead it astray: nothing else may go."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.paths import ARMED
from tests.agents.debian import PACKAGES, check, messages
from tests.agents.planting import OVF, put
from tests.agents.sealing import AGENT, SEAL, STAMP, UNFINISHED, build_vm, content, decide, seal
from tests.support.scratchroot import overlay, tree_for_test

pytestmark = pytest.mark.root

KEPT = (
    "bin/sh",
    "usr/bin/dpkg",
    "usr/sbin/sshd",
    "usr/sbin/waagent",
    "etc/passwd",
    "etc/shadow",
    "var/lib/dpkg/status",
)
KILLS = int(os.environ.get("TEST_KILLS", "4"))
"""Runs that are killed; CI takes few of them."""


@pytest.fixture
def ready() -> Iterator[Path]:
    """A build VM that seal accepts, whole to the last program afterwards."""
    for root in build_vm("bookworm"):
        decide(root)
        yield root
        assert [path for path in KEPT if not (root / path).exists()] == []
        assert "\nroot:" in "\n" + (root / "etc/passwd").read_text()


def configure(root: Path, line: str) -> None:
    """Another line of waagent.conf; the last of a key wins."""
    path = root / "etc/waagent.conf"
    path.write_text(f"{path.read_text()}\n{line}\n")


@pytest.mark.parametrize("value", ["", " # /var/log/azure"])
def test_an_empty_log_directory_is_none(ready: Path, value: str) -> None:
    """waagent passes it over, and so does seal: all else is sealed."""
    configure(ready, f"Extension.LogDir={value}")
    before = len(list((ready / "usr").rglob("*")))
    done = seal(ready)
    assert done.returncode == 0, done.stderr
    assert len(list((ready / "usr").rglob("*"))) == before


@pytest.mark.parametrize(
    "line",
    [
        *(f"Extension.LogDir={value}" for value in (".", "/", "/var/log", "/etc", "/var/lib", "../..")),
        *("OS.SudoersDir=/usr/bin", "OS.SshDir=/usr", "OS.PasswordPath=/etc/passwd", "Lib.Dir=/etc", "Lib.Dir="),
    ],
)
def test_a_hostile_configuration_is_refused_by_its_name(ready: Path, line: str) -> None:
    """In a dry run and for real, with nothing changed."""
    configure(ready, line)
    before = content(ready)
    key, _, value = line.partition("=")
    for option in ("", "--yes"):
        done = seal(ready, f"{SEAL} {option}")
        assert (done.returncode, f"{key}={value!r}: waagent would" in done.stderr) == (4, True), done.stderr
        removed = [row.split()[1] for row in done.stdout.splitlines() if row.startswith(("remove ", "empty "))]
        assert [path for path in removed if path.count("/") < 2 or path.startswith(("/usr", "/bin"))] == []
    assert content(ready) == before


def test_a_cloud_directory_of_the_system_is_refused(ready: Path) -> None:
    """`cloud-init clean` removes what is in it."""
    put(ready, "etc/cloud/cloud.cfg.d/99-x.cfg", "system_info:\n  paths:\n    cloud_dir: /usr\n")
    before = content(ready)
    done = seal(ready)
    assert (done.returncode, "'cloud_dir: /usr': cloud-init would empty" in done.stderr) == (4, True), done.stderr
    assert content(ready) == before


@pytest.mark.parametrize(
    ("user", "reason"),
    [("root", "uid 0 is root's"), ("daemon", "uid 1 is that of a system account"), ("-R/", "no name")],
)
@pytest.mark.parametrize("remembered", [False, True])
def test_the_systems_accounts_are_never_deleted(ready: Path, user: str, reason: str, remembered: bool) -> None:
    """Named by ovf-env.xml, or by the state of a seal that was interrupted; waagent is not asked to either."""
    passwd = (ready / "etc/passwd").read_text().replace("/usr/sbin:/usr/sbin/nologin", "/usr/sbin:/bin/sh")
    (ready / "etc/passwd").write_text(passwd)
    if remembered:
        (ready / "var/lib/waagent/ovf-env.xml").unlink()
        put(ready, UNFINISHED[1:], json.dumps({"user": user}))
    else:
        put(ready, "var/lib/waagent/ovf-env.xml", OVF.replace("azureuser", user))
    done = seal(ready, f"{SEAL} --yes --ignore gen-users")
    assert (done.returncode, f"will not delete the user {user!r}: {reason}" in done.stderr) == (4, True), done.stderr
    assert (ready / "etc/passwd").read_text() == passwd


def test_links_and_mounts_are_no_way_out(ready: Path) -> None:
    """waagent would follow the one and empty the other, so it is not started."""
    done = seal(ready, f"rm -rf /var/log/azure; ln -s /usr /var/log/azure; {SEAL} --yes")
    assert (done.returncode, "'/var/log/azure', which is a link" in done.stderr) == (4, True), done.stderr
    mounted = "rm /var/log/azure; mkdir -p /var/log/azure/disc; mount --bind /usr /var/log/azure/disc"
    done = seal(ready, f"{mounted}; {SEAL} --yes")
    assert (done.returncode, "'/var/log/azure/disc' is a mount" in done.stderr) == (4, True), done.stderr


def test_what_a_package_owns_stays(ready: Path) -> None:
    """The slice of newer agents comes with their package; one that no package knows goes."""
    slices = ("azure.slice", "azure-vmextensions-x.slice")
    for name in slices:
        put(ready, f"usr/lib/systemd/system/{name}", "[Slice]\n")
    owner = next((ready / "var/lib/dpkg/info").glob("waagent.list"))
    owner.write_text(f"{owner.read_text()}/lib/systemd/system/azure.slice\n")
    done = seal(ready)
    assert done.returncode == 0, done.stderr
    assert [(ready / "usr/lib/systemd/system" / name).exists() for name in slices] == [True, False]


def test_what_has_gone_is_not_called_sealed(ready: Path) -> None:
    """An agent that removes a kernel and sshd while it cleans."""
    put(ready, "boot/vmlinuz-6.1", "kernel")
    cleaner = ready / "usr/bin/cloud-init"
    cleaner.write_text('#!/bin/sh\n[ "$1" = clean ] && mv /usr/sbin/sshd /usr/sbin/gone && rm /boot/vmlinuz-6.1\n')
    put(ready, "usr/sbin/init", "")  # which a tree without a kernel does not need
    done = seal(ready, f"{SEAL} --yes --ignore boot-nic")  # this cloud-init writes no network configuration
    assert done.returncode == 5, done.stderr
    (ready / "usr/sbin/gone").rename(ready / "usr/sbin/sshd")
    assert "  /usr/sbin/sshd has gone\n" in done.stderr and "  /boot/vmlinuz-6.1 has gone\n" in done.stderr
    assert not (ready / STAMP).exists()


def test_a_seal_that_is_killed_can_be_run_again(ready: Path) -> None:
    """By SIGKILL at any moment: the next one ends well, and never says sealed of what is not."""
    chance = random.Random(0)
    for number in range(KILLS):
        for root in build_vm("bookworm"):
            decide(root)
            seal(root, f"setsid {SEAL} --yes >/dev/null 2>&1 & sleep {chance.uniform(0.3, 6):.2f}; kill -KILL -- -$!")
            done = seal(root, f"{SEAL} --yes")
            assert done.returncode == 0, (number, done.stderr)
            assert messages(check(root), "gen-users") == []
            assert (root / "usr/sbin/sshd").exists() and (root / STAMP).exists()


ARM = SEAL.replace(" seal", "")


@pytest.fixture
def booted() -> Iterator[Path]:
    """A tree with systemd's tools and azpreflight in it."""
    with overlay(tree_for_test("bookworm", (*PACKAGES, "systemd"))) as root:
        shutil.copytree(AGENT, root / "opt/azp/azpreflight", ignore=shutil.ignore_patterns("__pycache__"))
        yield root


def test_a_machine_whose_arm_is_killed_is_armed_or_not(booted: Path) -> None:
    """By SIGKILL at any moment: the link comes last, so that what has it has its settings; and it can be undone."""
    ready = booted
    unit = "azpreflight-capture.service"
    put(ready, f"usr/lib/systemd/system/{unit}", (AGENT.parents[1] / "systemd" / unit).read_text())
    link, settings = (ready / path.lstrip("/") for path in ARMED)
    chance = random.Random(0)
    for number in range(KILLS):
        seal(ready, f"setsid {ARM} arm >/dev/null 2>&1 & sleep {chance.uniform(0.05, 1):.2f}; kill -KILL -- -$!")
        assert not link.is_symlink() or (settings / "armed.conf").read_text().startswith("[Service]"), number
        said = [line for line in messages(check(ready), "gen-azpreflight") if "arm" in line]
        assert [line.startswith("the image is still armed") for line in said] == [link.is_symlink()] * settings.exists()
        again = seal(ready, f"{ARM} arm && test -L /{link.relative_to(ready)} && {ARM} disarm")
        assert again.returncode == 0, again.stderr
        assert not link.is_symlink() and not settings.exists()
