"""The numbers of a fleet: the same in whatever order and pieces they are added up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azpreflight.engine.alike import shape
from azpreflight.engine.fleet import Machine, Traits
from azpreflight.engine.tally import Tally, groups, merge, tally
from azpreflight.model import Cause, CauseEntry, Confidence, Readiness, Severity

WORDS = ("10.0.0.4 does not answer", "10.0.0.5 does not answer", "no server answers")


def entry(word: Cause, summary: str = WORDS[0], fix: str = "Fix it.") -> CauseEntry:
    return CauseEntry(word, "check", Severity.ERROR, Confidence.CERTAIN, "seen", summary, fix, (), ())


causes = st.builds(entry, st.sampled_from(list(Cause)[:3]), st.sampled_from(WORDS), st.sampled_from(("Fix.", "Wait.")))
traits = st.builds(
    Traits,
    image=st.sampled_from((None, "a", "b")),
    region=st.sampled_from((None, "r")),
    subnets=st.lists(st.sampled_from(("10.0.0.0/24", "10.1.0.0/24")), max_size=2, unique=True).map(tuple),
)
verdicts = st.sampled_from((None, *Readiness))


@st.composite
def machines(draw: st.DrawFn) -> list[Machine]:
    """Up to twelve, with names of their own."""
    made = draw(
        st.lists(st.builds(Machine, st.just(""), verdicts, st.lists(causes, max_size=3).map(tuple), traits=traits))
    )
    return [replace(one, log=f"{number:03}") for number, one in enumerate(made)]


@given(machines(), st.integers(0, 30), st.integers(0, 30), st.randoms())
@settings(max_examples=150, deadline=None)
def test_any_pieces_in_any_order_make_the_same_tally(found: list[Machine], one: int, other: int, order: object) -> None:
    """Associative, commutative, and the tally of nothing changes nothing: what a name list keeps is kept by all."""
    first, last = sorted((one, other))
    parts = [tally(part, 2) for part in (found[:first], found[first:last], found[last:])]
    whole = tally(found, 2)
    assert merge(merge(parts[0], parts[1]), parts[2]) == whole
    assert merge(parts[0], merge(parts[1], parts[2])) == whole
    assert merge(parts[2], merge(parts[1], parts[0])) == whole
    assert merge(whole, tally((), 2)) == whole == merge(Tally(most=2), whole)
    shuffled = list(found)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random of hypothesis
    assert tally(shuffled, 2) == whole


def placed(log: str, subnet: str | None, *found: CauseEntry) -> Machine:
    verdict = Readiness.NOT_READY if found else Readiness.READY
    return Machine(log, verdict, found, traits=Traits(subnets=(subnet,) if subnet else (), region="here"))


def test_what_failing_machines_share_and_healthy_ones_lack_is_found() -> None:
    """The subnet, and not the region that all are in."""
    bad = [placed(f"b{number}", "10.9.0.0/24", entry(Cause.DNS_UNREACHABLE)) for number in range(5)]
    good = [placed(f"g{number}", f"10.{number}.0.0/24") for number in range(8)]
    ((one,),) = (group.common for group in groups(tally([*bad, *good])))
    assert (one.dimension, one.value, one.members, one.known) == ("subnet", "10.9.0.0/24", 5, 5)
    assert (one.healthy, one.healthy_known) == (0, 8)


@pytest.mark.parametrize(
    "others",
    [
        [],  # nothing healthy to compare with
        [placed("g", None)],  # a healthy one that does not say where it is
        [placed("g", "10.9.0.0/24")],  # a healthy one in the same place
    ],
)
def test_what_cannot_be_compared_is_no_common_trait(others: list[Machine]) -> None:
    bad = [placed(f"b{number}", "10.9.0.0/24", entry(Cause.DNS_UNREACHABLE)) for number in range(5)]
    assert [group.common for group in groups(tally([*bad, *others]))] == [()]


def test_those_that_do_not_say_are_not_counted_as_having_it() -> None:
    bad = [placed(f"b{number}", "10.9.0.0/24" if number else None, entry(Cause.CLOCK)) for number in range(3)]
    (group,) = groups(tally([*bad, placed("g", "10.1.0.0/24")]))
    assert [(one.members, one.known) for one in group.common] == [(2, 2)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no DNS server answers: 10.1.0.4", "no DNS server answers: 10.1.0.4, 10.1.0.5 and 10.1.0.6"),
        ("rule 3 of OUTPUT drops udp 10.0.0.4:53", "rule 12 of OUTPUT drops udp [fd00::1]:53"),
        ("the clock is 12 s off", "the clock is -86,400.5 s off"),
        ("/etc/fstab names a disk that is not there", "/etc/fstab.d/x names a disk that is not there"),
        (
            "x does not answer (and 1 more finding of this cause)",
            "x does not answer (and 12 more findings of this cause)",
        ),
    ],
)
def test_sentences_that_differ_in_what_was_measured_are_one(one: str, other: str) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tcp 168.63.129.16:80 is dropped", "tcp 168.63.129.16:32526 is dropped"),
        ("tcp 168.63.129.16:80 is dropped", "tcp 10.0.0.4:80 is dropped"),
        ("no DNS server answers", "all DNS servers answer REFUSED"),
    ],
)
def test_sentences_that_say_something_else_are_two(one: str, other: str) -> None:
    assert shape(one) != shape(other)
