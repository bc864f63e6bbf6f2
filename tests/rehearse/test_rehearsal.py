"""Whole images, rehearsed from power-on by the program, as a builder does: sound ones, and ones with a fault."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest

from tests.qemu.image import Recipe
from tests.rehearse.conftest import MARK, command_of, disk_of, rehearse
from tests.rehearse.faults import FAULTS, WITH_SCSI
from tests.rehearse.image import HEALTHY

pytestmark = [pytest.mark.root, pytest.mark.emulator]
rehearsals: pytest.MarkDecorator = getattr(pytest.mark, MARK)
Record = Callable[[str, object], None]
BOTH = ("waagent", "cloud-init")
VIRTIO = ("--disk-bus", "virtio")
SET_CHILD_SUBREAPER = 36
"""An option of prctl(2)."""


def digest(path: Path) -> str:
    """SHA-256 of the whole file."""
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


def test_a_sound_image_provisions(tmp_path: Path, record_property: Record) -> None:
    """Boot, address, agent, Ready, login by key and password, custom data and extension; the image is as before."""
    disk = disk_of()
    before = digest(disk)
    done = rehearse(disk, tmp_path, "--quick")
    ready, memory = done.boot()["milestones"]["ready"], done.boot()["memory_mib"]
    record_property("measured", f"rehearsal: Debian 12, waagent: Ready after {ready:.0f} s, {memory} MiB")
    assert (done.code, done.report["verdict"]) == (0, "ready"), done.report["causes"]
    assert done.boot()["reports"][-1]["by"].startswith("waagent")
    assert digest(disk) == before
    assert [place.name for place in tmp_path.glob("azpreflight-*")] == []


@rehearsals
@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        pytest.param(HEALTHY, ("--secure-boot",), id="debian-12-waagent"),
        pytest.param(HEALTHY, ("--quick", "--cpus", "1", "--memory", "1024"), id="debian-12-waagent-small"),
        pytest.param(HEALTHY, ("--quick", "--cpus", "4", "--memory", "8192", *VIRTIO), id="debian-12-waagent-large"),
        pytest.param(HEALTHY, ("--generation", "1", "--quick"), id="debian-12-waagent-generation-1"),
        pytest.param(Recipe("bookworm", BOTH, None, package=False), (), id="debian-12-both"),
        pytest.param(Recipe("trixie", BOTH, None, package=False), (), id="debian-13-both"),
        pytest.param(replace(HEALTHY, suite="trixie"), ("--quick",), id="debian-13-waagent"),
        pytest.param(Recipe("bullseye", BOTH, None, package=False), (), id="debian-11-both"),
        pytest.param(Recipe("sid", BOTH, None, package=False), (), id="debian-sid-both"),
    ],
)
def test_a_sound_image_provisions_again_and_again(
    recipe: Recipe, options: tuple[str, ...], tmp_path: Path, record_property: Record, request: pytest.FixtureRequest
) -> None:
    """The second boot and the second VM as well, in each generation, and by each agent."""
    done = rehearse(disk_of(recipe), tmp_path, *options)
    ready = [round(boot["milestones"].get("ready", 0)) for boot in done.report["facts"]["rehearsal"]["boots"]]
    record_property("measured", f"rehearsal: {request.node.callspec.id}: Ready after {ready} s")
    assert (done.code, done.causes) == (0, []), done.report["causes"]
    if "--quick" not in options:
        assert done.status("second-boot") == done.status("identity") == "pass"
        assert done.boot(2)["extension"] == "hostgaplugin"


@rehearsals
@pytest.mark.parametrize("network", ["no-egress", "dns-dead", "forced-tunnel", "proxy", "ipv6", "tls-interception"])
def test_a_sound_image_provisions_in_any_network(network: str, tmp_path: Path) -> None:
    """Its agent fetches packages by the HostGAPlugin where the store is out of reach."""
    done = rehearse(disk_of(), tmp_path, "--quick", "--network", network)
    assert (done.code, done.causes) == (0, []), done.report["causes"]


@rehearsals
def test_a_sound_image_provisions_from_a_scsi_disk(tmp_path: Path) -> None:
    """Whose name is /dev/sda, and another one at the second boot, where a further disk comes before it."""
    done = rehearse(disk_of(HEALTHY, WITH_SCSI), tmp_path, "--disk-bus", "scsi")
    assert (done.code, done.causes, done.status("second-boot")) == (0, [], "pass"), done.report["causes"]


EXPECTED = {
    "allow-users": ("login", "boot-config", "AllowUsers"),
    "masked-agent": ("agents", "no-provisioning-agent", "masked"),
    "rescue-target": ("boots", "boot-config", "rescue.target"),
    "fstab-missing": ("boots", "boot-config", "/data"),
    "wrong-root": ("boots", "boot-config", "cloudimg-rootfs"),
    "saved-rule": ("agents", "guest-firewall", "168.63.129.16"),
    "no-udf": ("ready", "provisioning-media", "udf"),
    "ordering-cycle": ("login", "boot-config", "ordering cycle"),
    "waits-for-network": ("agents", "boot-config", "intranet.service"),
    "no-dhcp-client": ("dhcp", "boot-config", "DHCP client"),
    "no-initramfs": ("boots", "boot-config", "without an initramfs"),
    "cut-initramfs": ("boots", "boot-config", "unpacking failed"),
    "huge-pages": ("agents", "boot-config", "nr_hugepages"),
    "fills-the-disk": ("agents", "boot-config", "boot-space"),
    "sudo-without-setuid": ("login", "boot-config", "setuid"),
    "no-users": ("login", "no-provisioning-agent", "users of"),
    "fstab-sr0": ("ready", "provisioning-media", "ovf-env.xml"),
}
"""By fault: the check that fails, the cause, and a word of what stands behind it."""


@rehearsals
@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_is_seen_and_explained(fault: str, tmp_path: Path, record_property: Record) -> None:
    """The first step that fails, and one cause."""
    check, cause, word = EXPECTED[fault]
    done = rehearse(disk_of(*FAULTS[fault]), tmp_path, "--quick")
    record_property("measured", f"rehearsal: {fault}: {done.report['causes'][0]['summary'][:160]}")
    assert (done.code, done.status(check), done.causes) == (1, "fail", [cause]), done.report["causes"]
    assert word in done.report["causes"][0]["summary"]


@rehearsals
def test_two_vms_of_one_image_with_the_same_host_keys(tmp_path: Path) -> None:
    """A warning, because both work: the second VM shows it, and no file check has to guess what an agent will do."""
    done = rehearse(disk_of(*FAULTS["same-host-keys"]), tmp_path)
    assert (done.code, done.status("identity"), done.causes) == (0, "fail", []), done.report["causes"]
    assert done.report["causes"][0]["cause"] == "not-generalized"
    assert "the same SSH host keys" in done.report["causes"][0]["summary"]


@pytest.mark.parametrize("after_s", [0.5, 3.0, 8.0])
def test_what_is_killed_leaves_nothing_but_a_folder(after_s: float, tmp_path: Path) -> None:
    """No emulator, no server, no namespace and no mount; and the next start removes the folder."""
    _killed(tmp_path, after_s)


@rehearsals
@pytest.mark.parametrize("number", range(20))
def test_whenever_it_is_killed_it_leaves_nothing_but_a_folder(number: int, tmp_path: Path) -> None:
    """At twenty random moments of its start, its boot and what it inspects before."""
    _killed(tmp_path, random.Random(number).uniform(0.1, 30))


def _killed(folder: Path, after_s: float) -> None:
    disk = disk_of()
    environment = {**os.environ, "TMPDIR": str(folder)}
    before, mine = _own("/run"), _children()
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # who is left becomes a child of this process
    try:
        process = subprocess.Popen(command_of(disk, folder), stderr=subprocess.DEVNULL, env=environment)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        deadline = time.monotonic() + 10
        while (left := {**_children(), **_using(folder)}.keys() - mine.keys()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not left, [*_children().values(), *_using(folder).values()]
    finally:
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert str(folder) not in Path("/proc/self/mountinfo").read_text()
    assert _own("/run") == before
    nothing = folder / "empty.raw"
    nothing.write_bytes(bytes(4096))
    subprocess.run(
        [*command_of(nothing, folder), "--timeout", "10", "--quick"], env=environment, check=False, timeout=200
    )
    assert list(folder.glob("azpreflight-rehearsal-*")) == []


def _using(folder: Path) -> dict[str, str]:
    """Processes whose command line names the folder."""
    return {pid: words for pid, words in _processes() if str(folder) in words}


def _children() -> dict[str, str]:
    """Processes that this one has started or got, and that have not ended."""
    found = {}
    for pid, words in _processes():
        with contextlib.suppress(OSError):
            state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if state != "Z" and parent == str(os.getpid()):
                found[pid] = words
    return found


def _processes() -> Iterator[tuple[str, str]]:
    """By number, the command line of each."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield place.parent.name, place.read_bytes().decode("utf-8", "replace").replace("\0", " ")


def _own(folder: str) -> list[str]:
    """What a rehearsal might have put there."""
    return sorted(place.name for place in Path(folder).glob("azpreflight-rehearsal*"))
