"""JUnit as CI systems read it: by a schema, by junitparser, and never of another mind than the exit code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml, TestSuite

from azpreflight.engine.assess import exit_code
from azpreflight.model import Finding, Report, Severity, Status
from azpreflight.render import junit
from tests.support.hostile_reports import EVERY, hostile
from tests.support.reports import BROKEN, READY, RULE, RUN, UNDECIDED, result

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parents[2] / "data" / "junit" / "junit.xsd"))


def parsed(report: Report, fail_on: Severity = Severity.ERROR) -> TestSuite:
    """The suite, which fits the schema, and whose counts are those of its cases."""
    text = junit.render(report, fail_on)
    SCHEMA.validate(text)
    (suite,) = JUnitXml.fromstring(f"<testsuites>{text.partition('?>')[2]}</testsuites>")
    kinds = [type(one).__name__ for case in suite for one in case.result]
    counts = (kinds.count("Failure"), kinds.count("Error"), kinds.count("Skipped"))
    assert (suite.failures, suite.errors, suite.skipped) == counts
    assert suite.tests == len(list(suite))
    return suite


def red(suite: TestSuite) -> bool:
    return bool(suite.failures or suite.errors)


def test_counts_and_names() -> None:
    """Errors are failures; what is below is passed, with its text; what could not look is an error."""
    suite = parsed(BROKEN)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (11, 3, 2, 1)
    cases = {case.name: case for case in suite}
    assert "warning: 10.0.0.9 did not answer over udp" in cases["dns-servers"].system_out
    assert cases["dns-servers"].result == [] and cases["network-address"].system_out is None


def test_the_fix_and_the_commands_are_in_the_body() -> None:
    failure = next(case for case in parsed(BROKEN) if case.name == "firewall-wireserver").result[0]
    assert failure.type == "guest-firewall" and failure.message == f"error: {RULE.message}"
    lines = (failure.text or "").splitlines()
    assert lines[1:4] == [f"fix: {RULE.fix}", *(f"  $ {command}" for command in RULE.commands)]
    assert lines[4].endswith("/checks/firewall-wireserver/")


def test_machine_stage_and_time_are_told() -> None:
    """So that suites of several machines can be told from one another, and the times add up."""
    report = replace(BROKEN, results=tuple(replace(one, duration_s=0.25, probe="p") for one in BROKEN.results))
    suite = parsed(report)
    assert suite.name == f"azpreflight firstboot {RUN.vm_id}"
    assert suite.hostname == RUN.vm_id and suite.timestamp == RUN.started_at
    properties: Any = suite.properties  # without types
    assert {one.name: one.value for one in properties()}["verdict"] == "not-ready"
    assert {case.classname for case in suite} == {"azpreflight.firstboot.p"}
    assert sum(case.time for case in suite) == pytest.approx(0.25)


def test_a_warning_is_green_and_red_where_warnings_fail() -> None:
    """READY and exit code 0 with a red test: that is what nobody understands."""
    warned = replace(READY, results=(result("a-b", Status.FAIL, replace(RULE, severity=Severity.WARNING)),))
    assert not red(parsed(warned)) and red(parsed(warned, Severity.WARNING))


def test_what_is_a_warning_at_most_is_skipped() -> None:
    lesser = result("a-b", Status.UNKNOWN, severity=Severity.WARNING, reason="no root")
    suite = parsed(replace(READY, results=(*READY.results, lesser)))
    assert not red(suite)
    assert next(case for case in suite if case.name == "a-b").result[0].message == (
        "could not be determined (a warning at most): no root"
    )


def test_a_run_that_knows_nothing_is_red() -> None:
    """Its exit code is 3, and no check stands for that."""
    nothing = replace(UNDECIDED, results=READY.results[1:])
    suite = parsed(nothing)
    assert exit_code(nothing, Severity.ERROR) == 3 and red(suite) and suite.tests == 2


results = st.lists(
    st.builds(
        lambda number, status, severity, bug: result(
            f"c-{number}",
            status,
            *([Finding(severity, "m", "f")] if status is Status.FAIL else []),
            severity=severity if status is not Status.PASS else None,
            traceback="t" if bug and status is Status.UNKNOWN else None,
        ),
        st.integers(0, 99),
        st.sampled_from(Status),
        st.sampled_from(Severity),
        st.booleans(),
    ),
    max_size=4,
)


@given(results, st.sampled_from(Severity))
def test_it_is_red_where_the_exit_code_is_not_zero(found: list[Any], fail_on: Severity) -> None:
    report = replace(READY, results=tuple(found))
    assert red(parsed(report, fail_on)) == (exit_code(report, fail_on) != 0)


@pytest.mark.parametrize("text", EVERY)
def test_hostile_text_stays_text(text: str) -> None:
    report = hostile(text)
    report = replace(report, run=replace(report.run, started_at=RUN.started_at))
    assert parsed(report).tests == len(report.results)
