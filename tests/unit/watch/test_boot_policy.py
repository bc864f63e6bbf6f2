"""When a verdict is worth saying, and what was reached when."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.engine.timeline import KINDS, sentences, timeline
from azpreflight.host import Completed
from azpreflight.model import Cause, Readiness, Report
from azpreflight.probes import PROBES
from azpreflight.render import serial, text
from azpreflight.watch import network
from azpreflight.watch.boot_policy import (
    GRACE_S,
    LIMIT_S,
    LONGEST_S,
    PASSING,
    REST,
    SETTLE_S,
    SHORTEST_S,
    STEADY,
    UNDECIDED_S,
    UNSAID_REST_S,
    WORDS_MOST,
    WORDS_REST_S,
    Decision,
    History,
    Progress,
    decide,
    diagnosis,
)
from tests.support.boot_reports import READY, failing
from tests.support.fakes import FakeHost

UNDER_WAY = Progress(provisioned=False, extensions_done=False)
DONE = Progress(provisioned=True, extensions_done=True)


def follow(*looks: tuple[Report, float], progress: Progress = UNDER_WAY) -> list[Decision]:
    """The decisions of a watch whose looks ended at these seconds after boot."""
    history, decisions = History(), []
    for report, uptime in looks:
        decisions.append(decide(history, report, progress, uptime, look_s=0.1))
        history = decisions[-1].history
    return decisions


def said(decisions: list[Decision]) -> list[bool]:
    return [decision.say for decision in decisions]


def test_the_first_verdict_is_said_at_once() -> None:
    assert said(follow((failing(Cause.GUEST_FIREWALL), 3.0))) == [True]


@pytest.mark.parametrize("cause", [Cause.NO_NETWORK, Cause.PLATFORM_UNREACHABLE, Cause.DNS_UNREACHABLE])
def test_a_network_that_may_be_coming_up_is_not_cried_over(cause: Cause) -> None:
    assert said(follow((failing(cause), 3.0), (failing(cause), SETTLE_S + 1))) == [False, True]


def test_a_network_that_systemd_has_not_begun_with_is_waited_for() -> None:
    broken = failing(Cause.NO_NETWORK)
    late = partial(decide, History(), broken, UNDER_WAY, look_s=0.1)
    assert late(60.0, network_s=None).say is False
    assert late(60.0, network_s=60.0 - GRACE_S + 1.0).say is False
    assert late(60.0, network_s=60.0 - GRACE_S).say is True
    assert late(UNDECIDED_S, network_s=None).say is True


@pytest.mark.parametrize(("told", "expected"), [("0\n", None), ("12345678\n", 12.345678), ("\n", 0.0)])
def test_systemd_tells_when_it_began_with_the_network(told: str, expected: Optional[float]) -> None:
    assert network.begun_s(FakeHost(programs={network.REACHED: Completed(0, told, "")})) == expected
    assert network.begun_s(FakeHost()) == 0.0


def test_nothing_is_said_beside_a_network_that_may_be_coming_up() -> None:
    both = replace(
        failing(Cause.BOOT_CONFIG), causes=(*failing(Cause.BOOT_CONFIG).causes, *failing(Cause.NO_NETWORK).causes)
    )
    assert said(follow((both, 20.0), (both, SETTLE_S))) == [False, True]


def test_an_image_that_was_not_generalised_is_said_without_waiting_for_the_network() -> None:
    both = replace(failing(Cause.NO_NETWORK), causes=failing(Cause.NOT_GENERALIZED).causes)
    assert said(follow((both, 3.0))) == [True]


def test_what_comes_and_goes_does_not_fill_the_console() -> None:
    """Every verdict is a report of some 20 KB, and boot diagnostics keep the end of 1 MiB."""
    trouble = [failing(Cause.GUEST_FIREWALL), failing(Cause.PROXY)]
    looks = [(trouble[number // 2 % 2], 10.0 + 5 * number) for number in range(238)]
    words = [at for (_, at), spoken in zip(looks, said(follow(*looks))) if spoken]
    assert len(words) <= WORDS_MOST + LIMIT_S / WORDS_REST_S
    assert words[:WORDS_MOST] == [10.0, *(25.0 + 10 * number for number in range(WORDS_MOST - 1))]
    assert min(later - earlier for earlier, later in zip(words[WORDS_MOST:], words[WORDS_MOST + 1 :])) >= WORDS_REST_S
    assert said(follow(*looks, (trouble[0], LIMIT_S)))[-1]


def test_where_something_changes_all_the_time_looking_is_not_all_that_is_done() -> None:
    """Not in the first minutes, in which a VM comes up and each change may be what it waited for."""
    early, late = follow((failing(Cause.PROXY), 20.0), (failing(Cause.PROXY), UNDECIDED_S + 1))
    assert (early.rest_s, late.rest_s) == pytest.approx((0.1, 0.1 * REST))
    assert late.rest_s <= late.wait_s


def test_a_network_that_goes_down_for_a_moment_is_not_cried_over() -> None:
    """waagent restarts it when it publishes the host name, and then it is up again."""
    blind, gone = replace(READY, verdict=Readiness.UNDECIDED), failing(Cause.NO_NETWORK)
    assert said(follow((blind, 40.0), (gone, 60.0), (READY, 70.0))) == [False, False, True]
    assert said(follow((blind, 40.0), (gone, 60.0), (gone, 70.0))) == [False, False, True]
    assert said(follow((gone, 60.0))) == [True]


@pytest.mark.parametrize("cause", [Cause.NO_EGRESS, Cause.FORCED_TUNNEL, Cause.PATH_MTU, Cause.NO_NETWORK])
def test_a_look_in_whose_middle_the_network_changed_has_to_be_confirmed(cause: Cause) -> None:
    """Half of it saw the network, and half of it none: that looks like a way out that is shut."""
    shut = failing(cause)
    disturbed = decide(History(), shut, UNDER_WAY, 60.0, look_s=45.0, disturbed=True)
    assert (disturbed.say, disturbed.wait_s) == (False, UNSAID_REST_S)
    assert decide(disturbed.history, shut, UNDER_WAY, 70.0, look_s=5.0).say is True
    assert decide(disturbed.history, READY, UNDER_WAY, 70.0, look_s=5.0).say is True
    assert decide(History(), shut, UNDER_WAY, 60.0, look_s=45.0).say is True


def test_what_is_no_matter_of_the_network_is_said_whatever_the_network_does() -> None:
    for report in (READY, failing(Cause.GUEST_FIREWALL), failing(Cause.NO_PROVISIONING_AGENT)):
        assert decide(History(), report, UNDER_WAY, 60.0, look_s=45.0, disturbed=True).say is True


def test_a_network_that_never_comes_to_rest_is_said() -> None:
    shut, history = (failing(Cause.NO_EGRESS), failing(Cause.FORCED_TUNNEL)), History()
    words: list[Any] = []
    for number in range(STEADY):
        decision = decide(history, shut[number % 2], UNDER_WAY, 60.0 + number, look_s=0.1, disturbed=True)
        history, words = decision.history, [*words, decision.say]
    assert words == [False] * (STEADY - 1) + [True]


def test_a_network_that_is_missing_in_changing_ways_is_said() -> None:
    """Some looks see no route, others no name server, none twice the same; while it may be coming up, none counts."""
    gone, nameless = failing(Cause.NO_NETWORK), failing(Cause.DNS_UNREACHABLE)
    looks = [(gone if second % 2 else nameless, float(second)) for second in range(25, 36)]
    decisions = said(follow(*looks))
    assert decisions.index(True) == int(SETTLE_S) - 25 + STEADY - 1
    assert said(follow(*looks[4:8], (READY, 40.0))) == [False] * 4 + [True]


def test_what_was_seen_while_the_network_might_come_up_confirms_nothing_if_it_came_up_meanwhile() -> None:
    """A look of 45 s finds no address at its beginning, and DHCP gives one before its end."""
    gone = failing(Cause.NO_NETWORK)
    held = decide(History(), gone, UNDER_WAY, 90.0, look_s=45.0, network_s=90.0)
    stale = decide(held.history, gone, UNDER_WAY, 140.0, look_s=45.0, network_s=90.0, disturbed=True)
    assert (held.say, stale.say, stale.wait_s) == (False, False, UNSAID_REST_S)
    assert decide(stale.history, READY, UNDER_WAY, 150.0, look_s=5.0, network_s=90.0).say is True
    assert decide(stale.history, gone, UNDER_WAY, 150.0, look_s=5.0, network_s=90.0, disturbed=True).say is True
    assert decide(held.history, gone, UNDER_WAY, 140.0, look_s=45.0, network_s=90.0).say is True


def test_a_network_that_is_lost_in_changing_ways_after_a_verdict_is_said_once() -> None:
    gone, nameless = failing(Cause.NO_NETWORK), failing(Cause.DNS_UNREACHABLE)
    looks = [(gone if number % 2 else nameless, 45.0 + 5.0 * number) for number in range(20)]
    assert said(follow((READY, 40.0), *looks)) == [True, *[False] * (STEADY - 1), True, *[False] * (20 - STEADY)]


def test_a_look_that_could_not_see_does_not_take_back_what_others_saw() -> None:
    """Half of the looks on a busy machine may be such; nobody waits for the limit to be told what the others see."""
    gone, blind = failing(Cause.NO_NETWORK), replace(READY, verdict=Readiness.UNDECIDED)
    looks = [(blind if number % 2 else gone, UNDECIDED_S + 5.0 * number) for number in range(1, 2 * STEADY + 1)]
    assert said(follow(*looks)) == [True, *[False] * (2 * STEADY - 2), True]
    assert not any(said(follow(*looks[:-2], (READY, 300.0), looks[-1]))[1:])


LOOKS = st.tuples(
    st.sampled_from([*map(failing, Cause), READY, replace(READY, verdict=Readiness.UNDECIDED)]), st.booleans()
)
TROUBLE = st.tuples(st.sampled_from([failing(cause) for cause in PASSING]), st.booleans())


@given(st.lists(LOOKS, max_size=WORDS_MOST - 1), st.lists(TROUBLE, min_size=STEADY, max_size=STEADY))
def test_trouble_with_the_network_that_stays_is_said_whatever_was_before_and_happens_meanwhile(
    before: list[tuple[Report, bool]], since: list[tuple[Report, bool]]
) -> None:
    """The first member of each pair is what a look saw, the second whether the network changed during it."""
    history = History()
    for number, (report, disturbed) in enumerate([*before, *since]):
        uptime = UNDECIDED_S + 5.0 * number
        history = decide(history, report, UNDER_WAY, uptime, look_s=0.1, disturbed=disturbed).history
    assert history.said is not None
    assert {cause for cause, _, _ in history.said[1]} & set(PASSING)


def test_a_change_is_said_once_a_second_look_has_seen_it() -> None:
    broken, other = failing(Cause.GUEST_FIREWALL), failing(Cause.NO_EGRESS)
    looks = ((broken, 40.0), (other, 45.0), (other, 50.0), (other, 60.0))
    assert said(follow(*looks)) == [True, False, True, False]


def test_a_look_that_could_not_see_is_not_said_while_the_machine_is_starting() -> None:
    blind = replace(READY, verdict=Readiness.UNDECIDED)
    assert said(follow((blind, 60.0), (blind, UNDECIDED_S))) == [False, True]


def test_a_flicker_is_never_said() -> None:
    broken, other = failing(Cause.GUEST_FIREWALL), failing(Cause.NO_EGRESS)
    assert said(follow((broken, 40.0), (other, 45.0), (broken, 50.0), (broken, 55.0))) == [True, False, False, False]


def test_it_is_over_when_provisioning_and_extensions_have_ended_well() -> None:
    decision = follow((READY, 50.0), progress=DONE)[0]
    assert (decision.over, decision.say) == (True, True)


def test_it_is_not_over_while_something_is_wrong_before_the_limit() -> None:
    assert follow((failing(Cause.NO_EGRESS), 50.0), progress=DONE)[0].over is False


def test_at_the_limit_the_final_verdict_is_said() -> None:
    """Also where it is the one before: the timeline then has all that was waited for."""
    broken, other = failing(Cause.GUEST_FIREWALL), failing(Cause.NO_EGRESS)
    decisions = follow((broken, 40.0), (other, LIMIT_S))
    assert (decisions[-1].over, decisions[-1].say) == (True, True)
    assert follow((broken, 40.0), (broken, LIMIT_S))[-1].say is True
    assert said(follow((READY, 40.0), (READY, 50.0), progress=DONE)) == [True, False]


def test_waits_grow_while_nothing_changes_and_start_again_when_something_does() -> None:
    quiet = follow(*((READY, 40.0 + step) for step in range(12)))
    waits = [decision.wait_s for decision in quiet]
    assert waits == sorted(waits)
    assert waits[0] == SHORTEST_S
    assert waits[-1] == LONGEST_S
    history: Any = quiet[-1].history
    assert decide(history, failing(Cause.PROXY), UNDER_WAY, 90.0, look_s=0.1).wait_s == SHORTEST_S


def test_a_slow_machine_is_left_to_its_boot() -> None:
    assert decide(History(), READY, UNDER_WAY, 40.0, look_s=5.0).wait_s == 30.0


def test_a_verdict_that_is_held_is_looked_at_again_as_soon_as_it_may_be_said() -> None:
    slow = decide(History(), failing(Cause.NO_NETWORK), UNDER_WAY, SETTLE_S - 8.0, look_s=20.0)
    assert (slow.say, slow.wait_s) == (False, UNSAID_REST_S)
    assert decide(History(), failing(Cause.NO_NETWORK), UNDER_WAY, SETTLE_S - 3.0, look_s=20.0).wait_s == 3.0
    assert decide(History(), failing(Cause.NO_NETWORK), UNDER_WAY, SETTLE_S - 1.0, look_s=20.0).wait_s == SHORTEST_S
    assert decide(History(), failing(Cause.NO_NETWORK), UNDER_WAY, 3.0, look_s=0.1).wait_s == SHORTEST_S
    blind = replace(READY, verdict=Readiness.UNDECIDED)
    assert decide(History(), blind, UNDER_WAY, 40.0, look_s=5.0).wait_s == 5.0


def test_what_has_to_be_seen_again_is_looked_at_again_soon() -> None:
    history = History(said=diagnosis(failing(Cause.NO_NETWORK)), seen=diagnosis(failing(Cause.NO_NETWORK)))
    first = decide(history, READY, UNDER_WAY, 300.0, look_s=20.0)
    assert (first.say, first.wait_s) == (False, UNSAID_REST_S)
    second = decide(first.history, READY, UNDER_WAY, 330.0, look_s=20.0)
    assert (second.say, second.wait_s) == (True, LONGEST_S)


def test_a_wait_never_passes_the_limit() -> None:
    assert decide(History(), READY, UNDER_WAY, LIMIT_S - 1.0, look_s=5.0).wait_s == 1.0


def test_milestones_are_in_the_order_in_which_they_were_reached() -> None:
    line = timeline({"wire-server": 9.0, "address": 4.0}, 20.0)
    assert [(item.name, item.at_s, item.waited_s) for item in line[:2]] == [
        ("address", 4.0, 4.0),
        ("wire-server", 9.0, 5.0),
    ]
    assert {item.waited_s for item in line[2:]} == {11.0}
    assert len(line) == len(KINDS)


def test_what_is_waited_for_is_said_beside_what_is_allowed() -> None:
    done, waiting = sentences(timeline({"address": 4.0, "wire-server": 9.0}, 20.0))
    assert done == "reached, in seconds after boot: address 4.0, wire-server 9.0"
    assert waiting.startswith("waited for, by now 11 s since wire-server: default-route, goal-state, ")
    assert "imds (may take 300 s)" in waiting and "provisioned (may take 1200 s)" in waiting
    assert sentences(()) == ()
    assert sentences(timeline({}, 5.0))[0].startswith("waited for, by now 5 s: address (may take 1200 s), ")


def test_the_timeline_is_on_the_console_and_in_the_text() -> None:
    report = replace(failing(Cause.NO_NETWORK), timeline=timeline({"address": 4.0}, 20.0))
    assert "reached, in seconds after boot: address 4.0" in text.render(report)
    console = serial.summary(report, "/var/lib/azpreflight/report.json")
    assert [line for line in console if "waited for, by now 16 s since address: default-route" in line]
    assert len(console) <= 12 and max(map(len, console)) <= 100


def test_milestones_of_one_look_stand_as_a_vm_reaches_them() -> None:
    line = timeline({"goal-state": 5.0, "wire-server": 5.0, "address": 5.0}, 6.0)
    assert [item.name for item in line[:3]] == ["address", "wire-server", "goal-state"]


def test_milestones_name_checks_that_exist() -> None:
    names = {check.id for probe in PROBES for check in probe.checks}
    for kind in KINDS:
        assert set(kind.checks) <= names
