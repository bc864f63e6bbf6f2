"""Who provisions, told from freshly installed Debian trees with either agent, with both and with none."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import Any

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.guest import waagent_conf
from azpreflight.host import LocalHost
from azpreflight.model import Platform, Report
from azpreflight.probes import agents, ssh
from azpreflight.probes.agents.facts import Provisioner
from tests.agents.debian import PACKAGES as BOTH
from tests.agents.planting import let_waagent_provision
from tests.support.scratchroot import overlay, run_inside, tree_for_test

pytestmark = pytest.mark.root

PROBES = (agents.PROBE, ssh.PROBE)
SUITES = ("bookworm", "trixie")
OF_DEVELOPERS = ("Debug.", "CGroups.", "Monitor.")


def judged(root: Path) -> Report:
    """The report of both probes on a mounted tree that is about to be captured."""
    host = LocalHost(str(root))
    return assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)


def failed(report: Report) -> set[str]:
    """Ids of the checks that failed with more than a note."""
    return {result.check for result in report.results if any(one.severity.rank > 0 for one in result.findings)}


def who(report: Report) -> Provisioner:
    """Whom the facts name."""
    facts = report.facts["agents"]
    assert isinstance(facts, agents.AgentsFacts)
    return facts.provisioner


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("packages", "expected", "broken"),
    [
        (("waagent",), Provisioner.WAITING, {"agents-provisioner"}),
        (("cloud-init",), Provisioner.CLOUD_INIT, {"agents-config"}),
        (BOTH, Provisioner.CLOUD_INIT, set()),
        ((), Provisioner.NONE, {"agents-provisioner"}),
    ],
    ids=["waagent", "cloud-init", "both", "neither"],
)
def test_who_provisions(suite: str, packages: tuple[str, ...], expected: Provisioner, broken: set[str]) -> None:
    """As installed: waagent waits for a cloud-init that Debian only suggests; cloud-init alone runs no extensions, and
    on trixie brings nothing that hashes a password in the place of Python's crypt, as waagent's dependencies do."""
    lacking = {"agents-password"} if (suite, packages) == ("trixie", ("cloud-init",)) else set()
    with overlay(tree_for_test(suite, packages or ("mount",))) as root:
        report = judged(root)
    assert (who(report), failed(report)) == (expected, broken | lacking)


@pytest.mark.parametrize("suite", (*SUITES, "sid"))
def test_sshd_dies_where_waagent_makes_the_keys(suite: str) -> None:
    """After deprovisioning there is no host key, and nothing makes one in time; the finding's own commands fix it."""
    with overlay(tree_for_test(suite, BOTH)) as root:
        let_waagent_provision(root)
        for script in root.glob("etc/rc?.d/S*cloud-init*"):
            script.unlink()
        assert run_inside(root, "waagent", "-force", "-deprovision+user").returncode == 0
        (root / "etc/machine-id").write_text("")
        report = judged(root)
        assert who(report) is Provisioner.WAAGENT
        assert failed(report) == {"ssh-start"}
        (result,) = (result for result in report.results if result.check == "ssh-start")
        for command in result.findings[0].commands:
            subprocess.run(["sh", "-c", command], check=True, timeout=60)
        assert failed(judged(root)) == set()
        (drop_in,) = (root / "etc/systemd/system/ssh.service.d").iterdir()
        commands = [line.partition("=")[2] for line in drop_in.read_text().splitlines() if line.endswith(("-A", "-t"))]
        (root / "run/sshd").mkdir(parents=True, exist_ok=True)
        for command in commands:
            done = run_inside(root, "sh", "-c", command)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("suite", (*SUITES, "sid"))
def test_every_key_of_the_agent_is_known(suite: str) -> None:
    """With the default of its code, those for its own developers left out; what Debian installs comes from packages."""
    with overlay(tree_for_test(suite, BOTH)) as root:
        (path,) = root.glob("usr/lib/python3/dist-packages/azurelinuxagent/common/conf.py")
        facts = judged(root).facts["agents"]
        assert isinstance(facts, agents.AgentsFacts)
        assert facts.waagent.unowned == ()
        tables = tables_of(path.read_text())
    switches = {key: value for key, value in tables["__SWITCH_OPTIONS__"].items() if not key.startswith(OF_DEVELOPERS)}
    assert {key: waagent_conf.default_of(key) for key in switches} == switches
    keys = {key for table in tables.values() for key in table if not key.startswith(OF_DEVELOPERS)}
    assert keys - set(waagent_conf.KEYS.values()) == set()


def tables_of(source: str) -> dict[str, dict[str, Any]]:
    """The tables of keys and defaults in the agent's conf.py; None for a default that is a sum."""
    tables: dict[str, dict[str, Any]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            name, rows = ast.unparse(node.targets[0]), zip(node.value.keys, node.value.values)
            values = {
                str(key.value): getattr(value, "value", None) for key, value in rows if isinstance(key, ast.Constant)
            }
            tables.update({name: values} if name.endswith("_OPTIONS__") else {})
    return tables


@pytest.mark.parametrize("suite", SUITES)
def test_debian_runs_its_own_agent(suite: str) -> None:
    """`waagent -version` works in the tree, and the probe agrees, until the library loses a module."""
    with overlay(tree_for_test(suite, BOTH)) as root:
        assert run_inside(root, "waagent", "-version").returncode == 0
        assert "agents-program" not in failed(judged(root))
        for path in (*root.glob("usr/lib/python3*/crypt.py"), *root.glob("usr/lib/python3/dist-packages/crypt.py")):
            path.unlink()
        assert run_inside(root, "waagent", "-version").returncode != 0
        assert "agents-program" in failed(judged(root))
