"""`azpreflight seal` with the real agents: refused, sealed, interrupted and run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.debian import SUITES, check, failed, messages
from tests.agents.planting import HASH, OTHER_VM, put
from tests.agents.sealing import LEFT, SEAL, STAMP, UNFINISHED, build_vm, content, decide, seal
from tests.support.scratchroot import run_inside

pytestmark = pytest.mark.root


@pytest.fixture
def vm() -> Iterator[Path]:
    """A build VM of Debian 12 that seal refuses."""
    yield from build_vm("bookworm")


@pytest.fixture
def ready(vm: Path) -> Path:
    """A build VM that seal accepts."""
    decide(vm)
    return vm


def test_what_a_person_has_to_decide_is_refused_and_nothing_is_changed(vm: Path) -> None:
    """Another user, keys, memberships and the network: exit 4, with each of them named."""
    before = content(vm)
    done = seal(vm)
    assert done.returncode == 4, done.stderr
    assert "refused, and nothing was changed" in done.stderr
    for check_id in ("gen-users", "gen-private-keys", "gen-network-config", "gen-enrolment", "gen-fstab"):
        assert f"error {check_id}:" in done.stderr
    assert "azureuser" not in done.stderr
    assert HASH not in done.stdout + done.stderr
    assert content(vm) == before


@pytest.mark.parametrize("option", ["", "--dry-run"])
def test_a_dry_run_says_every_step_and_changes_nothing(ready: Path, option: str) -> None:
    """The agents' commands, what seal itself removes, and the stamp; it is what is done without --yes."""
    before = content(ready)
    done = seal(ready, f"{SEAL} {option}")
    assert done.returncode == 0, done.stderr
    steps = done.stdout.splitlines()
    assert steps[:4] == [
        "run cloud-init clean --logs --seed",
        "run waagent -force -deprovision+user",
        "  waagent empties /var/log/azure",
        "  waagent empties /var/lib/waagent",
    ]
    assert "delete the user azureuser (uid 1000, home /home/azureuser) if waagent does not" in steps
    assert "empty /etc/machine-id" in steps
    assert steps[-1] == "write /etc/azpreflight/seal.json"
    assert content(ready) == before


@pytest.mark.parametrize("suite", SUITES)
def test_a_machine_is_sealed_and_proven(suite: str) -> None:
    """What is left is what the policy leaves, and of azpreflight itself a stamp without identity."""
    for root in build_vm(suite):
        decide(root)
        done = seal(root, f"mkdir /srv/out; cd /srv/out; {SEAL} --yes --verbose --report report.json")
        assert done.returncode == 0, done.stderr
        assert "sealed: this machine may be captured" in done.stderr
        assert "\n[PASS] gen-machine-id: " in done.stdout
        assert json.loads((root / "srv/out/report.json").read_text())["verdict"] == "ready"
        assert "azpreflight's own reports" not in done.stdout  # it tells what is there, and these reports are gone
        assert failed(check(root)) == LEFT
        assert messages(check(root), "gen-hostname") == ["/etc/hosts names template"]
        pins = messages(check(root), "gen-network-config")
        harmless = ("which cloud-init writes again", "which no enabled service reads")
        assert all(any(why in pin for why in harmless) for pin in pins) and len(pins) == 4, pins
        assert messages(check(root), "gen-litter") == [
            "a swap file, with pages of this machine's memory: /swapfile and /mnt/swapfile"
        ]
        stamp = (root / STAMP).read_text()
        assert json.loads(stamp)["checks"]["gen-users"] == "pass"
        assert not any(word in stamp for word in (OTHER_VM, "template", "azureuser"))
        assert not (root / "var/lib/azpreflight").exists()


def test_without_the_name_of_the_user_it_is_refused(ready: Path) -> None:
    """Where ovf-env.xml is gone, waagent would delete nobody and end well."""
    (ready / "var/lib/waagent/ovf-env.xml").unlink()
    done = seal(ready)
    assert (done.returncode, "error gen-users: user azureuser" in done.stderr.replace('"', "")) == (4, True), (
        done.stderr
    )
    assert (ready / "var/lib/waagent/provisioned").exists()


