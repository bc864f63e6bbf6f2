"""Every way out, as seen by VMs whose network lets everything, something or nothing through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Optional

import pytest

from azpreflight.azure import imds, wire_server
from azpreflight.azure.answer import Answer
from azpreflight.engine.gather import gather
from azpreflight.host import DnsAnswer, HttpAnswer, Outcome, Phase, Route, TcpAnswer
from azpreflight.host.ca_store import BUNDLES
from azpreflight.model import Cause, Confidence, Config, ExtensionVerdict, Platform, Report, Run, Severity, Stage, codec
from azpreflight.probes import agents, dns, egress, network, platform, proxy
from azpreflight.probes.egress.collect import ARTIFACT_URL
from azpreflight.probes.egress.facts import EgressFacts
from azpreflight.probes.egress.messages import delay_of
from azpreflight.probes.network.facts import SOMEWHERE
from azpreflight.standin import documents
from azpreflight.standin.extension import AGENT_MANIFEST, DIAGNOSTICS, HELLO, STORE_HOSTS, Extension, manifest
from azpreflight.standin.identity import CONFIG_NAME, CONTAINER_ID
from azpreflight.standin.metadata import instance
from tests.support.fakes import FakeHost
from tests.support.judging import by_check, findings, judged, statuses
from tests.unit.probes import test_platform as test_probe_platform

RETIRED = (
    "Microsoft.Azure.Diagnostics.LinuxDiagnostic is not supported since 2026-03-31: the Azure Monitor Agent with a data"
    " collection rule takes its place"
)
MONITOR = Extension("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent", "1.9.1")
STORES = {STORE_HOSTS[0]: "20.60.0.10", STORE_HOSTS[1]: "20.60.0.11"}
AT_ONE_ADDRESS = dict.fromkeys(STORE_HOSTS, "20.60.0.10")
PUBLIC = {
    "management.azure.com": "20.60.0.20",
    "login.microsoftonline.com": "20.60.0.21",
    "global.handler.control.monitor.azure.com": "20.60.0.30",
    "westeurope.handler.control.monitor.azure.com": "20.60.0.31",
    "mirror.example.net": "20.60.0.40",
}
SILENT = TcpAnswer(Outcome.TIMEOUT, 1.2)
REFUSED = TcpAnswer(Outcome.REFUSED, 0.01)
OPEN = TcpAnswer(Outcome.OK, 0.01)
TRUSTED = "CN=Microsoft Azure RSA TLS Issuing CA 04, O=Microsoft Corporation"
RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
CONFIGURED = replace(RUN, config=Config(endpoints=("https://mirror.example.net/repo?sig=secret",)))
PROXY = replace(proxy.PROBE, needs=())
"""Without the agents, which would bring their own causes: the settings of proxies are those of the unit's files."""
AGENTS = replace(agents.PROBE, checks=())
"""Which version fetches packages; what else is the matter with it is told elsewhere."""
PROBES = (AGENTS, network.PROBE, platform.PROBE, dns.PROBE, PROXY, egress.PROBE)


def page(body: str = "", status: int = 200) -> HttpAnswer:
    return HttpAnswer(Outcome.OK, Phase.HTTP, 0.05, status=status, body=body.encode(), issuer=TRUSTED)


def untrusted(issuer: str, detail: str = "unable to get local issuer certificate") -> HttpAnswer:
    return HttpAnswer(Outcome.ERROR, Phase.TLS, 0.05, issuer=issuer, detail=f"certificate not trusted: {detail}")


