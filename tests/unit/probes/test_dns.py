"""Names: what every server said, judged on literals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.azure.goal_state import Family, Plugin, Wanted
from azpreflight.azure.wire_server import Goal
from azpreflight.guest.resolv_conf import PATH
from azpreflight.host import DnsAnswer, FileInfo, FileKind, Interface, Outcome, Phase, Route
from azpreflight.model import Cause, Confidence, Config, Platform, Report, Result, Run, Severity, Stage, codec
from azpreflight.probes import dns, network, platform
from azpreflight.probes.dns.checks_answers import judge_answers
from azpreflight.probes.dns.collect import names_that_matter
from azpreflight.probes.dns.facts import CONTROL, DnsFacts, Role
from azpreflight.probes.dns.names import IMPOSSIBLE, MAX_NAMES, hosts_of, sibling_of
from azpreflight.text import several
from tests.support.fakes import Denied, FakeHost, Fifo, Link, Node
from tests.support.judging import findings, judged

STORE, TOOLS = "pkgs.blob.core.windows.net", "packages.example.net"
NAMES = (STORE, TOOLS)
SIBLING = "azpreflight-no-such-name.blob.core.windows.net"
ADDRESSES = {STORE: "20.60.0.10", TOOLS: "20.60.0.20"}
RUN = Run(
    stage=Stage.FIRSTBOOT,
    platform=Platform.AZURE,
    config=Config(endpoints=tuple(f"https://{name}/" for name in NAMES)),
)
ELSEWHERE = replace(RUN, platform=Platform.NONE)
BEHIND = "/run/systemd/resolve/resolv.conf"

Answers = Mapping[tuple[str, str, str, bool], DnsAnswer]
OK = Outcome.OK
ROUTES = {address: Route(OK, "eth0", "10.0.0.1", "10.0.0.4") for address in (CONTROL, "169.254.169.254")}
"""So that nothing but DNS is to blame."""
TABLE = {"/proc/net/route": "Iface Destination Gateway Flags\neth0 00000000 0100000A 0003 0 0 100 00000000 0 0 0\n"}
ETH0 = Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.11/24",))
FOUND = {name: (address,) for name, address in ADDRESSES.items()}
"""What glibc finds."""


def answer(*addresses: str, rcode: str = "NOERROR", truncated: bool = False) -> DnsAnswer:
    return DnsAnswer(OK, 0.002, rcode=rcode, addresses=addresses, truncated=truncated)


def knows(server: str, names: Mapping[str, str] = ADDRESSES, tcp: bool = True, udp: bool = True) -> Answers:
    """A server that has IPv4 addresses for these names and nothing else."""
    every = {
        (server, name, rdtype, over_tcp): answer(*[names[name]] if rdtype == "A" else [])
        for name in names
        for rdtype in ("A", "AAAA")
        for over_tcp in (False, True)
    }
    every |= {
        (server, name, "A", over_tcp): answer(rcode="NXDOMAIN")
        for name in (*NAMES, IMPOSSIBLE, SIBLING)
        for over_tcp in (False, True)
        if name not in names
    }
    return {question: said for question, said in every.items() if (question[3] and tcp) or (not question[3] and udp)}


def says(server: str, said: DnsAnswer, tcp: bool = True, udp: bool = True) -> Answers:
    """A server that says the same to everything."""
    return {
        (server, name, rdtype, over_tcp): said
        for name in (*NAMES, IMPOSSIBLE, SIBLING)
        for rdtype in ("A", "AAAA")
        for over_tcp in (False, True)
        if (over_tcp and tcp) or (not over_tcp and udp)
    }


def machine(*servers: str, answers: Answers, files: Mapping[str, Node] = {}) -> FakeHost:
    text = "".join(f"nameserver {server}\n" for server in servers)
    return FakeHost(
        files={PATH: text, **TABLE, **files}, dns=answers, routes=ROUTES, interface_list=(ETH0,), names=FOUND
    )


def report_on(host: FakeHost, run: Run) -> Report:
    """The report of this probe, and of those that it needs."""
    return judged(host, run, network.PROBE, platform.PROBE, dns.PROBE)


def results(report: Report) -> list[Result]:
    """Of this probe alone."""
    return [result for result in report.results if result.probe == "dns"]


def statuses(report: Report) -> dict[str, str]:
    """Of this probe alone."""
    return {result.check: result.status.value for result in results(report)}


def fails(outcome: Outcome, **more: str) -> DnsAnswer:
    return DnsAnswer(outcome, 0.001, **more)  # type: ignore[arg-type]  # the keywords are its text fields


LEASES = "/var/lib/dhcp/dhclient.eth0.leases"


def lease(*servers: str) -> str:
    """What dhclient writes down where DHCP names these servers."""
    return f"lease {{\n  fixed-address 10.0.0.11;\n  option domain-name-servers {','.join(servers)};\n}}\n"


HEALTHY = machine(CONTROL, answers=knows(CONTROL))
BROKEN = {
    "dns-resolv-conf": FakeHost(routes=ROUTES),
    "dns-servers": machine("10.1.2.3", answers=knows(CONTROL), files={LEASES: lease("10.1.2.3")}),
    "dns-library": replace(machine(CONTROL, answers=knows(CONTROL)), names={}),
    "dns-tcp": machine(CONTROL, answers=knows(CONTROL, tcp=False)),
    "dns-answers": machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode="REFUSED"))}),
}


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


# --- what is asked of whom ----------------------------------------------------------------------------------------


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


# --- resolv.conf --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (None, "there is no resolv.conf, so that no name can be looked up"),
        ("\n", "resolv.conf is empty, so that no name can be looked up"),
        ("search a.example\n", "resolv.conf names no DNS server, so that no name can be looked up"),
        (Link("/run/x"), "resolv.conf is a link to nothing: /run/x, so that no name can be looked up"),
        ("nameserver 10.0.0.4\r\n", "resolv.conf names no DNS server, so that no name can be looked up"),
    ],
)
def test_a_file_that_names_nobody_is_an_error_in_a_new_vm(node: Node, words: str) -> None:
    report = report_on(FakeHost(files={PATH: node} if node is not None else {}, dns=knows(CONTROL)), RUN)
    found = findings(report, "dns-resolv-conf")[0]
    assert (found.message, found.severity) == (words, Severity.ERROR)
    assert (found.flow, found.breaks) == ("name *", ("name *",))
    assert statuses(report)["dns-servers"] == "notapplicable"


def test_a_lost_link_to_systemd_resolved_comes_with_the_command_that_makes_it() -> None:
    host = FakeHost(files={BEHIND: f"nameserver {CONTROL}\n"}, dns=knows(CONTROL))
    found = findings(report_on(host, RUN), "dns-resolv-conf")[0]
    assert found.message.endswith("; systemd-resolved knows 168.63.129.16")
    assert found.commands == ("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",)


def test_a_file_that_names_nobody_is_a_warning_where_the_fallback_answers() -> None:
    found = findings(report_on(FakeHost(dns=knows("127.0.0.1")), RUN), "dns-resolv-conf")
    assert [finding.severity for finding in found] == [Severity.WARNING]
    assert "127.0.0.1" in found[0].message


@pytest.mark.parametrize("node", [Fifo(), "#" * 70_000, "\0", Link(PATH)])
def test_what_cannot_be_read_is_unknown_and_its_servers_too(node: Node) -> None:
    report = report_on(FakeHost(files={PATH: node}, dns=knows(CONTROL)), RUN)
    assert set(statuses(report).values()) == {"unknown"}
    assert all(result.reason and PATH in result.reason for result in results(report))


@pytest.mark.parametrize("run", [replace(RUN, stage=Stage.CAPTURE), replace(RUN, stage=Stage.CAPTURE, root="/mnt")])
@pytest.mark.parametrize(
    "node", [None, "", "search a\n", Link("../run/systemd/resolve/stub-resolv.conf"), Link("/var/run/x")]
)
def test_before_capture_a_file_that_is_written_at_boot_may_be_missing(node: Node, run: Run) -> None:
    """By what the next boot starts; where nothing does that, no VM of the image finds a name."""
    files = {PATH: node} if node is not None else {}
    host = FakeHost(files={**files, **enabled("NetworkManager"), **enabled("systemd-resolved")}, root=run.root)
    assert statuses(report_on(host, run))["dns-resolv-conf"] == "pass"
    found = findings(report_on(FakeHost(files={"/etc/x": "", **files}, root=run.root), run), "dns-resolv-conf")
    anyones = isinstance(node, Link) and "resolve" not in node.target
    assert [(one.severity, one.in_image) for one in found] == ([] if anyones else [(Severity.ERROR, True)])


TMPFILE = "/usr/lib/tmpfiles.d/a.conf"


def enabled(name: str) -> dict[str, Node]:
    """A service that the next boot starts."""
    unit = f"/usr/lib/systemd/system/{name}.service"
    return {unit: "[Service]\n", f"/etc/systemd/system/multi-user.target.wants/{name}.service": Link(unit)}


@pytest.mark.parametrize(
    ("files", "made"),
    [
        ({"/usr/lib/tmpfiles.d/systemd-resolve.conf": "L! /etc/resolv.conf - - - - ../run/x\n"}, True),
        (
            {TMPFILE: "L! /etc/resolv.conf - -\n", "/etc/tmpfiles.d/a.conf": Link("/dev/null")},
            False,
        ),
        ({TMPFILE: "# L! /etc/resolv.conf\nd /run/x\n"}, False),
        ({**enabled("NetworkManager"), "/etc/NetworkManager/conf.d/a.conf": "[main]\ndns=none\n"}, False),
        ({**enabled("NetworkManager"), "/etc/NetworkManager/conf.d/a.conf": "[main]\nrc-manager=unmanaged\n"}, False),
        ({**enabled("networking"), "/sbin/dhclient": "x"}, True),
        ({**enabled("networking")}, False),
        ({"/sbin/dhclient": "x"}, False),
        ({**enabled("systemd-networkd"), **enabled("systemd-resolved")}, False),
        ({**enabled("resolvconf")}, True),
        ({"/sbin/netconfig": "x"}, True),
    ],
)
def test_a_missing_file_is_made_by_programs_that_are_known_to(files: dict[str, Node], made: bool) -> None:
    report = report_on(FakeHost(files=files), replace(RUN, stage=Stage.CAPTURE))
    assert statuses(report)["dns-resolv-conf"] == ("pass" if made else "fail")


@pytest.mark.parametrize(
    ("link", "files", "filled"),
    [
        ("../run/resolvconf/resolv.conf", {}, False),
        ("/run/resolvconf/resolv.conf", {"/sbin/resolvconf": "x"}, True),
        ("/var/run/NetworkManager/resolv.conf", {}, False),
        ("/run/NetworkManager/resolv.conf", enabled("NetworkManager"), True),
        ("/run/netconfig/resolv.conf", {}, False),
        ("/run/netconfig/resolv.conf", {"/sbin/netconfig": "x"}, True),
        ("/run/connman/resolv.conf", enabled("NetworkManager"), False),
        ("/run/own/resolv.conf", {}, True),
    ],
)
def test_a_link_into_run_is_filled_by_its_own_program(link: str, files: dict[str, Node], filled: bool) -> None:
    """Whoever fills that directory must be there; what nobody is known to fill is left alone."""
    report = report_on(FakeHost(files={PATH: Link(link), **files}), replace(RUN, stage=Stage.CAPTURE))
    assert statuses(report)["dns-resolv-conf"] == ("pass" if filled else "fail")


@pytest.mark.parametrize("key", ["DNSSEC", "DNSOverTLS"])
@pytest.mark.parametrize(
    ("path", "section"),
    [("/etc/systemd/resolved.conf", "Resolve"), ("/etc/systemd/network/10-eth0.network", "Network")],
)
def test_what_resolved_insists_on_is_an_error_before_capture(key: str, path: str, section: str) -> None:
    files = {PATH: Link("../run/systemd/resolve/stub-resolv.conf"), path: f"[{section}]\n{key}=yes\n"}
    run = replace(RUN, stage=Stage.CAPTURE, root="/mnt")
    host = FakeHost(files={**files, **enabled("systemd-resolved")}, root="/mnt")
    (found,) = findings(report_on(host, run), "dns-resolv-conf")
    assert (found.severity, found.in_image, f"{key}=yes in {path}" in found.message) == (Severity.ERROR, True, True)
    later = {"/etc/systemd/resolved.conf.d/z.conf": f"[Resolve]\n{key}=no\n"} if section == "Resolve" else {}
    mild = replace(host, files={**host.files, path: f"[{section}]\n{key}=allow-downgrade\n", **later})
    assert statuses(report_on(mild, run))["dns-resolv-conf"] == "pass"


def test_an_answer_that_says_that_it_failed_has_no_address() -> None:
    """As systemd-resolved answers what does not validate; glibc takes nothing of it."""
    answers = {**knows(CONTROL), **says("127.0.0.53", answer("20.60.0.10", rcode="SERVFAIL"))}
    settings = "[Resolve]\nDNSSEC=yes\n"
    files: dict[str, Node] = {BEHIND: f"nameserver {CONTROL}\n", "/etc/systemd/resolved.conf": settings}
    report = report_on(replace(machine("127.0.0.53", answers=answers, files=files), names={}), RUN)
    (found,) = findings(report, "dns-answers")
    assert "DNSSEC=yes in /etc/systemd/resolved.conf" in found.message
    assert findings(report, "dns-library") == ()


def test_the_disk_of_a_failed_vm_has_nothing_in_run() -> None:
    """Mounted on a rescue VM, a link to systemd-resolved's file leads to nothing; one to elsewhere did so in the VM."""
    mounted = replace(RUN, root="/mnt")
    host = FakeHost(files={PATH: Link("../run/systemd/resolve/stub-resolv.conf")}, root="/mnt")
    assert statuses(report_on(host, mounted))["dns-resolv-conf"] == "notapplicable"
    lost = FakeHost(files={PATH: Link("../srv/resolv.conf")}, root="/mnt")
    assert [one.severity for one in findings(report_on(lost, mounted), "dns-resolv-conf")] == [Severity.ERROR]


