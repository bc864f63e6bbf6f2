"""The rules of the next boot, judged on what files and a rehearsal said; they are really loaded in tests/netns."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest

from azpreflight.firewall import broker
from azpreflight.firewall import rehearsal as live_rehearsal
from azpreflight.firewall.boot import nftfile, rehearsal
from azpreflight.firewall.boot.facts import SavedRulesFacts
from azpreflight.firewall.boot.load_plan import Reader, lines_of
from azpreflight.firewall.facts import Outcome as Decided
from azpreflight.firewall.rules import MANY
from azpreflight.host import Completed, Interface, Outcome, Route
from azpreflight.model import Confidence, Finding, Report, Run, Severity, Stage, codec
from azpreflight.probes import firewall, firewall_boot
from azpreflight.probes.firewall.flows import ANYWHERE
from tests.support.fakes import Denied, FakeHost, Link, Node
from tests.support.judging import judged
from tests.unit.probes.test_firewall import ANSWERED, event, lost

WIRE, IMDS = "168.63.129.16", "169.254.169.254"
RUN = Run()
FLOWS = (
    f"tcp {WIRE}:80",
    f"tcp {WIRE}:32526",
    f"tcp {IMDS}:80",
    f"udp {WIRE}:53",
    f"tcp {WIRE}:53",
    f"tcp {ANYWHERE}:443",
    f"tcp {ANYWHERE}:80",
    f"udp {WIRE}:67",
)
"""What is tried on the machine below, in order; after them three flows of nobody's."""
PERSISTENT = "/lib/systemd/system/netfilter-persistent.service"
NFTABLES = "/lib/systemd/system/nftables.service"
RULES = "/etc/iptables/rules.v4"
WORKER = (sys.executable, *rehearsal.PYTHON)
NFT_SAVE, NFT_LIST = "iptables-nft-save", ("nft", "-n", "list", "chains")
DROP = f"-A OUTPUT -d {WIRE}/32 -p tcp -m tcp --dport 80 -j DROP"
UNITS: Mapping[str, Node] = {
    PERSISTENT: "[Unit]\nDefaultDependencies=no\nBefore=network-pre.target\n"
    "[Service]\nExecStart=/usr/sbin/netfilter-persistent start\n",
    NFTABLES: "[Unit]\nDefaultDependencies=no\nBefore=network-pre.target\n"
    "[Service]\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n",
    "/usr/share/netfilter-persistent/plugins.d/15-ip4tables": "#!/bin/sh\n",
    "/usr/sbin/iptables-restore": Link("xtables-nft-multi"),
    "/usr/sbin/iptables": Link("xtables-nft-multi"),
}


def wanted(*paths: str) -> dict[str, Node]:
    """The links that enable these units."""
    return {f"/etc/systemd/system/multi-user.target.wants/{path.rpartition('/')[2]}": Link(path) for path in paths}


def saved(*rules: str, policy: str = "ACCEPT") -> str:
    """A file of rules, of which the first stands in line 4."""
    return "\n".join(["*filter", ":INPUT ACCEPT [0:0]", f":OUTPUT {policy} [0:0]", *rules, "COMMIT", ""])


def answer(flows: Mapping[str, Mapping[str, Any]], text: str, errors: Mapping[str, str], **more: Any) -> Completed:
    """What the worker says: these flows met something, all others were answered, and this is what was loaded."""
    seen = [flows.get(flow, ANSWERED) for flow in (*FLOWS, "", "", "")]
    loads = [{"name": tool, "status": 1, "output": words, "service": ""} for tool, words in errors.items()]
    reads = [{"name": "nft ip", "status": 0, "text": text}]
    said = {"loads": loads, "reads": reads, "trace_error": None, "trace_lost": False, "modules": [], "flows": seen}
    return Completed(0, json.dumps({**said, **more}), "")


