"""Names: what every server said, judged on literals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.azure.goal_state import Family, Plugin, Wanted
from azpreflight.azure.wire_server import Goal
from azpreflight.host import FileInfo, FileKind, Phase
from azpreflight.model import Config, Platform, Stage, codec
from azpreflight.probes import dns, platform
from azpreflight.probes.dns.collect import names_that_matter
from azpreflight.probes.dns.facts import CONTROL, DnsFacts, Role
from azpreflight.probes.dns.names import IMPOSSIBLE, MAX_NAMES, hosts_of, sibling_of
from tests.support.fakes import FakeHost, Link, Node
from tests.support.machines.dns import (
    BEHIND,
    BROKEN,
    HEALTHY,
    NAMES,
    OK,
    ROUTES,
    RUN,
    SIBLING,
    STORE,
    knows,
    machine,
    report_on,
    statuses,
)


@pytest.mark.parametrize("stage", Stage)
def test_what_a_user_may_write_makes_no_error(stage: Stage) -> None:
    """A resolv.conf in a person's home names a dead server, closed to everybody else: unknown, and with the reason."""
    person = FileInfo(FileKind.DIRECTORY, 0, 0o755, 1000, 1000, 0.0)
    theirs: Mapping[str, Node] = {"/etc/resolv.conf": Link("/home/a/resolv.conf"), "/home/a": person}
    dead = FakeHost(files={**theirs, "/home/a/resolv.conf": "nameserver 10.9.9.9\n"}, routes=ROUTES)
    report = report_on(dead, replace(RUN, stage=stage))
    rows = [result for result in report.results if result.check.startswith("dns-")]
    assert [row.check for row in rows if row.findings] == []
    if stage is Stage.FIRSTBOOT:
        assert statuses(report)["dns-resolv-conf"] == "unknown"
        assert "/etc/resolv.conf is not believed: /home/a belongs to user 1000" in {row.reason for row in rows}


def test_a_healthy_machine_passes_everything() -> None:
    assert set(statuses(report_on(HEALTHY, RUN)).values()) == {"pass"}


@pytest.mark.parametrize("check", BROKEN)
def test_every_check_speaks_on_its_own_broken_machine(check: str) -> None:
    assert statuses(report_on(BROKEN[check], RUN))[check] == "fail"


def test_facts_survive_json() -> None:
    facts = dns.gather(BROKEN["dns-answers"], RUN)
    assert codec.decode(DnsFacts, codec.encode(facts)) == facts


def test_every_server_is_asked_for_every_name_over_both_transports_and_in_both_families() -> None:
    facts = dns.gather(machine("10.0.0.4", "10.0.0.5", answers={}), RUN)
    asked = {
        (server.address, question.name, question.rdtype, question.tcp)
        for server in facts.servers
        for question in server.asked
    }
    for server in ("10.0.0.4", "10.0.0.5", CONTROL):
        for name in NAMES:
            assert {(server, name, rdtype, tcp) for rdtype in ("A", "AAAA") for tcp in (False, True)} <= asked
        assert {(server, IMPOSSIBLE, "A", False), (server, SIBLING, "A", False)} <= asked


