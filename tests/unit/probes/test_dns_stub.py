"""A local stub: what is its own fault, and what that of the servers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from azpreflight.guest.resolv_conf import PATH
from azpreflight.host import DnsAnswer
from azpreflight.model import Cause, Run, Severity, Stage
from azpreflight.probes.dns.facts import CONTROL
from tests.support.fakes import Node
from tests.support.judging import findings
from tests.support.machines.dns import (
    BEHIND,
    ELSEWHERE,
    LEASES,
    RUN,
    Answers,
    answer,
    knows,
    lease,
    machine,
    report_on,
    results,
    says,
    statuses,
)

REFUSING = says("127.0.0.53", answer(rcode="REFUSED"))
"""systemd-resolved's stub where it has no server to ask."""
NOBODY = "# No DNS servers known.\nsearch .\n"


@pytest.mark.parametrize(
    ("run", "leases", "told", "fix"),
    [
        (RUN, {LEASES: lease()}, "DHCP names none", "Let DHCP name a DNS server: correct those of the virtual network"),
        (RUN, {LEASES: lease(CONTROL)}, f"DHCP names {CONTROL}", "Let the network configuration of the image take"),
        (RUN, {}, "no lease of DHCP is known", "Let DHCP name a DNS server, or name one in the network configuration"),
        (ELSEWHERE, {LEASES: lease()}, "DHCP names none", "Let DHCP name a DNS server, or name one in"),
    ],
)
def test_a_stub_without_a_server_to_ask_is_no_server_with_a_wrong_answer(
    run: Run, leases: Mapping[str, Node], told: str, fix: str
) -> None:
    files: dict[str, Node] = {BEHIND: NOBODY, **leases}
    report = report_on(machine("127.0.0.53", answers={**REFUSING, **knows(CONTROL)}, files=files), run)
    (found,) = findings(report, "dns-resolv-conf")
    assert (found.severity, found.breaks) == (Severity.ERROR, ("name *",))
    assert found.message.endswith(f"which has no DNS server to ask; {told}")
    assert found.fix.startswith(fix)
    assert [statuses(report)[name] for name in ("dns-servers", "dns-answers")] == ["notapplicable"] * 2
    assert [entry.check for entry in report.causes if entry.cause is Cause.DNS_UNREACHABLE] == ["dns-resolv-conf"]
    assert Cause.DNS_WRONG_ANSWER not in [entry.cause for entry in report.causes]


@pytest.mark.parametrize(
    ("stub", "behind"),
    [
        (knows("127.0.0.53"), NOBODY),
        (REFUSING, f"nameserver {CONTROL}\n"),
        ({}, NOBODY),
        (REFUSING, "# DNS=1.1.1.1:853 of resolved.conf cannot be written here\nsearch .\n"),
    ],
)
def test_a_stub_that_knows_or_has_a_server_or_is_dead_is_not_said_to_have_nobody(stub: Answers, behind: str) -> None:
    host = machine("127.0.0.53", answers={**stub, **knows(CONTROL)}, files={BEHIND: behind})
    assert findings(report_on(host, RUN), "dns-resolv-conf") == ()


def test_without_an_address_a_stub_without_a_server_is_a_symptom() -> None:
    files: dict[str, Node] = {BEHIND: NOBODY, "/proc/net/route": "Iface\n"}
    host = replace(machine("127.0.0.53", answers=REFUSING, files=files), interface_list=(), routes={})
    report = report_on(host, RUN)
    assert [entry.cause for entry in report.causes] == [Cause.NO_NETWORK]


@pytest.mark.parametrize(
    ("servers", "severity"), [((CONTROL,), Severity.WARNING), ((), Severity.NOTE)], ids=["refused-by-image", "none"]
)
def test_before_first_boot_a_stub_without_a_server_counts_where_the_image_takes_none(
    servers: tuple[str, ...], severity: Severity
) -> None:
    files: dict[str, Node] = {BEHIND: NOBODY, LEASES: lease(*servers)}
    host = machine("127.0.0.53", answers=REFUSING, files=files)
    (found,) = findings(report_on(host, replace(RUN, stage=Stage.BUILD)), "dns-resolv-conf")
    assert found.severity is severity


