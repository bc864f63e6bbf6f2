"""Which clock counts in a line that has two, and what may be compared."""

from __future__ import annotations

import pytest

from azpreflight.explain import explain
from azpreflight.explain.times import written
from tests.support.boot_logs import content

UP = "cloud-init[801]: Cloud-init v. 24.4 running 'init-local' at Sun, 22 Nov 2026 18:17:45 +0000. Up 5.61 seconds."


@pytest.mark.parametrize("name", ["healthy-rhel9-messages.log", "healthy-sles15-journal.log"])
def test_a_timeline_begins_with_the_kernel_and_goes_on(name: str) -> None:
    """rsyslog writes no year and journalctl local time; the agents' own clock in the same lines is UTC with a year."""
    times = [mark.at_s for mark in explain(name, (content(name),)).timeline]
    assert times == sorted(times, key=lambda at: at or 0.0)
    assert all(at is not None and 0 <= at < 60 for at in times)


def test_the_clock_of_the_log_counts_before_that_of_the_line() -> None:
    """The same moment in local time and in UTC: since boot it is the same."""
    local = written(f"2026-11-22T19:17:45+0100 vm {UP}")
    quoted = written(
        "2026-11-22T19:17:51+0100 vm python3[9]: 2026-11-22T18:17:51.331889Z INFO Daemon Daemon Run daemon"
    )
    assert local.booted is not None and quoted.clock is not None
    assert quoted.clock - local.booted == pytest.approx(11.61)
    assert written(f"[    5.112345] {UP}").booted == pytest.approx(local.booted - 3600)


def test_a_clock_without_a_year_is_not_compared_with_one_that_has_it() -> None:
    """That of syslog's files."""
    assert [
        written(line).has_year for line in (f"Nov 22 18:17:45 vm {UP}", f"2026-11-22 18:17:45,100 - {UP}", "x")
    ] == [
        False,
        True,
        False,
    ]


def test_a_version_is_that_of_the_agent_that_provisions() -> None:
    """waagent's log beside cloud-init has the version of waagent alone."""
    name = "recorded-2.16-beside-cloud-init-waagent.log.gz"
    log = explain(name, (content(name),))
    assert (log.provisioner, log.agent) == ("cloud-init", None)