@dataclass
class World(FakeHost):
    """A host in a network where names, stores and the HostGAPlugin behave as written down."""

    where: Mapping[str, str] = field(default_factory=lambda: {**STORES, **PUBLIC})
    """Address by name; what is not in it does not exist."""
    mute: tuple[str, ...] = ()
    """Name servers that do not answer."""
    relay: Mapping[str, HttpAnswer] = field(default_factory=dict)
    """What the HostGAPlugin answers by artifact location."""
    told: list[dict[str, str]] = field(default_factory=list)
    """Headers of the requests to the HostGAPlugin for artifacts."""

    def ask(self, server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
        if server in self.mute:
            return DnsAnswer(Outcome.TIMEOUT, timeout)
        if name not in self.where:
            return DnsAnswer(Outcome.OK, 0.01, rcode="NXDOMAIN")
        return DnsAnswer(Outcome.OK, 0.01, rcode="NOERROR", addresses=(self.where[name],) if rdtype == "A" else ())

    def resolve(self, name: str, timeout: float) -> tuple[str, ...]:
        """The C library does as the name servers say."""
        return (self.where[name],) if name in self.where else ()

    def get(
        self, url: str, timeout: float, headers: Optional[Mapping[str, str]] = None, *args: Any, **kw: Any
    ) -> HttpAnswer:
        if url != ARTIFACT_URL:
            return super().get(url, timeout, headers, *args, **kw)
        sent = dict(headers or {})
        self.told.append(sent)
        return self.relay.get(sent["x-ms-artifact-location"], page("not found", 404))


def world(extension: Extension = HELLO, **changes: Any) -> World:
    """A network where everything is open, with some things changed."""
    artifacts = {
        **{uri: page(manifest(extension)) for uri in extension.manifests},
        **{uri: page("PK", 206) for uri in extension.packages},
        f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml": page(AGENT_MANIFEST),
    }
    http = {
        **test_probe_platform.HTTP,
        test_probe_platform.CONFIG_URL: test_probe_platform.ok(documents.extensions_config(extension)),
        **artifacts,
        **{f"https://{name}/": page() for name in PUBLIC},
        "https://mirror.example.net/repo?sig=secret": page(),
    }
    everything: dict[str, Any] = {
        "files": {
            **test_probe_platform.HEALTHY.files,
            "/etc/resolv.conf": "nameserver 10.0.0.53\n",
            BUNDLES[0]: "-----BEGIN CERTIFICATE-----\n",
            **changes.pop("files", {}),
        },
        "routes": test_probe_platform.HEALTHY.routes,
        "http": {**http, **changes.pop("http", {})},
        "tcp": {**{(address, 443): OPEN for address in (*STORES.values(), *PUBLIC.values())}, **changes.pop("tcp", {})},
        "relay": {**artifacts, **changes.pop("relay", {})},
    }
    return World(**{**everything, **changes})


SHUT_RELAY = HttpAnswer(Outcome.REFUSED, Phase.TCP, 0.001)


def shut(tcp: TcpAnswer, *addresses: str) -> dict[tuple[str, int], TcpAnswer]:
    """These addresses, or all, behave like this."""
    return {(address, 443): tcp for address in addresses or (*STORES.values(), *PUBLIC.values())}


def no_relay(extension: Extension, status: int = 500) -> dict[str, HttpAnswer]:
    """The HostGAPlugin cannot fetch anything."""
    return {uri: page("", status) for uri in (*extension.manifests, *extension.packages)}


PROXY_URL = "http://10.0.0.6:3128"
AGENT_PROXY = {
    "/etc/systemd/system/walinuxagent.service.d/proxy.conf": f"[Service]\nEnvironment=https_proxy={PROXY_URL}\n"
}
APT_PROXY = {"/etc/apt/apt.conf.d/95proxy": f'Acquire::http::Proxy "{PROXY_URL}/";\n'}
OPEN_BY_PROXY = {
    **{uri: page(manifest(HELLO)) for uri in HELLO.manifests},
    **{uri: page("PK", 206) for uri in HELLO.packages},
    f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml": page(AGENT_MANIFEST),
}


STRANGER = replace(page("", 407), headers={"via": "1.1 squid.example.net"})


def refused(status: int) -> HttpAnswer:
    """A proxy that does not open a tunnel."""
    detail = f"Tunnel connection failed: {status} No"
    return HttpAnswer(Outcome.ERROR, Phase.PROXY, 0.01, status=status, detail=detail)


def behind(answers: Mapping[str, HttpAnswer], **changes: Any) -> World:
    """A network with a proxy that gives these answers."""
    http = {f"{PROXY_URL} {url}": answer for url, answer in answers.items()}
    tcp = {("10.0.0.6", 3128): OPEN if answers else REFUSED, **changes.pop("tcp", {})}
    return world(http={**http, **changes.pop("http", {})}, tcp=tcp, **changes)


MIRROR = "mirror.example.net"
REPOSITORY = {"/etc/apt/sources.list": f"deb https://{MIRROR}/debian x main\n"}
HEALTHY = (world(files=REPOSITORY), CONFIGURED)
BROKEN = {
    "egress-packages": (world(tcp=shut(SILENT, "20.60.0.10"), where={**AT_ONE_ADDRESS, **PUBLIC}), RUN),
    "egress-hostgaplugin": (world(relay=no_relay(HELLO)), RUN),
    "egress-extensions": (world(MONITOR, tcp=shut(REFUSED, "20.60.0.31")), RUN),
    "egress-endpoints": (world(tcp=shut(SILENT, "20.60.0.40")), CONFIGURED),
    "egress-repositories": (world(files={"/etc/apt/sources.list": f"deb http://{MIRROR}/debian x main\n"}), RUN),
    "proxy-agent": (behind({}, files=AGENT_PROXY), RUN),
    "proxy-required": (world(http=dict.fromkeys(HELLO.manifests, STRANGER)), RUN),
    "egress-names": (
        world(MONITOR, where={**STORES, **{name: at for name, at in PUBLIC.items() if "monitor" not in name}}),
        RUN,
    ),
    "egress-tls": (world(http={HELLO.manifests[0]: untrusted("O=Example Inspection")}), RUN),
}
CHECKS = tuple(check.id for check in egress.PROBE.checks)


def report(host: FakeHost, run: Run = RUN) -> Report:
    return judged(host, run, *PROBES)


def extension(host: FakeHost, run: Run = RUN) -> ExtensionVerdict:
    (verdict,) = report(host, run).extensions
    return verdict


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


# --- TLS ----------------------------------------------------------------------------------------------------------


def inspected(issuer: str = "O=Example Inspection", detail: str = "self-signed certificate") -> World:
    """Everything on the internet presents certificates of this issuer."""
    uris = (*HELLO.manifests, *HELLO.packages, f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml")
    return world(http={uri: untrusted(issuer, detail) for uri in uris})


def test_replaced_certificates_are_named_and_are_no_lack_of_egress() -> None:
    result = report(inspected())
    assert [cause.cause for cause in result.causes] == [Cause.TLS_INTERCEPTION]
    assert result.causes[0].severity is Severity.WARNING
    assert (
        "issued by O=Example Inspection: certificate not trusted: self-signed certificate" in result.causes[0].summary
    )
    assert statuses(result)["egress-packages"] == "notapplicable"


def test_replaced_certificates_are_an_error_where_the_plugin_does_not_deliver() -> None:
    host = replace(inspected(), relay=no_relay(HELLO))
    assert {finding.severity for finding in findings(report(host), "egress-tls")} == {Severity.ERROR}


@pytest.mark.parametrize(
    ("issuer", "detail", "words"),
    [
        ("O=Whoever", "certificate has expired", "the clock or the certificate is wrong"),
        (TRUSTED, "unable to get local issuer certificate", "this machine's CA store does not know"),
    ],
)
def test_a_wrong_clock_or_a_poor_store_is_no_interception(issuer: str, detail: str, words: str) -> None:
    result = by_check(report(inspected(issuer, detail)))["egress-tls"]
    assert result.status.value == "unknown"
    assert words in (result.reason or "")


def test_a_certificate_for_another_name_is_possibly_a_wrong_server() -> None:
    """Its issuer is trusted, so that no appliance made it."""
    (found, *_) = findings(report(inspected(TRUSTED, "Hostname mismatch, certificate is not valid")), "egress-tls")
    assert found.confidence is Confidence.POSSIBLE
    assert "which server answers there" in found.fix


@pytest.mark.parametrize("phase", [Phase.TLS, Phase.HTTP])
def test_a_connection_that_stalls_has_more_than_one_reason(phase: Phase) -> None:
    stalled = {uri: HttpAnswer(Outcome.TIMEOUT, phase, 2.0) for uri in HELLO.manifests}
    for finding in findings(report(world(http=stalled)), "egress-packages"):
        assert finding.confidence is Confidence.POSSIBLE
        assert "large packets" in finding.confidence_reason


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


# --- what is not known --------------------------------------------------------------------------------------------


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


# --- proxies ------------------------------------------------------------------------------------------------------


def causes(host: World, run: Run = RUN) -> list[Cause]:
    return [cause.cause for cause in report(host, run).causes]


def test_what_the_agent_fetches_by_its_proxy_is_fetched_by_it() -> None:
    """The straight way may be shut, and nobody needs to know the servers' names."""
    host = behind(OPEN_BY_PROXY, files=AGENT_PROXY, tcp=shut(SILENT))
    assert causes(host) == []
    assert statuses(report(host))["proxy-agent"] == "pass"
    assert {answer.proxy for answer in report(host).facts["egress"].every} == {"10.0.0.6:3128"}
    assert extension(host).package == "direct"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, "Tunnel connection failed: 407 No, and waagent sends no password"),
        (403, "Tunnel connection failed: 403 No"),
    ],
)
def test_a_proxy_that_refuses_is_the_cause_and_not_the_lack_of_egress(status: int, words: str) -> None:
    answers = dict.fromkeys(OPEN_BY_PROXY, refused(status))
    host = behind(answers, files=AGENT_PROXY, tcp=shut(SILENT))
    assert causes(host) == [Cause.PROXY]
    (found,) = findings(report(host), "proxy-agent")
    assert (found.severity, found.flow) == (Severity.WARNING, "tcp 10.0.0.6:3128")
    assert words in found.message
    assert "the HostGAPlugin delivers instead" in found.message
    assert statuses(report(host))["egress-packages"] == "notapplicable"