def machine(
    *rules: str,
    policy: str = "ACCEPT",
    flows: Mapping[str, Mapping[str, Any]] = {},
    errors: Mapping[str, str] = {},
    worker: Optional[Completed] = None,
    files: Mapping[str, Node] = {},
    live: tuple[str, ...] = (),
    **more: Any,
) -> FakeHost:
    """A machine with these rules saved for netfilter-persistent, and these live."""
    text = saved(*rules, policy=policy)
    chains = (
        "table ip filter {\n\tchain OUTPUT {\n\t\ttype filter hook output priority filter; policy accept;\n\t}\n}\n"
    )
    addresses = (WIRE, IMDS, ANYWHERE)
    return FakeHost(
        files={**UNITS, **wanted(PERSISTENT), RULES: text, "/etc/resolv.conf": f"nameserver {WIRE}\n", **files},
        programs={
            WORKER: worker or answer(flows, text, errors),
            ("iptables-restore",): Completed(0, "", ""),
            ("nft",): Completed(0, "", ""),
            NFT_LIST: Completed(0, chains if live else "", ""),
            (NFT_SAVE,): Completed(0, "", ""),
            (NFT_SAVE, "-c"): Completed(0, saved(*(f"[1:60] {rule}" for rule in live)), ""),
        },
        interface_list=(Interface("eth0", True, "00:0d:3a:12:34:56", 1500, ("10.0.0.4/24",)),),
        routes={address: Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4") for address in addresses},
        **more,
    )


def at(rule: int, chain: str = "OUTPUT", direction: str = "request") -> dict[str, Any]:
    """A flow that was taken by this rule, or the policy."""
    where = event("filter", chain, rule, "nft", verdict="drop")
    return {**lost(where, direction), direction: {"taken": where, "events": [where]}}


HEALTHY = machine("-A OUTPUT -o lo -j ACCEPT", live=("-A OUTPUT -o lo -j ACCEPT",))
BLOCKED = machine(DROP, flows={FLOWS[0]: at(1)}, live=(DROP,))
BROKEN = {
    "firewall-boot-load": machine(errors={"iptables-restore": "iptables-restore: line 4 failed"}),
    "firewall-boot-flows": BLOCKED,
    "firewall-boot-change": machine(DROP, live=("-A OUTPUT -o lo -j ACCEPT", "-A OUTPUT -j ACCEPT")),
}


def report(host: FakeHost, run: Run = RUN) -> Report:
    bare = replace(firewall_boot.PROBE, needs=())
    return judged(host, run, replace(firewall.PROBE, needs=()), bare)


def findings(host: FakeHost, run: Run = RUN) -> dict[str, tuple[Finding, ...]]:
    results = report(host, run).results
    return {result.check: result.findings for result in results if result.probe == "firewall_boot" and result.findings}


def statuses(host: FakeHost, run: Run = RUN) -> dict[str, str]:
    results = report(host, run).results
    return {result.check: result.status.value for result in results if result.probe == "firewall_boot"}


def reasons(host: FakeHost, run: Run = RUN) -> dict[str, str]:
    return {result.check: result.reason or "" for result in report(host, run).results}


def facts_of(host: FakeHost, run: Run = RUN) -> SavedRulesFacts:
    facts = report(host, run).facts["firewall_boot"]
    assert isinstance(facts, SavedRulesFacts)
    return facts


def test_healthy_rules_are_no_fault() -> None:
    assert set(statuses(HEALTHY).values()) == {"pass"}


def test_a_machine_that_saves_nothing_is_well() -> None:
    assert set(statuses(FakeHost(interface_list=HEALTHY.interface_list, routes=HEALTHY.routes)).values()) == {"pass"}


def test_facts_survive_json() -> None:
    facts = facts_of(BLOCKED)
    assert codec.decode(SavedRulesFacts, codec.encode(facts)) == facts


def test_a_finding_names_the_file_and_the_line() -> None:
    (finding,) = findings(BLOCKED)["firewall-boot-flows"]
    assert finding.message == (
        f"rule 1 of OUTPUT (nft filter) in {RULES} line 4 will drop tcp {WIRE}:80 from the next boot on"
    )
    assert finding.commands == (f"sed -i 4d {RULES}",)
    assert (finding.severity, finding.confidence, finding.flow) == (Severity.ERROR, Confidence.CERTAIN, FLOWS[0])
    assert (finding.evidence["file"], finding.evidence["order"]) == (f"{RULES}:4", "netfilter-persistent")


def test_at_first_boot_it_is_for_information() -> None:
    """The live rules decide then, and no failure is explained by saved ones."""
    (finding,) = findings(BLOCKED, replace(RUN, stage=Stage.FIRSTBOOT))["firewall-boot-flows"]
    assert (finding.severity, finding.flow) == (Severity.NOTE, None)


def test_what_stands_before_a_policy_is_put_into_the_file() -> None:
    (finding,) = findings(machine(policy="DROP", flows={FLOWS[0]: at(0)}))["firewall-boot-flows"]
    assert finding.message.startswith(f"the policy of OUTPUT (nft filter) in {RULES} line 3 will drop")
    assert finding.commands == (f"sed -i '4i -A OUTPUT -d {WIRE} -p tcp --dport 80 -j ACCEPT' {RULES}",)


def test_a_live_rule_that_is_saved_too_is_a_symptom_and_one_that_is_not_a_note() -> None:
    live = at(1)
    for host, status in ((BLOCKED, ("firewall-boot-flows",)), (machine(live=(DROP,)), ())):
        worker = (sys.executable, *live_rehearsal.PYTHON)
        seen = json.dumps({**json.loads(answer({FLOWS[0]: live}, "", {}).stdout)})
        both = replace(host, programs={**host.programs, worker: Completed(0, seen, "")})
        result = next(one for one in report(both).results if one.check == "firewall-wireserver")
        assert result.because_of == status
        if not status:
            assert [finding.severity for finding in result.findings] == [Severity.NOTE]
            assert result.findings[0].confidence_reason.startswith("these rules are live now, and the next boot")


# --- what is started, and when ------------------------------------------------------------------------------------

NOT_STARTED: Mapping[str, FakeHost] = {
    "disabled": replace(BLOCKED, files={**UNITS, RULES: saved(DROP)}),
    "masked": replace(
        BLOCKED, files={**BLOCKED.files, "/etc/systemd/system/netfilter-persistent.service": Link("/dev/null")}
    ),
    "condition": replace(BLOCKED, files={**BLOCKED.files, PERSISTENT: "[Unit]\nConditionPathExists=/nowhere\n"}),
    "no file": replace(BLOCKED, files={**UNITS, **wanted(PERSISTENT)}),
    "no plugin": replace(BLOCKED, files={path: node for path, node in BLOCKED.files.items() if "plugins" not in path}),
}


@pytest.mark.parametrize("case", NOT_STARTED)
def test_a_service_that_does_not_start_loads_nothing(case: str) -> None:
    facts = facts_of(NOT_STARTED[case])
    assert facts.boots == ()
    assert [service.runs for service in facts.services if service.name == "netfilter-persistent"] == [False]


BOTH: Mapping[str, Node] = {**wanted(NFTABLES), "/etc/nftables.conf": "flush ruleset\n"}


def test_where_nothing_says_which_comes_first_both_orders_are_rehearsed() -> None:
    host = machine(DROP, flows={FLOWS[0]: at(1)}, files=BOTH)
    orders = [boot.order for boot in facts_of(host).boots]
    assert orders == [("netfilter-persistent", "nftables"), ("nftables", "netfilter-persistent")]


@pytest.mark.parametrize(
    ("setting", "orders"),
    [
        ("Before=nftables.service", [("netfilter-persistent", "nftables")]),
        ("After=nftables.service", [("nftables", "netfilter-persistent")]),
        ("After=network-pre.target", [("nftables", "netfilter-persistent")]),
        ("Conflicts=nftables.service", [("nftables",), ("netfilter-persistent",)]),
        ("DefaultDependencies=yes\n", None),
    ],
)
def test_the_order_of_units_is_that_of_their_files(setting: str, orders: Optional[list[tuple[str, ...]]]) -> None:
    unit = f"[Unit]\nDefaultDependencies=no\n{setting}\n[Service]\nExecStart=/usr/sbin/netfilter-persistent start\n"
    found = facts_of(machine(DROP, files={**BOTH, PERSISTENT: unit}))
    if orders is None:
        assert len(found.boots) == 2
    else:
        assert [boot.order for boot in found.boots] == orders


def test_a_block_in_one_order_alone_is_a_possibility() -> None:
    both = facts_of(machine(DROP, flows={FLOWS[0]: at(1)}, files=BOTH))
    allowed = tuple(replace(one, outcome=Decided.ALLOWED, decider=None) for one in both.boots[1].flows)
    facts = replace(both, boots=(both.boots[0], replace(both.boots[1], flows=allowed)))
    (finding,) = firewall_boot.checks.judge_flows(facts, RUN)
    assert isinstance(finding, Finding)
    assert finding.confidence is Confidence.POSSIBLE
    assert "which of netfilter-persistent and nftables the boot starts first" in finding.confidence_reason


# --- severity -----------------------------------------------------------------------------------------------------

SEVERITIES = {
    (0,): [Severity.ERROR],
    (2,): [Severity.WARNING],
    (3,): [Severity.ERROR],
    (4,): [Severity.WARNING],
    (5,): [Severity.WARNING],
    (6,): [Severity.NOTE],
    (7,): [Severity.WARNING],
    (1, 5): [Severity.ERROR, Severity.ERROR],
}


@pytest.mark.parametrize("numbers", SEVERITIES)
def test_severity_is_by_consequence(numbers: tuple[int, ...]) -> None:
    host = machine("-A OUTPUT -j DROP", flows={FLOWS[number]: at(1) for number in numbers})
    assert [finding.severity for finding in findings(host)["firewall-boot-flows"]] == SEVERITIES[numbers]


# --- could not look -----------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_no_all_clear() -> None:
    host = machine(DROP, files={RULES: Denied(), **BOTH})
    assert statuses(host) == dict.fromkeys(BROKEN, "unknown")
    assert "Permission denied" in reasons(host)["firewall-boot-flows"]


def test_without_a_rehearsal_the_text_is_asked() -> None:
    worker = answer({}, "", {}, invalid="PermissionError: Operation not permitted")
    (finding,) = findings(machine(DROP, worker=worker))["firewall-boot-flows"]
    assert finding.message.startswith(f"rule 1 of OUTPUT (nft filter) in {RULES} line 4 will drop")
    assert finding.confidence is Confidence.LIKELY
    assert statuses(machine(worker=worker))["firewall-boot-flows"] == "pass"
    unclear = machine("-A OUTPUT -m geoip --destination-country US -j DROP", worker=worker)
    assert "Operation not permitted" in reasons(unclear)["firewall-boot-flows"]


def test_where_no_namespace_may_be_made_no_loader_is_asked_for() -> None:
    """They are programs of the machine's own, which a service that takes rules alone does not run."""
    confined = machine(DROP, files={broker.STATUS: "CapEff:\t0000000000003004\n"}, services={broker.SOCKET: b"{}"})
    (boot,) = facts_of(confined).boots
    assert (boot.rehearsal.error, confined.sent, WORKER in confined.asked) == (rehearsal.NOT_HERE, [], False)
    assert {found.rehearsed for found in boot.flows} == {False}
    (finding,) = findings(confined)["firewall-boot-flows"]
    assert finding.confidence is Confidence.LIKELY


def test_a_module_that_is_not_loaded_now_may_be_there_at_boot() -> None:
    errors = {
        "iptables-restore": "can't initialize iptables table `filter': Table does not exist (do you need to insmod?)"
    }
    host = machine(DROP, errors=errors)
    assert statuses(host)["firewall-boot-flows"] == "unknown"
    assert "a kernel module that is not loaded now" in reasons(host)["firewall-boot-flows"]


# --- a mounted image ----------------------------------------------------------------------------------------------


def test_of_an_image_nothing_is_run() -> None:
    """The running system's tools load the text of its files, those for the tables that the image's own would fill."""
    around = replace(
        machine(DROP, flows={FLOWS[0]: at(1)}), files={"/usr/sbin/iptables-restore": Link("xtables-nft-multi")}
    )
    image = FakeHost(files=BLOCKED.files, root="/mnt", around=around)
    run = replace(RUN, root="/mnt")
    (finding,) = findings(image, run)["firewall-boot-flows"]
    assert (finding.evidence["file"], finding.confidence) == (f"{RULES}:4", Confidence.CERTAIN)
    assert image.asked == []
    assert statuses(image, run)["firewall-boot-change"] == "notapplicable"


def test_what_this_machines_tools_cannot_load_of_an_image_is_unknown() -> None:
    around = machine(errors={"iptables-restore": "line 4 failed"})
    image = FakeHost(files=machine(DROP).files, root="/mnt", around=around)
    assert statuses(image, replace(RUN, root="/mnt")) == {
        "firewall-boot-load": "unknown",
        "firewall-boot-flows": "unknown",
        "firewall-boot-change": "notapplicable",
    }


# --- hooks --------------------------------------------------------------------------------------------------------

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
    bus = {("dbus-daemon",): Completed(0, "", ""), ("dbus-send",): Completed(0, "", "")}
    for tried in (host, replace(host, programs={**host.programs, **bus})):
        assert statuses(tried)["firewall-boot-flows"] == "unknown"
    assert "could not be started in the rehearsal" in reasons(tried)["firewall-boot-flows"]


# --- what is not understood ---------------------------------------------------------------------------------------


def test_a_front_end_that_is_not_understood_is_no_all_clear() -> None:
    unit = "/usr/lib/systemd/system/shorewall.service"
    host = machine(files={unit: "[Service]\nExecStart=/usr/sbin/shorewall start\n", **wanted(unit)})
    assert statuses(host)["firewall-boot-flows"] == "unknown"
    assert reasons(host)["firewall-boot-load"] == (
        "shorewall: it makes its rules itself, from settings that are not understood here"
    )


def test_the_agents_own_service_is_listed_and_never_in_the_way() -> None:
    unit = "/lib/systemd/system/waagent-network-setup.service"
    script = "/var/lib/waagent/waagent-network-setup.py"
    files: Mapping[str, Node] = {unit: f"[Service]\nExecStart=/usr/bin/python3 {script}\n", **wanted(unit)}
    host = replace(HEALTHY, files={**HEALTHY.files, **files, script: "run(['iptables', '-t', 'security'])\n"})
    facts = facts_of(host)
    assert ("waagent-network-setup", True) in [(service.name, service.runs) for service in facts.services]
    assert (facts.hooks, [boot.order for boot in facts.boots]) == ((), [("netfilter-persistent",)])
    assert set(statuses(host).values()) == {"pass"}


def test_commands_of_the_users_own_in_azure_linuxs_script_are_not_run() -> None:
    unit, script = "/usr/lib/systemd/system/iptables.service", "/etc/systemd/scripts/iptables"
    own = "#!/bin/sh\niptables -P OUTPUT ACCEPT\niptables-restore < /etc/systemd/scripts/ip4save\n"
    own += "iptables -I OUTPUT -j DROP\n"
    files: Mapping[str, Node] = {unit: f"[Service]\nExecStart={script}\n", **wanted(unit), script: own}
    assert (
        "has commands of the user's own in /etc/systemd/scripts/iptables, line 4"
        in (reasons(machine(files=files))["firewall-boot-flows"])
    )


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


def test_an_include_of_an_image_never_names_a_file_of_this_machine() -> None:
    """One on its own line is followed within the image; any other is spoilt, so that the loader refuses it."""
    image = FakeHost(root="/mnt", files={"/etc/nftables/a.nft": "table ip a {}\n"})
    text = 'include "nftables/*.nft"\ninclude "/etc/shadow"\ntable ip b {}; include "/etc/shadow"\n'
    found = [(line.path, line.text) for line in nftfile.included(Reader(image), lines_of("/etc/nftables.conf", text))]
    assert found == [
        ("/etc/nftables/a.nft", "table ip a {}"),
        ("/etc/nftables.conf", 'include "/run/azpreflight/missing/etc/shadow"'),
        ("/etc/nftables.conf", f'table ip b {{}}; {nftfile.NOT_FOLLOWED} "/etc/shadow"'),
    ]


def test_very_many_rules_are_not_worked_out_from_their_text() -> None:
    """It would take longer than a run has."""
    many = (f"-A OUTPUT -d 10.{at_ // 250}.{at_ % 250}.1 -j DROP" for at_ in range(MANY + 1))
    host = machine(*many, worker=answer({}, "", {}, invalid="TimeoutError: late"))
    assert "they are too many" in reasons(host)["firewall-boot-flows"]


def test_files_that_include_one_another_come_to_an_end() -> None:
    every = 'include "/etc/nft/*.nft"\n'
    image = FakeHost(root="/mnt", files={f"/etc/nft/{number}.nft": every for number in range(20)})
    reader = Reader(image)
    assert len(nftfile.included(reader, lines_of("/etc/nftables.conf", every))) < 1000
    assert reader.includes < 2 * nftfile.MAX_INCLUDES


def test_statements_of_nft_begin_where_their_first_word_stands() -> None:
    text = """table inet t { # one
  set s { type ipv4_addr; elements = { 1.2.3.4,
    5.6.7.8 } }
  chain c { type filter hook output priority 0; policy drop; tcp dport {
     80, 443 } accept; ip daddr @s \\
     drop comment "a # { b"
  }
}
add rule inet t c udp dport vmap { 53 : accept }"""
    found = [(one.line.number, one.text, one.context) for one in nftfile.statements(lines_of("f", text))]
    table, chain = ("table inet t",), ("table inet t", "chain c")
    assert found == [
        (1, "table inet t", ()),
        (2, "set s { type ipv4_addr elements = { 1.2.3.4, 5.6.7.8 } }", table),
        (4, "chain c", table),
        (4, "type filter hook output priority 0", chain),
        (4, "policy drop", chain),
        (4, "tcp dport { 80, 443 } accept", chain),
        (5, 'ip daddr @s drop comment "a # { b"', chain),
        (9, "add rule inet t c udp dport vmap { 53 : accept }", ()),
    ]
