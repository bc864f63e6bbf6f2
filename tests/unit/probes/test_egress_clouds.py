"""Hosts of extensions that follow the cloud: those that no document names there, and workspaces by their id."""

from __future__ import annotations

from azpreflight.azure import imds
from azpreflight.standin.extension import Extension
from tests.support.fakes import FakeHost
from tests.support.judging import by_check, findings
from tests.support.machines.egress import (
    REFUSED,
    cloud,
    extension,
    page,
    report,
    with_settings,
    world,
)

GUEST_CONFIGURATION = Extension("Microsoft.GuestConfiguration.ConfigurationforLinux", "1.26")
OMS = Extension("Microsoft.EnterpriseCloud.Monitoring.OmsAgentForLinux", "1.19")
WORKSPACE = "1234a123-aa1a-123a-aaa1-a1a345aa6789"
LOGS, LOGS_ADDRESS = f"{WORKSPACE}.ods.opinsights.azure.com", "20.60.0.71"


def test_hosts_of_the_public_cloud_stand_for_those_of_no_other() -> None:
    """In Azure Government no document names them: unknown, and not passed on the package alone."""
    host = world(GUEST_CONFIGURATION, http=cloud("AzureUSGovernmentCloud"))
    assert imds.URL in host.http
    result = by_check(report(host))["egress-extensions"]
    assert (
        result.reason
        == f"the hosts of {GUEST_CONFIGURATION.name} are not known: no document names them in the cloud usgov"
    )
    assert "no document names them in the cloud usgov" in extension(host).why


def workspace(tcp: object = None) -> FakeHost:
    """A VM whose settings name a workspace."""
    more = {} if tcp is None else {"tcp": {(LOGS_ADDRESS, 443): tcp}}
    settings = {"workspaceId": WORKSPACE.upper()}
    return with_settings(OMS, settings, where={LOGS: LOGS_ADDRESS}, http={f"https://{LOGS}/": page("", 404)}, **more)


def test_the_workspace_that_the_settings_name_is_tried() -> None:
    """Where its logs go, in the cloud of the VM."""
    (found,) = findings(report(workspace(REFUSED)), "egress-extensions")
    assert f"{LOGS} ({LOGS_ADDRESS}:443), which {OMS.name} needs" in found.message
    assert not findings(report(workspace()), "egress-extensions")
