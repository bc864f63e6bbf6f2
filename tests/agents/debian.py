"""The real waagent and cloud-init of four Debian generations, and what is said of them."""

from __future__ import annotations

from pathlib import Path

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Platform, Report, Status
from azpreflight.probes import agents, generalization

LIBRARIES = ("python3-dnspython", "python3-psutil", "python3-requests", "python3-yaml")
PACKAGES = ("waagent", "cloud-init", "openssh-server", "sudo", *LIBRARIES)
SUITES = ("bullseye", "bookworm", "trixie", "sid")
"""waagent 2.2.47, 2.7.3, 2.12 and 2.16; cloud-init 20.4, 22.4, 25.1 and 26.2."""
PROBES = (generalization.PROBE, agents.PROBE)


def check(root: Path) -> Report:
    """The two probes' report on a mounted tree at stage capture."""
    host = LocalHost(str(root))
    return assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)


def failed(report: Report) -> set[str]:
    """Ids of the checks that failed; none may be undecided."""
    assert not [result for result in report.results if result.status is Status.UNKNOWN or result.traceback]
    found = (result for result in report.results if result.probe == "generalization")
    return {result.check for result in found if result.status is Status.FAIL}


def messages(report: Report, check: str) -> list[str]:
    """What the findings of one check say."""
    return [finding.message for result in report.results if result.check == check for finding in result.findings]
