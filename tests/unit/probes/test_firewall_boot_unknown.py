"""Saved rules that cannot be read, run or understood are no all-clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from azpreflight.firewall import broker
from azpreflight.firewall.boot import nftfile, rehearsal
from azpreflight.firewall.boot.load_plan import Reader, lines_of
from azpreflight.firewall.rules import MANY
from azpreflight.model import Confidence
from tests.support.fakes import Denied, FakeHost, Link, Node
from tests.support.machines.firewall_boot import (
    BLOCKED,
    BOTH,
    BROKEN,
    DROP,
    FLOWS,
    HEALTHY,
    RULES,
    RUN,
    WORKER,
    answer,
    at,
    facts_of,
    findings,
    machine,
    reasons,
    statuses,
    wanted,
)

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
