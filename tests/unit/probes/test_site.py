"""Checks of a site's own, on machines made of literals: each kind where it speaks, where it is silent, where blind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.config import parse
from azpreflight.engine.assess import exit_code
from azpreflight.host import Completed, DnsAnswer, FileInfo, FileKind, HttpAnswer, Outcome, Phase, Route, TcpAnswer
from azpreflight.model import Config, Readiness, Report, Run, Severity, SiteCheck, SiteKind, Stage, Status, codec
from azpreflight.probes import dns, network, platform, site
from azpreflight.probes.site.facts import SiteFacts
from azpreflight.probes.site.words import page
from azpreflight.render import kvp, serial, text
from azpreflight.sinks import journal
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import by_check, judged

STATUS_FILE = """\
Package: bash
Status: install ok installed
Version: 5.2.15-2+b7
Description: GNU Bourne Again SHell
 Version: of its description

Package: telnetd
Status: deinstall ok config-files
Version: 0.17-42

Package: libc6
Status: hold ok installed
Version: 1:2.36-9
"""
FILES: dict[str, Any] = {
    "/etc/corp/agent.conf": "endpoint=https://corp.example\nkey=SECRET\n",
    "/etc/corp/secret": FileInfo(FileKind.FILE, 10, 0o640, 0, 998, 0.0),
    "/etc/corp/closed": Denied(),
    "/etc/group": "root:x:0:\ncorp:x:998:\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "/lib/systemd/system/corp.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/corp.service": Link("/lib/systemd/system/corp.service"),
    "/etc/systemd/system/apt-daily.timer": Link("/dev/null"),
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0 apparmor=0 token=SECRET"\n',
    "/proc/cmdline": "quiet console=ttyS0\n",
    "/proc/sys/net/ipv4/ip_forward": "0\n",
    "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "/var/lib/dpkg/status": STATUS_FILE,
}
PRIVATE = DnsAnswer(Outcome.OK, 0.01, "NOERROR", ("10.1.2.3",))
PUBLIC = DnsAnswer(Outcome.OK, 0.01, "NOERROR", ("20.60.1.1",))
HOST = FakeHost(
    files=FILES,
    names={"db.corp.example": ("10.1.2.3",), "web.corp.example": ("10.1.2.4",)},
    dns={
        ("10.0.0.4", "store.blob.core.windows.net", "A", False): PRIVATE,
        ("10.0.0.5", "store.blob.core.windows.net", "A", False): PUBLIC,
        ("10.0.0.6", "store.blob.core.windows.net", "A", False): DnsAnswer(Outcome.OK, 0.01, "NXDOMAIN"),
    },
    tcp={
        ("10.1.2.3", 5432): TcpAnswer(Outcome.OK, 0.01),
        ("10.1.2.4", 443): TcpAnswer(Outcome.OK, 0.01),
        ("10.1.2.3", 22): TcpAnswer(Outcome.REFUSED, 0.01),
    },
    http={
        "https://web.corp.example/health": HttpAnswer(Outcome.OK, Phase.HTTP, 0.1, status=503),
        "https://tls.corp.example/": HttpAnswer(Outcome.ERROR, Phase.TLS, 0.1, detail="self-signed certificate"),
    },
)


def report(definition: str, host: FakeHost = HOST, **asked: Any) -> Report:
    """The report on this machine with one check, by the text of its configuration."""
    config = parse(f"checks:\n  - {{id: x, {definition}}}\n", "c.yaml", ())
    return judged(host, Run(stage=asked.pop("stage", Stage.FIRSTBOOT), config=config, **asked), site.PROBE)


def said(definition: str, host: FakeHost = HOST, **asked: Any) -> list[str]:
    """The messages of its findings; its status and reason where there are none."""
    (result,) = report(definition, host, **asked).results
    return [one.message for one in result.findings] or [f"{result.status.value}: {result.reason or ''}".rstrip(": ")]


@pytest.mark.parametrize(
    "definition",
    [
        "file: /etc/corp/agent.conf",
        "file: /etc/corp/agent.conf, contains: ['endpoint='], lacks: [proxy], mode: 0644, owner: root, group: 0",
        "file: /etc/corp/secret, mode: 0640, group: corp",
        "file: /etc/none, present: false",
        "unit: corp, state: enabled",
        "unit: apt-daily.timer, state: masked",
        "unit: telnet.socket, state: absent",
        "package: bash",
        "package: bash, versions: ['5.2.15-2+b7']",
        "package: bash, versions: [5.2.15]",
        "package: bash, versions: [4.*, 5.*]",
        "package: libc6, versions: ['2.36-9']",
        "package: telnetd, present: false",
        "kernel_parameter: quiet",
        "kernel_parameter: console, value: ttyS0",
        "sysctl: net.ipv4.ip_forward, value: 0",
        "sysctl: net/ipv4/ip_local_port_range, value: 32768 60999",
        "name: db.corp.example, within: [10.0.0.0/8]",
        "name: store.blob.core.windows.net, server: 10.0.0.4, within: [10.1.0.0/16]",
        "name: nowhere.corp.example, resolves: false",
        "tcp: 'db.corp.example:5432'",
        "tcp: '10.1.2.3:23', reachable: false",
        "url: https://web.corp.example/health",
        "url: https://web.corp.example/health, status: 503",
    ],
)
def test_what_is_as_the_site_wants_it_passes(definition: str) -> None:
    assert said(definition) == ["pass"]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("file: /etc/none", "file /etc/none is absent"),
        ("file: /etc/corp/agent.conf, present: false", "file /etc/corp/agent.conf is present"),
        ("file: /etc/corp/agent.conf, contains: [proxy]", 'file /etc/corp/agent.conf does not contain "proxy"'),
        ("file: /etc/corp/agent.conf, lacks: [key]", 'file /etc/corp/agent.conf contains "key"'),
        ("file: /etc/corp/agent.conf, mode: 0600", "file /etc/corp/agent.conf has mode 644, expected 600"),
        ("file: /etc/corp/secret, owner: corp", "file /etc/corp/secret belongs to root, expected corp"),
        ("file: /etc/corp/secret, group: root", "file /etc/corp/secret belongs to group corp, expected root"),
        ("unit: corp, state: masked", "unit corp.service is enabled, expected masked"),
        ("package: zsh", "package zsh is absent"),
        ("package: bash, present: false", "package bash is present"),
        ("package: bash, versions: [5.3*]", "package bash has version 5.2.15-2+b7, expected one of 5.3*"),
        ("kernel_parameter: fips", "kernel parameter fips is absent in /proc/cmdline"),
        (
            "kernel_parameter: quiet, value: 1",
            "kernel parameter quiet is without a value in /proc/cmdline, expected 1",
        ),
        ("sysctl: net.ipv4.ip_forward, value: 1", "sysctl net.ipv4.ip_forward is 0, expected 1"),
        ("sysctl: net.ipv4.none, value: 1", "sysctl net.ipv4.none is absent"),
        ("name: nowhere.corp.example", "name nowhere.corp.example does not resolve on this machine"),
        ("name: db.corp.example, resolves: false", "name db.corp.example resolves to 10.1.2.3"),
        (
            "name: store.blob.core.windows.net, server: 10.0.0.5, within: [10.1.0.0/16]",
            "name store.blob.core.windows.net has the address 20.60.1.1 by 10.0.0.5, expected one in 10.1.0.0/16",
        ),
        (
            "name: store.blob.core.windows.net, server: 10.0.0.6",
            "name store.blob.core.windows.net does not resolve by 10.0.0.6: NXDOMAIN",
        ),
        (
            "name: store.blob.core.windows.net, server: 10.0.0.7, timeout: 0.5",
            "name store.blob.core.windows.net does not resolve by 10.0.0.7: no answer within 0.5 s in the name lookup",
        ),
        (
            "tcp: '10.1.2.3:22'",
            "tcp 10.1.2.3:22 is unreachable (phase tcp, address 10.1.2.3): connection refused",
        ),
        (
            "tcp: 'none.corp.example:22'",
            "tcp none.corp.example:22 is unreachable (phase dns): the name has no address",
        ),
        ("tcp: '10.1.2.3:5432', reachable: false", "tcp 10.1.2.3:5432 is reachable"),
        (
            "url: https://web.corp.example/health, status: 200",
            "url https://web.corp.example/health answers with status 503, expected 200",
        ),
    ],
)
def test_what_is_not_is_named_with_what_was_measured(definition: str, message: str) -> None:
    assert said(definition) == [message]


def test_a_handshake_that_fails_names_its_phase() -> None:
    message = "url https://tls.corp.example/ is unreachable (phase tls): self-signed certificate"
    assert said("url: 'https://user:SECRET@tls.corp.example/?sig=SECRET'") == [message]


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("file: /etc/corp/closed, contains: [x]", "unknown: cannot read /etc/corp/closed: Permission denied"),
        ("file: /etc/corp, contains: [x]", "unknown: /etc/corp is not a regular file"),
    ],
)
def test_what_cannot_be_inspected_is_unknown(definition: str, reason: str) -> None:
    assert said(definition) == [reason]
    assert exit_code(report(definition), Severity.ERROR) == 3


@pytest.mark.parametrize(
    ("definition", "status"),
    [
        ("name: store.blob.core.windows.net, server: 10.0.0.6, resolves: false", "pass"),
        ("name: store.blob.core.windows.net, server: 10.0.0.7, resolves: false", "unknown"),
        ("name: store.blob.core.windows.net, server: 10.0.0.8, resolves: false", "unknown"),
        ("tcp: 'none.corp.example:22', reachable: false", "pass"),
    ],
)
def test_silence_and_a_refusal_are_no_evidence_that_a_name_does_not_exist(definition: str, status: str) -> None:
    refused = DnsAnswer(Outcome.OK, 0.01, "REFUSED")
    host = replace(HOST, dns={**HOST.dns, ("10.0.0.8", "store.blob.core.windows.net", "A", False): refused})
    assert report(definition, host).results[0].status.value == status


def test_without_a_database_of_packages_nothing_is_known_of_them() -> None:
    assert said("package: bash", FakeHost()) == ["unknown: there is neither a database of dpkg nor one of rpm"]


def test_rpm_is_asked_where_it_is() -> None:
    """All packages in one question; it says of each that is not installed, and ends with their number."""
    command = ("rpm", "--query", "--queryformat", "%{NAME}\\t%{VERSION}-%{RELEASE}\\n", "--", "bash")
    done = Completed(0, "bash\t5.1.8-9.el9\n", "")
    host = FakeHost(files={"/var/lib/rpm/rpmdb.sqlite": ""}, programs={command: done})
    assert said("package: bash, versions: [5.1.8]", host) == ["pass"]
    missing = replace(host, programs={command: Completed(1, "package bash is not installed\n", "")})
    assert said("package: bash", missing) == ["package bash is absent"]
    mounted = replace(host, root="/mnt")
    assert said("package: bash", mounted, root="/mnt") == [
        "unknown: running rpm needs the running system, and a mounted image is inspected"
    ]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("file: /etc/corp/agent.conf", "pass"),
        ("unit: corp, state: enabled", "pass"),
        ("package: bash", "pass"),
        ("kernel_parameter: apparmor, value: 0", "pass"),
        ("sysctl: net.ipv4.ip_forward, value: 1", "notapplicable"),
        ("name: nowhere.corp.example", "notapplicable"),
        ("tcp: '10.1.2.3:22'", "notapplicable"),
        ("url: https://tls.corp.example/", "notapplicable"),
    ],
)
def test_a_mounted_image_is_asked_what_files_decide(definition: str, expected: str) -> None:
    """Also where the files of a running machine are inspected as those of an image."""
    mounted = replace(HOST, root="/mnt")
    result = report(definition, mounted, stage=Stage.CAPTURE, root="/mnt").results[0]
    assert result.status.value == expected
    assert report(definition, stage=Stage.CAPTURE, files_only=True).results[0].status.value == expected


def test_a_parameter_is_that_of_the_next_boot_until_the_first() -> None:
    assert said("kernel_parameter: apparmor, value: 0", stage=Stage.CAPTURE) == ["pass"]
    assert said("kernel_parameter: apparmor", stage=Stage.FIRSTBOOT) == [
        "kernel parameter apparmor is absent in /proc/cmdline"
    ]


def test_no_secret_of_the_machine_is_in_the_facts() -> None:
    """Of a file only whether it has the text, of a parameter only a value that is known to be none or that the
    configuration names itself."""
    for definition in ("file: /etc/corp/agent.conf, lacks: ['key=']", "kernel_parameter: token, value: x"):
        found = report(definition, stage=Stage.CAPTURE)
        assert found.results[0].status is Status.FAIL
        assert "SECRET" not in str(codec.encode(found))


def test_a_failure_stands_for_no_cause_and_is_no_pass() -> None:
    found = report("file: /etc/none")
    assert (found.causes, found.verdict, exit_code(found, Severity.ERROR)) == ((), Readiness.NOT_READY, 1)
    warned = report("file: /etc/none, severity: warning")
    assert (warned.verdict, exit_code(warned, Severity.ERROR)) == (Readiness.READY, 0)


def test_the_site_may_say_it_in_its_own_words() -> None:
    """The measured value and its object stand there all the same."""
    words = "message: the agent is not configured., fix: install corp-agent, severity: warning"
    (result,) = report(f"file: /etc/none, {words}").results
    assert result.findings[0].message == "the agent is not configured: file /etc/none is absent"
    assert result.findings[0].fix == "Install corp-agent."
    assert result.severity is Severity.WARNING


def test_what_stands_in_the_configuration_is_printed_as_ascii() -> None:
    """Whatever language a site writes in, and whatever it repeats."""
    words = 'message: "\u8a2d\u5b9a", contains: ["\u00e9"], lacks: []'
    (result,) = report(f"file: /etc/corp/agent.conf, {words}").results
    assert result.findings[0].message.isascii() and result.title.isascii()
    (package,) = report("package: bash, versions: [" + "9.9, " * 49 + '"\u00e9"]').results
    assert package.findings[0].message.isascii() and len(package.findings[0].message) < 200


def test_the_network_of_a_build_vm_is_a_note_unless_the_site_names_the_stage() -> None:
    assert report("tcp: '10.1.2.3:22'", stage=Stage.BUILD).results[0].severity is Severity.NOTE
    assert report("tcp: '10.1.2.3:22', stages: [build]", stage=Stage.BUILD).results[0].severity is Severity.ERROR
    assert report("tcp: '10.1.2.3:22', stages: [build]").results[0].status is Status.NOT_APPLICABLE


def test_a_broken_network_explains_it() -> None:
    """A name that does not resolve because no server answers is a symptom, and no second fault."""
    config = parse("checks:\n  - {id: x, name: nowhere.corp.example}\n", "c.yaml", ())
    files = {"/etc/resolv.conf": "nameserver 10.0.0.9\n"}
    host = FakeHost(files=files, routes={"10.0.0.9": Route(Outcome.OK, "eth0", "10.0.0.1")})
    probes = (network.PROBE, platform.PROBE, dns.PROBE, site.PROBE)
    found = by_check(judged(host, Run(stage=Stage.FIRSTBOOT, config=config), *probes))["site-x"]
    assert found.status is Status.FAIL
    assert set(found.because_of) & {"dns-servers", "network-address", "network-default-route"}


def test_facts_are_saved_and_read_again() -> None:
    facts = report("tcp: '10.1.2.3:22'").facts["site"]
    assert codec.decode(SiteFacts, codec.encode(facts)) == facts


def test_a_snapshot_without_its_facts_is_unknown() -> None:
    """One that an older version recorded, or whose configuration was another."""
    config = Config(checks=(SiteCheck("site-x", SiteKind.FILE, "/etc/x"),))
    verdicts = list(site.checks.configured(config)[0].judge(SiteFacts(), Run(config=config)))
    assert [type(one).__name__ for one in verdicts] == ["Unknown"]


def test_its_page_says_where_it_is_defined() -> None:
    said_there = page(SiteCheck("site-x", SiteKind.TCP, "10.0.0.4:22", message="the bastion is needed"), "c.yaml:3")
    assert said_there.startswith("# site-x\n\n## What it checks\n")
    assert "c.yaml:3: tcp 10.0.0.4:22 is reachable" in " ".join(said_there.split())
    assert "the bastion is needed" in said_there


def test_where_it_stands_for_no_cause_the_journal_the_host_and_the_console_name_it() -> None:
    """None of them has a cause to speak of, and all of them say what failed."""
    found = report("file: /etc/none")
    assert [fields["MESSAGE"] for fields in journal.records(found)] == [
        "not-ready at stage firstboot",
        "site-x: file /etc/none is absent",
    ]
    assert "reason=site-x: file /etc/none is absent" in kvp.render(found)
    assert "azpreflight: error: site-x: file /etc/none is absent" in serial.render(found).splitlines()
    assert text.render(found).startswith("NOT READY: nothing was found that stops provisioning, but site-x failed\n")
