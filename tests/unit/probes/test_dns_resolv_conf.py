"""resolv.conf: whom it names, what makes it, and what it says that nobody reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.guest.resolv_conf import PATH
from azpreflight.model import Run, Severity, Stage
from azpreflight.probes.dns.facts import CONTROL
from tests.support.fakes import Denied, FakeHost, Fifo, Link, Node
from tests.support.judging import findings
from tests.support.machines.dns import BEHIND, HEALTHY, RUN, answer, knows, machine, report_on, results, says, statuses


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
    files: dict[str, Node] = {PATH: Link("../run/systemd/resolve/stub-resolv.conf"), path: f"[{section}]\n{key}=yes\n"}
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
