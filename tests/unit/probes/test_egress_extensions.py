"""What extensions need beside their package: endpoints, settings, and the policy."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from azpreflight.engine.gather import gather
from azpreflight.host import TcpAnswer
from azpreflight.model import Cause, Confidence, ExtensionVerdict, Severity
from azpreflight.probes.egress.facts import EgressFacts
from azpreflight.standin.extension import DIAGNOSTICS, HELLO, Extension
from tests.support.fakes import FakeHost
from tests.support.judging import by_check, findings, statuses
from tests.support.machines.egress import (
    BY_SETTINGS,
    FILES_ADDRESS,
    FILES_HOST,
    MONITOR,
    OPEN,
    PROBES,
    PUBLIC,
    REFUSED,
    RUN,
    SILENT,
    Company,
    World,
    cloud,
    extension,
    page,
    report,
    shut,
    with_settings,
    world,
)

RETIRED = (
    "Microsoft.Azure.Diagnostics.LinuxDiagnostic is not supported since 2026-03-31: the Azure Monitor Agent with a data"
    " collection rule takes its place"
)


# --- extensions ---------------------------------------------------------------------------------------------------


def test_no_way_out_by_design_with_the_diagnostics_extension_on_is_an_error() -> None:
    """Its package arrives by the HostGAPlugin, and its data goes nowhere."""
    host = world(DIAGNOSTICS, tcp=shut(SILENT))
    result = report(host)
    assert [cause.cause for cause in result.causes] == [Cause.NO_EGRESS]
    cause = result.causes[0]
    assert (cause.severity, cause.check, cause.confidence) == (Severity.ERROR, "egress-extensions", Confidence.LIKELY)
    assert "turn the diagnostics extension off, as boot diagnostics work without it" in cause.fix
    assert "need not be deleted" in cause.fix
    assert extension(host) == ExtensionVerdict(
        DIAGNOSTICS.name,
        "hostgaplugin",
        "no",
        "its package arrives by the HostGAPlugin; it needs the tables and blobs of the storage account in its settings,"
        f" and no public server answers; {RETIRED}",
    )


def test_with_a_way_out_the_diagnostics_extension_may_work() -> None:
    host = world(DIAGNOSTICS)
    assert statuses(report(host))["egress-extensions"] == "pass"
    assert (extension(host).package, extension(host).will_work) == ("direct", "unknown")


def test_an_endpoint_of_an_extension_that_is_closed_is_an_error() -> None:
    result = report(world(MONITOR, tcp=shut(REFUSED, "20.60.0.31")))
    (found,) = findings(result, "egress-extensions")
    assert (found.severity, found.flow) == (Severity.ERROR, "tcp 20.60.0.31:443")
    assert MONITOR.name in found.message
    (verdict,) = result.extensions
    assert (verdict.package, verdict.will_work) == ("direct", "no")
    assert "it needs westeurope.handler.control.monitor.azure.com: connection refused" in verdict.why


def test_an_extension_that_is_announced_is_judged_too() -> None:
    """By its type alone, and once."""
    run = replace(RUN, extensions=("AzureMonitorLinuxAgent", "Example.Unknown.Thing", HELLO.name))
    result = report(world(tcp=shut(SILENT, "20.60.0.30")), run)
    assert [(verdict.name, verdict.package, verdict.will_work) for verdict in result.extensions] == [
        (HELLO.name, "direct", "unknown"),
        ("AzureMonitorLinuxAgent", "unknown", "no"),
        ("Example.Unknown.Thing", "unknown", "unknown"),
    ]
    assert statuses(result)["egress-extensions"] == "fail"


def test_an_extension_without_needs_works_once_its_package_is_there() -> None:
    access = Extension("Microsoft.OSTCExtensions.VMAccessForLinux", "1.5.11")
    assert extension(world(access)) == ExtensionVerdict(
        access.name, "direct", "yes", "its package arrives straight from the store"
    )


# --- what the settings name, other clouds, private endpoints, the policy file -------------------------------------

SCRIPT = Extension("Microsoft.Azure.Extensions.CustomScript", "2.1.10")
FILE_URIS = {"fileUris": [f"https://{FILES_HOST}/x/setup.sh?sv=1&sig=c2VjcmV0"], "hello": 1}


def test_what_the_public_settings_name_is_tried() -> None:
    """The server alone: neither path nor signature is sent, kept or printed."""
    host = with_settings(SCRIPT, FILE_URIS)
    result = report(host)
    assert statuses(result)["egress-extensions"] == "pass"
    (verdict,) = result.extensions
    assert (verdict.will_work, "which its public settings do not name" in verdict.why) == ("unknown", False)
    assert "it also needs whatever the script itself asks for, which nothing on this VM names" in verdict.why
    facts = facts_of(host)
    (own,) = facts.own
    assert [answer.url for answer in own.answers] == [BY_SETTINGS]
    assert "c2VjcmV0" not in repr(facts) and "setup.sh" not in repr(facts)


def facts_of(host: FakeHost) -> EgressFacts:
    """What the probe gathers, after those that it needs."""
    gathered = gather(host, PROBES, RUN).probes["egress"]
    assert isinstance(gathered.facts, EgressFacts)
    return gathered.facts


def test_a_server_that_the_settings_name_and_that_is_shut_stops_the_extension() -> None:
    """An error, with the server's name."""
    host = with_settings(SCRIPT, FILE_URIS, tcp={(FILES_ADDRESS, 443): REFUSED})
    (found,) = findings(report(host), "egress-extensions")
    assert (found.severity, found.flow) == (Severity.ERROR, f"tcp {FILES_ADDRESS}:443")
    assert f"{FILES_HOST} ({FILES_ADDRESS}:443), which {SCRIPT.name} needs" in found.message
    assert extension(host).will_work == "no"


