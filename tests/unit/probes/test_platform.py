"""The platform's endpoints as a healthy VM, and each broken one, sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.azure import imds, wire_server
from azpreflight.firewall import facts as firewall
from azpreflight.host import HostError, HttpAnswer, Interface, Outcome, Phase, Route
from azpreflight.model import Confidence, Finding, Platform, Run, Severity, codec
from azpreflight.probes import network, platform
from azpreflight.probes.agents import PROBE as AGENTS
from azpreflight.probes.platform.checks import judge_wire_server
from azpreflight.standin import documents
from azpreflight.standin.extension import DIAGNOSTICS, HELLO
from azpreflight.standin.identity import CONTAINER_ID, VM_ID
from tests.support.fakes import FakeHost, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.platform import BROKEN, HEALTHY, HTTP, REFUSED, RUN, SILENT, answering, ok

LEASES = (
    'lease {\n  interface "eth0";\n  fixed-address 10.0.0.4;\n  option routers 10.0.0.1;\n}\n'
    'lease {\n  interface "eth1";\n  fixed-address 10.0.1.4;\n}\n'
)


def two_cards(interface: str, **changes: Any) -> FakeHost:
    """A VM with two NICs, of which Azure gave the first one a router, and which sends to the wire server by this."""
    cards = tuple(Interface(name, True, None, 1500, (address,)) for name, address in CARDS.items())
    files = {**HEALTHY.files, "/proc/net/route": "Iface\n", "/var/lib/dhcp/dhclient.leases": LEASES}
    router = "10.0.0.1" if interface == "eth0" else "10.0.1.1"
    routes = {**HEALTHY.routes, "168.63.129.16": Route(Outcome.OK, interface, router, None, "0.0.0.0/1", "boot")}
    return replace(HEALTHY, files=files, interface_list=cards, routes=routes, **changes)


CARDS = {"eth0": "10.0.0.4/24", "eth1": "10.0.1.4/24", "tun0": "10.77.0.2/24"}


@pytest.mark.parametrize("interface", CARDS)
@pytest.mark.parametrize("answers", [True, False])
def test_the_way_to_the_wire_server_is_by_the_card_with_a_router(interface: str, answers: bool) -> None:
    """By another it is a note while it answers, and explains its silence otherwise."""
    host = two_cards(interface) if answers else two_cards(interface, http={imds.URL: HTTP[imds.URL]})
    report = judged(host, RUN, network.PROBE, platform.PROBE)
    found = findings(report, "platform-route")
    if interface == "eth0":
        assert found == ()
        return
    assert [finding.severity for finding in found] == [Severity.NOTE if answers else Severity.ERROR]
    assert f"168.63.129.16 leaves by {interface}" in found[0].message
    assert found[0].commands[1] == "ip route replace 168.63.129.16/32 via 10.0.0.1 dev eth0 src 10.0.0.4"
    assert answers or by_check(report)["wireserver-http"].because_of == ("platform-route",)


def test_a_healthy_vm_passes() -> None:
    assert set(statuses(judged(HEALTHY, RUN, platform.PROBE)).values()) == {"pass"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks_of_its_own_fault_alone(check: str) -> None:
    report = judged(BROKEN[check], RUN, platform.PROBE)
    assert [name for name, status in statuses(report).items() if status == "fail"] == [check]


def test_what_the_platform_said_is_kept() -> None:
    facts = platform.gather(HEALTHY, RUN)
    assert facts.product_uuid == VM_ID
    assert facts.wanted is not None
    assert [plugin.name for plugin in facts.wanted.plugins] == [HELLO.name]
    assert facts.goal is not None
    assert facts.goal.state is not None
    assert facts.goal.state.container_id == CONTAINER_ID
    assert facts.instance is not None
    assert facts.instance.cloud == "public"
    assert codec.decode(platform.PlatformFacts, codec.encode(facts)) == facts
    assert "sig=" not in repr(facts)


def test_only_what_has_no_effect_is_asked_for() -> None:
    """Never the certificates, for which the agent makes keys."""
    host = replace(HEALTHY, asked=[])
    platform.gather(host, RUN)
    assert {url for (url,) in host.asked} == set(HTTP)
    assert not any("certificates" in url for (url,) in host.asked)


def test_newer_extensions_of_the_plugin_count() -> None:
    """FastTrack: the wire server's document is older."""
    answer = ok(documents.vm_settings(DIAGNOSTICS).replace("638900000000000000", "638900000000000001"))
    facts = platform.gather(answering(wire_server.SETTINGS_URL, answer), RUN)
    assert facts.wanted is not None
    assert [plugin.name for plugin in facts.wanted.plugins] == [DIAGNOSTICS.name]


def test_a_goal_state_cannot_send_root_to_another_server() -> None:
    forged = documents.goal_state().replace("http://168.63.129.16:80/machine/c/i?comp=config", "http://192.0.2.1/?a=b")
    host = answering(wire_server.GOAL_STATE_URL, ok(forged), asked=[])
    report = judged(host, RUN, platform.PROBE)
    assert not any("192.0.2.1" in word for words in host.asked for word in words)
    assert by_check(report)["wireserver-goal-state"].reason == (
        "the extensions could not be read: the goal state names no extensions document at the wire server"
    )


