"""azure-init: where it provisions, alone or beside another agent."""

from __future__ import annotations

from typing import Optional

import pytest

from azpreflight.model import Severity
from azpreflight.probes.agents import PROBE
from azpreflight.probes.agents.facts import Provisioner
from tests.support.judging import findings, judged, statuses
from tests.support.machines.agents import AZURE_INIT, NO_CLOUD_INIT, NO_WAAGENT, RUN, conf, facts_of, host


def test_azure_init_provisions_where_nobody_else_does() -> None:
    """With or without waagent, as long as that keeps out of it."""
    for on in (
        host(AZURE_INIT, *NO_CLOUD_INIT, *NO_WAAGENT),
        host({**AZURE_INIT, **conf("Provisioning.Agent=none")}, *NO_CLOUD_INIT),
    ):
        assert facts_of(on).provisioner is Provisioner.AZURE_INIT
        assert statuses(judged(on, RUN, PROBE))["agents-provisioner"] == "pass"


def test_azure_init_beside_another_is_one_too_many() -> None:
    """Both would make the user and report Ready."""
    (finding,) = findings(judged(host(AZURE_INIT), RUN, PROBE), "agents-provisioner")
    assert (finding.severity, "azure-init.service is enabled, and cloud-init" in finding.message) == (
        Severity.WARNING,
        True,
    )


def test_azure_init_alone_provisions_and_installs_no_extension() -> None:
    """It is an agent, and the third one."""
    machine = host(AZURE_INIT, *NO_WAAGENT, *NO_CLOUD_INIT)
    assert facts_of(machine).needs_metadata
    (found,) = findings(judged(machine, RUN, PROBE), "agents-config")
    assert found.message.startswith("waagent is not installed, and azure-init installs none: extensions")
    assert statuses(judged(machine, RUN, PROBE))["agents-provisioner"] == "pass"


@pytest.mark.parametrize(
    ("line", "says"),
    [("Provisioning.Agent=disabled", None), ("Provisioning.Agent=cloud-init", "waits 30 min for cloud-init")],
)
def test_what_waagent_is_told_beside_azure_init(line: str, says: Optional[str]) -> None:
    """disabled is the documented word; with another one it waits for nobody."""
    machine = host({**AZURE_INIT, **conf(line)}, *NO_CLOUD_INIT)
    assert facts_of(machine).provisioner is Provisioner.AZURE_INIT
    found = findings(judged(machine, RUN, PROBE), "agents-config")
    assert [says is not None and says in one.message for one in found] == ([True] if says else [])


def test_an_azure_init_that_is_switched_off_is_why_nothing_provisions() -> None:
    """And enabling it is what helps."""
    machine = host(
        {path: node for path, node in AZURE_INIT.items() if "wants" not in path}, *NO_WAAGENT, *NO_CLOUD_INIT
    )
    (found,) = findings(judged(machine, RUN, PROBE), "agents-provisioner")
    assert "azure-init.service is disabled" in found.message
    assert found.commands == ("systemctl enable azure-init.service",)