def test_a_proxy_that_refuses_is_an_error_where_the_plugin_does_not_deliver() -> None:
    host = behind(dict.fromkeys(OPEN_BY_PROXY, refused(403)), files=AGENT_PROXY, relay=no_relay(HELLO))
    assert report(host).causes[0].severity is Severity.ERROR
    assert "the straight way works" in report(host).causes[0].fix


def test_a_dead_proxy_is_the_cause() -> None:
    host = behind({}, files=AGENT_PROXY, tcp={("10.0.0.6", 3128): SILENT})
    (found,) = findings(report(host), "proxy-agent")
    assert found.confidence is Confidence.LIKELY
    assert "no answer within 1.2 s at the proxy" in found.message


def test_a_proxy_whose_name_nobody_knows_speaks_of_the_name() -> None:
    files = {path: text.replace("10.0.0.6", "proxy.example.net") for path, text in AGENT_PROXY.items()}
    (found,) = findings(report(behind({}, files=files)), "proxy-agent")
    assert found.flow == "name proxy.example.net"
    assert "no server that answers knows an address for it" in found.message


def test_a_proxy_that_replaces_certificates_is_interception() -> None:
    answers = dict.fromkeys(OPEN_BY_PROXY, untrusted("O=Example Inspection"))
    host = behind(answers, files=AGENT_PROXY)
    assert causes(host) == [Cause.TLS_INTERCEPTION]
    assert "by the proxy 10.0.0.6:3128" in report(host).causes[0].summary


