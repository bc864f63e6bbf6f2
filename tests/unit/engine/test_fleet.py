"""Many machines: what they have in common, and what is printed of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.engine import fleet as many
from azpreflight.engine.fleet import Fleet, Machine
from azpreflight.engine.tally import groups
from azpreflight.model import Cause, CauseEntry, Confidence, Readiness, Severity
from azpreflight.render import fleet as render
from tests.support.fleets import NOW


def fleet(machines: list[Machine]) -> Fleet:
    """What is made of these, some days later."""
    return many.fleet(machines, NOW)


def cause(word: Cause, summary: str = "seen", severity: Severity = Severity.ERROR) -> CauseEntry:
    return CauseEntry(word, "check", severity, Confidence.CERTAIN, "seen", summary, "Repair it.", ("fix --it",), ())


def machine(log: str, *causes: CauseEntry, vm: str | None = None, at: str = "2026-11-22T17:30:00Z") -> Machine:
    verdict = Readiness.NOT_READY if causes else Readiness.READY
    return Machine(log, verdict, causes, started_at=at, vm_id=vm)


# --- grouping -----------------------------------------------------------------------------------------------------


def test_machines_with_the_same_cause_are_one_group_and_the_largest_comes_first() -> None:
    """A machine's second cause counts as well."""
    dns, rule = cause(Cause.DNS_UNREACHABLE), cause(Cause.GUEST_FIREWALL)
    clock = cause(Cause.CLOCK, severity=Severity.WARNING)
    warned = [machine("w1", clock), machine("w2", clock), machine("w3", clock)]
    found = fleet([*warned, machine("r", rule), machine("d1", dns), machine("d2", dns, rule), machine("well")])
    assert [(group.cause.cause, [one.log for one in group.machines]) for group in groups(found.tally)] == [
        (Cause.GUEST_FIREWALL, ["d2", "r"]),
        (Cause.DNS_UNREACHABLE, ["d1", "d2"]),
        (Cause.CLOCK, ["w1", "w2", "w3"]),
    ]
    assert found.tally.causes["guest-firewall", "error"] == 2


def test_measured_values_split_no_group() -> None:
    """Two networks with a dead name server each; another sentence of the same cause is another group."""
    told = ("10.1.0.4 does not answer", "10.2.0.4 does not answer", "10.2.0.4 refuses")
    machines = [machine(str(number), cause(Cause.DNS_UNREACHABLE, words)) for number, words in enumerate(told)]
    assert [(group.key.words, group.count) for group in groups(fleet(machines).tally)] == [
        ("* does not answer", 2),
        ("* refuses", 1),
    ]


def test_commands_of_one_machine_are_never_shown_for_another() -> None:
    """One log must not say what is run on the others: where they differ, each has its own below its name."""
    rule = cause(Cause.GUEST_FIREWALL)
    evil = replace(rule, commands=("rm -rf /",))
    said = render.render(fleet([machine("evil", evil), machine("a", rule), machine("b", rule)]))
    blocks = said.split("* ")
    assert ["rm -rf" in block for block in blocks] == [False, False, False, True]
    assert ["fix --it" in block for block in blocks] == [False, True, True, False]
    assert "each of the 2 reports" in render.render(fleet([machine("a", rule), machine("b", rule)]))


def test_of_logs_of_one_machine_that_agree_the_newest_counts() -> None:
    """A time in the future orders nothing."""
    dns = cause(Cause.DNS_UNREACHABLE)
    old = machine("old", dns, vm="x", at="2026-11-22T17:30:00Z")
    new = machine("new", dns, vm="x", at="2026-11-23T08:00:00Z")
    odd = [machine("odd", dns, vm="x", at=at) for at in ("9999-01-01T00:00:00Z", "soon", "2026-11-24T00:00:00")]
    for order in ([old, new, *odd], [*odd, new, old]):
        found = fleet([*order, machine("other", dns, vm="y")])
        assert [one.log for one in found.machines] == ["new", "other"]
        assert (found.older, found.disputes) == (4, ())


DNS = cause(Cause.DNS_UNREACHABLE)
VICTIM = replace(machine("victim", DNS, vm="x"), report="a1", reports=("a1",))


