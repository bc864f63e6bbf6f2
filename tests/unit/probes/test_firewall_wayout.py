"""The ways out that were only found while they were tried, judged on literals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.firewall.facts import Backend, Decider, FirewallFacts, Flow, FlowFacts, Outcome, Purpose, Rehearsal
from azpreflight.guest.resolv_conf import look
from azpreflight.host import DnsAnswer, Phase
from azpreflight.host import Outcome as Answered
from azpreflight.model import Confidence, Finding, Platform, Run, Severity, Stage
from azpreflight.probes.dns.facts import Asked, DnsFacts, Role, Server
from azpreflight.probes.egress.facts import EgressFacts, Own
from azpreflight.probes.firewall.flows import ANYWHERE
from azpreflight.probes.firewall.wayout import judge_egress
from tests.support.fakes import FakeHost

STORE, OTHER = "20.60.0.10", "20.60.0.20"
NAME = "pkgs.blob.core.windows.net"
RULE = Decider(
    Backend.NFT,
    "ip",
    "filter",
    "OUTPUT",
    None,
    "policy DROP",
    None,
    True,
    None,
    f"iptables-nft -I OUTPUT -d {ANYWHERE}",
)
KNOWN = DnsFacts(
    look(FakeHost(files={"/etc/resolv.conf": "nameserver 10.0.0.9\n"})),
    names=(NAME,),
    servers=(
        Server(
            "10.0.0.9", Role.CONFIGURED, (Asked(NAME, "A", False, DnsAnswer(Answered.OK, 0.0, "NOERROR", (STORE,))),)
        ),
    ),
)
SILENT = Answer("https://management.azure.com/", Answered.TIMEOUT, Phase.TCP, 1.2, address=OTHER)
OPEN = Answer("https://management.azure.com/", Answered.OK, Phase.HTTP, 0.1, 200, OTHER)
NEEDY = Own("Diagnostics", True, settings="the account in its settings", always=True)


def rehearsed(address: str, outcome: Outcome) -> FlowFacts:
    return FlowFacts(Flow("tcp", address, 443, Purpose.PACKAGE), outcome, RULE if outcome is Outcome.BLOCKED else None)


def found(egress: EgressFacts, anywhere: Outcome, store: Outcome = Outcome.ALLOWED) -> list[Finding]:
    flows = (rehearsed(STORE, store), rehearsed(ANYWHERE, anywhere))
    facts = FirewallFacts(None, (), (), (), Rehearsal(needed=True), flows)
    run = Run(
        stage=Stage.FIRSTBOOT,
        platform=Platform.AZURE,
        needed={"dns": KNOWN, "egress": egress, "firewall": facts},
    )
    return [verdict for verdict in judge_egress(facts, run) if isinstance(verdict, Finding)]


@pytest.mark.parametrize(
    ("own", "severity"), [((NEEDY,), Severity.ERROR), ((replace(NEEDY, always=False),), Severity.WARNING)]
)
def test_a_shut_address_that_was_not_rehearsed_is_judged_by_the_one_that_stands_for_it(
    own: tuple[Own, ...], severity: Severity
) -> None:
    (alone,) = found(EgressFacts(own=own, documented=(SILENT,)), Outcome.BLOCKED)
    assert (alone.flow, alone.severity, alone.confidence) == (f"tcp {OTHER}:443", severity, Confidence.LIKELY)
    assert alone.commands == (f"iptables-nft -I OUTPUT -d {OTHER}",)
    assert ANYWHERE not in alone.message + alone.fix
    assert alone.breaks == ()


def test_rules_that_spare_the_stores_and_what_is_not_needed_are_well() -> None:
    assert found(EgressFacts(documented=(OPEN,)), Outcome.BLOCKED) == []
    assert found(EgressFacts(), Outcome.BLOCKED) == []


def test_an_address_is_shut_by_others_where_the_rules_let_any_through() -> None:
    assert found(EgressFacts(own=(NEEDY,), documented=(SILENT,)), Outcome.ALLOWED) == []
    (store,) = found(EgressFacts(documented=(SILENT,)), Outcome.ALLOWED, store=Outcome.BLOCKED)
    assert store.flow == f"tcp {STORE}:443"
