"""Endpoints that do not answer, and what the way to them says, through the probes that lead there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.host import Hop, HostError, HttpAnswer, Outcome, Phase
from azpreflight.model import Cause, Confidence, Finding, Platform, Report, Run, Severity, Stage, codec
from azpreflight.probes import dns, egress, network, path, platform
from azpreflight.probes.path.checks import drawn
from azpreflight.probes.path.collect import TRACED
from azpreflight.probes.path.tunnel import Path
from azpreflight.standin.extension import DIAGNOSTICS, HELLO
from tests.support.judging import by_check, findings, judged
from tests.support.machines.egress import AT_ONE_ADDRESS, PROXY, PUBLIC, SILENT, World, no_relay, page, shut, untrusted
from tests.support.machines.path import (
    BROKEN,
    FIRST,
    GATEWAY,
    HEALTHY,
    ONPREM,
    PROHIBITED,
    RUN,
    SAYS_NO,
    SECOND,
    STALL,
    hops,
    stalling,
    world,
)

PROBES = (network.PROBE, platform.PROBE, dns.PROBE, PROXY, egress.PROBE, path.PROBE)
NOBODY = tuple(Hop(ttl, Outcome.TIMEOUT) for ttl in range(3, 9))
SAYS_NOTHING = (GATEWAY, ONPREM, *NOBODY)


def report(host: World, run: Run = RUN) -> Report:
    return judged(host, run, *PROBES)


def tunnel(host: World, run: Run = RUN) -> dict[str, Finding]:
    """The findings of the check by flow."""
    return {str(finding.flow): finding for finding in findings(report(host, run), "path-tunnel")}


def status(host: World, run: Run = RUN) -> tuple[str, str]:
    result = by_check(report(host, run))["path-tunnel"]
    return result.status.value, result.reason or ""


def test_where_every_endpoint_answers_there_is_nothing_to_look_at() -> None:
    assert status(*HEALTHY) == ("notapplicable", "every endpoint was reached")


def test_a_firewall_at_the_far_end_is_the_one_cause_and_the_closed_stores_its_symptom() -> None:
    told = report(*BROKEN["path-tunnel"])
    assert [(entry.cause, entry.confidence, entry.symptoms) for entry in told.causes] == [
        (Cause.FORCED_TUNNEL, Confidence.CERTAIN, ("egress-packages",))
    ]
    assert told.causes[0].summary.startswith(
        "tcp 20.60.0.10:443 is carried through 10.200.0.1 and 172.16.5.1 (private, outside 10.0.0.0/24)"
        " and dies there: icmp 3/13 from 172.16.5.1"
    )


def test_every_address_that_fails_has_a_finding_of_its_own_with_its_hops() -> None:
    found = tunnel(*BROKEN["path-tunnel"])
    assert set(found) == {f"tcp {FIRST}:443", f"tcp {SECOND}:443"}
    assert found[f"tcp {FIRST}:443"].evidence == {
        "hops": "1 10.0.0.1, 2 10.200.0.1, 3 172.16.5.1 (3/13)",
        "virtual network": "10.0.0.0/24",
        "route": "0.0.0.0/0 out of eth0 by dhcp",
    }


def test_a_way_of_its_own_is_advised_by_what_is_beyond_the_tunnel() -> None:
    """Storage has a service tag and service endpoints, other hosts have their addresses."""
    files = {"/etc/apt/sources.list": "deb https://mirror.example.net/debian x main\n"}
    mirror = PUBLIC["mirror.example.net"]
    host = world(files=files, tcp=shut(PROHIBITED, mirror), paths=hops(*SAYS_NO, to=(mirror,)))
    (found,) = tunnel(host).values()
    assert "next hop Internet for their addresses" in found.fix
    assert "service tag Storage" in tunnel(*BROKEN["path-tunnel"])[f"tcp {FIRST}:443"].fix


def test_private_routers_and_then_silence_are_likely_and_say_what_it_costs() -> None:
    """The HostGAPlugin delivers, so the extension comes late."""
    finding = tunnel(world(tcp=shut(SILENT, FIRST, SECOND), paths=hops(*SAYS_NOTHING)))[f"tcp {FIRST}:443"]
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LIKELY)
    assert finding.message.endswith("the HostGAPlugin delivers instead, some 5 to 91 s later")
    assert finding.evidence["hops"] == "1 10.0.0.1, 2 10.200.0.1, 3 silent"


def test_where_neither_way_delivers_it_is_an_error() -> None:
    host = world(tcp=shut(SILENT, FIRST, SECOND), paths=hops(*SAYS_NOTHING), relay=no_relay(HELLO))
    assert {finding.severity for finding in tunnel(host).values()} == {Severity.ERROR}


def test_an_extension_that_always_needs_the_internet_makes_it_an_error() -> None:
    """The diagnostics extension writes to a storage account that only its settings name."""
    host = world(DIAGNOSTICS, tcp=shut(SILENT), paths=hops(*SAYS_NOTHING))
    finding = tunnel(host)[f"tcp {FIRST}:443"]
    assert finding.severity is Severity.ERROR
    assert "LinuxDiagnostic cannot work without" in finding.message


def test_addresses_beyond_the_traced_ones_are_explained_too() -> None:
    """Only three are inspected; the others took the same way out."""
    host = world(DIAGNOSTICS, tcp=shut(SILENT), paths=hops(*SAYS_NOTHING))
    told = report(host)
    facts = told.facts["path"]
    assert len(facts.paths) == TRACED
    rest = set(facts.failed) - {traced.flow for traced in facts.paths}
    assert rest
    assert rest <= set(findings(told, "path-tunnel")[0].breaks)


def test_silence_without_a_private_router_is_no_tunnel() -> None:
    told = report(world(tcp=shut(SILENT, FIRST, SECOND)))
    assert by_check(told)["path-tunnel"].status.value == "pass"
    assert [entry.cause for entry in told.causes] == [Cause.NO_EGRESS]


def test_a_handshake_that_breaks_behind_private_routers_is_a_tunnel() -> None:
    reset = replace(untrusted(""), outcome=Outcome.RESET, issuer=None, detail=None)
    answers = dict.fromkeys((*HELLO.manifests, *HELLO.packages), reset)
    end = Hop(3, Outcome.OK, FIRST)
    found = tunnel(world(http=answers, paths=hops(GATEWAY, ONPREM, end)))
    assert "in the TLS handshake the connection is reset" in found[f"tcp {FIRST}:443"].message


def test_a_replaced_certificate_is_another_cause() -> None:
    answers = {uri: untrusted("O=Example Inspection") for uri in (*HELLO.manifests, *HELLO.packages)}
    assert "path-tunnel" not in {
        check for check, result in by_check(report(world(http=answers))).items() if result.findings
    }


def test_before_first_boot_it_is_a_note() -> None:
    host, run = BROKEN["path-tunnel"]
    assert {finding.severity for finding in tunnel(host, replace(run, stage=Stage.CAPTURE)).values()} == {Severity.NOTE}


def test_outside_azure_without_endpoints_nothing_was_tried() -> None:
    assert status(world(), replace(RUN, platform=Platform.NONE)) == ("notapplicable", "no endpoint was tried")


def test_names_without_an_address_leave_no_path_to_look_at() -> None:
    assert status(world(where={})) == (
        "unknown",
        "no endpoint has a known address, so there was no path to look at",
    )


def test_endpoints_without_an_address_are_not_counted_as_reached() -> None:
    """One of the two stores has no name any more."""
    where = {name: address for name, address in world().where.items() if address != SECOND}
    assert status(world(where=where)) == ("notapplicable", "every endpoint whose address is known was reached")


def test_without_the_endpoints_the_path_is_unknown() -> None:
    with pytest.raises(HostError, match="could not be tried"):
        path.gather(world(), RUN)


def test_a_path_that_cannot_be_looked_at_is_unknown() -> None:
    class Blind(World):
        def hops(self, *args: Any, **kw: Any) -> tuple[Hop, ...]:
            raise HostError("the time for the whole run is used up")

    host = world(tcp=shut(SILENT, FIRST, SECOND))
    blind = Blind(**{name: getattr(host, name) for name in host.__dataclass_fields__})
    assert status(blind) == (
        "unknown",
        "; ".join(
            f"the path to {address} could not be inspected: the time for the whole run is used up"
            for address in (FIRST, SECOND)
        ),
    )


def test_facts_survive_a_saved_snapshot() -> None:
    facts = report(*BROKEN["path-tunnel"]).facts["path"]
    assert codec.decode(path.PathFacts, codec.encode(facts)) == facts


def test_an_endpoint_that_answers_the_second_time_is_no_tunnel() -> None:
    """It failed, and by the time of the second look the far end is seen behind the private routers."""
    host = world(tcp=shut(SILENT, FIRST, SECOND), paths=hops(GATEWAY, ONPREM, Hop(3, Outcome.OK, FIRST)))
    assert status(host)[0] == "pass"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((), "none"),
        (NOBODY, "3 silent"),
        ((GATEWAY, *NOBODY, Hop(9, Outcome.OK, FIRST)), None),
        ((Hop(1, Outcome.UNREACHABLE),), "1 unreachable"),
        ((Hop(1, Outcome.REFUSED, FIRST),), f"1 {FIRST} (refused)"),
    ],
)
def test_hops_are_told_in_a_line(seen: tuple[Hop, ...], expected: str) -> None:
    line = drawn(Path(FIRST, 443, Phase.TCP, Outcome.TIMEOUT, hops=seen))
    assert line == expected if expected is not None else line.endswith(f"8 silent, 9 {FIRST} (ok)")


def test_where_small_segments_arrive_large_packets_are_the_one_cause() -> None:
    """The stores that do not deliver are its symptom, and routers on the way are none of its matter."""
    told = report(stalling(page("PK", 206), paths=hops(*SAYS_NOTHING)))
    (cause,) = told.causes
    assert (cause.cause, cause.severity, cause.symptoms) == (Cause.PATH_MTU, Severity.WARNING, ("egress-packages",))
    assert "no answer within 2.0 s in the TLS handshake, and in segments of 536 bytes it answers" in cause.summary
    assert cause.commands == ("ip link set dev eth0 mtu 1350",)


def test_a_body_that_never_comes_is_asked_for_again_too() -> None:
    first = HttpAnswer(Outcome.TIMEOUT, Phase.HTTP, 2.0, status=200)
    told = report(stalling(page("PK", 206), first))
    assert [cause.cause for cause in told.causes] == [Cause.PATH_MTU]


def test_two_servers_are_certain_and_a_single_one_is_likely() -> None:
    one = stalling(page("PK", 206), where={**AT_ONE_ADDRESS, **PUBLIC})
    assert {found.confidence for found in findings(report(one), "path-large-packets")} == {Confidence.LIKELY}
    two = BROKEN["path-large-packets"]
    assert {found.confidence for found in findings(report(*two), "path-large-packets")} == {Confidence.CERTAIN}


def test_a_certificate_that_is_not_trusted_has_arrived() -> None:
    told = report(stalling(untrusted("O=Example Inspection")))
    assert Cause.PATH_MTU in [cause.cause for cause in told.causes]


def test_where_small_segments_stall_too_their_size_is_not_the_reason() -> None:
    told = report(stalling(STALL))
    assert by_check(told)["path-large-packets"].status.value == "pass"
    assert [cause.cause for cause in told.causes] == [Cause.NO_EGRESS]


def test_where_nothing_stalled_nothing_is_asked_again() -> None:
    host = world(tcp=shut(SILENT))
    assert by_check(report(host))["path-large-packets"].status.value == "notapplicable"
    assert report(host).facts["path"].small == ()


def test_it_is_an_error_where_the_plugin_does_not_deliver() -> None:
    told = report(stalling(page("PK", 206), relay=no_relay(HELLO)))
    assert told.causes[0].severity is Severity.ERROR
