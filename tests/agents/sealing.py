"""A build VM, and `azpreflight seal` in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.agents.debian import PACKAGES
from tests.agents.planting import plant
from tests.support.scratchroot import overlay, run_inside, tree_for_test

AGENT = Path(__file__).parents[2] / "agent" / "azpreflight"
SEAL = "env PYTHONPATH=/opt/azp PYTHONDONTWRITEBYTECODE=1 python3 -m azpreflight seal"
UNFINISHED = "/var/lib/azpreflight/seal-unfinished.json"
STAMP = "etc/azpreflight/seal.json"
FOR_A_PERSON = (
    "etc/netplan/01-build.yaml",
    "etc/udev/rules.d/70-persistent-net.rules",
    "etc/systemd/network/10-eth0.network",
    "etc/NetworkManager/system-connections/eth0.nmconnection",
    "etc/network/interfaces.d/eth0",
    "etc/sysconfig",
    "etc/systemd/network/10-eth0.link",
    "etc/systemd/network/50-cloud-init.link",
    "etc/udev/rules.d/10-net-device-added.rules",
    "etc/udev/rules.d/75-persistent-net-generator.rules",
    "var/lib/samba",
    "etc/opt/microsoft/omsagent",
    "etc/krb5.keytab",
    "var/lib/ubuntu-advantage",
    "etc/fstab",
    "root/.ssh",
)
"""What a person has to decide about, and seal refuses to."""

LEFT = {
    *("gen-hostname", "gen-enrolment", "gen-litter", "gen-network-config"),
    *("gen-credentials", "gen-crash-dumps", "gen-system-logs"),
}
"""What seal leaves to a person (of logs, those whose writer it does not know), or to cloud-init, whose own network
file is written again on a new VM."""

Outcome = subprocess.CompletedProcess[str]


def build_vm(suite: str) -> Iterator[Path]:
    """A provisioned tree with azpreflight in it."""
    with overlay(tree_for_test(suite, PACKAGES)) as root:
        plant(root)
        shutil.copytree(AGENT, root / "opt/azp/azpreflight", ignore=shutil.ignore_patterns("__pycache__"))
        yield root


def decide(root: Path) -> None:
    """Do what a person has to do before sealing."""
    for path in FOR_A_PERSON:
        if (root / path).is_dir():
            shutil.rmtree(root / path)
        else:
            (root / path).unlink()
    assert run_inside(root, "userdel", "--remove", "packer").returncode == 0


def seal(root: Path, script: str = f"{SEAL} --yes") -> Outcome:
    """Run a script with seal in it, without a network."""
    return run_inside(root, "sh", "-c", script, network=False)


NOT_OF_THE_IMAGE = ("run", "proc", "dev", "sys", "usr")


def content(root: Path) -> dict[str, bytes]:
    """Every regular file of the image with its content, and every link with its target."""
    found: dict[str, bytes] = {}
    for top in sorted(entry for entry in root.iterdir() if entry.name not in NOT_OF_THE_IMAGE and entry.is_dir()):
        for folder, _, names in os.walk(top):
            for path in (Path(folder, name) for name in names):
                if path.is_symlink() or path.is_file():
                    text = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
                    found[str(path.relative_to(root))] = text
    return found
