"""DNS servers that do not answer, and whose fault that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.guest.resolv_conf import PATH
from azpreflight.host import DnsAnswer, Outcome
from azpreflight.model import Confidence, Severity, Stage
from azpreflight.probes import dns
from azpreflight.probes.dns.facts import CONTROL
from azpreflight.probes.dns.names import IMPOSSIBLE
from azpreflight.text import several
from tests.support.fakes import Node
from tests.support.judging import findings
from tests.support.machines.dns import (
    BEHIND,
    BROKEN,
    ELSEWHERE,
    LEASES,
    NAMES,
    RUN,
    STORE,
    answer,
    knows,
    lease,
    machine,
    report_on,
    says,
    statuses,
)


def fails(outcome: Outcome, **more: str) -> DnsAnswer:
    return DnsAnswer(outcome, 0.001, **more)  # type: ignore[arg-type]  # the keywords are its text fields


def test_a_dead_server_of_the_virtual_network_in_the_words_of_support() -> None:
    found = findings(report_on(BROKEN["dns-servers"], RUN), "dns-servers")
    assert [finding.message for finding in found] == [
        "the virtual network points to a DNS server that does not exist: 10.1.2.3 (silent over udp and tcp; "
        "control 168.63.129.16 answers)"
    ]
    assert (found[0].severity, found[0].confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert (found[0].flow, found[0].breaks) == ("udp 10.1.2.3:53", ("name *",))


def test_a_dead_server_of_the_image_is_not_put_down_to_the_virtual_network() -> None:
    host = machine("10.9.9.9", answers=knows(CONTROL), files={LEASES: lease(CONTROL)})
    (found,) = findings(report_on(host, RUN), "dns-servers")
    assert found.message == (
        "the image names a DNS server that does not answer: 10.9.9.9, in /etc/resolv.conf (silent over udp and tcp; "
        "control 168.63.129.16 answers)"
    )
    assert found.fix.startswith("Take this DNS server out of /etc/resolv.conf")
    assert found.evidence["named by"] == "image (/etc/resolv.conf)"


@pytest.mark.parametrize(
    ("stage", "where", "severity"),
    [
        (Stage.CAPTURE, PATH, Severity.ERROR),
        (Stage.BUILD, PATH, Severity.NOTE),
        (Stage.BUILD, "/etc/dhcp/dhclient.conf", Severity.ERROR),
    ],
)
def test_what_is_in_the_image_counts_before_first_boot(stage: Stage, where: str, severity: Severity) -> None:
    """But a resolv.conf that deprovisioning will delete does not while the image is built."""
    files: dict[str, Node] = {LEASES: lease(CONTROL)}
    files |= {} if where == PATH else {where: "supersede domain-name-servers 10.9.9.9;\n"}
    host = machine("10.9.9.9", answers=knows(CONTROL), files=files)
    found = findings(report_on(host, replace(RUN, stage=stage)), "dns-servers")
    assert [finding.severity for finding in found] == [severity]
    assert f"in {where}" in found[0].message


def test_the_platforms_own_server_is_no_fault_of_an_image_that_names_it() -> None:
    files: dict[str, Node] = {
        LEASES: lease("10.0.0.5"),
        "/etc/dhcp/dhclient.conf": f"append domain-name-servers {CONTROL};",
    }
    (found,) = findings(report_on(machine(CONTROL, answers=knows("10.0.0.5"), files=files), RUN), "dns-servers")
    assert found.message.startswith("the platform's own DNS server does not answer: 168.63.129.16 (")
    assert (found.in_image, "AzurePlatformDNS" in found.fix) == (False, True)


def test_a_server_of_the_image_is_compared_with_those_that_dhcp_names() -> None:
    """They are asked too, and no verdict is passed on them, because nothing here depends on them."""
    host = machine("10.9.9.9", answers={**knows(CONTROL), **knows("10.0.0.5")}, files={LEASES: lease("10.0.0.5")})
    (found,) = findings(report_on(host, RUN), "dns-servers")
    assert "in /etc/resolv.conf; DHCP names 10.0.0.5, which answers (silent" in found.message
    in_vain = machine(CONTROL, answers=knows(CONTROL), files={LEASES: lease("10.0.0.5")})
    assert set(statuses(report_on(in_vain, RUN)).values()) == {"pass"}


def test_where_nothing_tells_who_named_a_server_nobody_is_blamed() -> None:
    (found,) = findings(report_on(machine("10.1.2.3", answers=knows(CONTROL)), RUN), "dns-servers")
    assert found.message.startswith("this VM is configured with a DNS server that does not answer: 10.1.2.3 (")
    assert "or where a file of the image names this one" in found.fix


def test_a_server_that_leaves_questions_without_an_answer_is_said_to_answer_now_and_then() -> None:
    answers = dict(knows(CONTROL))
    for name in NAMES:
        del answers[CONTROL, name, "A", False]
    (found,) = findings(report_on(machine(CONTROL, answers=answers), RUN), "dns-servers")
    assert found.message.startswith("DNS server 168.63.129.16 answers intermittently: 4 of 6 questions over udp; glibc")
    assert (found.severity, found.confidence) == (Severity.WARNING, Confidence.LIKELY)


def test_a_server_that_never_answers_for_ipv6_is_told_as_such() -> None:
    answers = {question: said for question, said in knows(CONTROL).items() if question[2] == "A" or question[3]}
    (found,) = findings(report_on(machine(CONTROL, answers=answers), RUN), "dns-servers")
    assert "never answers when asked for IPv6 addresses (AAAA)" in found.message
    assert found.confidence is Confidence.CERTAIN


def test_a_server_that_waits_for_the_one_behind_it_is_silent_for_public_names_alone() -> None:
    """It denies at once what cannot exist, so that it is there, and no name is found by it."""
    waits = {question: said for question, said in knows("10.0.0.5").items() if question[1] == IMPOSSIBLE}
    host = machine("10.0.0.5", answers={**knows(CONTROL), **waits})
    report = report_on(host, RUN)
    (found,) = findings(report, "dns-answers")
    assert found.message == f"DNS server 10.0.0.5 answers nothing for {STORE} and 1 more: 168.63.129.16 knows it"
    assert (found.severity, found.breaks) == (Severity.ERROR, ("name *",))
    assert statuses(report)["dns-servers"] == "pass"


def test_what_the_c_library_does_not_find_though_the_server_knows_it_is_an_error() -> None:
    (found,) = findings(report_on(BROKEN["dns-library"], RUN), "dns-library")
    assert found.message == f"glibc does not find {STORE}, which DNS server 168.63.129.16 knows"
    assert "getent ahosts" in found.commands[1]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (("127.0.0.1",), "fail"),
        (("0.0.0.0", "::1"), "fail"),
        (("127.0.0.1", "20.60.0.1"), "pass"),
        (("10.0.0.9",), "pass"),
    ],
)
def test_a_name_that_leads_back_to_this_machine_is_no_stores(found: tuple[str, ...], status: str) -> None:
    """A line of /etc/hosts hides what the servers know. Any other address may be a private endpoint's."""
    report = report_on(replace(BROKEN["dns-library"], names={STORE: found}), RUN)
    assert statuses(report)["dns-library"] == status
    if status == "fail":
        (told,) = findings(report, "dns-library")
        assert (told.severity, f"takes {STORE} for {several(found)}" in told.message) == (Severity.WARNING, True)