@pytest.mark.parametrize("at", ["9999-01-01T00:00:00Z", "2026-11-26T00:00:00Z", "2026-11-01T00:00:00Z", "x"])
def test_no_log_makes_the_word_of_another_void(at: str) -> None:
    """Whatever time it claims: each is told, and neither is counted as an older one."""
    evil = replace(machine("evil", vm="x", at=at), report="b2", reports=("b2",))
    for order in ([VICTIM, evil], [evil, VICTIM]):
        found = fleet(order)
        assert (found.older, groups(found.tally)) == (0, ())
        ((vm_id, logs),) = [(one.vm_id, {claim.log for claim in one.machines}) for one in found.disputes]
        assert (vm_id, logs) == ("x", {"victim", "evil"})
        said = render.render(found, verbose=True)
        assert said.startswith("1 machine: 1 of which logs disagree\n")
        assert "2 logs claim VM x and disagree\n" in said
        assert "* victim: not ready, dns-unreachable, at 2026-11-22T17:30:00Z\n" in said
        assert f"* evil: ready, at {at}\n" in said


def test_a_log_that_goes_on_from_the_report_of_another_replaces_it() -> None:
    """As two copies of one log do, of which one was fetched later; not by a time before."""
    later = replace(machine("later", vm="x", at="2026-11-23T08:00:00Z"), report="b2", reports=("a1", "b2"))
    found = fleet([VICTIM, later])
    assert ([one.log for one in found.machines], found.older, found.disputes) == (["later"], 1, ())
    assert len(fleet([replace(VICTIM, reports=("a1", "b2")), later]).disputes) == 1
    assert len(fleet([VICTIM, replace(later, started_at="2026-11-21T00:00:00Z")]).disputes) == 1


def test_machines_without_an_id_are_never_taken_for_one() -> None:
    assert len(list(fleet([machine("a"), machine("b"), Machine("c", reason="no report")]).machines)) == 3


# --- printing -----------------------------------------------------------------------------------------------------


def test_a_cause_is_printed_once_with_its_machines_and_fix() -> None:
    dns, clock = cause(Cause.DNS_UNREACHABLE, "10.1.0.4 does not answer"), cause(Cause.CLOCK)
    blind = Machine("blind", Readiness.UNDECIDED, reason="dns-servers: no time")
    logs = [machine("a", dns), machine("b", dns, clock), machine("well"), blind, Machine("none", reason="no report")]
    assert render.render(fleet(logs)) == (
        "5 machines: 2 not ready, 1 undecided, 1 ready, 1 without a report\n"
        "\n"
        "error    dns-unreachable (2 machines): 10.1.0.4 does not answer\n"
        '         each of the 2 reports says: "Repair it."\n'
        '           "fix --it"\n'
        "         * a\n"
        "         * b: also clock\n"
        "\n"
        "error    clock (1 machine): seen\n"
        '         the report in b says: "Repair it."\n'
        '           "fix --it"\n'
        "         * b: also dns-unreachable\n"
        "\n"
        "undecided (1 machine)\n"
        "         * blind: dns-servers: no time\n"
        "\n"
        "without a report (1 machine)\n"
        "         * none: no report\n"
        "\n"
        "by cause: dns-unreachable 2 (error), clock 1 (error)\n"
    )


def test_an_undecided_machine_with_a_warning_says_why_it_is_undecided() -> None:
    blind = Machine("blind", Readiness.UNDECIDED, (cause(Cause.CLOCK, severity=Severity.WARNING),), reason="no time")
    said = render.render(fleet([blind]))
    assert "warning  clock (1 machine)" in said
    assert said.endswith("undecided (1 machine)\n         * blind: no time\n")


def test_of_very_many_machines_some_are_named_unless_all_are_wanted() -> None:
    machines = [machine(f"vm{number:03}", cause(Cause.NO_EGRESS)) for number in range(100)]
    found = fleet(machines)
    few, all_of_them = render.render(found), render.render(many.fleet(machines, NOW, None), verbose=True)
    assert "vm009" in few and "vm010" not in few and "* and 90 more, which --verbose names" in few
    assert "vm099" in all_of_them and "more, which" not in all_of_them
    assert render.render(found, quiet=True) == "100 machines: 100 not ready\n"


def test_what_a_log_says_cannot_reach_the_terminal() -> None:
    evil = cause(Cause.CLOCK, "\x1b[2J\nready")
    said = render.render(fleet([machine("\x1b]0;x\x07.log", replace(evil, fix="\x9b2J", commands=("\rrm",)))]))
    assert said.replace("\n", "").isprintable() and said.isascii()
    assert not any(line.startswith("ready") for line in said.splitlines())
