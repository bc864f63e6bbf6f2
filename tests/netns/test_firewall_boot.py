"""Rules that are saved for the next boot, really loaded by what loads them there, on a machine and on an image of it.

The services are Debian's own packages. Where a distribution's is not to be had here, its unit and its script are
written down as it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import pytest

from tests.netns import booting
from tests.netns.booting import NFTABLES, PERSISTENT, RULES4, RULES6, WANTS, Files, Machine, words

pytestmark = pytest.mark.root

WIRE, IMDS = "168.63.129.16", "169.254.169.254"
SETTINGS = "/etc/default/netfilter-persistent"
NO_FIREWALLD: Files = {f"{WANTS}/firewalld.service": None}
ENABLE_NFTABLES = (
    "mkdir -p /etc/systemd/system/sysinit.target.wants;"
    " ln -s /lib/systemd/system/nftables.service /etc/systemd/system/sysinit.target.wants/"
)
DISABLE_PERSISTENT = f"rm {WANTS}/netfilter-persistent.service"
LEGACY = "ln -sf /usr/sbin/iptables-legacy-restore /usr/sbin/iptables-restore"
WAYS = {"machine": booting.running, "image": booting.mounted}
ROOT = {
    f"tcp {WIRE}:80",
    f"tcp {WIRE}:32526",
    f"tcp {IMDS}:80",
    f"udp {WIRE}:53",
    f"tcp {WIRE}:53",
    "tcp 203.0.113.1:443",
    "tcp 203.0.113.1:80",
    f"udp {WIRE}:67",
}
Way = Callable[["tuple[str, ...]", Files], AbstractContextManager[Machine]]


def filter_table(*rules: str, policy: str = "ACCEPT") -> str:
    """A table as iptables-save prints it; the first rule stands in line 5."""
    return "\n".join(
        ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", f":OUTPUT {policy} [0:0]", *rules, "COMMIT"]
    )


class Case(NamedTuple):
    """What is saved, and what must be said of each order."""

    files: Files
    expected: Sequence[Mapping[str, str]]
    script: str = "true"
    fixes: bool = True
    """What the findings advise opens the way."""
    errors: Sequence[str] = ()
    """How complaints of the loaders begin."""


DROP = f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80 -j DROP"
BY_DROP = {f"tcp {WIRE}:80": f"blocked by filter OUTPUT 2 at {RULES4}:6"}
GUARD = f"""#!/usr/sbin/nft -f
flush ruleset
define ports = {{ 80,
  32526 }}
include "/etc/nftables.d/*.nft"
table inet guard {{
	set bad {{
		type ipv4_addr
		elements = {{ 192.0.2.1, {IMDS} }}
	}}
	chain out {{
		type filter hook output priority 0; policy accept;
		oif lo accept # not on its way; nowhere
		ip daddr {WIRE} tcp dport {{
			80, 8080 }} drop
		ip daddr @bad reject
	}}
}}
add rule inet guard out udp dport 53 drop"""
OVER_RATE = f"""table inet guard {{
	chain out {{
		type filter hook output priority 0;
		ip daddr {WIRE} tcp dport 80 limit rate over 90/second drop
	}}
}}"""
INCLUDING = """include "/etc/nftables.d/*.nft"
table inet guard {
	chain in { type filter hook input priority 0; }
}"""
INCLUDED = """table inet guard {
	chain out {
		type filter hook output priority 0
		policy drop
	}
}"""
AGENT = (
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 53 -j ACCEPT",
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m owner --uid-owner 0 -j ACCEPT",
    f"-A OUTPUT -d {WIRE}/32 -p tcp -m conntrack --ctstate INVALID,NEW -j DROP",
)
DOCKER = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
COMMIT"""


def security(*rules: str) -> str:
    """waagent's table, as iptables-save has it."""
    return "\n".join(["*security", ":OUTPUT ACCEPT [0:0]", *rules, "COMMIT"])


