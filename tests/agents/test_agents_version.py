"""The commands of agents-version, run on the agents that they are printed for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from azpreflight.model import Finding, Platform, Run, Severity, Stage
from azpreflight.probes import agents
from tests.netns.generations import BULLSEYE, GENERATIONS, Generation
from tests.support import fixing
from tests.support.judging import findings
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)


def found(root: Path, words: str, check: str = "agents-version") -> list[Finding]:
    """Findings of the check with these words."""
    report = fixing.report(root, RUN, agents.PROBE)
    return [one for one in findings(report, check) if words in one.message]


def test_debian_11_has_no_newer_agent_and_lets_this_one_update_itself() -> None:
    """Its package manager finds nothing newer than 2.2.47; the second command is the one that helps."""
    with overlay(tree_for_test(BULLSEYE.suite, BULLSEYE.packages)) as root:
        (before,) = found(root, "is older than")
        install, update = before.commands
        installed = run_inside(root, "sh", "-c", install, network=False)
        assert "already the newest version" in installed.stdout
        assert [one.severity for one in found(root, "is older than")] == [Severity.WARNING]
        assert run_inside(root, "sh", "-c", update, network=False).returncode == 0
        (after,) = found(root, "is older than")
        text = (root / "etc/waagent.conf").read_text()
    assert (after.severity, after.commands) == (Severity.NOTE, ())
    assert text.count("AutoUpdate.Enabled=") == 1


def test_debian_11s_own_agent_cannot_provision_and_cloud_init_can() -> None:
    """test_generations sees it die of array.tostring; with cloud-init, which the first command installs, nothing is
    said of it any more."""
    with overlay(tree_for_test(BULLSEYE.suite, BULLSEYE.packages)) as root:
        stages = root / "etc/systemd/system/cloud-init.target.wants"
        names = sorted(link.name for link in stages.iterdir())
        shutil.rmtree(stages)
        conf = root / "etc/waagent.conf"
        conf.write_text(conf.read_text() + "Provisioning.Agent=waagent\n")
        (before,) = found(root, "array.tostring", "agents-program")
        assert before.severity is Severity.ERROR
        install, let = before.commands
        assert install == "apt-get install -y cloud-init"
        stages.mkdir()
        for name in names:
            (stages / name).symlink_to(f"/lib/systemd/system/{name}")
        assert found(root, "array.tostring", "agents-program")
        assert run_inside(root, "sh", "-c", let, network=False).returncode == 0
        assert not found(root, "array.tostring", "agents-program")


@pytest.mark.parametrize("generation", GENERATIONS[2:], ids=lambda one: one.suite)
def test_a_unit_under_a_wrong_name_is_gone_after_the_commands(generation: Generation) -> None:
    """systemctl says that there is no such unit, and removes the link all the same."""
    with overlay(tree_for_test(generation.suite, generation.packages)) as root:
        wants = root / "etc/systemd/system/multi-user.target.wants"
        (wants / "waagent.service").symlink_to("/lib/systemd/system/waagent.service")
        (wants / "walinuxagent.service").unlink()
        (before,) = found(root, "there is no such unit")
        for command in before.commands:
            run_inside(root, "sh", "-c", command, network=False)
        assert not found(root, "there is no such unit")
        assert (wants / "walinuxagent.service").is_symlink()
