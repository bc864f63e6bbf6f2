"""A server far away is not one whose way is shut: what the time was too short for shows nothing."""

from __future__ import annotations

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.host import Outcome, Phase
from azpreflight.probes.egress.facts import EgressFacts, Package, Way, way
from azpreflight.probes.path import segments

URL = "https://umsastandin0000000000.blob.core.windows.net/x"


def silent(phase: Phase, round_trip_s: float, seconds: float = 2.0) -> Answer:
    return Answer(URL, Outcome.TIMEOUT, phase, seconds, address="20.60.0.10", connected_s=round_trip_s)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (silent(Phase.HTTP, 0.02), Way.SHUT),
        (silent(Phase.TLS, 0.02), Way.SHUT),
        (silent(Phase.HTTP, 0.45), Way.OPEN),
        (silent(Phase.TLS, 0.45), Way.SHUT),
        (silent(Phase.TLS, 0.6), Way.ODD),
        (silent(Phase.HTTP, 0.2, 1.4), Way.OPEN),
        (Answer(URL, Outcome.TIMEOUT, Phase.TCP, 1.2, address="20.60.0.10"), Way.SHUT),
        (Answer(URL, Outcome.RESET, Phase.TLS, 0.5, address="20.60.0.10", connected_s=0.45), Way.SHUT),
        (Answer(URL, Outcome.TIMEOUT, Phase.HTTP, 2.0, address="20.60.0.10"), Way.SHUT),
    ],
)
def test_silence_after_few_round_trips_is_no_silence(answer: Answer, expected: Way) -> None:
    """One that was reset, or that is near, had all the time that it takes."""
    assert way(answer) is expected


@pytest.mark.parametrize(("round_trip_s", "far"), [(0.02, False), (0.45, True)])
def test_a_far_store_delivers_and_large_packets_are_not_suspected(round_trip_s: float, far: bool) -> None:
    answer = silent(Phase.HTTP, round_trip_s)
    package = Package("Example", "1.0", False, (answer,), packages=(answer,))
    assert package.open is package.delivered is far
    assert segments.stalled(EgressFacts(packages=(package,))) == (() if far else (answer,))