def test_before_capture_a_link_to_nowhere_is_a_warning() -> None:
    host = FakeHost(files={PATH: Link("../mnt/resolv.conf")}, root="/mnt")
    report = report_on(host, replace(RUN, stage=Stage.CAPTURE, root="/mnt"))
    assert [finding.severity for finding in findings(report, "dns-resolv-conf")] == [Severity.WARNING]
    assert statuses(report)["dns-servers"] == "notapplicable"


def test_a_file_for_root_alone_is_told_to_those_who_cannot_read_it() -> None:
    report = report_on(FakeHost(files={PATH: Denied()}, dns=knows(CONTROL)), RUN)
    found = findings(report, "dns-resolv-conf")
    assert [finding.message for finding in found] == ["resolv.conf has mode 0600, so that only root can look up names"]
    assert {result.status.value for result in results(report) if not result.findings} == {"unknown"}


def test_lines_that_are_passed_over_are_named_with_the_command_for_carriage_returns() -> None:
    host = replace(HEALTHY, files={PATH: f"nameserver 10.0.0.4\r\nnameserver {CONTROL}\n"})
    found = findings(report_on(host, RUN), "dns-resolv-conf")
    assert [finding.message for finding in found] == [
        r"glibc passes over this line of resolv.conf: 'nameserver 10.0.0.4\r'"
    ]
    assert found[0].commands == ("sed -i 's/\\r$//' /etc/resolv.conf",)