def test_an_ordinary_user_who_meets_silence_has_learnt_nothing() -> None:
    host = replace(HEALTHY, privileged=False, http={}, asked=[])
    report = judged(host, RUN, platform.PROBE)
    assert statuses(report) == {
        "platform-route": "pass",
        "wireserver-http": "unknown",
        "wireserver-goal-state": "unknown",
        "hostgaplugin-http": "unknown",
        "imds-instance": "unknown",
    }
    assert [url for (url,) in host.asked] == [imds.URL]


def test_outside_azure_nothing_is_asked() -> None:
    host = replace(HEALTHY, asked=[])
    report = judged(host, Run(platform=Platform.NONE), platform.PROBE)
    assert set(statuses(report).values()) == {"notapplicable"}
    assert host.asked == []


@pytest.mark.parametrize(
    ("answer", "words", "confidence"),
    [
        (SILENT, "no answer within 1.2 s", Confidence.LIKELY),
        (REFUSED, "connection refused", Confidence.CERTAIN),
        (ok("", 503), "status 503", Confidence.CERTAIN),
        (
            HttpAnswer(Outcome.RESET, Phase.HTTP, 0.1),
            "connection reset after the connection was made",
            Confidence.CERTAIN,
        ),
        (HttpAnswer(Outcome.ERROR, Phase.HTTP, 0.1, detail="not HTTP: x"), "not HTTP: x", Confidence.CERTAIN),
    ],
)
def test_how_the_wire_server_fails_is_said(answer: HttpAnswer, words: str, confidence: Confidence) -> None:
    (found,) = findings(judged(answering(wire_server.VERSIONS_URL, answer), RUN, platform.PROBE), "wireserver-http")
    assert found.message == f"the wire server at 168.63.129.16:80: {words}"
    assert (found.severity, found.flow, found.confidence) == (Severity.ERROR, "tcp 168.63.129.16:80", confidence)


def test_an_old_protocol_is_of_no_use() -> None:
    host = answering(wire_server.VERSIONS_URL, ok("<Versions><Version>2011-08-31</Version></Versions>"))
    assert "2012-11-30" in findings(judged(host, RUN, platform.PROBE), "wireserver-http")[0].message


@pytest.mark.parametrize(("status", "expected"), [(404, "pass"), (500, "pass"), (200, "fail")])
def test_any_answer_of_the_plugin_will_do_unless_it_offers_something_else(status: int, expected: str) -> None:
    host = answering(wire_server.PLUGIN_URL, ok("[]", status))
    assert statuses(judged(host, RUN, platform.PROBE))["hostgaplugin-http"] == expected


@pytest.mark.parametrize("check", ["wireserver-http", "wireserver-goal-state", "imds-instance"])
def test_the_metadata_security_protocol_leaves_it_undecided(check: str) -> None:
    urls = {
        "wireserver-http": wire_server.VERSIONS_URL,
        "wireserver-goal-state": wire_server.GOAL_STATE_URL,
        "imds-instance": imds.URL,
    }
    result = by_check(judged(answering(urls[check], ok("", 403)), RUN, platform.PROBE))[check]
    assert result.status.value == "unknown"
    assert "Metadata Security Protocol" in (result.reason or "")


@pytest.mark.parametrize(
    ("answer", "words", "severity"),
    [
        (ok("", 404), "status 404: there is no such document", Severity.ERROR),
        (ok("", 410), "status 410: it is being updated", Severity.WARNING),
        (ok("", 429), "status 429: it was asked too often", Severity.WARNING),
        (ok("", 500), "status 500: it failed", Severity.ERROR),
        (ok("<html>"), "cannot be read: it is not JSON", Severity.ERROR),
        (SILENT, "no answer within 1.2 s", Severity.ERROR),
    ],
)
def test_metadata_is_an_error_where_cloud_init_provisions(answer: HttpAnswer, words: str, severity: Severity) -> None:
    for cloud_init in (True, False):
        report = judged(with_cloud_init(answering(imds.URL, answer), cloud_init), RUN, AGENTS, platform.PROBE)
        (found,) = findings(report, "imds-instance")
        assert words in found.message
        assert found.severity is (severity if cloud_init else Severity.WARNING)


def with_cloud_init(host: FakeHost, there: bool) -> FakeHost:
    """The machine with cloud-init enabled, or with no agent at all."""
    unit = "/lib/systemd/system/cloud-init-local.service"
    files: dict[str, Any] = {
        "/usr/bin/cloud-init": "",
        "/etc/cloud/cloud.cfg": "datasource_list: [ Azure ]\n",
        unit: "[Unit]\n",
        "/etc/systemd/system/cloud-init.target.wants/cloud-init-local.service": Link(unit),
        "/lib/systemd/systemd": "",
    }
    return replace(host, files={**host.files, **files}) if there else host


NO_PLUGIN = answering(wire_server.PLUGIN_URL, REFUSED)
WAAGENT_UNIT = "/lib/systemd/system/waagent.service"


