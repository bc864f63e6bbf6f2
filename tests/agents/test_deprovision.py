"""The real waagent and cloud-init of four Debian generations, and what is left when they have cleaned up."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.model import Report, Severity
from azpreflight.probes import generalization
from azpreflight.text import printable
from tests.agents.debian import PACKAGES, SUITES, check, failed, messages
from tests.agents.planting import ARTEFACTS, let_waagent_provision, plant
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root
NOT_DEPROVISIONED = {
    "gen-cloud-init-state",
    "gen-users",
    "gen-password-backup",
    "gen-authorized-keys",
    "gen-private-keys",
    "gen-sudoers",
    "gen-dhcp-leases",
    "gen-machine-id",
    "gen-random-seed",
    "gen-hostname",
    "gen-credentials",
    "gen-crash-dumps",
    "gen-shell-history",
    "gen-agent-logs",
    "gen-system-logs",
    "gen-network-config",
    "gen-enrolment",
    "gen-fstab",
    "gen-litter",
    "gen-azpreflight",
}
"""What waagent leaves: another user, backups, keys, other clients' leases, identity, network, memberships, logs."""


@pytest.fixture(params=SUITES)
def provisioned(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A tree of each generation, as a build VM is before it is deprovisioned."""
    with overlay(tree_for_test(request.param, PACKAGES)) as root:
        plant(root)
        yield root


def deprovision(root: Path) -> str:
    """What waagent printed."""
    done = run_inside(root, "waagent", "-force", "-deprovision+user")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("suite", SUITES)
def test_a_fresh_installation_is_not_accused(suite: str) -> None:
    """It has what the packages and the builder left: host keys that cloud-init replaces, a resolv.conf, a host name.

    And it is only read: the overlay on it stays empty.
    """
    with overlay(tree_for_test(suite, PACKAGES)) as root:
        report = check(root)
        assert failed(report) <= {"gen-ssh-host-keys", "gen-resolv-conf", "gen-hostname"}
        assert not [entry for entry in report.causes if entry.severity is Severity.ERROR]
        assert list((root.parent / "upper").iterdir()) == []


def everything(root: Path) -> dict[str, tuple[object, ...]]:
    """Every name below the root with its content and what lstat(2) says of it, but for the time of the last reading."""
    found: dict[str, tuple[object, ...]] = {}
    for path in root.rglob("*"):
        seen = path.lstat()
        kept = (seen.st_mode, seen.st_uid, seen.st_gid, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = (*kept, hashlib.sha256(content).hexdigest())
    return found


def test_a_look_changes_nothing() -> None:
    """A planted tree is byte for byte what it was when the whole program has inspected it."""
    with overlay(tree_for_test("bookworm", PACKAGES)) as root:
        plant(root)
        before = everything(root)
        command = [sys.executable, "-m", "azpreflight", "check", "--root", str(root), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, json.loads(done.stdout)["verdict"]) == (1, "not-ready")
        assert everything(root) == before


@pytest.mark.parametrize("provisioner", ["waagent", "cloud-init"])
def test_what_deprovisioning_leaves_is_what_is_found(provisioned: Path, provisioner: str) -> None:
    """Every check fails before, after it exactly those that the agent does not fix; their own commands fix them.

    The hash in the backup of shadow comes only with the deletion of the user.
    """
    if provisioner == "waagent":
        let_waagent_provision(provisioned)
    assert failed(check(provisioned)) == {one.id for one in generalization.PROBE.checks} - {"gen-password-backup"}
    deprovision(provisioned)
    there = {artefact.path for artefact in ARTEFACTS if (provisioned / artefact.path).exists()}
    assert there == {artefact.path for artefact in ARTEFACTS if not artefact.deprovisioned}
    after = check(provisioned)
    assert failed(after) == NOT_DEPROVISIONED
    mend(provisioned, after)
    assert failed(check(provisioned)) == set()


OF_CLOUD_INIT = "var/lib/cloud/"
ROTATED = "var/log/cloud-init.log.1"
LOGS_OF_CLOUD_INIT = {"var/log/cloud-init.log", "var/log/cloud-init-output.log"}
CLEANS_ROTATED = ("trixie", "sid")
"""cloud-init from 24.1 on."""


@pytest.mark.parametrize("suite", SUITES)
def test_what_cloud_init_clean_removes_is_what_is_named_no_more(suite: str) -> None:
    """Its state and its logs, of each generation; a rotated log that an older one leaves goes by the next command."""
    with overlay(tree_for_test(suite, PACKAGES)) as root:
        plant(root)
        before = {one.path for one in ARTEFACTS if (root / one.path).exists()}
        done = run_inside(root, "cloud-init", "clean", "--logs", "--seed")
        assert done.returncode == 0, done.stderr
        removed = {path for path in before if not (root / path).exists()}
        own = {path for path in before if path.startswith(OF_CLOUD_INIT)}
        assert removed == own | LOGS_OF_CLOUD_INIT | ({ROTATED} if suite in CLEANS_ROTATED else set())
        report = check(root)
        assert messages(report, "gen-cloud-init-state") == []
        named = [message for message in messages(report, "gen-agent-logs") if message.startswith("cloud-init's")]
        assert [ROTATED in message for message in named] == ([] if suite in CLEANS_ROTATED else [True])
        mend(root, report)
        assert not (root / ROTATED).exists()


HALF_WAY = "mount --bind /etc/hostname /etc/hostname && mount -o remount,ro,bind /etc/hostname && "


def test_a_deprovision_that_dies_half_way_is_told(provisioned: Path) -> None:
    """The agent cannot write the host name, and most is not done.

    It exits 0, but for 2.7.3 on Python 3.10 and newer, whose own report of the error fails.
    """
    let_waagent_provision(provisioned)
    done = run_inside(provisioned, "sh", "-c", f"{HALF_WAY} waagent -force -deprovision+user")
    assert done.returncode == (1 if "etype" in done.stderr else 0)
    (message,) = messages(check(provisioned), "gen-deprovisioned")
    assert message.startswith("deprovisioned half-way: done SSH host keys deleted and DHCP leases deleted; not done")
    assert "host name reset" in message and "library emptied" in message


def test_the_library_emptied_before_leaves_the_user(provisioned: Path) -> None:
    """A widespread recipe deletes ovf-env.xml first; then the agent deletes no user, and says so only in its output."""
    shutil.rmtree(provisioned / "var/lib/waagent")
    (provisioned / "var/lib/waagent").mkdir()
    assert "ovf-env.xml is not found" in deprovision(provisioned)
    users = messages(check(provisioned), "gen-users")
    assert [message.split(" (")[0] for message in users] == ["user azureuser", "user packer"]
    (half_way,) = messages(check(provisioned), "gen-deprovisioned")
    assert half_way.startswith("deprovisioned half-way: ") and half_way.endswith("; not done user azureuser deleted")


def mend(root: Path, report: Report) -> None:
    """Run every command as the report prints it; `pro detach` would ask a server, so its effect is made by hand."""
    for result in report.results:
        for finding in result.findings:
            for command in finding.commands:
                if "pro detach" in command:
                    (root / "var/lib/ubuntu-advantage/private/machine-token.json").unlink()
                    continue
                done = subprocess.run(
                    ["sh", "-c", printable(command)], capture_output=True, text=True, timeout=60, check=False
                )
                assert done.returncode == 0, f"{command}: {done.stderr}"
