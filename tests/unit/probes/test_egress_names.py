"""Repositories, and names that no server resolves or that have private endpoints."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from azpreflight.model import Confidence, Config, Severity
from azpreflight.standin.extension import STORE_HOSTS
from tests.support.judging import by_check, findings, statuses
from tests.support.machines.egress import (
    AGENT_PROXY,
    MIRROR,
    MONITOR,
    OPEN_BY_PROXY,
    PUBLIC,
    REFUSED,
    REPOSITORY,
    RUN,
    SILENT,
    STORES,
    Company,
    World,
    behind,
    extension,
    report,
    shut,
    world,
)

# --- repositories ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [MIRROR, "rhui4-1.microsoft.com"])
def test_a_shut_repository_is_told_where_other_servers_answer(name: str) -> None:
    """Of Azure's own for Red Hat it is said that a detour does not help."""
    files = {"/etc/yum.repos.d/a.repo": f"[a]\nbaseurl=http://{name}/x\n"}
    (found,) = findings(
        report(world(files=files, where={**STORES, **PUBLIC, name: "20.60.0.40"})), "egress-repositories"
    )
    assert found.message == (
        f"no way to {name} (20.60.0.40:80): no answer within 1.2 s; a package repository of the image is there"
    )
    assert (found.severity, "RHUI" in found.fix) == (Severity.WARNING, name.startswith("rhui"))


def test_where_nothing_answers_a_repository_is_no_matter_of_its_own() -> None:
    told = report(world(files=REPOSITORY, tcp=shut(SILENT)))
    assert statuses(told)["egress-repositories"] == "notapplicable"


def test_behind_a_proxy_no_repository_is_tried() -> None:
    """The package manager may have a way that is not known."""
    told = report(behind(OPEN_BY_PROXY, files={**AGENT_PROXY, **REPOSITORY}))
    assert told.facts["egress"].repositories == ()


# --- names --------------------------------------------------------------------------------------------------------


def test_a_dead_name_server_does_not_hide_an_open_way() -> None:
    """The platform's own server knows the address; the agent, which only asks the dead one, takes the other way."""
    host = world(mute=("10.0.0.53",))
    assert statuses(report(host))["egress-packages"] == "pass"


def test_a_c_library_that_does_not_ask_stops_an_extension_with_endpoints_of_its_own() -> None:
    """Every server knows the names, and no program here finds them."""

    class Mute(World):
        def resolve(self, name: str, timeout: float) -> tuple[str, ...]:
            return ()

    made = world(MONITOR)
    verdict = extension(Mute(**{field.name: getattr(made, field.name) for field in fields(made)}))
    assert (verdict.package, verdict.will_work) == ("hostgaplugin", "no")
    assert "no program on this machine finds public names" in verdict.why


def test_a_dead_name_server_stops_an_extension_with_endpoints_of_its_own() -> None:
    run = replace(RUN, config=Config(endpoints=("https://mirror.example.net/",)))
    verdict = extension(world(MONITOR, mute=("10.0.0.53",)), run)
    assert (verdict.package, verdict.will_work) == ("hostgaplugin", "no")
    assert "no program on this machine finds public names" in verdict.why


def test_a_dead_name_server_does_not_hide_a_shut_way() -> None:
    found = findings(report(world(mute=("10.0.0.53",), tcp=shut(REFUSED))), "egress-packages")
    assert {finding.flow for finding in found} == {"tcp 20.60.0.10:443", "tcp 20.60.0.11:443"}


def test_where_no_name_server_answers_the_finding_is_about_the_name() -> None:
    found = findings(report(world(mute=("10.0.0.53", "168.63.129.16"))), "egress-packages")
    assert {finding.flow for finding in found} == {f"name {host}" for host in STORE_HOSTS}
    assert {finding.confidence for finding in found} == {Confidence.POSSIBLE}


def test_a_name_that_does_not_exist_is_no_matter_of_the_way() -> None:
    run = replace(RUN, config=Config(endpoints=("https://mistyped.example.net/",)))
    result = by_check(report(world(), run))["egress-endpoints"]
    assert (result.status.value, result.reason) == (
        "unknown",
        "mistyped.example.net: no server that answers knows an address for it",
    )


@pytest.mark.parametrize("says", ["NXDOMAIN", "NOERROR", "SERVFAIL", "REFUSED"])
def test_azures_own_server_stands_in_for_nobody(says: str) -> None:
    """A repository that only the witness knows is tried all the same, and not resolved here."""
    plain = world(files=REPOSITORY)
    company = Company(**{**vars(plain), "lacks": (MIRROR,), "says": says})
    (found,) = findings(report(company), "egress-names")
    said = "no address" if says == "NOERROR" else says
    assert found.message.startswith(f"this VM does not resolve {MIRROR}, a package repository")
    assert f"10.0.0.53 answers {said}, and 168.63.129.16 knows it" in found.message
    assert (found.severity, found.confidence) == (Severity.WARNING, Confidence.CERTAIN)
    assert statuses(report(plain))["egress-names"] == "pass"


def test_a_repository_that_nobody_knows_is_no_fault_of_the_vms_servers() -> None:
    unknown = world(files={"/etc/apt/sources.list": "deb http://gone.example.net/debian x main\n"})
    assert findings(report(unknown), "egress-names") == ()