def with_waagent(host: FakeHost, version: str) -> FakeHost:
    """waagent of this version provisions; of no version: it is not known."""
    files: dict[str, Any] = {
        "/usr/sbin/waagent": "#!/usr/bin/python3\n",
        "/etc/waagent.conf": "Provisioning.Agent=auto\n",
        WAAGENT_UNIT: "[Unit]\n",
        "/etc/systemd/system/multi-user.target.wants/waagent.service": Link(WAAGENT_UNIT),
        "/lib/systemd/systemd": "",
        "/usr/lib/python3/dist-packages/azurelinuxagent/common/version.py": f"AGENT_VERSION = '{version}'\n",
    }
    return replace(host, files={**host.files, **files})


def with_azure_init(host: FakeHost) -> FakeHost:
    """azure-init alone."""
    unit = "/lib/systemd/system/azure-init.service"
    files: dict[str, Any] = {
        unit: "[Unit]\n",
        "/etc/systemd/system/multi-user.target.wants/azure-init.service": Link(unit),
        "/lib/systemd/systemd": "",
    }
    return replace(host, files={**host.files, **files})


@pytest.mark.parametrize(
    ("host", "says"),
    [
        (with_waagent(NO_PLUGIN, "2.15.0.1"), "waagent 2.15.0.1 never reports Ready, not even a failure"),
        (with_waagent(NO_PLUGIN, "2.16.0.2"), "waagent 2.16.0.2 reports Ready without it"),
        (with_waagent(NO_PLUGIN, "2.2.47"), "waagent 2.2.47 reports Ready without it"),
        (with_waagent(NO_PLUGIN, ""), "no extension is installed, and waagent 2.7 to 2.15 never reports Ready"),
        (with_cloud_init(NO_PLUGIN, True), "cloud-init reports Ready without it, and no extension is installed"),
        (with_azure_init(NO_PLUGIN), "azure-init reports Ready without it, and no extension is installed"),
        (NO_PLUGIN, "connection refused; no extension is installed"),
    ],
)
def test_what_follows_without_the_plugin_depends_on_the_agent(host: FakeHost, says: str) -> None:
    """An error in every case, because extensions never run."""
    (found,) = findings(judged(host, RUN, AGENTS, platform.PROBE), "hostgaplugin-http")
    assert (found.severity, says in found.message) == (Severity.ERROR, True), found.message


def test_azure_init_cannot_do_without_the_metadata() -> None:
    """It ends with InstanceMetadataFailure."""
    report = judged(with_azure_init(answering(imds.URL, SILENT)), RUN, AGENTS, platform.PROBE)
    (found,) = findings(report, "imds-instance")
    assert found.severity is Severity.ERROR


def test_a_route_that_the_kernel_will_not_tell_is_unknown() -> None:
    class Mute(FakeHost):
        def route(self, address: str) -> Route:
            raise HostError("cannot ask the kernel for a route: Operation not permitted")

    result = by_check(judged(Mute(files=HEALTHY.files, http=HTTP), RUN, platform.PROBE))["platform-route"]
    assert (result.status.value, result.reason) == (
        "unknown",
        "cannot ask the kernel for a route: Operation not permitted; "
        "cannot ask the kernel for a route: Operation not permitted",
    )


def test_silence_everywhere_is_one_cause() -> None:
    """The goal state is a symptom of port 80; the other port and address are findings of the same cause."""
    report = judged(replace(HEALTHY, http={}), RUN, platform.PROBE)
    (cause,) = report.causes
    assert cause.cause.value == "platform-unreachable"
    assert cause.symptoms == ("wireserver-goal-state",)


DNS_FLOWS = ("udp 168.63.129.16:53", "tcp 168.63.129.16:53")


@pytest.mark.parametrize(
    ("plugin", "rules", "taken"),
    [
        (SILENT, firewall.Outcome.ALLOWED, DNS_FLOWS),
        (SILENT, firewall.Outcome.BLOCKED, ()),
        (REFUSED, firewall.Outcome.ALLOWED, ()),
        (HTTP[wire_server.PLUGIN_URL], firewall.Outcome.ALLOWED, ()),
    ],
)
def test_the_platforms_dns_server_goes_down_with_its_whole_address_alone(
    plugin: HttpAnswer, rules: firewall.Outcome, taken: tuple[str, ...]
) -> None:
    """What a rule does to these ports it need not do to that of DNS, which the rehearsal tells."""
    host = answering(wire_server.VERSIONS_URL, SILENT)
    facts = platform.gather(replace(host, http={**host.http, wire_server.PLUGIN_URL: plugin}), RUN)
    flow = firewall.FlowFacts(firewall.Flow("tcp", "168.63.129.16", 80, firewall.Purpose.WIRE_SERVER), rules)
    rehearsed = firewall.FirewallFacts(None, (), (), (), firewall.Rehearsal(needed=True), (flow,))
    (found,) = judge_wire_server(facts, replace(RUN, needed={"firewall": rehearsed}))
    assert isinstance(found, Finding)
    assert found.breaks == taken
