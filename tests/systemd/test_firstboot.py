"""The watch of a first boot under a real systemd: when it speaks, when it ends, and which boots it watches at all."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.console.decode import decode
from azpreflight.watch.boot import FIRST_LOOK
from azpreflight.watch.boot_policy import LIMIT_S, SETTLE_S
from tests.agents.planting import put
from tests.support.scratchroot import overlay, run_inside, tree_for_test
from tests.systemd.building import IDLE, PACKAGES, reports, running
from tests.systemd.machine import VM_ID, Machine

pytestmark = pytest.mark.root

OTHER_VM = "0b8f3d5c-7a12-4e6b-9c3d-51f0a2b4c6d8"
UNIT = "azpreflight.service"
ALMOST = LIMIT_S - 3
"""Seconds after power-on at which the platform is about to give up."""

BLIND = f"[Service]\nExecStartPre=/bin/mkdir {FIRST_LOOK}\n"
"""Every look fails, as long as no file can be there."""
NO_SUCH_DISC = "[Mount]\nWhat=nothing\nWhere=/var/log\nType=no-such-filesystem\n"


@pytest.fixture
def root(deb: Path) -> Iterator[Path]:
    """An image with the package in it."""
    with overlay(tree_for_test("bookworm", PACKAGES)) as tree:
        (tree / "azpreflight.deb").write_bytes(deb.read_bytes())
        done = run_inside(tree, "dpkg", "--install", "/azpreflight.deb")
        assert done.returncode == 0, done.stderr
        (tree / "azpreflight.deb").unlink()
        configuration = tree / "etc/waagent.conf"
        kept = [line for line in configuration.read_text().splitlines() if not line.startswith("Provisioning.Agent=")]
        configuration.write_text("\n".join([*kept, "Provisioning.Agent=waagent", ""]))
        put(tree, "etc/systemd/system/walinuxagent.service.d/idle.conf", IDLE)
        put(tree, "etc/systemd/system/multi-user.target.d/network.conf", "[Unit]\nWants=network.target\n")
        yield tree


def ended(machine: Machine) -> None:
    """Wait until the watch is over, with no process left."""
    deadline = time.monotonic() + 90
    while machine.run(f"systemctl is-active {UNIT}").stdout.strip() != "inactive":
        assert time.monotonic() < deadline, machine.run(f"systemctl status {UNIT}").stdout
        time.sleep(0.5)
    assert machine.run("pgrep --full bin/[a]zpreflight").stdout == ""


def test_a_missing_network_is_said_once_it_should_be_there(root: Path) -> None:
    """Before that it may be coming up. The watch goes on, and holds nothing up that systemd starts."""
    with running(root) as machine:
        assert machine.run("systemctl is-active multi-user.target").stdout.strip() == "active"
        (report,) = reports(machine, 1)
        assert report["causes"][0]["cause"] == "no-network", report["causes"]
        assert (report["run"]["stage"], report["run"]["vm_id"]) == ("firstboot", VM_ID)
        missing = {item["name"]: item["waited_s"] for item in report["timeline"] if item["at_s"] is None}
        assert missing["address"] >= SETTLE_S
        assert machine.run(f"systemctl is-active {UNIT}").stdout.strip() == "active"
        assert machine.run("cat /var/log/azpreflight/report.jsonl").stdout.count("\n") == 1
        assert machine.run(f"test -s {FIRST_LOOK}").returncode == 0


def test_only_the_first_look_keeps_what_the_image_was_like(root: Path) -> None:
    """Where that one failed, the agents have gone on meanwhile, and what is there is not the image any more."""
    put(root, f"etc/systemd/system/{UNIT}.d/blind.conf", BLIND)
    with running(root) as machine:
        deadline = time.monotonic() + 60
        while "this look gave no report" not in machine.run(f"journalctl --unit {UNIT}").stdout:
            assert time.monotonic() < deadline, machine.run(f"journalctl --unit {UNIT}").stdout
            time.sleep(0.5)
        machine.run(f"rmdir {FIRST_LOOK}")
        (report,) = reports(machine, 1)
        assert report["causes"][0]["cause"] == "no-network", report["causes"]
        assert machine.run(f"test -e {FIRST_LOOK}").returncode == 1


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """As after an error of the file system."""
    for words in (["--bind", str(folder)], ["-o", "remount,bind,ro"]):
        subprocess.run(["mount", *words, str(folder)], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


def told(machine: Machine) -> str:
    """What a person reads on the console."""
    return "\n".join(line for line in machine.said().decode().splitlines() if line.startswith("azpreflight: "))


def test_what_a_power_cut_left_is_removed_at_the_next_start(root: Path) -> None:
    """Half a report of the boot before, which was never renamed; and it is said."""
    put(root, "var/lib/azpreflight/.report.json.k3_x0a9z", '{"schema": ')
    put(root, "var/lib/azpreflight/.other.json.k3_x0a9z", "of somebody else")
    time.sleep(1)  # the time since boot is given in whole seconds
    with running(root) as machine:
        deadline = time.monotonic() + 60
        while "which a writer that was ended has left" not in machine.run(f"journalctl --unit {UNIT}").stdout:
            assert time.monotonic() < deadline, machine.run(f"journalctl --unit {UNIT}").stdout
            time.sleep(0.5)
        left = machine.run("ls -A /var/lib/azpreflight").stdout.split()
        assert (".report.json.k3_x0a9z" in left, ".other.json.k3_x0a9z" in left) == (False, True)


def test_without_a_place_for_its_files_it_has_the_console(root: Path) -> None:
    """A disc that is read-only is itself a reason why a VM is not provisioned."""
    with read_only(root / "var"), running(root, uptime=ALMOST) as machine:
        ended(machine)
        assert reports(machine, 1)[0]["verdict"] == "not-ready"


def test_a_mount_that_fails_does_not_keep_it_silent(root: Path) -> None:
    put(root, "etc/systemd/system/var-log.mount", NO_SUCH_DISC)
    put(root, "etc/systemd/system/local-fs.target.wants/var-log.mount", NO_SUCH_DISC)
    with running(root, uptime=ALMOST) as machine:
        ended(machine)
        assert machine.run("systemctl is-failed var-log.mount").stdout.strip() == "failed"
        assert reports(machine, 1)[0]["verdict"] == "not-ready"


def test_a_configuration_that_is_wrong_is_told_and_does_not_keep_it_silent(root: Path) -> None:
    put(root, "etc/azpreflight/config.yaml", "kvp: never\nnonsense: 1\n")
    with running(root, uptime=ALMOST) as machine:
        ended(machine)
        assert reports(machine, 1)[0]["verdict"] == "not-ready"
        assert "/etc/azpreflight/config.yaml:2: no key nonsense" in told(machine)


def test_the_last_word_is_not_silence(root: Path) -> None:
    put(root, f"etc/systemd/system/{UNIT}.d/blind.conf", BLIND)
    with running(root, uptime=LIMIT_S) as machine:
        ended(machine)
        assert decode(machine.said()).reports == ()
        assert f"this look gave no report: azpreflight ended with 2: azpreflight: --as-captured {FIRST_LOOK}" in told(
            machine
        ).replace("\nazpreflight:  ", "")


def test_it_ends_at_the_platforms_limit_and_watches_the_restart(root: Path) -> None:
    """With a final verdict each time; the third boot, and every later one, is not the platform's business any more."""
    for _ in range(2):
        with running(root, uptime=ALMOST) as machine:
            ended(machine)
            final = reports(machine, 1)[0]
            assert final["verdict"] == "not-ready"
            assert max(item["waited_s"] for item in final["timeline"]) >= LIMIT_S
    with running(root, uptime=ALMOST) as machine:
        ended(machine)
        assert b"azpreflight:" not in machine.said()
    with running(root, vm_id=OTHER_VM, uptime=ALMOST) as machine:
        assert reports(machine, 1)[0]["run"]["vm_id"] == OTHER_VM


def test_it_can_be_turned_off(root: Path) -> None:
    """On the command line of the kernel, which is that of init in a container."""
    with running(root, uptime=ALMOST, append="azpreflight=off") as machine:
        ended(machine)
        assert machine.run(f"systemctl show --property ConditionResult {UNIT}").stdout.strip() == "ConditionResult=no"
        assert decode(machine.said()).reports == ()


def test_a_package_that_is_removed_watches_no_more(root: Path) -> None:
    with running(root) as machine:
        assert machine.run(f"systemctl is-active {UNIT}").stdout.strip() == "active"
        assert machine.run("dpkg --purge azpreflight").returncode == 0
        ended(machine)
        assert machine.run("ls -d /run/azpreflight /var/lib/azpreflight /var/log/azpreflight").stdout == ""