def test_settings_without_an_address_leave_it_open() -> None:
    """They may be among the protected ones."""
    assert "which its public settings do not name" in extension(with_settings(SCRIPT, {"commandToExecute": "true"})).why


def test_a_storage_account_of_the_settings_is_tried() -> None:
    """Blobs and tables, by the cloud's own suffix."""
    stores = {
        f"diag1.{service}.core.windows.net": f"20.60.0.6{place}" for place, service in enumerate(("blob", "table"))
    }
    http = {f"https://{name}/": page("", 400) for name in stores}
    host = with_settings(DIAGNOSTICS, {"StorageAccount": "diag1"}, where=stores, http=http)
    assert statuses(report(host))["egress-extensions"] == "pass"
    shut_host = replace(host, tcp={**host.tcp, ("20.60.0.61", 443): REFUSED})
    (found,) = findings(report(shut_host), "egress-extensions")
    assert "diag1.table.core.windows.net" in found.message


@pytest.mark.parametrize("name", ["USNat", "USSec", "AzureStack"])
def test_an_unknown_cloud_is_said_to_be_unknown_and_gets_no_public_hosts(name: str) -> None:
    """Neither its own extensions' hosts nor the cloud's are known."""
    host = world(MONITOR, http=cloud(name))
    result = report(host)
    (verdict,) = result.extensions
    assert (verdict.will_work, f"the cloud {name} is not known" in verdict.why) == ("unknown", True)
    assert f"the cloud {name} is not known" in (by_check(result)["egress-extensions"].reason or "")
    asked = repr(facts_of(host))
    assert not [public for public in PUBLIC if public in asked]


def test_a_known_cloud_is_none_that_is_unknown() -> None:
    """The three that are documented."""
    assert "is not known" not in extension(world(MONITOR)).why


VAULT = Extension("Microsoft.Azure.KeyVault.KeyVaultForLinux", "3.0")
VAULT_HOST = "vault1.vault.azure.net"
CERTIFICATES = {"secretsManagementSettings": {"observedCertificates": [f"https://{VAULT_HOST}/secrets/tls"]}}
ANSWERS = {f"https://{VAULT_HOST}/": page("", 401)}


def vault(address: str, tcp: TcpAnswer = OPEN) -> World:
    """A key vault that the settings name, at this address."""
    return with_settings(VAULT, CERTIFICATES, where={VAULT_HOST: address}, http=ANSWERS, tcp={(address, 443): tcp})


def test_a_private_endpoint_is_told_and_tried() -> None:
    """One that answers is no fault, and one that does not has a fix of its own."""
    assert statuses(report(vault("10.1.0.4")))["egress-extensions"] == "pass"
    verdict = extension(vault("10.1.0.4"))
    assert verdict.will_work == "yes"
    assert f"by a private endpoint: {VAULT_HOST} has 10.1.0.4" in verdict.why
    (found,) = findings(report(vault("10.1.0.4", SILENT)), "egress-extensions")
    assert "10.1.0.4 is a private address, as a private endpoint has" in found.message
    assert f"private endpoint that {VAULT_HOST} resolves to" in found.fix


def test_a_public_address_and_a_companys_own_server_are_no_private_endpoint() -> None:
    """Whether or not they answer."""
    assert "private" not in extension(vault("20.60.0.70")).why
    own = with_settings(SCRIPT, FILE_URIS, where={FILES_HOST: "10.1.0.4"}, tcp={("10.1.0.4", 443): SILENT})
    (found,) = findings(report(own), "egress-extensions")
    assert "private" not in found.message + found.fix


def test_a_private_zone_that_lacks_the_name_is_named() -> None:
    """The settings' servers are looked up as the VM does."""
    plain = with_settings(SCRIPT, FILE_URIS)
    company = Company(**{**vars(plain), "lacks": (FILES_HOST,)})
    (found,) = findings(report(company), "egress-names")
    assert found.message.startswith(f"this VM does not resolve {FILES_HOST}, which {SCRIPT.name} needs")


def test_an_extension_that_the_policy_refuses_will_not_work() -> None:
    """Whatever the network lets through."""
    policy = {"policyVersion": "0.1.0", "extensionPolicies": {"allowListedExtensionsOnly": True}}
    files = {
        "/usr/sbin/waagent": "#!/usr/bin/python3\n",
        "/usr/lib/python3/dist-packages/azurelinuxagent/common/version.py": "AGENT_VERSION = '2.16.0.2'\n",
        "/etc/waagent_policy.json": json.dumps(policy),
    }
    verdict = extension(world(files=files))
    assert (verdict.will_work, "policy file refuses it" in verdict.why) == ("no", True)
    assert "policy" not in extension(world()).why