# --- do they answer -----------------------------------------------------------------------------------------------


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


def test_tcp_that_is_needed_for_a_long_answer_names_it() -> None:
    answers = {**knows(CONTROL, tcp=False), (CONTROL, STORE, "A", False): answer(truncated=True)}
    found = findings(report_on(machine(CONTROL, answers=answers), RUN), "dns-tcp")
    assert found[0].message.endswith(f"are lost, as for {STORE}")
    assert (found[0].severity, found[0].flow) == (Severity.ERROR, "tcp 168.63.129.16:53")


# --- are they right -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rcode", ["REFUSED", "SERVFAIL", "NXDOMAIN"])
def test_all_wrong_is_an_error_that_takes_every_name_down(rcode: str) -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode=rcode))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.message for finding in found] == [
        f"DNS server 10.0.0.9 answers {rcode} for {STORE} and 1 more: 168.63.129.16 knows it"
    ]
    assert (found[0].severity, found[0].confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert found[0].breaks == ("name *",)


def test_one_name_that_is_missing_takes_that_name_down() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **knows("10.0.0.9", {TOOLS: "20.60.0.20"})})
    found = findings(report_on(host, RUN), "dns-answers")
    assert (found[0].severity, found[0].breaks) == (Severity.ERROR, (f"name {STORE}",))


