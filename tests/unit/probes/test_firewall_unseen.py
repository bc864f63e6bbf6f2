"""What filters packets beside the rules, where no rehearsal sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

import pytest

from azpreflight.host import LinkFilter
from azpreflight.model import Severity
from azpreflight.probes import agents, dns, firewall, network, platform
from tests.support.fakes import Denied, Link, Node
from tests.support.judging import judged
from tests.support.machines.firewall import BY_FIRST, DROP_ALL, FLOWS, PROXY, RUN, findings, machine, statuses

UNIT = "/lib/systemd/system/walinuxagent.service"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({UNIT: "[Service]\nIPAddressDeny=any\n"}, "keeps it from 168.63.129.16 and 169.254.169.254"),
        ({UNIT: "[Service]\nIPAddressDeny=168.63.129.0/24\n"}, "keeps it from 168.63.129.16, whatever"),
        ({UNIT: "[Service]\nIPAddressDeny=link-local\n"}, "keeps it from 169.254.169.254, whatever"),
        ({UNIT: "[Service]\nPrivateNetwork=yes\n"}, "has PrivateNetwork=yes: systemd keeps it from 168.63.129.16"),
        (
            {UNIT: "", "/etc/systemd/system/azure.slice": "[Slice]\nIPAddressDeny=any\n"},
            "walinuxagent.service has IPAddressDeny=any: systemd keeps it",
        ),
        (
            {UNIT: "", "/etc/systemd/system/service.d/all.conf": "[Service]\nIPAddressDeny=any\n"},
            "walinuxagent.service has IPAddressDeny=any: systemd keeps it",
        ),
        (
            {UNIT: "[Service]\nIPAddressDeny=any\nIPAddressAllow=168.63.129.16 169.254.0.0/16\n"},
            "systemd filters its packets too",
        ),
        (
            {UNIT: "[Service]\nIPEgressFilterPath=/sys/fs/bpf/x\n"},
            "has IPEgressFilterPath=/sys/fs/bpf/x: systemd filters",
        ),
        ({UNIT: "[Service]\nIPAddressDeny=rubbish any\nIPAddressDeny=\n"}, None),
        ({UNIT: "[Service]\n#IPAddressDeny=any\n"}, None),
        ({"/lib/systemd/system/other.service": "[Service]\nIPAddressDeny=any\n"}, None),
    ],
)
def test_what_systemd_filters_of_an_agents_packets(files: dict[str, Node], message: Optional[str]) -> None:
    """An address on both lists is allowed; slices count for what is in them; an empty value clears a list."""
    said = [found.message for found in findings(machine(files=files)).get("firewall-limits", ())]
    assert [message] * bool(message) == [message for one in said if message and message in one]
    assert bool(said) is bool(message)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("-A OUTPUT -m cgroup --path system.slice/x.service -j DROP", "control group"),
        ("-A OUTPUT -p tcp -j NFQUEUE --queue-num 3", "reads a queue"),
        ('-A OUTPUT -m bpf --bytecode "1,6 0 0 1" -j DROP', "packets carry"),
        ("-A OUTPUT -p tcp -m string --algo bm --string goalstate -j DROP", "packets carry"),
        ("-A INPUT -p tcp -m ttl --ttl-lt 60 -j DROP", "how far they came"),
    ],
)
def test_rules_that_no_rehearsal_copies_are_told(rule: str, word: str) -> None:
    (found,) = findings(machine(rule))["firewall-limits"]
    assert word in found.message
    assert found.severity is Severity.NOTE


def test_what_is_attached_to_interfaces_is_told() -> None:
    links = (LinkFilter("eth0", "ingress", "XDP"), LinkFilter("eth0", "egress", "tc bpf"))
    (found,) = findings(replace(machine(), links=links))["firewall-limits"]
    assert "eth0 (XDP, ingress) and eth0 (tc bpf, egress)" in found.message
    assert found.severity is Severity.NOTE
    assert found.commands == ("ip -d link show dev eth0", "tc filter show dev eth0 egress")
    assert "firewall-limits" not in findings(machine())


def test_an_interface_may_have_a_name_that_a_shell_would_run() -> None:
    """The kernel forbids little more than slashes and spaces in it."""
    links = (LinkFilter("a;reboot", "ingress", "XDP"), LinkFilter("$(reboot)", "ingress", "tc bpf"))
    (found,) = findings(replace(machine(), links=links))["firewall-limits"]
    assert found.commands == ("ip -d link show dev 'a;reboot'", "tc filter show dev '$(reboot)' ingress")


def test_interfaces_that_the_kernel_does_not_tell_of_are_unknown() -> None:
    host = replace(machine(), links=Denied("Operation not permitted"))
    assert statuses(host)["firewall-limits"] == "unknown"


def test_programs_that_change_rules_are_told_by_their_chains_and_services() -> None:
    wants = "/etc/systemd/system/multi-user.target.wants/fail2ban.service"
    files: Mapping[str, Node] = {
        "/lib/systemd/system/fail2ban.service": "[Service]\n",
        wants: Link("/lib/systemd/system/fail2ban.service"),
        "/lib/systemd/system/docker.service": "[Service]\n",
    }
    (found,) = findings(machine("-A KUBE-SERVICES -j RETURN", files=files))["firewall-limits"]
    assert found.evidence == {"programs": "fail2ban, kube-proxy"}


AZURE_INIT_UNIT = "/lib/systemd/system/azure-init.service"
AZURE_INIT: dict[str, Node] = {
    "/lib/systemd/systemd": "",
    AZURE_INIT_UNIT: "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/azure-init.service": Link(AZURE_INIT_UNIT),
}


@pytest.mark.parametrize(("files", "severity"), [(AZURE_INIT, Severity.ERROR), ({}, Severity.WARNING)])
def test_a_rule_before_the_metadata_is_an_error_where_azure_init_provisions(
    files: Mapping[str, Node], severity: Severity
) -> None:
    """It cannot do without; who provisions is what decides."""
    host = machine(DROP_ALL, flows={FLOWS[2]: BY_FIRST}, files=files)
    alone = replace(agents.PROBE, checks=())
    result = judged(host, RUN, alone, network.PROBE, platform.PROBE, dns.PROBE, PROXY, firewall.PROBE)
    (found,) = next(one for one in result.results if one.check == "firewall-imds").findings
    assert found.severity is severity
