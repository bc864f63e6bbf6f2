"""Every way out, as seen by VMs whose network lets everything, something or nothing through."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from azpreflight.azure import imds, wire_server
from azpreflight.azure.answer import Answer
from azpreflight.host import HttpAnswer, Outcome, Phase, Route, TcpAnswer
from azpreflight.model import Cause, Confidence, Config, ExtensionVerdict, Platform, Severity, Stage, codec
from azpreflight.probes import egress
from azpreflight.probes.egress.messages import delay_of
from azpreflight.probes.network.facts import SOMEWHERE
from azpreflight.standin import documents
from azpreflight.standin.extension import HELLO, STORE_HOSTS
from azpreflight.standin.identity import CONFIG_NAME, CONTAINER_ID
from azpreflight.standin.metadata import instance
from tests.support.judging import by_check, findings, statuses
from tests.support.machines import platform as test_probe_platform
from tests.support.machines.egress import (
    BROKEN,
    CONFIGURED,
    HEALTHY,
    REFUSED,
    RUN,
    SILENT,
    World,
    extension,
    no_relay,
    page,
    report,
    shut,
    world,
)

SHUT_RELAY = HttpAnswer(Outcome.REFUSED, Phase.TCP, 0.001)
CHECKS = tuple(check.id for check in egress.PROBE.checks)


def test_where_everything_is_open_nothing_is_said() -> None:
    found = {check: status for check, status in statuses(report(*HEALTHY)).items() if check in CHECKS}
    silent = ("egress-extensions", "egress-names", "proxy-agent")
    assert found == {check: "notapplicable" if check in silent else "pass" for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_speaks_of_its_own_fault_alone(check: str) -> None:
    found = statuses(report(*BROKEN[check]))
    assert [name for name in CHECKS if found[name] == "fail"] == [check]


def test_the_facts_survive_being_saved_and_hold_no_signature() -> None:
    facts = report(*HEALTHY).facts["egress"]
    assert codec.decode(egress.EgressFacts, codec.encode(facts)) == facts
    assert "sig" not in repr(facts).replace("signed", "")


def test_both_ways_are_tried_as_the_agent_would() -> None:
    """Manifest and package, from every store and by the HostGAPlugin, which is told what it wants to know."""
    host = world()
    (hello, agent) = report(host).facts["egress"].packages
    assert [answer.url for answer in hello.manifests] == list(HELLO.manifests)
    assert [answer.url for answer in hello.packages] == list(HELLO.packages)
    assert hello.delivered
    assert hello.relayed
    assert (agent.name, agent.version, agent.packages) == ("Prod", None, ())
    assert host.told[1] == {
        "x-ms-version": "2015-09-01",
        "x-ms-containerid": CONTAINER_ID,
        "x-ms-host-config-name": CONFIG_NAME,
        "x-ms-artifact-location": HELLO.packages[0],
        "x-ms-artifact-manifest-location": HELLO.manifests[0],
    }


@pytest.mark.parametrize(
    ("tcp", "delay", "words", "confidence"),
    [
        (SILENT, "5 to 91 s", "no answer within 1.2 s", Confidence.LIKELY),
        (REFUSED, "31 s", "connection refused", Confidence.CERTAIN),
        (TcpAnswer(Outcome.UNREACHABLE, 0.1, "10.0.0.1", "3/1"), "31 s", "unreachable", Confidence.CERTAIN),
        (
            TcpAnswer(Outcome.PROHIBITED, 0.1, "10.0.0.1", "3/13"),
            "31 s",
            "prohibited by a firewall",
            Confidence.CERTAIN,
        ),
    ],
)
def test_a_shut_way_costs_a_delay_where_the_plugin_delivers(
    tcp: TcpAnswer, delay: str, words: str, confidence: Confidence
) -> None:
    first, second = findings(report(world(tcp=shut(tcp))), "egress-packages")
    assert (first.severity, first.flow, second.flow) == (Severity.WARNING, "tcp 20.60.0.10:443", "tcp 20.60.0.11:443")
    assert first.message == (
        f"no way to {STORE_HOSTS[0]} (20.60.0.10:443): {words}; the HostGAPlugin delivers instead, some {delay} later"
    )
    assert first.confidence is confidence
    assert extension(world(tcp=shut(tcp))).package == "hostgaplugin"


@pytest.mark.parametrize(
    ("outcome", "phase", "old", "new"),
    [
        (Outcome.TIMEOUT, Phase.TCP, "91 s", "5 s"),
        (Outcome.REFUSED, Phase.TCP, "31 s", "31 s"),
        (Outcome.TIMEOUT, Phase.DNS, "91 s", "91 s"),
        (Outcome.ERROR, Phase.DNS, "31 s", "31 s"),
        (Outcome.OK, Phase.HTTP, "25 s", "25 s"),
    ],
)
def test_the_delay_is_that_of_the_handlers_version(outcome: Outcome, phase: Phase, old: str, new: str) -> None:
    """2.16 gives silence one try of 5 s."""
    answer = Answer("https://store.example/x", outcome, phase, 1.2, status=403)
    assert [delay_of(answer, version) for version in ("2.15.0.1", "2.16.0.2")] == [old, new]


def test_the_version_of_the_handler_comes_from_the_library() -> None:
    """And not from the package."""
    agent = {
        "/usr/sbin/waagent": "#!/usr/bin/python3\n",
        "/usr/lib/python3/dist-packages/azurelinuxagent/common/version.py": "AGENT_VERSION = '2.7.3.0'\n",
        "/var/lib/waagent/WALinuxAgent-2.16.0.2": None,
    }
    (first, _) = findings(report(world(tcp=shut(SILENT), files=agent)), "egress-packages")
    assert first.message.endswith("some 5 s later")


def test_where_two_interfaces_have_a_default_route_the_one_that_is_used_is_named() -> None:
    row = "{} 00000000 0100000A 0003 0 0 {} 00000000 0 0 0\n"
    table = "Iface Destination Gateway Flags\n" + row.format("eth1", 50)
    host = world(tcp=shut(SILENT), files={"/proc/net/route": table + row.format("eth0", 100)})
    two = replace(host, routes={**host.routes, SOMEWHERE: Route(Outcome.OK, "eth1", "10.1.0.1", "10.1.0.4")})
    said = findings(report(two), "egress-packages")[0].message
    assert said.startswith(f"no way to {STORE_HOSTS[0]} (20.60.0.10:443) by eth1, one of eth0 and eth1 with a default")
    one = replace(two, files={**two.files, "/proc/net/route": table})
    assert "default route" not in findings(report(one), "egress-packages")[0].message


def test_where_neither_way_delivers_it_is_an_error() -> None:
    host = world(tcp=shut(SILENT), relay=no_relay(HELLO))
    result = report(host)
    assert [cause.cause for cause in result.causes] == [Cause.NO_EGRESS]
    assert result.causes[0].severity is Severity.ERROR
    assert "the HostGAPlugin does not deliver Example.Standin.Hello either: status 500" in result.causes[0].summary
    assert "need not be deleted" in result.causes[0].fix
    assert extension(host) == ExtensionVerdict(
        HELLO.name,
        "none",
        "no",
        "its package arrives neither straight from the store nor by the HostGAPlugin",
    )


def test_a_store_that_cannot_be_reached_is_not_tried_again_for_the_package() -> None:
    """It would cost the same time once more."""
    tried: list[tuple[str, int]] = []

    class Counting(World):
        def connect(self, address: str, port: int, timeout: float) -> TcpAnswer:
            tried.append((address, port))
            return super().connect(address, port, timeout)

    (hello, _) = report(Counting(**vars(world(tcp=shut(SILENT, "20.60.0.11"))))).facts["egress"].packages
    assert tried.count(("20.60.0.11", 443)) == 1
    assert [answer.url for answer in hello.packages] == list(HELLO.packages)
    assert [answer.outcome for answer in hello.packages] == [Outcome.OK, Outcome.TIMEOUT]


def test_one_store_of_two_is_no_more_than_a_note() -> None:
    (found,) = findings(report(world(tcp=shut(REFUSED, "20.60.0.11"))), "egress-packages")
    assert (found.severity, found.flow) == (Severity.NOTE, "tcp 20.60.0.11:443")
    assert "another store has" in found.message


def test_a_plugin_still_at_a_package_whose_manifest_it_delivered_counts() -> None:
    """It fetches the whole of a package before it answers, which may take longer than a check."""
    slow = {HELLO.packages[0]: HttpAnswer(Outcome.TIMEOUT, Phase.HTTP, 1.4)}
    found = findings(report(world(tcp=shut(SILENT), relay=slow)), "egress-packages")
    assert {finding.severity for finding in found} == {Severity.WARNING}


def test_before_first_boot_it_is_a_note() -> None:
    host = world(tcp=shut(SILENT), relay=no_relay(HELLO))
    result = by_check(report(host, replace(RUN, stage=Stage.CAPTURE)))["egress-packages"]
    assert result.severity is Severity.NOTE


def test_an_answer_of_the_store_shows_that_the_way_is_open() -> None:
    """A package that was withdrawn is no fault of the network."""
    gone = {uri: page("", 404) for uri in (*HELLO.manifests, *HELLO.packages)}
    assert statuses(report(world(http=gone)))["egress-packages"] == "pass"


def test_a_store_that_wants_the_signature_shows_that_the_way_is_open() -> None:
    """The signature is not kept, so neither way can deliver here, and nothing may be concluded from that."""
    config = documents.extensions_config(HELLO).replace("_manifest.xml", "_manifest.xml?sig=secret")
    refused = {uri: page("", 403) for uri in HELLO.manifests}
    http = {test_probe_platform.CONFIG_URL: test_probe_platform.ok(config), **refused}
    host = world(http=http, relay=refused)
    found = statuses(report(host))
    assert (found["egress-packages"], found["egress-hostgaplugin"]) == ("pass", "pass")
    assert extension(host).package == "direct"
    assert "secret" not in repr(report(host))


@pytest.mark.parametrize(("answer", "severity"), [(page("", 502), Severity.WARNING), (SHUT_RELAY, Severity.ERROR)])
def test_a_plugin_that_lacks_the_signature_is_not_held_against_the_vm(answer: HttpAnswer, severity: Severity) -> None:
    """With the straight way shut only the agent can tell whether it delivers, unless it does not even answer."""
    config = documents.extensions_config(HELLO).replace("_manifest.xml", "_manifest.xml?sig=secret")
    http = {test_probe_platform.CONFIG_URL: test_probe_platform.ok(config)}
    host = world(http=http, tcp=shut(SILENT), relay=dict.fromkeys(HELLO.manifests, answer))
    found = findings(report(host), "egress-packages")
    concerned = [finding for finding in found if HELLO.name in finding.message]
    assert {finding.severity for finding in concerned} == {severity}
    assert ("by its signature" in concerned[0].message) is (severity is Severity.WARNING)
    assert extension(host).package == "unknown"


def blind(**changes: Any) -> World:
    """The wire server is silent, so nothing is known of packages."""
    host = world(**changes)
    http = {url: answer for url, answer in host.http.items() if url != wire_server.GOAL_STATE_URL}
    return replace(host, http=http)


def test_without_a_goal_state_an_open_way_decides_nothing() -> None:
    result = by_check(report(blind()))["egress-packages"]
    assert (result.status.value, result.reason) == (
        "unknown",
        "which packages this VM needs is not known: the goal state could not be read",
    )


def test_without_a_goal_state_no_way_at_all_is_a_warning() -> None:
    found = findings(report(blind(tcp=shut(SILENT))), "egress-packages")
    assert [(finding.severity, finding.flow) for finding in found] == [
        (Severity.WARNING, "tcp 20.60.0.20:443"),
        (Severity.WARNING, "tcp 20.60.0.21:443"),
    ]


def test_an_ordinary_user_learns_why_nothing_is_known() -> None:
    result = by_check(report(replace(world(), privileged=False)))["egress-packages"]
    assert "needs root" in (result.reason or "")


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("<html>login</html>", "names no package of version 1.0.0"),
        ("welcome", "cannot be read: it is not XML"),
        ("<!DOCTYPE x><x/>", "declares a document type"),
    ],
)
def test_a_manifest_that_makes_no_sense_leaves_it_undecided(manifest: str, words: str) -> None:
    host = world(http={uri: page(manifest) for uri in HELLO.manifests})
    result = by_check(report(host))["egress-packages"]
    assert result.status.value == "unknown"
    assert words in (result.reason or "")
    assert extension(host).package == "unknown"


def test_a_vm_that_wants_no_packages_needs_no_way_out() -> None:
    http = {test_probe_platform.CONFIG_URL: test_probe_platform.ok("<Extensions/>")}
    found = statuses(report(world(http=http)))
    assert {found[check] for check in CHECKS if check not in ("egress-tls", "proxy-required")} == {"notapplicable"}


def test_outside_azure_only_what_the_configuration_names_is_tried() -> None:
    run = replace(CONFIGURED, platform=Platform.NONE)
    facts = report(world(), run).facts["egress"]
    assert [answer.url for answer in facts.every] == ["https://mirror.example.net/repo"]
    assert statuses(report(world(tcp=shut(SILENT)), run))["egress-endpoints"] == "fail"


def test_the_cloud_decides_which_public_endpoints_are_tried() -> None:
    """By the instance metadata, unless the configuration says otherwise."""
    document = instance()
    document["compute"]["azEnvironment"] = "AzureUSGovernmentCloud"  # type: ignore[index]  # a document of any shape
    host = blind(http={imds.URL: test_probe_platform.ok(json.dumps(document))})
    facts = report(host).facts["egress"]
    assert [answer.url for answer in facts.documented] == [
        "https://management.usgovcloudapi.net/",
        "https://login.microsoftonline.us/",
    ]
    china = report(host, replace(RUN, config=Config(cloud="china"))).facts["egress"]
    assert china.documented[0].url == "https://management.chinacloudapi.cn/"