@pytest.mark.parametrize(("rcode", "severity"), [("SERVFAIL", Severity.WARNING), ("NXDOMAIN", Severity.ERROR)])
def test_the_c_library_goes_on_after_a_failure_and_stops_after_a_denial(rcode: str, severity: Severity) -> None:
    host = machine("10.0.0.9", CONTROL, answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode=rcode))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.severity for finding in found] == [severity]
    assert bool(found[0].breaks) is (severity is Severity.ERROR)


def test_a_denial_after_a_right_answer_is_a_warning() -> None:
    host = machine(CONTROL, "10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer(rcode="NXDOMAIN"))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [(finding.severity, finding.breaks) for finding in found] == [(Severity.WARNING, ())]


def test_one_answer_for_everything() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer("198.51.100.9"))})
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.message for finding in found] == [
        f"DNS server 10.0.0.9 answers 198.51.100.9 for {STORE} and 1 more: it has that answer for names that do not "
        "exist as well, such as azpreflight-no-such-name.invalid"
    ]
    assert found[0].breaks == ("name *", "tcp 198.51.100.9:80", "tcp 198.51.100.9:443")


def test_a_wildcard_over_a_public_zone_is_seen_by_comparing() -> None:
    private = {**ADDRESSES, STORE: "10.9.9.9", SIBLING: "10.9.9.9"}
    host = machine("10.0.0.9", answers={**knows(CONTROL), **knows("10.0.0.9", private)})
    found = findings(report_on(host, RUN), "dns-answers")
    assert found[0].breaks == (f"name {STORE}", "tcp 10.9.9.9:80", "tcp 10.9.9.9:443")


