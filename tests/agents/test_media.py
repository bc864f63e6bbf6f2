"""Real kernels and the real modprobe: what a hardening line does to them is what the probe says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Finding, Platform, Severity
from azpreflight.probes import agents, media
from tests.agents.cloud import CLOUD
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

SUITES = ("bookworm", "trixie")
PROBES = (agents.PROBE, media.PROBE)


@pytest.fixture(params=SUITES)
def image(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Debian for clouds, with its kernel."""
    with overlay(tree_for_test(request.param, CLOUD)) as root:
        yield root


def found(root: Path) -> dict[str, tuple[Finding, ...]]:
    """The findings on a mounted tree, by check."""
    host = LocalHost(str(root))
    report = assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)
    return {result.check: result.findings for result in report.results if result.probe == "media"}


def loads(root: Path, asked: str) -> bool:
    """Whether the image's modprobe would load the module itself when it is asked for this; it only says so."""
    (release,) = (root / "usr/lib/modules").iterdir()
    done = run_inside(root, "modprobe", "--dry-run", "--verbose", "--set-version", release.name, asked)
    lines = done.stdout.split("\n")
    return any("/udf.ko" in line for line in lines) and not any(line.startswith("install") for line in lines)


def test_debian_for_clouds_reads_the_disc(image: Path) -> None:
    """Nothing is found on it but what is true: every driver is there."""
    assert all(findings == () for findings in found(image).values())
    assert loads(image, "fs-udf")


@pytest.mark.parametrize(
    "line",
    [
        "install udf /bin/true",
        "install udf /bin/false",
        "install u?f /bin/true",
        "install crc-itu-t /bin/false",
        "install cdrom /bin/false",
        "install fs-udf /bin/false",
        "blacklist udf",
        "blacklist cdrom",
        "blacklist fs-udf",
        "blacklist u*",
        "alias fs-udf off",
        "alias fs_u* off",
        "alias udf off",
        "alias fs-udf off\nalias fs-udf udf",
        "alias fs-udf udf\nblacklist udf",
        "install udf",
        "Install udf /bin/true",
        "install udf \\\n/bin/true",
        "# install udf /bin/true",
    ],
)
def test_the_probe_says_what_modprobe_does(image: Path, line: str) -> None:
    """Mounting a UDF disc asks for fs-udf; where that fails there is a finding, and its command fixes it."""
    (image / "etc/modprobe.d/cis.conf").write_text(line + "\n")
    findings = found(image)["media-filesystem"]
    assert bool(findings) is not loads(image, "fs-udf")
    for finding in findings:
        assert finding.severity is Severity.WARNING
        for command in finding.commands:
            subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=60)  # it enters the image
    assert loads(image, "fs-udf")
