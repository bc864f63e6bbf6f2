"""What the user runs at boot is named and never run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest

from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.host import Completed
from azpreflight.model import Confidence, Finding, Severity
from azpreflight.probes import firewall_boot
from tests.support.fakes import Denied, Link, Node
from tests.support.machines.firewall_boot import (
    DROP,
    FLOWS,
    RUN,
    answer,
    at,
    facts_of,
    findings,
    machine,
    reasons,
    saved,
    statuses,
    wanted,
)

HOOKS: Mapping[str, tuple[Mapping[str, Node], list[tuple[str, tuple[str, ...], tuple[str, ...]]]]] = {
    "interfaces": (
        {"/etc/network/interfaces": "auto eth0\niface eth0 inet dhcp\n  pre-up iptables-restore < /etc/fw\n# up nft\n"},
        [("/etc/network/interfaces", ("iptables-restore",), ("/etc/fw",))],
    ),
    "cron": (
        {"/etc/cron.d/fw": "* * * * * root nft list ruleset\n@reboot root /usr/sbin/ipset restore -exist -f /etc/fw\n"},
        [("/etc/cron.d/fw", ("ipset",), ("/etc/fw",))],
    ),
    "a crontab of root's": (
        {"/var/spool/cron/crontabs/root": "@reboot iptables-restore /etc/fw\n"},
        [("/var/spool/cron/crontabs/root", ("iptables-restore",), ("/etc/fw",))],
    ),
    "a crontab of somebody who may load no rules": (
        {"/var/spool/cron/crontabs/nobody": "@reboot iptables-restore /etc/fw\n"},
        [],
    ),
    "dhclient": (
        {"/etc/dhcp/dhclient-exit-hooks.d/fw": "if true; then iptables -A OUTPUT -j DROP; fi\n"},
        [("/etc/dhcp/dhclient-exit-hooks.d/fw", ("iptables",), ())],
    ),
    "cloud-init": (
        {"/etc/cloud/cloud.cfg.d/90.cfg": "bootcmd:\n - [ firewall-cmd, --reload ]\n - ufw enable\n"},
        [("/etc/cloud/cloud.cfg.d/90.cfg", ("firewall-cmd", "ufw"), ())],
    ),
    "a script that is not executable": ({"/etc/rc.local": "iptables -P OUTPUT DROP\n"}, []),
    "a comment": ({"/etc/dhcp/dhclient-exit-hooks": "# iptables is not used here\necho nftables\n"}, []),
    "a unit that calls a script": (
        {
            "/etc/systemd/system/own.service": "[Service]\nExecStart=/bin/sh -c '/usr/local/sbin/fw start'\n"
            "ExecStartPost=-/usr/local/sbin/fw again\n",
            "/etc/systemd/system/multi-user.target.wants/own.service": Link("../own.service"),
            "/usr/local/sbin/fw": "#!/bin/sh\nexec /sbin/nft -f /etc/fw\n",
        },
        [("/usr/local/sbin/fw", ("nft",), ("/etc/fw",))],
    ),
    "a unit that nobody wants": ({"/etc/systemd/system/own.service": "[Service]\nExecStart=/sbin/iptables -F\n"}, []),
}


@pytest.mark.parametrize("case", HOOKS)
def test_what_the_user_runs_at_boot_is_named(case: str) -> None:
    files, expected = HOOKS[case]
    facts = facts_of(machine(files={"/etc/fw": "# rules\n", **files}))
    assert [(hook.path, hook.words, hook.files) for hook in facts.hooks] == expected
    assert len(facts.boots) == 1 + any(files for _, _, files in expected)


@pytest.mark.parametrize(
    "files",
    [
        {"/etc/crontab": Denied()},
        {"/etc/cloud/cloud.cfg": Denied()},
        {"/etc/dhcp/dhclient-exit-hooks": "# and more\n" * 100_000},
        {
            "/etc/systemd/system/own.service": "# and more\n" * 100_000,
            "/etc/systemd/system/multi-user.target.wants/own.service": Link("../own.service"),
        },
    ],
)
def test_what_cannot_be_read_is_not_taken_for_harmless(files: Mapping[str, Node]) -> None:
    """Closed to this user, or larger than is read: it may load rules."""
    host = machine(files=files)
    (path, *_) = files
    assert [reason for reason in facts_of(host).unread if path in reason] != []
    assert statuses(host)["firewall-boot-flows"] == "unknown"
    assert facts_of(machine()).unread == ()


def test_a_hook_is_a_note_and_what_its_file_stops_is_likely() -> None:
    files: Mapping[str, Node] = {"/etc/crontab": "@reboot root iptables-restore /etc/fw\n", "/etc/fw": saved(DROP)}
    host = machine(files=files, flows={FLOWS[0]: at(1)})
    (note,) = findings(host)["firewall-boot-load"]
    assert (note.severity, note.flow) == (Severity.NOTE, None)
    assert note.message == (
        "/etc/crontab is run at boot and speaks of iptables-restore; it cannot be rehearsed, except /etc/fw"
    )
    both = facts_of(host)
    allowed = tuple(replace(one, outcome=Decided.ALLOWED, decider=None) for one in both.boots[0].flows)
    first = replace(both.boots[0], flows=allowed)
    (by_hook,) = firewall_boot.checks.judge_flows(replace(both, boots=(first, both.boots[1])), RUN)
    (anyway,) = firewall_boot.checks.judge_flows(both, RUN)
    assert isinstance(by_hook, Finding) and isinstance(anyway, Finding)
    assert (by_hook.confidence, anyway.confidence) == (Confidence.LIKELY, Confidence.CERTAIN)
    assert by_hook.confidence_reason == "/etc/crontab names the file; whether it loads it has not been tried"


def test_firewalld_that_does_not_start_in_the_rehearsal_is_no_all_clear() -> None:
    unit = "/lib/systemd/system/firewalld.service"
    policy = '<policy target="DROP"><ingress-zone name="HOST"/><egress-zone name="ANY"/></policy>'
    files: Mapping[str, Node] = {unit: "[Service]\nExecStart=/usr/sbin/firewalld\n", **wanted(unit)}
    files = {**files, "/etc/firewalld/policies/guard.xml": policy}
    failed = {"name": "dbus-send", "status": 1, "output": "ServiceUnknown", "service": "firewalld"}
    host = machine(files=files, worker=answer({}, "", {}, loads=[failed]))
    without = facts_of(host)
    assert [service.reason for service in without.services if service.name == "firewalld"] == [
        "it makes rules for what the machine itself sends, from /etc/firewalld/policies/guard.xml,"
        " and there is no dbus-daemon to start it with"
    ]
    bus: dict[tuple[str, ...], Completed] = {
        ("dbus-daemon",): Completed(0, "", ""),
        ("dbus-send",): Completed(0, "", ""),
    }
    for tried in (host, replace(host, programs={**host.programs, **bus})):
        assert statuses(tried)["firewall-boot-flows"] == "unknown"
    assert "could not be started in the rehearsal" in reasons(tried)["firewall-boot-flows"]


MORE_COMMANDS: Mapping[str, Mapping[str, Node]] = {
    "of ufw": {
        "/lib/systemd/system/ufw.service": "[Service]\nExecStart=/lib/ufw/ufw-init start quiet\n",
        "/etc/systemd/system/ufw.service.d/own.conf": "[Service]\nExecStartPost=/usr/sbin/iptables -I OUTPUT -j DROP\n",
        "/etc/ufw/ufw.conf": "ENABLED=yes\n",
        **wanted("/lib/systemd/system/ufw.service"),
    },
    "of netfilter-persistent": {
        "/etc/systemd/system/netfilter-persistent.service.d/own.conf": "[Service]\nExecStartPost=/sbin/iptables -F\n"
    },
}


@pytest.mark.parametrize("case", MORE_COMMANDS)
def test_what_a_drop_in_adds_to_a_service_is_a_hook_and_never_run(case: str) -> None:
    host = machine(files=MORE_COMMANDS[case])
    assert [hook.words for hook in facts_of(host).hooks] == [("iptables",)]
    assert {command[0] for command in host.asked} <= {sys.executable, "nft"}
