"""Which renderer cloud-init takes: ours from files, against cloud-init's own choice in the same tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from azpreflight.guest import network_renderers
from azpreflight.host import LocalHost
from tests.netns.generations import GENERATIONS, Generation
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

ASK = """
from cloudinit.net import renderers
for priority in PRIORITIES:
    print([name for name, _ in renderers.search(priority, first=True)])
"""
PLUGIN = "usr/lib64/NetworkManager/1.40/libnm-settings-plugin-ifcfg-rh.so"
RHEL = {"etc/os-release": "ID=rhel\nVERSION_ID=9.6\nNAME=RHEL\nVERSION=9\n", "etc/redhat-release": "Red Hat\n"}
MANAGER = "usr/lib/systemd/system/NetworkManager.service"
NETWORK_MANAGER = {
    "usr/bin/nmcli": "#!/bin/sh\n",
    MANAGER: "[Unit]\n[Install]\nWantedBy=multi-user.target\n",
    "etc/NetworkManager/NetworkManager.conf": "",
}
SYSTEMCTL = {"usr/bin/systemctl": "#!/bin/sh\ntest -e /etc/systemd/system/multi-user.target.wants/$2\n"}
IFUPDOWN = {
    **{f"usr/sbin/{name}": "#!/bin/sh\n" for name in ("ifup", "ifdown", "ifquery")},
    "etc/network/interfaces": "",
}
NETPLAN = {"usr/sbin/netplan": "#!/bin/sh\n"}
MACHINES = {
    "as installed": {},
    "ifupdown": IFUPDOWN,
    "netplan": {**NETPLAN, **SYSTEMCTL},
    "ifupdown and netplan": {**IFUPDOWN, **NETPLAN},
    "network manager, not enabled": {**NETWORK_MANAGER, **SYSTEMCTL},
    "network manager": {**NETWORK_MANAGER, **SYSTEMCTL, "enable": ""},
    "rhel with ifcfg": {**RHEL, **NETWORK_MANAGER, **SYSTEMCTL, PLUGIN: "", "enable": ""},
    "rhel with keyfiles": {**RHEL, **NETWORK_MANAGER, **SYSTEMCTL, "enable": ""},
    "networkd": SYSTEMCTL,
}
PRIORITIES = (None, ["netplan", "eni", "sysconfig"], ["sysconfig", "eni", "netplan", "network-manager", "networkd"])


def plant(root: Path, files: dict[str, str]) -> None:
    """Files and the link that enables NetworkManager."""
    for name, text in files.items():
        path = root / name
        if name == "enable":
            path = root / "etc/systemd/system/multi-user.target.wants/NetworkManager.service"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(f"/{MANAGER}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)


@pytest.mark.parametrize(
    ("generation", "machine"),
    [
        *((GENERATIONS[1], one) for one in ("as installed", "network manager, not enabled")),
        *((GENERATIONS[2], one) for one in ("as installed", "rhel with keyfiles")),
        *((GENERATIONS[3], one) for one in MACHINES),
    ],
    ids=lambda one: one.cloud_init if isinstance(one, Generation) else one,
)
def test_the_renderer_is_the_one_that_cloud_init_takes(generation: Generation, machine: str) -> None:
    """By programs, units and distribution, with the built-in list and with those of Ubuntu and RHEL."""
    with overlay(tree_for_test(generation.suite, generation.packages)) as root:
        (root / "run/systemd/system").mkdir(parents=True)
        plant(root, MACHINES[machine])
        done = run_inside(root, "python3", "-c", ASK.replace("PRIORITIES", repr(PRIORITIES)), network=False)
        ours = [network_renderers.look(LocalHost(str(root)), one).chosen for one in PRIORITIES]
    assert [repr([one] if one else []) for one in ours] == done.stdout.splitlines(), done.stderr
