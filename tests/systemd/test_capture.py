"""A build VM that is armed, deprovisioned by the real waagent and powered off, under a real systemd."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from azpreflight.console.decode import decode
from azpreflight.render.json import parse_report
from tests.systemd.building import SUITES, build_vm, reports, running
from tests.systemd.machine import Machine

pytestmark = pytest.mark.root
ARMED = (
    "etc/systemd/system/sysinit.target.wants/azpreflight-capture.service",
    "etc/systemd/system/azpreflight-capture.service.d",
)
REPORT = "/mnt/results/report.json"


def arm(machine: Machine, *options: str) -> None:
    done = machine.run(" ".join(("azpreflight", "arm", *options)))
    assert done.returncode == 0, done.stderr


def status(document: Mapping[str, Any], check: str) -> str:
    return str(next(result["status"] for result in document["results"] if result["check"] == check))


@pytest.mark.parametrize("suite", SUITES)
def test_the_verdict_is_said_at_deprovisioning_and_at_power_off(suite: str, deb: Path) -> None:
    """On the console and in the file that was asked for; then nothing of it is left in the image."""
    with build_vm(suite, deb) as root, running(root) as machine:
        arm(machine, "--report", REPORT)
        assert machine.run("waagent -force -deprovision+user").returncode == 0
        (first,) = reports(machine, 1)
        assert (first["run"]["stage"], first["run"]["files_only"]) == ("capture", True)
        assert (status(first, "gen-deprovisioned"), status(first, "gen-users")) == ("pass", "pass")
        machine.run("systemctl poweroff")
        assert machine.ended() == "off"
        last = reports(machine, 2)[0]
        assert last["run"]["duration_s"] <= 3.5
        kept = json.loads((root / REPORT.lstrip("/")).read_text())
        told = {**last, "facts": kept["facts"]}  # the record on the console leaves out some facts
        assert parse_report(json.dumps(told)) == parse_report(json.dumps(kept))
        assert [path for path in ARMED if (root / path).exists()] == []
        assert not (root / "var/lib/azpreflight").exists() and not (root / "var/log/azpreflight").exists()


@pytest.mark.parametrize("suite", SUITES)
def test_a_reboot_is_no_end_of_a_build(suite: str, deb: Path) -> None:
    """Nothing is said, and the machine is still armed; the power-off of one that was not deprovisioned is told so."""
    with build_vm(suite, deb) as root:
        with running(root) as machine:
            arm(machine)
            machine.run("systemctl reboot")
            assert machine.ended() == "again"
            assert b"~azp1" not in machine.said()
        with running(root) as machine:
            assert machine.run("systemctl is-active azpreflight-capture.service").stdout.strip() == "active"
            machine.run("systemctl poweroff")
            assert machine.ended() == "off"
            (report,) = reports(machine, 1)
        assert report["causes"][0]["cause"] == "not-generalized"
        assert (status(report, "gen-deprovisioned"), report["verdict"]) == ("fail", "not-ready")
        assert (root / ARMED[1]).is_dir()


def test_seal_disarms_and_the_power_off_still_has_its_word(deb: Path) -> None:
    """The service that runs goes on; while `seal` works it says nothing, and in the image nothing is left of it."""
    with build_vm("bookworm", deb) as root, running(root) as machine:
        arm(machine)
        sealed = machine.run("azpreflight seal --yes --ignore agents-provisioner --ignore agents-units")
        assert sealed.returncode == 0, sealed.stderr
        assert [path for path in ARMED if (root / path).exists()] == []
        machine.run("systemctl poweroff")
        assert machine.ended() == "off"
        report = reports(machine, 1)[0]
        assert (status(report, "gen-deprovisioned"), status(report, "gen-azpreflight")) == ("pass", "pass")


def test_armed_again_it_goes_by_the_new_options_and_never_reports_into_the_image(deb: Path) -> None:
    """Where the other filesystem is gone, its directory is one of the image; the console has the verdict anyway."""
    with build_vm("bookworm", deb) as root, running(root) as machine:
        arm(machine)
        arm(machine, "--report", REPORT)
        assert machine.run("umount /mnt/results").returncode == 0
        machine.run("systemctl poweroff")
        assert machine.ended() == "off"
        assert len(reports(machine, 1)) == 1
        subprocess.run(["umount", root / "mnt/results"], check=True, timeout=60)
        assert list((root / "mnt/results").iterdir()) == []
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root / "mnt/results"], check=True, timeout=60)


def test_what_is_disarmed_says_nothing_and_leaves_nothing(deb: Path) -> None:
    """And a report that would be part of the image is refused."""
    with build_vm("bookworm", deb) as root, running(root) as machine:
        refused = machine.run("azpreflight arm --report /root/report.json")
        assert (refused.returncode, "part of the image" in refused.stderr) == (2, True)
        arm(machine)
        assert machine.run("azpreflight disarm").returncode == 0
        assert machine.run("systemctl is-active azpreflight-capture.service").stdout.strip() == "inactive"
        machine.run("systemctl poweroff")
        assert machine.ended() == "off"
        assert b"~azp1" not in machine.said()
        assert [path for path in ARMED if (root / path).exists()] == []


def test_a_configuration_that_is_wrong_is_told_at_power_off(deb: Path) -> None:
    """An image without a verdict is not one that is well."""
    with build_vm("bookworm", deb) as root, running(root) as machine:
        arm(machine)
        machine.run("echo nonsense: 1 > /etc/azpreflight/config.yaml; systemctl poweroff")
        assert machine.ended() == "off"
        assert b"azpreflight: this look gave no report: azpreflight ended with 2" in machine.said()
        assert decode(machine.said()).reports == ()
