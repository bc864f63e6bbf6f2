"""What one file says of its machines, by its content alone."""

from __future__ import annotations

import datetime
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.azure.imds import Instance
from azpreflight.console.packed import unpacked
from azpreflight.engine.fleet import Machine, Traits, judged
from azpreflight.fleet import rows
from azpreflight.model import Cause, Confidence, Readiness, Report, Severity
from azpreflight.render import json as render_json
from azpreflight.render import serial
from tests.support import truths
from tests.support.reports import BROKEN, READY, RUN

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.timezone.utc)


def read(content: str | bytes, traits: Traits | None = None) -> list[Machine]:
    """The rows of a file with this content."""
    whole = content.encode() if isinstance(content, str) else content
    return list(rows.rows("x", whole, None, traits or Traits(), NOW))


def of(report: Report, vm: str, minute: int = 30) -> Report:
    """The report of another machine, or of another time."""
    return replace(report, run=replace(RUN, vm_id=vm, started_at=f"2026-11-22T17:{minute}:00Z"))


def test_a_saved_report_is_a_machine() -> None:
    (row,) = read(render_json.render(BROKEN))
    assert (row.log, row.verdict, row.vm_id) == ("x", Readiness.NOT_READY, RUN.vm_id)
    assert [one.cause for one in row.causes] == [one.cause for one in BROKEN.causes]


def test_the_newest_of_a_history_counts() -> None:
    """The daemon adds a line each time; one before it with a later time leaves that in doubt, and the worst counts."""
    first, then = of(BROKEN, "a", 30), of(READY, "a", 40)
    (row,) = read(render_json.render_line(first) + render_json.render_line(then))
    assert (row.verdict, row.doubt, len(row.reports)) == (Readiness.READY, None, 2)
    (row,) = read(render_json.render_line(then) + render_json.render_line(first))
    assert (row.verdict, row.doubt is None) == (Readiness.NOT_READY, False)


def test_lines_of_a_collector_hold_many_machines() -> None:
    """In whatever order: each row says which run it is of; the verdict and the causes are those of the reports."""
    lines = "".join(render_json.render_lines(of(one, vm)) for one, vm in ((BROKEN, "b"), (READY, "a"), (BROKEN, "c")))
    found = read(lines)
    assert [(row.log, row.verdict) for row in found] == [
        ("x: a", Readiness.READY),
        ("x: b", Readiness.NOT_READY),
        ("x: c", Readiness.NOT_READY),
    ]
    assert found[1].causes == read(render_json.render(of(BROKEN, "b")))[0].causes
    assert [row.causes for row in read("\n".join(reversed(lines.splitlines())))] == [
        tuple(reversed(row.causes)) for row in found
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            json.dumps({"schema": "azpreflight.snapshot/1"}),
            "it is a snapshot of record, which assess makes a report of",
        ),
        (json.dumps({"schema": "azpreflight.report/1"}), rows.FOREIGN_VERSION),
        (json.dumps({"a": 1}), "it is JSON, and no report"),
        ("{ no JSON", "no report in this log"),
        ("", "no report in this log"),
    ],
)
def test_what_is_no_report_is_said(content: str, why: str) -> None:
    (row,) = read(content)
    assert (row.verdict, row.reason) == (None, why)


def test_what_a_machine_is_made_of_stands_in_its_report() -> None:
    one, truth = read(truths.log(3))[0], truths.truth(3)
    assert one.traits == Traits(truth.image, truth.version, truth.region, truth.size, (truth.subnet,), truth.agent)


def test_what_azure_says_fills_what_a_report_does_not_say() -> None:
    """And never takes the place of what it says."""
    azure = Traits("a:b:c", "9", "japanwest", "Standard_A0", (), None)
    assert read(truths.log(3), azure)[0].traits.region == truths.truth(3).region
    assert read(serial.render(BROKEN), azure)[0].traits == azure
    assert read("", azure)[0].traits == azure


def test_a_gallery_image_is_named_without_its_version() -> None:
    """By the reference that the metadata service gives, whose subscription is left where it is."""
    facts = {
        "platform": {"metadata": {"instance": Instance(image="galleries/g/images/web/versions/1.2.3", version="")}}
    }
    (row,) = read(render_json.render(replace(BROKEN, facts=facts)))
    assert (row.traits.image, row.traits.image_version) == ("galleries/g/images/web", "1.2.3")


def test_a_hostile_report_makes_a_small_row() -> None:
    """Texts are cut, a command that would be cut is left out, and facts of another kind are unknown."""
    cause = replace(BROKEN.causes[0], summary="x" * 10**6, commands=("rm -rf " + "/" * 10**5,), evidence=("e" * 10**6,))
    facts = {"platform": {"metadata": {"instance": ["x"] * 1000}}, "agents": {"waagent": {"version": 7}}}
    (row,) = read(render_json.render(replace(BROKEN, causes=(cause,) * 100, facts=facts)))
    assert len(str(row)) < 100_000
    assert {one.commands for one in row.causes} == {()}
    assert row.traits == Traits()


def test_gzip_is_read_to_its_limit_and_to_where_it_is_broken() -> None:
    """Of one member or of many, as a rotated log that is added to has."""
    one = gzip.compress(b"a" * 1000)
    assert unpacked(one + one, 1 << 20) == (b"a" * 2000, None)
    assert unpacked(one * 20_000, 1 << 20) == (b"a" * (1 << 20), "what follows the first 1 MiB")
    assert unpacked(one[:-9], 1 << 20)[1] == "the end of the gzip file, which is broken"
    assert unpacked(b"plain", 1 << 20) == (b"plain", None)


def test_a_log_without_a_report_says_what_it_shows_itself() -> None:
    """Its cause counts, no more than likely; its verdict stays open, and it stands for no machine that has a report."""
    log = (Path(__file__).parents[2] / "data" / "logs" / "dns-dead-waagent.log").read_bytes()
    (row,) = read(log)
    assert (row.verdict, row.vm_id, row.reports) == (None, None, ())
    assert [(one.cause, one.check) for one in row.causes] == [(Cause.DNS_UNREACHABLE, rows.FROM_LOG)]
    assert row.causes[0].confidence is not Confidence.CERTAIN
    assert (judged(row, Severity.ERROR).exit_code, row.reason is not None) == (1, True)
    (healthy,) = read((Path(__file__).parents[2] / "data" / "logs" / "healthy-waagent.log").read_bytes())
    assert (healthy.causes, judged(healthy, Severity.ERROR).exit_code) == ((), 3)
