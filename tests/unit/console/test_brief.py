"""What is left out of a report on the wire, and put in again."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.console.brief import brief, whole

PASSED: dict[str, Any] = {
    "check": "dns-servers",
    "title": "every configured DNS server answers",
    "probe": "dns",
    "status": "pass",
    "severity": None,
    "cause": "dns-unreachable",
    "because_of": [],
    "reason": None,
    "duration_s": 0.1,
    "findings": [],
    "traceback": None,
}


def known() -> dict[str, Any]:
    """A result as this program makes it, with the title that it has now."""
    return {
        **PASSED,
        **{name: whole({"results": [{"check": "dns-servers"}]})["results"][0][name] for name in ("title",)},
    }


@pytest.mark.parametrize(
    "result",
    [
        known(),
        {**known(), "status": "unknown", "severity": "error", "reason": "no time"},
        {**known(), "title": "as an older version had it", "cause": None},
        {**known(), "check": "site-of-ours", "probe": "site"},
        {**known(), "status": "fail", "because_of": ["x"], "findings": [{"message": "m"}], "more": 1},
    ],
)
def test_nothing_is_lost(result: dict[str, Any]) -> None:
    """Whatever differs from what is usual is written."""
    report = {"verdict": "ready", "results": [result]}
    assert whole(brief(report)) == report
    assert list(whole(brief(report))["results"][0])[: len(PASSED)] == list(PASSED)


def test_what_is_usual_is_not_written() -> None:
    """Of a check that passes its id, the status, how long its probe took, and the cause, which a reader of another
    version may know another one for."""
    written = {"check": "dns-servers", "status": "pass", "cause": "dns-unreachable", "duration_s": 0.1}
    assert brief({"results": [known()]}) == {"results": [written]}


@pytest.mark.parametrize(
    "results", [None, {}, [1, None, "x"], [{}], [{"check": []}], [{"check": "of-another-version"}]]
)
def test_what_is_no_report_does_no_harm(results: Any) -> None:
    """A log may hold anything; a check of another version is called by its id."""
    found = whole({"results": results})["results"]
    if results == [{"check": "of-another-version"}]:
        assert found[0]["title"] == "of-another-version"
    elif results not in ([{}], [{"check": []}]):
        assert found == results