def own_unit(command: str) -> Files:
    """A unit of the user's own, which ENABLE_OWN enables."""
    unit = f"[Unit]\nAfter=network.target\n[Service]\nType=oneshot\nExecStart={command}\n"
    return {"/etc/systemd/system/rules.service": unit}


ENABLE_OWN = f"ln -s ../rules.service {WANTS}/"
MANGLED = f"*mangle\n:OUTPUT DROP [0:0]\nCOMMIT\n{filter_table('-A OUTPUT -m nosuchmatch -j ACCEPT')}"
AZURE_LINUX = {
    "/etc/systemd/system/iptables.service": "[Unit]\nConditionFileIsExecutable=/etc/systemd/scripts/iptables\n"
    "After=network.target\n[Service]\nType=forking\nExecStart=/etc/systemd/scripts/iptables\n",
    "/etc/systemd/scripts/iptables": "#!/bin/sh\niptables -P INPUT   DROP\niptables -P OUTPUT  DROP\n"
    "ip6tables -P OUTPUT  DROP\niptables -F\niptables-restore < /etc/systemd/scripts/ip4save\n"
    "ip6tables-restore < /etc/systemd/scripts/ip6save\n",
    "/etc/systemd/scripts/ip6save": filter_table(),
}
"""As SPECS/iptables of azurelinux has it, without its settings of the kernel."""
ENABLE_IPTABLES = f"ln -s ../iptables.service {WANTS}/; chmod +x /etc/systemd/scripts/iptables 2>/dev/null || true"
OPEN_AGAIN = "*filter\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n-A INPUT -j ACCEPT\n-A OUTPUT -j ACCEPT\nCOMMIT"
RHEL = {
    "/etc/systemd/system/iptables.service": "[Unit]\nBefore=network-pre.target\nAfter=ipset.service\n"
    "ConditionPathExists=/etc/sysconfig/iptables\n[Service]\nExecStart=/usr/libexec/iptables/iptables.init start\n",
    "/etc/systemd/system/ipset.service": "[Unit]\nBefore=network-pre.target\n[Service]\n"
    "ExecStart=/usr/libexec/ipset/ipset.start-stop start\n",
    "/etc/sysconfig/ipset.d/bad.set": f"create bad hash:ip\nadd bad {IMDS}",
}
CASES = {
    "a rule": Case({RULES4: filter_table("-A OUTPUT -o lo -j ACCEPT", DROP)}, [BY_DROP]),
    "a rule in legacy tables": Case({RULES4: filter_table("-A OUTPUT -o lo -j ACCEPT", DROP)}, [BY_DROP], LEGACY),
    "a policy": Case(
        {RULES4: filter_table("-A OUTPUT -o lo -j ACCEPT", policy="DROP")},
        [dict.fromkeys(ROOT, f"blocked by filter OUTPUT policy at {RULES4}:4")],
    ),
    "a rule for everything": Case(
        {RULES4: filter_table("-A OUTPUT -o lo -j ACCEPT", "-A OUTPUT -j REJECT")},
        [dict.fromkeys(ROOT, f"blocked by filter OUTPUT 2 at {RULES4}:6")],
    ),
    "a rule in a chain of its own, put before others": Case(
        {
            RULES4: filter_table(
                "-N own", "-A own -d 192.0.2.1 -j ACCEPT", f"-I own -d {IMDS} -j DROP", "-A OUTPUT -j own"
            )
        },
        [{f"tcp {IMDS}:80": f"blocked by filter own 1 at {RULES4}:7"}],
    ),
    "a set": Case(
        {
            "/etc/iptables/ipsets": f"create bad hash:ip\nadd bad {IMDS}",
            RULES4: filter_table("-A OUTPUT -m set --match-set bad dst -j DROP"),
        },
        [{f"tcp {IMDS}:80": f"blocked by filter OUTPUT 1 at {RULES4}:5"}],
    ),
    "nothing but healthy rules": Case({RULES4: DOCKER, RULES6: filter_table(policy="DROP")}, [{}]),
    "the agent's own rules": Case({RULES4: security(*AGENT)}, [{}]),
    "the agent's own rules without that for root": Case(
        {RULES4: security(AGENT[0], AGENT[2])},
        [{f"tcp {WIRE}:{port}": f"blocked by security OUTPUT 2 at {RULES4}:4" for port in (80, 32526)}],
    ),
    "nftables": Case(
        {NFTABLES: GUARD},
        [
            {
                f"tcp {WIRE}:80": f"blocked by guard out 2 at {NFTABLES}:14",
                f"tcp {IMDS}:80": f"blocked by guard out 3 at {NFTABLES}:16",
                f"udp {WIRE}:53": f"blocked by guard out 4 at {NFTABLES}:19",
            }
        ],
        f"{ENABLE_NFTABLES}; {DISABLE_PERSISTENT}",
        fixes=False,
    ),
    "nftables, in a file that is included": Case(
        {NFTABLES: INCLUDING, "/etc/nftables.d/1.nft": INCLUDED},
        [dict.fromkeys(ROOT, "blocked by guard out policy at /etc/nftables.d/1.nft:4")],
        f"{ENABLE_NFTABLES}; {DISABLE_PERSISTENT}",
    ),
    "nftables that wipes what came before it": Case(
        {RULES4: filter_table("-A OUTPUT -o lo -j ACCEPT", DROP), NFTABLES: "flush ruleset"},
        [{}, BY_DROP],
        ENABLE_NFTABLES,
    ),
    "nftables that does not wipe legacy tables": Case(
        {RULES4: filter_table("-A OUTPUT -o lo -j ACCEPT", DROP), NFTABLES: "flush ruleset"},
        [BY_DROP, BY_DROP],
        f"{ENABLE_NFTABLES}; {LEGACY}",
    ),
    "a unit of the user's own": Case(
        {**own_unit("/sbin/iptables-restore -n /etc/my.rules"), "/etc/my.rules": filter_table(DROP)},
        [{f"tcp {WIRE}:80": "blocked by filter OUTPUT 1 at /etc/my.rules:5"}],
        ENABLE_OWN,
    ),
    "Azure Linux": Case({**AZURE_LINUX, "/etc/systemd/scripts/ip4save": OPEN_AGAIN}, [{}], ENABLE_IPTABLES),
    "Azure Linux, with a rule": Case(
        {**AZURE_LINUX, "/etc/systemd/scripts/ip4save": filter_table(DROP)},
        [{f"tcp {WIRE}:80": "blocked by filter OUTPUT 1 at /etc/systemd/scripts/ip4save:5"}],
        ENABLE_IPTABLES,
    ),
    "iptables-services of RHEL, with a set": Case(
        {**RHEL, "/etc/sysconfig/iptables": filter_table("-A OUTPUT -m set --match-set bad dst -j DROP")},
        [{f"tcp {IMDS}:80": "blocked by filter OUTPUT 1 at /etc/sysconfig/iptables:5"}],
        f"{ENABLE_IPTABLES}; ln -s ../ipset.service {WANTS}/; {DISABLE_PERSISTENT}",
    ),
    "a rate that is not used up yet": Case(
        {NFTABLES: OVER_RATE},
        [{f"tcp {WIRE}:80": f"probabilistic by guard out 1 at {NFTABLES}:4"}],
        f"{ENABLE_NFTABLES}; {DISABLE_PERSISTENT}",
        fixes=False,
    ),
    "a service that is disabled": Case({RULES4: filter_table(DROP)}, [], DISABLE_PERSISTENT),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_what_the_next_boot_loads(name: str, way: str) -> None:
    case = CASES[name]
    with WAYS[way](PERSISTENT, {**NO_FIREWALLD, **case.files}) as machine:
        machine.shell(case.script)
        facts = machine.look()
        assert [boot.rehearsal.error for boot in facts.boots] == [None] * len(case.expected)
        assert [error for boot in facts.boots for error in boot.rehearsal.load_errors] == []
        assert words(facts) == list(case.expected)
        if case.fixes:
            assert words(booting.mended(machine, facts)) == [{}] * len(case.expected)


@pytest.mark.parametrize("legacy", [False, True], ids=["nft", "legacy"])
def test_a_file_with_an_error_loads_by_halves(legacy: bool) -> None:
    """What came before the error stays, and is tried; a test beforehand keeps all of it out."""
    with booting.running(PERSISTENT, {**NO_FIREWALLD, RULES4: MANGLED}) as machine:
        machine.shell(LEGACY if legacy else "true")
        tested = machine.look()
        machine.shell(f"sed -i /TEST_RULESET/d {SETTINGS}")
        untested = machine.look()
    assert words(tested) == [{}]
    assert words(untested) == [dict.fromkeys(ROOT, f"blocked by mangle OUTPUT policy at {RULES4}:2")]
    for facts in (tested, untested):
        (error,) = facts.boots[0].rehearsal.load_errors
        assert error.startswith("iptables-restore ended with") and "nosuchmatch" in error


def test_of_an_image_with_an_error_nothing_is_claimed_to_pass() -> None:
    """Its own tools may load what those of this machine do not."""
    with booting.mounted(PERSISTENT, {**NO_FIREWALLD, RULES4: MANGLED}) as machine:
        machine.shell(f"sed -i /TEST_RULESET/d {SETTINGS}")
        facts = machine.look()
    assert {one.outcome.value for one in facts.boots[0].flows if one.flow.uid == 0} == {"blocked"}


def test_a_bad_file_of_azure_linux_leaves_the_machine_closed() -> None:
    """Its script has set the policies to DROP by then."""
    files = {**AZURE_LINUX, "/etc/systemd/scripts/ip4save": filter_table("-A OUTPUT -m nosuchmatch -j ACCEPT")}
    with booting.running(PERSISTENT, {**NO_FIREWALLD, **files}) as machine:
        machine.shell(ENABLE_IPTABLES)
        facts = machine.look()
    assert words(facts) == [dict.fromkeys(ROOT, "blocked by filter OUTPUT policy at /etc/systemd/scripts/iptables:3")]
    assert "nosuchmatch" in facts.boots[0].rehearsal.load_errors[0]


HOOK = f"""#!/bin/sh
touch /executed
iptables -I OUTPUT -d {WIRE} -j DROP
/sbin/iptables-restore -n < /etc/my.rules
nft -f /etc/my.nft
"""


@pytest.mark.parametrize("way", WAYS)
def test_hooks_are_not_executed_and_the_files_that_they_name_are_rehearsed(way: str) -> None:
    files = {
        "/etc/rc.local": HOOK,
        "/etc/my.rules": filter_table(f"-A OUTPUT -d {IMDS} -j DROP"),
        "/etc/my.nft": "add table inet own\nadd chain inet own o { type filter hook output priority 1; }\n"
        "add rule inet own o udp dport 67 drop",
        RULES4: filter_table(),
    }
    with WAYS[way](PERSISTENT, {**NO_FIREWALLD, **files}) as machine:
        machine.shell("chmod +x /etc/rc.local")
        facts = machine.look()
        machine.shell("test ! -e /executed")
    assert [(hook.path, hook.words, hook.files) for hook in facts.hooks] == [
        ("/etc/rc.local", ("iptables", "iptables-restore", "nft"), ("/etc/my.rules", "/etc/my.nft"))
    ]
    assert [boot.order for boot in facts.boots] == [
        ("netfilter-persistent",),
        ("netfilter-persistent", "/etc/rc.local"),
    ]
    assert words(facts) == [
        {},
        {
            f"tcp {IMDS}:80": "blocked by filter OUTPUT 1 at /etc/my.rules:5",
            f"udp {WIRE}:67": "blocked by own o 1 at /etc/my.nft:3",
        },
    ]