def test_a_wildcard_that_the_control_has_too_is_nobodys_fault() -> None:
    wild = {**ADDRESSES, SIBLING: "20.60.0.10"}
    host = machine("10.0.0.9", answers={**knows(CONTROL, wild), **knows("10.0.0.9", wild)})
    assert statuses(report_on(host, RUN))["dns-answers"] == "pass"


def test_a_server_that_makes_up_only_what_does_not_exist_is_right_about_the_rest() -> None:
    host = machine("10.0.0.9", answers=knows("10.0.0.9", {**ADDRESSES, IMPOSSIBLE: "198.51.100.9"}))
    assert statuses(report_on(host, ELSEWHERE))["dns-answers"] == "pass"


def test_a_private_endpoint_is_another_address_and_no_fault() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **knows("10.0.0.9", {**ADDRESSES, STORE: "10.0.5.5"})})
    assert statuses(report_on(host, RUN))["dns-answers"] == "pass"


def test_a_blocking_resolver_points_back_to_this_machine() -> None:
    host = machine("10.0.0.9", answers=knows("10.0.0.9", {**ADDRESSES, STORE: "0.0.0.0"}))
    found = findings(report_on(host, ELSEWHERE), "dns-answers")
    assert "answers 0.0.0.0 for" in found[0].message


