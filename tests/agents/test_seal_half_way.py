"""`azpreflight seal` where the real agents do not come to their end, or the user does not go, and what it says then."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.debian import SUITES, check, messages
from tests.agents.sealing import SEAL, STAMP, Outcome, build_vm, decide, seal

pytestmark = pytest.mark.root

OVF_GOES = """
mkdir -p /var/lib/cloud/seed/azure
mv /var/lib/waagent/ovf-env.xml /var/lib/cloud/seed/azure/
ln -s /var/lib/cloud/seed/azure/ovf-env.xml /var/lib/waagent/
"""
"""ovf-env.xml is kept where cloud-init looks for one, so that `cloud-init clean --seed` removes it before waagent."""

STEPS = (
    "SSH host keys deleted",
    "DHCP leases deleted",
    "host name reset",
    "root's password locked",
    "library emptied",
    "logs deleted",
    "resolv.conf deleted",
)
"""What deprovisioning does before it deletes the user, as the report names it."""


@pytest.fixture(params=SUITES)
def ready(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A build VM of each generation that seal accepts."""
    for root in build_vm(request.param):
        decide(root)
        yield root


def half_way(root: Path, done: Outcome) -> dict[str, list[str]]:
    """The steps that seal's report calls done and not done; it must have said that nothing is fit to be captured."""
    assert done.returncode == 5, done.stderr
    assert "do not capture this machine" in done.stderr
    assert not (root / STAMP).exists()
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["verdict"] == "not-ready"
    (result,) = (result for result in report["results"] if result["check"] == "gen-deprovisioned")
    (finding,) = result["findings"]
    assert finding["message"].startswith("deprovisioned half-way: ")
    assert f"error gen-deprovisioned: {finding['message']}" in done.stderr
    return {name: steps.split(", ") for name, steps in finding["evidence"].items()}


def has_user(root: Path) -> bool:
    """The user of ovf-env.xml has an account."""
    return "\nazureuser:" in (root / "etc/passwd").read_text()


def test_a_host_name_that_cannot_be_written_ends_it(ready: Path) -> None:
    """waagent dies there, with the library not emptied; the user goes all the same, because seal deletes it."""
    frozen = "mount --bind /etc/hostname /etc/hostname && mount -o remount,ro,bind /etc/hostname"
    steps = half_way(ready, seal(ready, f"{frozen} && {SEAL} --yes --format json"))
    assert "SSH host keys deleted" in steps["done"]
    assert "host name reset" in steps["not done"] and "library emptied" in steps["not done"]
    assert not has_user(ready)


def test_ovf_env_that_goes_before_waagent_reads_it_does_no_harm(ready: Path) -> None:
    """waagent then deletes no user; seal has kept the name, deletes the user itself, and all is proven."""
    done = seal(ready, f"{OVF_GOES} {SEAL} --yes")
    assert "ovf-env.xml is not found" in done.stderr and "run userdel" in done.stderr
    assert done.returncode == 0, done.stderr
    assert not has_user(ready)


@pytest.mark.parametrize("before", ["", OVF_GOES], ids=["ovf-env", "no-ovf-env"])
def test_a_user_who_cannot_be_deleted_is_half_way(ready: Path, before: str) -> None:
    """/etc/passwd is immutable, as on hardened machines: userdel fails, and waagent ends well without a word of it.

    A look afterwards says the same, and once the file can be written seal can be run again.
    """
    subprocess.run(["chattr", "+i", ready / "etc/passwd"], check=True, timeout=10)
    done = seal(ready, f"{before} {SEAL} --yes --format json")
    assert "userdel: cannot open /etc/passwd" in done.stderr
    assert half_way(ready, done) == {"done": list(STEPS), "not done": ["user azureuser deleted"]}
    assert has_user(ready)
    (still,) = messages(check(ready), "gen-deprovisioned")
    assert still.endswith("; not done user azureuser deleted")
    subprocess.run(["chattr", "-i", ready / "etc/passwd"], check=True, timeout=10)
    again = seal(ready)
    assert (again.returncode, has_user(ready)) == (0, False), again.stderr


def test_a_user_who_is_logged_in_goes_all_the_same(ready: Path) -> None:
    """Even the one who started it: on a terminal, by login(1), with sudo, from a home that is deleted under it.

    userdel --force, as waagent calls it too, does not ask whether the user is logged in.
    """
    (ready / "etc/sudoers.d/waagent").unlink()  # it asks for a password
    (ready / "home/azureuser/.bash_profile").write_text(
        f'echo "$(id -un) is on $(tty)"; sudo {SEAL} --yes; echo "seal ended with $?"; exit\n'
    )
    terminal = (
        "mkdir -p /dev/pts; mount -t devpts -o newinstance,ptmxmode=666 devpts /dev/pts; ln -sf pts/ptmx /dev/ptmx"
    )
    login = "tail -f /dev/null | script -qec 'exec login -f azureuser' /dev/null"
    done = seal(ready, f"{terminal}; touch /run/utmp; {login}")
    assert "azureuser is on /dev/pts/0" in done.stdout
    assert "azpreflight: sealed: this machine may be captured" in done.stdout
    assert "seal ended with 0" in done.stdout
    assert not has_user(ready)
    assert not (ready / "home/azureuser").exists()


def test_a_key_that_stays_in_a_home_without_an_account_is_a_warning(ready: Path) -> None:
    """An immutable file outlives userdel, which deletes the account first; the next user of that name would have it."""
    subprocess.run(["chattr", "+i", ready / "home/azureuser/.ssh/authorized_keys"], check=True, timeout=10)
    done = seal(ready, f"{SEAL} --yes")
    assert "userdel: error removing directory /home/azureuser" in done.stderr
    assert "gen-authorized-keys: authorized keys in a home without an account" in done.stdout
    assert done.returncode == 0, done.stderr
    assert not has_user(ready)
