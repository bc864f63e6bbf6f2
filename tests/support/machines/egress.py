"""Machines for the checks of egress: a healthy one, and a broken one for each check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from azpreflight.azure import imds
from azpreflight.host import DnsAnswer, HttpAnswer, Outcome, Phase, TcpAnswer
from azpreflight.host.ca_store import BUNDLES
from azpreflight.model import Config, ExtensionVerdict, Platform, Report, Run, Stage
from azpreflight.probes import agents, dns, egress, network, platform, proxy
from azpreflight.probes.egress.collect import ARTIFACT_URL
from azpreflight.standin import documents
from azpreflight.standin.extension import AGENT_MANIFEST, HELLO, STORE_HOSTS, Extension, manifest
from azpreflight.standin.metadata import instance
from tests.support.fakes import FakeHost
from tests.support.judging import judged
from tests.support.machines import platform as test_probe_platform

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
OPEN_BY_PROXY = {
    **{uri: page(manifest(HELLO)) for uri in HELLO.manifests},
    **{uri: page("PK", 206) for uri in HELLO.packages},
    f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml": page(AGENT_MANIFEST),
}


STRANGER = replace(page("", 407), headers={"via": "1.1 squid.example.net"})


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


def report(host: FakeHost, run: Run = RUN) -> Report:
    return judged(host, run, *PROBES)


def extension(host: FakeHost, run: Run = RUN) -> ExtensionVerdict:
    (verdict,) = report(host, run).extensions
    return verdict


def inspected(issuer: str = "O=Example Inspection", detail: str = "self-signed certificate") -> World:
    """Everything on the internet presents certificates of this issuer."""
    uris = (*HELLO.manifests, *HELLO.packages, f"https://{STORE_HOSTS[0]}/agent/Prod_manifest.xml")
    return world(http={uri: untrusted(issuer, detail) for uri in uris})


@dataclass
class Company(World):
    """Its own DNS server, 10.0.0.53, lacks some names that Azure's knows."""

    lacks: tuple[str, ...] = ()
    says: str = "NXDOMAIN"

    def ask(self, server: str, name: str, rdtype: str, timeout: float, tcp: bool = False, port: int = 53) -> DnsAnswer:
        if server == "10.0.0.53" and name in self.lacks:
            return DnsAnswer(Outcome.OK, 0.01, rcode=self.says)
        return super().ask(server, name, rdtype, timeout, tcp, port)


FILES_HOST, FILES_ADDRESS = "scripts.example.net", "20.60.0.50"
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


def cloud(name: str) -> dict[str, HttpAnswer]:
    """The instance metadata of this cloud."""
    document: Any = instance()
    document["compute"]["azEnvironment"] = name
    return {imds.URL: test_probe_platform.ok(json.dumps(document))}