def test_a_denial_that_nothing_contradicts_is_unknown() -> None:
    report = report_on(machine(CONTROL, answers=knows(CONTROL, {})), RUN)
    assert statuses(report)["dns-answers"] == "unknown"


def test_a_denial_of_what_the_goal_state_names_is_wrong() -> None:
    facts = replace(dns.gather(machine(CONTROL, answers=knows(CONTROL, {})), RUN), proven=NAMES)
    verdicts = list(judge_answers(facts, RUN))
    assert ["goal state names it" in str(getattr(verdict, "message", "")) for verdict in verdicts] == [True]


def test_a_failure_without_anything_to_compare_is_likely() -> None:
    host = machine("10.0.0.9", answers=says("10.0.0.9", answer(rcode="SERVFAIL")))
    found = findings(report_on(host, ELSEWHERE), "dns-answers")
    assert [(finding.severity, finding.confidence) for finding in found] == [(Severity.ERROR, Confidence.LIKELY)]


def test_no_answer_at_all_and_no_name_at_all_are_unknown() -> None:
    assert statuses(report_on(machine("10.0.0.9", answers={}), RUN))["dns-answers"] == "unknown"
    nameless = replace(RUN, config=Config(cloud="mars"))
    assert statuses(report_on(HEALTHY, nameless))["dns-answers"] == "unknown"


def test_a_wrong_server_behind_the_stub_is_named_and_the_stub_is_not() -> None:
    refuses = answer(rcode="REFUSED")
    host = machine(
        "127.0.0.53",
        answers={**knows(CONTROL), **says("127.0.0.53", refuses), **says("10.0.0.9", refuses)},
        files={BEHIND: "nameserver 10.0.0.9\n"},
    )
    found = findings(report_on(host, RUN), "dns-answers")
    assert [finding.evidence["server"] for finding in found] == ["10.0.0.9"]


def test_a_truncated_answer_is_no_wrong_answer() -> None:
    answers = {**knows(CONTROL), **says(CONTROL, answer(truncated=True), tcp=False)}
    assert statuses(report_on(machine(CONTROL, answers=answers), RUN))["dns-answers"] == "pass"


# --- addresses ----------------------------------------------------------------------------------------------------


def test_addresses_come_from_configured_servers_first_and_ipv4_first() -> None:
    answers = {
        **knows(CONTROL),
        ("10.0.0.9", STORE, "A", False): answer("10.0.5.5"),
        ("10.0.0.9", STORE, "AAAA", True): answer("fd00::5"),
        ("10.0.0.9", IMPOSSIBLE, "A", False): answer(rcode="NXDOMAIN"),
    }
    facts = dns.gather(machine("10.0.0.9", answers=answers), RUN)
    assert dns.addresses_of(facts, STORE) == ("10.0.5.5", "20.60.0.10", "fd00::5")


@pytest.mark.parametrize("check", ["dns-servers", "dns-answers", "dns-resolv-conf"])
def test_addresses_are_known_while_the_configured_server_is_dead_or_wrong(check: str) -> None:
    host = replace(BROKEN[check], dns={**BROKEN[check].dns, **knows(CONTROL)})
    assert dns.addresses_of(dns.gather(host, RUN), STORE) == ("20.60.0.10",)


def test_a_made_up_address_is_no_address() -> None:
    host = machine("10.0.0.9", answers={**knows(CONTROL), **says("10.0.0.9", answer("198.51.100.9"))})
    facts = dns.gather(host, RUN)
    assert dns.addresses_of(facts, STORE) == ("20.60.0.10",)
    assert dns.addresses_of(facts, "unasked.example.net") == ()