def test_where_only_another_programs_proxy_leads_out_the_agent_lacks_it() -> None:
    """One cause, and the lack of egress is its symptom."""
    result = report(behind(OPEN_BY_PROXY, tcp=shut(SILENT), files=APT_PROXY))
    (cause,) = result.causes
    assert (cause.cause, cause.check, cause.symptoms) == (Cause.PROXY, "proxy-required", ("egress-packages",))
    assert "by the proxy 10.0.0.6:3128 of /etc/apt/apt.conf.d/95proxy" in cause.summary
    assert any("HttpProxy.Host=10.0.0.6" in command for command in cause.commands)


def test_where_the_straight_way_works_another_programs_proxy_is_not_required() -> None:
    assert statuses(report(behind(OPEN_BY_PROXY, files=APT_PROXY)))["proxy-required"] == "pass"


def test_where_no_way_leads_out_a_dead_proxy_is_not_required() -> None:
    host = behind({}, tcp=shut(SILENT), files=APT_PROXY)
    assert causes(host) == [Cause.NO_EGRESS]


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_on_the_way_that_nobody_asked_for_is_named(status: int) -> None:
    said = replace(page("", status), headers={"via": "1.1 squid.example.net"})
    host = world(http=dict.fromkeys(HELLO.manifests, said))
    (found, *_) = findings(report(host), "proxy-required")
    assert causes(host) == [Cause.PROXY]
    assert f"(1.1 squid.example.net) answers in the place of {STORE_HOSTS[0]}" in found.message


