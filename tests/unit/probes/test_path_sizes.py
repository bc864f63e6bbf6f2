"""Requests of more than one packet that get no answer, while small ones do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azpreflight.azure.answer import PADDED, Answer
from azpreflight.azure.wire_server import VERSIONS_URL, Offer
from azpreflight.host import Outcome, Phase
from azpreflight.model import Finding, Run, Severity
from azpreflight.probes.path import segments
from azpreflight.probes.path.checks import judge_large_packets
from azpreflight.probes.path.facts import PathFacts
from azpreflight.probes.platform.facts import PlatformFacts

ANSWERED = Answer(VERSIONS_URL, Outcome.OK, Phase.HTTP, 0.01, 200, "168.63.129.16")
STALLED = replace(ANSWERED, outcome=Outcome.TIMEOUT, duration_s=1.2, status=None)


def platform(small: Answer, padded: Answer) -> PlatformFacts:
    return PlatformFacts(True, wire_server=Offer(small, ("2012-11-30",)), padded=padded)


def test_a_request_is_larger_than_one_packet() -> None:
    assert 1460 < len("".join((*PADDED, *PADDED.values()))) < 4096


@pytest.mark.parametrize(
    ("small", "padded", "swallowed"),
    [
        (ANSWERED, STALLED, True),
        (ANSWERED, ANSWERED, False),
        (STALLED, STALLED, False),
        (ANSWERED, replace(STALLED, phase=Phase.TCP), False),
    ],
)
def test_only_a_large_request_may_have_stalled(small: Answer, padded: Answer, swallowed: bool) -> None:
    assert (segments.swallowed(platform(small, padded)) is not None) is swallowed


@pytest.mark.parametrize(("again", "told"), [(ANSWERED, 1), (STALLED, 0)])
def test_it_is_told_where_small_segments_help(again: Answer, told: int) -> None:
    run = Run(needed={"platform": platform(ANSWERED, STALLED)})
    found = list(judge_large_packets(PathFacts((), (), (), (), small_to_platform=again), run))
    assert [one.severity for one in found if isinstance(one, Finding)] == [Severity.ERROR] * told