def test_an_interrupted_seal_can_be_run_again(ready: Path) -> None:
    """Killed after the library was emptied and before the user was deleted: the name was kept, and the user goes."""
    put(ready, UNFINISHED[1:], json.dumps({"user": "azureuser"}))
    assert run_inside(ready, "waagent", "-force", "-deprovision").returncode == 0
    assert not (ready / "var/lib/waagent/ovf-env.xml").exists()
    assert messages(check(ready), "gen-users") != []
    done = seal(ready)
    assert done.returncode == 0, done.stderr
    assert messages(check(ready), "gen-users") == []


def test_the_end_of_the_session_does_not_stop_it(ready: Path) -> None:
    """Hang-up, Ctrl-C and termination are ignored from the first change on, and standard output may be gone."""
    script = f"""
        {SEAL} --yes >/dev/full 2>/dev/full & pid=$!
        for _ in $(seq 200); do [ -e {UNFINISHED} ] && break; sleep 0.05; done
        kill -HUP $pid; kill -INT $pid; kill -TERM $pid
        wait $pid
    """
    assert seal(ready, script).returncode == 0
    assert (ready / STAMP).exists()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"mkdir -p /run/azpreflight; flock /run/azpreflight/seal.lock {SEAL} --yes", "another seal is at work"),
        (f"rm -rf /run/azpreflight; touch /run/azpreflight; {SEAL} --yes", "cannot lock /run/azpreflight/seal.lock"),
        (
            'python3 -c \'import fcntl, sys, time; f = open("/var/lib/dpkg/lock-frontend", "w"); '
            "fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(20)' & sleep 1; " + f"{SEAL} --yes",
            "a package manager is at work",
        ),
        (
            "printf '#!/bin/sh\\nsleep 20\\n' >/root/editor; chmod +x /root/editor; "
            "EDITOR=/root/editor vipw & until [ -e /etc/passwd.edit ]; do sleep 0.1; done; " + f"{SEAL} --yes",
            "the accounts are being changed by another program (it holds /etc/.pwd.lock)",
        ),
        (
            "touch /etc/.pwd.lock; mount --bind /etc /etc && mount -o remount,ro,bind /etc && " + f"{SEAL} --yes",
            "cannot inspect /etc/.pwd.lock: Read-only file system",
        ),
        (f"setpriv --reuid 65534 --clear-groups {SEAL} --yes", "only root can seal a machine"),
        (
            "printf '#!/bin/sh\\necho status: running\\n' > /usr/bin/cloud-init; " + f"{SEAL} --yes",
            "cloud-init is still running",
        ),
        (
            "rm /usr/sbin/waagent /usr/bin/cloud-init; " + f"{SEAL} --yes",
            "neither waagent nor cloud-init is installed",
        ),
    ],
)
def test_a_bad_moment_is_refused(ready: Path, script: str, reason: str) -> None:
    """Another seal, no place for a lock, locks that others hold, a read-only system, cloud-init, no root, no agents."""
    done = seal(ready, script)
    assert (done.returncode, reason in done.stderr) == (4, True), done.stderr
    assert (ready / "var/lib/waagent/ovf-env.xml").exists()


def test_a_stricter_level_is_refused_for_what_the_policy_leaves(ready: Path) -> None:
    """With --fail-on note, a name in /etc/hosts is a reason; with a policy of nothing, a machine id is a warning."""
    assert "gen-hostname" in seal(ready, f"{SEAL} --yes --fail-on note").stderr
    put(ready, "etc/azpreflight/config.yaml", "seal_fixes: []\n")
    done = seal(ready, f"{SEAL} --yes --fail-on warning")
    assert (done.returncode, "warning gen-machine-id" in done.stderr) == (4, True)
