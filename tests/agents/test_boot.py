"""Real initramfs images, made by initramfs-tools and by dracut in every compression: is the right one found wanting?

Making one takes a minute of a slow machine, so that each is made once and kept beside the trees.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Platform, Report
from azpreflight.probes import agents, boot
from tests.agents.cloud import CLOUD
from tests.agents.packing import PACKAGES, PACKERS, kept
from tests.support.scratchroot import overlay, tree_for_test

pytestmark = pytest.mark.root
SUITES = ("bookworm", "trixie")
KINDS = (*(("bookworm", compression) for compression in tuple(PACKERS)[:4]), ("trixie", "zstd"))
"""Every compression of one generation; of the next its own, whose modules are in an archive before the compressed."""
PROBES = (agents.PROBE, boot.PROBE)


def judged(root: Path) -> Report:
    """The probe's report on a mounted tree."""
    host = LocalHost(str(root))
    return assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)


@pytest.mark.parametrize("with_drivers", [True, False], ids=["with", "without"])
@pytest.mark.parametrize("tool", PACKAGES)
@pytest.mark.parametrize(("suite", "compression"), KINDS)
def test_a_real_image_is_judged_right(suite: str, tool: str, compression: str, with_drivers: bool) -> None:
    """By the whole program, on a tree with the image in it."""
    tree = tree_for_test(suite, PACKAGES[tool])
    image = kept(tree, tool, compression, with_drivers)
    with overlay(tree) as root:
        (release,) = (path.name for path in (root / "usr/lib/modules").iterdir())
        shutil.copy(image, root / "boot" / f"initrd.img-{release}")
        (result,) = (result for result in judged(root).results if result.check == "boot-initramfs")
    if "not unpacked within" in (result.reason or ""):
        pytest.skip(f"this machine is busy: {result.reason}")
    assert result.status.value == ("pass" if with_drivers else "fail"), result.reason
    for finding in result.findings:
        assert "lacks hv_vmbus, hv_storvsc" in finding.message


@pytest.mark.parametrize("suite", SUITES)
def test_debian_for_clouds_has_what_azure_needs(suite: str) -> None:
    """What its own installation makes, passes; there is no boot loader in the tree, which is unknown and no finding."""
    with overlay(tree_for_test(suite, CLOUD)) as root:
        found = {result.check: result for result in judged(root).results if result.probe == "boot"}
    assert {check: result.findings for check, result in found.items() if result.findings} == {}
    assert (found["boot-drivers"].status.value, found["boot-initramfs"].status.value) == ("pass", "pass")
