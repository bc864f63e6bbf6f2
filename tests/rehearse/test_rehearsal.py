"""Whole images, rehearsed from power-on by the program, as a builder does: sound ones, and ones with a fault."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest

from tests.qemu.image import Recipe
from tests.rehearse.conftest import MARK, command_of, disk_of, rehearse
from tests.rehearse.faults import FAULTS
from tests.rehearse.image import HEALTHY

pytestmark = [pytest.mark.root, pytest.mark.emulator]
rehearsals: pytest.MarkDecorator = getattr(pytest.mark, MARK)
Record = Callable[[str, object], None]
BOTH = ("waagent", "cloud-init")


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
        pytest.param(HEALTHY, ("--generation", "1", "--quick"), id="debian-12-waagent-generation-1"),
        pytest.param(Recipe("bookworm", BOTH, None, package=False), (), id="debian-12-both"),
        pytest.param(Recipe("trixie", BOTH, None, package=False), (), id="debian-13-both"),
        pytest.param(replace(HEALTHY, suite="trixie"), ("--quick",), id="debian-13-waagent"),
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
@pytest.mark.parametrize("network", ["no-egress", "dns-dead", "forced-tunnel", "proxy", "tls-interception"])
def test_a_sound_image_provisions_in_any_network(network: str, tmp_path: Path) -> None:
    """Its agent fetches packages by the HostGAPlugin where the store is out of reach."""
    done = rehearse(disk_of(), tmp_path, "--quick", "--network", network)
    assert (done.code, done.causes) == (0, []), done.report["causes"]


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


@pytest.mark.parametrize("after_s", [0.5, 3.0, 8.0])
def test_what_is_killed_leaves_nothing_but_a_folder(after_s: float, tmp_path: Path) -> None:
    """No emulator, no server, no namespace and no mount; and the next start removes the folder."""
    disk = disk_of()
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    before = _own("/run")
    process = subprocess.Popen(command_of(disk, tmp_path), stderr=subprocess.DEVNULL, env=environment)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    deadline = time.monotonic() + 10
    while (left := _using(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert _own("/run") == before
    nothing = tmp_path / "empty.raw"
    nothing.write_bytes(bytes(4096))
    subprocess.run(
        [*command_of(nothing, tmp_path), "--timeout", "10", "--quick"], env=environment, check=False, timeout=200
    )
    assert list(tmp_path.glob("azpreflight-rehearsal-*")) == []


def _using(folder: Path) -> list[str]:
    """Command lines of processes that name the folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words.replace("\0", " "))
    return found


def _own(folder: str) -> list[str]:
    """What a rehearsal might have put there."""
    return sorted(place.name for place in Path(folder).glob("azpreflight-rehearsal*"))