def test_where_resolved_writes_the_file_and_has_no_server_nobody_is_told_to_enable_it() -> None:
    host = machine(answers=knows(CONTROL), files={PATH: NOBODY, BEHIND: NOBODY, LEASES: lease()})
    (found,) = findings(report_on(host, RUN), "dns-resolv-conf")
    assert found.message.startswith("resolv.conf names no DNS server: it is written by systemd-resolved, which has no")
    assert (found.severity, found.fix.partition(":")[0]) == (Severity.ERROR, "Let DHCP name a DNS server")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_a_stub_that_fails_for_want_of_its_server_is_a_symptom_of_that(rcode: str) -> None:
    failing = {**says("127.0.0.53", answer(rcode=rcode)), **knows(CONTROL)}
    report = report_on(machine("127.0.0.53", answers=failing, files={BEHIND: "nameserver 10.1.2.3\n"}), RUN)
    assert [
        entry.cause for entry in report.causes if entry.severity is Severity.ERROR and entry.check[:3] == "dns"
    ] == [Cause.DNS_UNREACHABLE]
    assert {result.check: result.because_of for result in results(report)}["dns-answers"] == ("dns-servers",)


def test_without_an_address_a_stub_that_fails_is_a_symptom() -> None:
    failing = says("127.0.0.53", answer(rcode="SERVFAIL"))
    files: dict[str, Node] = {BEHIND: f"nameserver {CONTROL}\n", "/proc/net/route": "Iface\n"}
    host = replace(machine("127.0.0.53", answers=failing, files=files), interface_list=(), routes={})
    assert [entry.cause for entry in report_on(host, RUN).causes] == [Cause.NO_NETWORK]


@pytest.mark.parametrize(
    ("stub", "behind"), [(answer(rcode="SERVFAIL"), CONTROL), (answer("198.51.100.9"), "10.1.2.3")]
)
def test_a_stub_is_wrong_by_itself_where_its_server_answers_or_it_makes_things_up(stub: DnsAnswer, behind: str) -> None:
    wrong = {**says("127.0.0.53", stub), **knows(CONTROL)}
    report = report_on(machine("127.0.0.53", answers=wrong, files={BEHIND: f"nameserver {behind}\n"}), RUN)
    assert Cause.DNS_WRONG_ANSWER in [entry.cause for entry in report.causes]


@pytest.mark.parametrize(
    ("stub", "one", "two", "expected"),
    [
        (True, True, True, {}),
        (True, True, False, {"10.0.0.5": Severity.WARNING}),
        (True, False, False, {"10.0.0.4": Severity.ERROR, "10.0.0.5": Severity.ERROR}),
        (False, False, False, {"10.0.0.4": Severity.ERROR, "10.0.0.5": Severity.ERROR}),
        (False, True, False, {"10.0.0.5": Severity.ERROR}),
        (False, True, True, {"127.0.0.53": Severity.ERROR}),
    ],
)
def test_a_stub_is_to_blame_only_where_the_servers_behind_it_answer(
    stub: bool, one: bool, two: bool, expected: dict[str, Severity]
) -> None:
    alive = {"127.0.0.53": stub, "10.0.0.4": one, "10.0.0.5": two}
    answers = {question: said for server in alive if alive[server] for question, said in knows(server).items()}
    host = machine(
        "127.0.0.53",
        answers={**answers, **knows(CONTROL)},
        files={BEHIND: "nameserver 10.0.0.4\nnameserver 10.0.0.5\n"},
    )
    found = findings(report_on(host, RUN), "dns-servers")
    assert {finding.evidence["server"]: finding.severity for finding in found} == expected
    assert all(("name *" in finding.breaks) is (finding.severity is Severity.ERROR) for finding in found)


def test_a_dead_stub_comes_with_the_command_that_starts_it() -> None:
    host = machine("127.0.0.53", answers=knows(CONTROL), files={BEHIND: f"nameserver {CONTROL}\n"})
    found = findings(report_on(host, RUN), "dns-servers")
    assert found[0].commands == ("systemctl restart systemd-resolved",)