@pytest.mark.parametrize(
    ("servers", "files", "platform", "roles"),
    [
        ((CONTROL,), {}, Platform.AZURE, [(CONTROL, Role.CONFIGURED)]),
        (("10.0.0.4",), {}, Platform.AZURE, [("10.0.0.4", Role.CONFIGURED), (CONTROL, Role.CONTROL)]),
        (("10.0.0.4",), {}, Platform.NONE, [("10.0.0.4", Role.CONFIGURED)]),
        (("10.0.0.4", "10.0.0.4"), {}, Platform.NONE, [("10.0.0.4", Role.CONFIGURED)]),
        (
            ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"),
            {},
            Platform.NONE,
            [(f"10.0.0.{n}", Role.CONFIGURED) for n in (1, 2, 3)],
        ),
        (
            ("127.0.0.53",),
            {BEHIND: f"nameserver 10.0.0.4\nnameserver {CONTROL}\n"},
            Platform.AZURE,
            [("127.0.0.53", Role.LOCAL), ("10.0.0.4", Role.UPSTREAM), (CONTROL, Role.UPSTREAM)],
        ),
        (
            ("127.0.0.1",),
            {"/run/NetworkManager/no-stub-resolv.conf": "nameserver 10.0.0.4\nnameserver 127.0.0.2\n"},
            Platform.NONE,
            [("127.0.0.1", Role.LOCAL), ("10.0.0.4", Role.UPSTREAM)],
        ),
        (("::1",), {}, Platform.NONE, [("::1", Role.LOCAL)]),
        (("fe80::1%eth0",), {}, Platform.NONE, [("fe80::1%eth0", Role.CONFIGURED)]),
        ((), {}, Platform.NONE, [("127.0.0.1", Role.LOCAL)]),
    ],
)
def test_who_is_asked(
    servers: tuple[str, ...], files: dict[str, Node], platform: Platform, roles: list[tuple[str, Role]]
) -> None:
    facts = dns.gather(machine(*servers, answers={}, files=files), replace(RUN, platform=platform))
    assert [(server.address, server.role) for server in facts.servers] == roles


def test_remote_servers_are_those_that_a_firewall_can_cut_off() -> None:
    host = machine("127.0.0.53", answers={}, files={BEHIND: "nameserver 10.0.0.4\n"})
    assert dns.remote_servers(dns.gather(host, RUN)) == ("10.0.0.4",)


def test_a_mounted_image_is_asked_nothing() -> None:
    facts = dns.gather(machine(CONTROL, answers=knows(CONTROL)), replace(RUN, root="/mnt"))
    assert facts.servers == ()
    assert facts.file.content.nameservers == (CONTROL,)


def test_hosts_of_uris() -> None:
    uris = [
        "https://B.example/x?sig=1",
        "http://b.example:8080/",
        "https://10.0.0.4/",
        "https://[::1]/",
        "http://[",
        "x",
    ]
    uris += ["https://localhost/", "https://a_b.example.", f"https://{'x' * 64}.example/", "https://\u2603.example/"]
    assert hosts_of(uris) == ("b.example", "a_b.example")
    assert len(hosts_of([f"https://h{number}.example/" for number in range(20)])) == MAX_NAMES


def test_names_of_the_goal_state_come_first_one_of_each_extension_before_mirrors() -> None:
    plugins = tuple(
        Plugin(name, "1.0", "enabled", tuple(f"https://{name}{mirror}.example.net/m.xml" for mirror in "123"), False)
        for name in ("x", "y")
    )
    families = (Family("Prod", ("https://agents.example.net/m.xml",)),)
    goal = Goal(
        Answer("http://168.63.129.16/", OK, Phase.HTTP, 0.01, 200), wanted=Wanted("Fabric", 0, plugins, families)
    )
    run = replace(RUN, needed={"platform": platform.PlatformFacts(privileged=True, goal=goal)})
    names = ("x1.example.net", "y1.example.net", "agents.example.net", "x2.example.net", "y2.example.net")
    assert names_that_matter(run) == ((*names, "x3.example.net"), (*names, "x3.example.net"))
    assert names_that_matter(RUN) == (NAMES, ())


def test_without_goal_state_and_configuration_the_clouds_endpoints_are_asked_for() -> None:
    china = replace(RUN, config=Config(cloud="china"))
    assert names_that_matter(china) == (("management.chinacloudapi.cn", "login.chinacloudapi.cn"), ())
    assert names_that_matter(replace(RUN, config=Config(cloud="mars"))) == ((), ())


def test_a_sibling_is_in_the_zone_of_the_name() -> None:
    assert sibling_of(STORE) == SIBLING
    assert sibling_of("example.net") is None
