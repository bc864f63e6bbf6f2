"""Stores of CA certificates, full, empty and absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.host.ca_store import BUNDLES
from azpreflight.model import Cause, Report, Run, Severity, codec
from azpreflight.probes import dns, egress, network, platform, tls
from azpreflight.probes.tls.collect import certificates
from azpreflight.probes.tls.facts import ROOTS, CaStoreFacts
from azpreflight.standin.extension import HELLO
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines import egress as test_probe_egress
from tests.support.machines.egress import PROXY, no_relay
from tests.support.machines.tls import DEBIAN, ONE, RUN, STORE

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


def status(files: dict[str, Any], run: Run = RUN) -> str:
    return statuses(judged(FakeHost(files=files, root=run.root), run, tls.PROBE))["tls-ca-store"]


def live(**changes: Any) -> Report:
    """Where every server on the internet presents a certificate that nobody here trusts."""
    made = test_probe_egress.inspected()
    files = {path: node for path, node in made.files.items() if path not in BUNDLES}
    host = replace(made, files=files, **changes)
    return judged(host, test_probe_egress.RUN, tls.PROBE, network.PROBE, platform.PROBE, dns.PROBE, PROXY, egress.PROBE)


@pytest.mark.parametrize("path", BUNDLES)
def test_the_bundle_of_each_distribution_is_known(path: str) -> None:
    assert status({path: PEM}) == "pass"
    assert status({path: PEM}, replace(RUN, root="/mnt/image")) == "pass"


@pytest.mark.parametrize("files", [{}, {BUNDLES[0]: ""}, {BUNDLES[0]: "# nothing\n"}])
def test_a_machine_that_trusts_nobody_is_told_so(files: dict[str, str]) -> None:
    assert status(files) == "fail"


def test_an_empty_bundle_is_passed_over() -> None:
    facts = tls.PROBE.gather(FakeHost(files={BUNDLES[0]: "", BUNDLES[3]: PEM * 2}), RUN)
    assert (facts.bundle, facts.certificates) == (BUNDLES[3], 2)
    assert codec.decode(CaStoreFacts, codec.encode(facts)) == facts


def test_certificates_that_lie_one_by_one_count_and_dangling_links_do_not() -> None:
    link = Link("/usr/share/ca-certificates/x.crt")
    assert status({"/etc/ssl/certs/0a1b2c3d.0": link, "/usr/share/ca-certificates/x.crt": PEM}) == "pass"
    assert status({"/etc/ssl/certs/0a1b2c3d.0": link}) == "fail"


def test_a_bundle_that_cannot_be_read_leaves_it_undecided() -> None:
    assert status({BUNDLES[0]: Denied()}) == "unknown"


def test_without_a_store_nobody_is_blamed_for_inspection() -> None:
    result = live()
    assert [(cause.cause, cause.severity) for cause in result.causes] == [(Cause.AGENT_CONFIG, Severity.WARNING)]
    assert by_check(result)["egress-tls"].reason == "this machine trusts nobody, see tls-ca-store"
    assert "the HostGAPlugin delivers instead" in result.causes[0].summary


def test_it_is_an_error_where_the_plugin_does_not_deliver() -> None:
    assert findings(live(relay=no_relay(HELLO)), "tls-ca-store")[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("release", "commands"),
    [
        (DEBIAN, ("apt-get install -y ca-certificates", "update-ca-certificates")),
        ("ID=rhel\nID_LIKE=fedora\n", ("dnf install -y ca-certificates", "update-ca-trust")),
        ("ID=azurelinux\n", ("tdnf install -y ca-certificates", "update-ca-trust")),
        ('ID=sles\nID_LIKE="suse"\n', ("zypper --non-interactive install ca-certificates", "update-ca-certificates")),
    ],
)
def test_the_commands_are_those_of_the_distribution(release: str, commands: tuple[str, ...]) -> None:
    report = judged(FakeHost(files={"/etc/os-release": release}), RUN, tls.PROBE)
    assert findings(report, "tls-ca-store")[0].commands == commands


@pytest.mark.parametrize(
    ("files", "status"),
    [(STORE, "pass"), ({BUNDLES[0]: ONE}, "fail"), ({BUNDLES[0]: PEM}, "fail"), ({}, "notapplicable")],
)
def test_the_roots_of_azure(files: dict[str, str], status: str) -> None:
    """By the names in the bundle; where none can be read, nothing is said."""
    found = judged(FakeHost(files=files), RUN, tls.PROBE)
    assert statuses(found)["tls-azure-roots"] == status
    assert all("DigiCert Global Root G2" in one.message for one in findings(found, "tls-azure-roots"))


@pytest.mark.skipif(not Path(BUNDLES[0]).exists(), reason="this machine has no bundle of CA certificates")
def test_this_machines_own_bundle_has_them() -> None:
    """The names are those of real certificates."""
    decoded = list(certificates(Path(BUNDLES[0]).read_text()))
    assert all(any(name.encode() in one for one in decoded) for name in ROOTS)