def test_the_c_library_is_not_blamed_for_its_servers() -> None:
    for check in ("dns-servers", "dns-answers"):
        assert statuses(report_on(replace(BROKEN[check], names={}), RUN))["dns-library"] == "notapplicable"


def test_each_link_of_systemd_resolved_has_servers_of_its_own() -> None:
    files: dict[str, Node] = {
        BEHIND: "nameserver 10.0.0.4\n",
        "/run/systemd/netif/links/2": "DNS=10.0.0.4\n",
        "/run/systemd/netif/links/3": "DNS=10.0.0.6\n",
    }
    facts = dns.gather(machine("127.0.0.53", answers={}, files=files), RUN)
    assert dns.remote_servers(facts) == ("10.0.0.4", "10.0.0.6")


def test_one_dead_server_of_two_is_a_warning_and_takes_nothing_down() -> None:
    host = machine("10.1.2.3", CONTROL, answers=knows(CONTROL))
    found = findings(report_on(host, RUN), "dns-servers")
    assert [(finding.severity, finding.breaks) for finding in found] == [(Severity.WARNING, ())]


def test_total_silence_is_only_likely_the_servers_fault() -> None:
    found = findings(report_on(machine("10.1.2.3", answers={}), RUN), "dns-servers")
    assert [(finding.severity, finding.confidence) for finding in found] == [(Severity.ERROR, Confidence.LIKELY)]
    assert "control 168.63.129.16 fails too: silent" in found[0].message