def test_an_answer_of_azure_that_was_passed_on_is_azures() -> None:
    said = replace(page("", 403), headers={"via": "1.1 squid.example.net", "x-ms-request-id": "7"})
    assert causes(world(http=dict.fromkeys((*HELLO.manifests, *HELLO.packages), said))) == []


def test_an_extension_behind_a_proxy_must_be_told_of_it() -> None:
    """Its endpoints answer by the agent's proxy; whether the extension knows the proxy is not known."""
    answers = {
        **{uri: page(manifest(MONITOR)) for uri in MONITOR.manifests},
        **{uri: page("PK", 206) for uri in MONITOR.packages},
        **{f"https://{name}/": page() for name in PUBLIC},
    }
    host = behind(answers, extension=MONITOR, files=AGENT_PROXY, tcp=shut(SILENT))
    verdict = extension(host)
    assert (verdict.package, verdict.will_work) == ("direct", "unknown")
    assert "its own settings must name the proxy 10.0.0.6:3128" in verdict.why


# --- what the settings name, other clouds, private endpoints, the policy file -------------------------------------

SCRIPT = Extension("Microsoft.Azure.Extensions.CustomScript", "2.1.10")
FILES_HOST, FILES_ADDRESS = "scripts.example.net", "20.60.0.50"
FILE_URIS = {"fileUris": [f"https://{FILES_HOST}/x/setup.sh?sv=1&sig=c2VjcmV0"], "hello": 1}
BY_SETTINGS = f"https://{FILES_HOST}/"


def with_settings(extension: Extension, public: Any, **changes: Any) -> World:
    """A VM whose goal state has these public settings of the extension."""
    text = documents.extensions_config(extension).replace(json.dumps({"hello": "world"}), json.dumps(public))
    assert json.dumps(public) in text
    escaped = text.replace("&sig", "&amp;sig")
    http = {test_probe_platform.CONFIG_URL: test_probe_platform.ok(escaped), BY_SETTINGS: page()}
    where = {**STORES, **PUBLIC, FILES_HOST: FILES_ADDRESS, **changes.pop("where", {})}
    tcp = {(address, 443): OPEN for address in where.values()}
    return world(
        extension, http={**http, **changes.pop("http", {})}, tcp={**tcp, **changes.pop("tcp", {})}, where=where
    )


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


def cloud(name: str) -> dict[str, HttpAnswer]:
    """The instance metadata of this cloud."""
    document: Any = instance()
    document["compute"]["azEnvironment"] = name
    return {imds.URL: test_probe_platform.ok(json.dumps(document))}


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


@dataclass
class Company(World):
    """Its own DNS server, 10.0.0.53, lacks some names that Azure's knows."""

    lacks: tuple[str, ...] = ()
    says: str = "NXDOMAIN"

    def ask(self, server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
        if server == "10.0.0.53" and name in self.lacks:
            return DnsAnswer(Outcome.OK, 0.01, rcode=self.says)
        return super().ask(server, name, rdtype, timeout, tcp, port)


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
