"""Names that are taken, in a real tree: useradd refuses them, and does not once the printed commands are run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.host import LocalHost
from azpreflight.model import Finding, Platform, Run, Stage
from azpreflight.probes import agents, login
from tests.agents.cloud import CLOUD
from tests.support.judging import findings
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)
PROBES = (agents.PROBE, login.PROBE)


def found(root: Path) -> tuple[Finding, ...]:
    """What the check says of the tree."""
    return tuple(findings(assess(gather(LocalHost(str(root)), PROBES, RUN), PROBES), "login-names"))


def append(root: Path, path: str, line: str) -> None:
    with (root / path).open("a") as file:
        file.write(f"{line}\n")


def test_taken_names_are_freed() -> None:
    """Nothing is said of the tree as it is; then a system account, a group and a second root are found and removed."""
    with overlay(tree_for_test("bookworm", CLOUD)) as root:
        assert found(root) == ()
        append(root, "etc/group", "adminuser:x:890:")
        append(root, "etc/group", "azureuser:x:891:")
        append(root, "etc/passwd", "azureuser:x:891:891::/nonexistent:/usr/sbin/nologin")
        append(root, "etc/passwd", "toor:x:0:0::/root:/bin/sh")
        names = ("adminuser", "azureuser")
        assert all(run_inside(root, "useradd", name).returncode for name in names)
        told = found(root)
        assert len(told) == 3
        for command in (command for finding in told for command in finding.commands):
            assert run_inside(root, *shlex.split(command)).returncode == 0, command
        assert found(root) == ()
        assert not any(run_inside(root, "useradd", name).returncode for name in names)