@pytest.mark.parametrize(
    ("said", "words", "reason"),
    [
        (
            fails(Outcome.REFUSED, offender="10.1.2.3"),
            "network points to a machine without a DNS server: 10.1.2.3 (port closed over udp and tcp; control",
            "10.1.2.3 said so",
        ),
        (
            fails(Outcome.PROHIBITED, offender="10.0.0.1"),
            "does not answer: 10.1.2.3 (prohibited over udp and tcp, says 10.0.0.1; control",
            "10.0.0.1 said so",
        ),
        (
            fails(Outcome.PROHIBITED, detail="this machine's own rules forbid to send it"),
            "server 10.1.2.3 leaves this machine (prohibited over udp and tcp; control",
            "this machine's kernel said so, and the network was not asked",
        ),
        (
            fails(Outcome.UNREACHABLE),
            "server 10.1.2.3 leaves this machine (unreachable over udp and tcp; control",
            "this machine's kernel said so, and the network was not asked",
        ),
        (
            fails(Outcome.ERROR, detail="only answers with a wrong id came (2)"),
            "does not answer: 10.1.2.3 (only answers with a wrong id came (2) over udp and tcp; control",
            "the server said so",
        ),
    ],
)
def test_how_it_does_not_answer_is_told(said: DnsAnswer, words: str, reason: str) -> None:
    answers = {**knows(CONTROL), **says("10.1.2.3", said)}
    host = machine("10.1.2.3", answers=answers, files={LEASES: lease("10.1.2.3")})
    found = findings(report_on(host, RUN), "dns-servers")[0]
    assert words in found.message
    sure = Confidence.LIKELY if "kernel" in reason else Confidence.CERTAIN
    assert (found.confidence, found.confidence_reason) == (sure, reason)


def test_a_server_that_answers_over_tcp_alone_is_of_no_use_to_the_c_library() -> None:
    host = machine("10.1.2.3", answers={**knows(CONTROL), **knows("10.1.2.3", udp=False)})
    found = findings(report_on(host, RUN), "dns-servers")
    assert "does not answer: 10.1.2.3 (silent over udp, answers over tcp; control" in found[0].message


def test_one_lost_question_is_no_silence() -> None:
    answers = dict(knows(CONTROL))
    answers[CONTROL, STORE, "A", False] = fails(Outcome.TIMEOUT)
    assert "fail" not in statuses(report_on(machine(CONTROL, answers=answers), RUN)).values()


def test_the_platforms_own_server_is_never_the_virtual_networks_choice() -> None:
    found = findings(report_on(machine(CONTROL, answers={}), RUN), "dns-servers")
    assert found[0].message == "the platform's own DNS server does not answer: 168.63.129.16 (silent over udp and tcp)"
    assert "AzurePlatformDNS" in found[0].fix


def test_outside_azure_nothing_is_said_of_virtual_networks() -> None:
    found = findings(report_on(machine("10.1.2.3", answers={}), ELSEWHERE), "dns-servers")
    assert found[0].message == "a DNS server of this network does not answer: 10.1.2.3 (silent over udp and tcp)"
    assert "DHCP" in found[0].fix


def test_before_first_boot_dead_servers_are_notes() -> None:
    found = findings(report_on(BROKEN["dns-servers"], replace(RUN, stage=Stage.CAPTURE)), "dns-servers")
    assert [finding.severity for finding in found] == [Severity.NOTE]


def test_tcp_that_is_needed_for_a_long_answer_names_it() -> None:
    answers = {**knows(CONTROL, tcp=False), (CONTROL, STORE, "A", False): answer(truncated=True)}
    found = findings(report_on(machine(CONTROL, answers=answers), RUN), "dns-tcp")
    assert found[0].message.endswith(f"are lost, as for {STORE}")
    assert (found[0].severity, found[0].flow) == (Severity.ERROR, "tcp 168.63.129.16:53")
