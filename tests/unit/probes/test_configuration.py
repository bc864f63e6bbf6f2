"""The waivers of a configuration, judged by what became of them."""

from __future__ import annotations

import pytest

from azpreflight.engine.assess import assess, exit_code
from azpreflight.engine.gather import gather
from azpreflight.model import Finding, Readiness, Run, Severity, Snapshot, Unknown
from azpreflight.probes import configuration
from tests.support.fakes import FakeHost
from tests.support.judging import findings, judged, statuses
from tests.support.machines.configuration import BROKEN, RUN
from tests.support.probes import check, probe

ID = "configuration-waivers"


def test_without_waivers_there_is_nothing_to_judge() -> None:
    assert statuses(judged(FakeHost(), Run(), configuration.PROBE)) == {ID: "notapplicable"}


def test_one_that_has_expired_is_an_error_with_its_date_and_reason() -> None:
    report = judged(*BROKEN[ID], configuration.PROBE)
    (found,) = findings(report, ID)
    assert found.severity is Severity.ERROR
    assert found.message == "the waiver of boot-console expired on 2026-03-31 (ticket 4711)"
    assert (report.verdict, exit_code(report, Severity.ERROR)) == (Readiness.NOT_READY, 1)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Finding(Severity.ERROR, "the console is tty0", "Fix it."), []),
        (None, ["the waiver of boot-console matches no finding (ticket 4711)"]),
        (Unknown("not readable"), []),
    ],
)
def test_one_that_matches_nothing_is_a_note_where_its_check_was_judged(verdict: object, said: list[str]) -> None:
    """Of a check that could not be decided nobody can say whether the waiver is still needed."""
    boot = probe("boot", check("boot-console", *([verdict] if verdict is not None else [])))
    report = judged(FakeHost(), RUN, boot, configuration.PROBE)
    assert [(found.severity.value, found.message) for found in findings(report, ID)] == [("note", one) for one in said]


def test_a_snapshot_of_before_is_judged_too() -> None:
    """The waivers are part of what is asked, so that nothing has to have been gathered for them."""
    snapshot: Snapshot = gather(FakeHost(), [], RUN)
    assert statuses(assess(snapshot, [configuration.PROBE])) == {ID: "pass"}
