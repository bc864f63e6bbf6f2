"""Debian's own image for Azure, put together as the cloud team does: nothing is found on it but what is true.

The packages and files are those of the cloud team's configuration space (salsa.debian.org/cloud-team/
debian-cloud-images, classes CLOUD, AZURE and GRUB_CLOUD_AMD64). grub.cfg is made by the tree's own grub-mkconfig, which
asks a script of ours for the disk, since the tree is on none; the cloud team's build did the same for some years.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Platform, Report
from azpreflight.probes import PROBES
from tests.agents.cloud import CLOUD, FILES, PROBE, UUID
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root
SUITES = ("bookworm", "trixie")
HIDES_ERRORS = "agents-version: waagent 2.7.3.0 on Python 3.11 hides its errors"
LACKS = "agents-version: waagent {} lacks what newer versions have"
TRUE = {"bookworm": [HIDES_ERRORS, LACKS.format("2.7.3.0")], "trixie": [LACKS.format("2.12.0.2")]}
"""What is found, by suite; each was inspected by eye."""


@pytest.fixture(params=SUITES)
def image(request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """The suite and the image, as it is published: no host keys, no machine id, a boot menu."""
    suite = str(request.param)
    with overlay(tree_for_test(suite, CLOUD)) as root:
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        for key in root.glob("etc/ssh/ssh_host_*"):
            key.unlink()
        (root / "etc/machine-id").write_text("")
        (root / "usr/sbin/grub-probe").write_text(PROBE)
        done = run_inside(root, "sh", "-c", "mkdir -p /boot/grub && grub-mkconfig -o /boot/grub/grub.cfg")
        assert done.returncode == 0, done.stderr
        yield suite, root


def judged(root: Path) -> Report:
    """The whole program on the mounted image, about to be captured."""
    host = LocalHost(str(root))
    return assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)


def found(root: Path) -> list[str]:
    """Every finding, with its check."""
    results = judged(root).results
    return [f"{result.check}: {finding.message}" for result in results for finding in result.findings]


def headline(message: str) -> str:
    """Its beginning, without what follows from it."""
    return message.partition(": a failure")[0].partition(": updates")[0].partition(": firewall rules")[0]


def test_nothing_is_found_but_what_is_true(image: tuple[str, Path]) -> None:
    """And nothing of what can be asked of a mounted image is undecided."""
    suite, root = image
    grub = (root / "boot/grub/grub.cfg").read_text()
    assert f"root=UUID={UUID} ro console=tty0 console=ttyS0,115200 earlyprintk=ttyS0,115200" in grub
    assert [headline(message) for message in found(root)] == TRUE[suite]
    assert [result.check for result in judged(root).results if result.status.value == "unknown"] == []


BREAKS = {
    "boot-console": "sed -i 's/ console=ttyS0,115200//' boot/grub/grub.cfg",
    "boot-root": f"sed -i 's/root=UUID={UUID}/root=PARTLABEL=x root=\\/dev\\/vda1/' boot/grub/grub.cfg",
    "boot-firmware": "rm boot/efi/EFI/BOOT/BOOTX64.EFI",
    "boot-swap": "echo '/swapfile none swap sw 0 0' >> etc/fstab",
    "boot-netfilter": "sed -i 's/^OS.EnableFirewall=n/OS.EnableFirewall=y/' etc/waagent.conf; rm usr/sbin/nft*",
    "media-filesystem": "echo 'install udf /bin/true' > etc/modprobe.d/cis.conf",
    "media-drive": "echo 'install cdrom /bin/true' > etc/modprobe.d/cis.conf",
    "agents-provisioner": "touch etc/cloud/cloud-init.disabled",
    "agents-config": "sed -i 's/^Extensions.Enabled=y/Extensions.Enabled=n/' etc/waagent.conf",
    "agents-program": "rm usr/bin/python3",
    "agents-provenance": "rm var/lib/dpkg/info/waagent.list",
    "gen-fstab": "echo '/dev/sdc1 /data ext4 defaults 0 2' >> etc/fstab",
}


def test_each_thing_that_breaks_it_is_found(image: tuple[str, Path]) -> None:
    """One at a time, on the real files."""
    suite, root = image
    for check, command in BREAKS.items():
        with overlay(root) as broken:
            subprocess.run(["sh", "-c", command], cwd=broken, check=True, timeout=60)
            assert check in {message.partition(":")[0] for message in found(broken)}, (suite, check)
