"""No secret of a machine gets out: in whatever way it is written, wherever it stands, by whatever output."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from azpreflight.azure.log_signatures import SIGNATURES
from azpreflight.cli.main import main
from azpreflight.cli.options import FORMATS
from azpreflight.console.decode import decode
from azpreflight.engine import fleet
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.explain import ExplainedLog, explain
from azpreflight.model import ALL_STAGES, Platform, Report, Run, Severity, Snapshot, Stage, codec
from azpreflight.probes import PROBES
from azpreflight.render import annotations as render_annotations
from azpreflight.render import (
    arrangement,
    azure_pipelines,
    decoded,
    explained,
    fleet_rows,
    github,
    junit,
    kvp,
    markdown,
    nagios,
    prometheus,
    serial,
    text,
)
from azpreflight.render import fleet as render_fleet
from azpreflight.render import json as render_json
from azpreflight.render.html import decoded as html_decoded
from azpreflight.render.html import explained as html_explained
from azpreflight.render.html import fleet as html_fleet
from azpreflight.render.html import report as html_report
from azpreflight.sinks import journal
from azpreflight.sinks import kvp as pool
from tests.support.fleets import NOW
from tests.support.log_lines import LINES
from tests.support.secret import PLACES, SECRET, machine, said, secret_of

SOURCE = Path(text.__file__).parents[1]


def snapshots() -> Iterator[Snapshot]:
    """Every stage of a running system, and a mounted image."""
    for stage in Stage:
        run = Run(stage=stage, platform=Platform.AZURE)
        yield gather(machine(), PROBES, run)
    yield gather(machine("/mnt"), PROBES, Run(stage=Stage.CAPTURE, platform=Platform.AZURE, root="/mnt"))


@cache
def seen() -> tuple[Snapshot, ...]:
    """Gathered once."""
    return tuple(snapshots())


@cache
def reports() -> tuple[Report, ...]:
    """Judged once."""
    return tuple(assess(snapshot, PROBES) for snapshot in seen())


def log_of(report: Report) -> decoded.Log:
    return decoded.Log("vm.log", decode(serial.render(report).encode("ascii")))


def fleet_of(report: Report) -> fleet.Fleet:
    others = replace(report.run, vm_id="other")
    return fleet.fleet([fleet.machine("a", report), fleet.machine("b", replace(report, run=others))], NOW)


OF_REPORT: Mapping[str, Callable[[Report], object]] = {
    "render.text.render": lambda report: [
        text.render(report, verbose=verbose, color=color) for verbose in (False, True) for color in (False, True)
    ],
    "render.json.render": render_json.render,
    "render.json.document": render_json.document,
    "render.json.render_lines": render_json.render_lines,
    "render.json.render_line": render_json.render_line,
    "render.arrangement.verdict_word": arrangement.verdict_word,
    "render.arrangement.verdict_sentence": arrangement.verdict_sentence,
    "render.arrangement.counts": arrangement.counts,
    "render.arrangement.subject": arrangement.subject,
    "render.annotations.annotated": lambda report: list(render_annotations.annotated(report)),
    "render.azure_pipelines.render": azure_pipelines.render,
    "render.github.render": github.render,
    "render.html.report.render": html_report.render,
    "render.html.decoded.render": lambda report: html_decoded.render((log_of(report),)),
    "render.html.fleet.render": lambda report: html_fleet.render(fleet_of(report)),
    "render.junit.render": junit.render,
    "render.junit.suite": junit.suite,
    "render.kvp.render": kvp.render,
    "render.markdown.render": markdown.render,
    "render.nagios.render": nagios.render,
    "render.nagios.state": nagios.state,
    "render.prometheus.render": prometheus.render,
    "render.serial.render": lambda report: serial.render(report, "/var/lib/azpreflight/report.json"),
    "render.serial.framed": lambda report: (serial.framed(report), log_of(report)),
    "render.serial.summary": lambda report: serial.summary(report, None),
    "render.decoded.as_said": lambda report: decoded.as_said(report, "vm.log"),
    "render.decoded.render": lambda report: decoded.render((log_of(report),), verbose=True),
    "render.decoded.render_json": lambda report: decoded.render_json((log_of(report),)),
    "render.decoded.render_lines": lambda report: decoded.render_lines((log_of(report),)),
    "render.decoded.render_junit": lambda report: decoded.render_junit((log_of(report),), Severity.ERROR, NOW),
    "render.decoded.counted": lambda report: decoded.counted(log_of(report), NOW),
    "render.decoded.why_none": lambda report: decoded.why_none(log_of(report)),
    "render.fleet.render": lambda report: render_fleet.render(fleet_of(report), verbose=True),
    "render.fleet.render_json": lambda report: list(render_fleet.render_json(fleet_of(report))),
    "render.fleet.render_lines": lambda report: list(render_fleet.render_lines(fleet_of(report))),
    "render.fleet_rows.rows": lambda report: list(fleet_rows.rows(fleet_of(report))),
    "render.fleet_rows.render_csv": lambda report: list(fleet_rows.render_csv(fleet_of(report))),
    "sinks.journal.records": journal.records,
    "sinks.journal.write_journal": journal.records,
    "sinks.kvp.write_kvp": lambda report: pool.record(pool.KEY, kvp.render(report)),
}
"""What is made of a report, by the function that makes it."""
OF_SNAPSHOT: Mapping[str, Callable[[Snapshot], object]] = {"render.json.render_snapshot": render_json.render_snapshot}
TAKES_TEXT = {
    "sinks.file.write_file",
    "sinks.parquet.write_parquet",
    "sinks.file.append_line",
    "sinks.serial.write_serial",
    "sinks.stdout.write_stdout",
    "sinks.streams.write",
}
"""Places for what one of the others has made."""
OF_LOG: Mapping[str, Callable[[tuple[ExplainedLog, ...]], object]] = {
    "render.explained.render": lambda logs: explained.render(logs, verbose=True),
    "render.explained.render_json": explained.render_json,
    "render.explained.render_lines": explained.render_lines,
    "render.explained.render_junit": explained.render_junit,
    "render.explained.about": lambda logs: [explained.about(log) for log in logs],
    "render.explained.progress": lambda logs: [explained.progress(log) for log in logs],
    "render.html.explained.render": html_explained.render,
    "render.explained.place": lambda logs: [
        explained.place(line) for log in logs for cause in log.causes for line in cause.evidence
    ],
}
"""What is made of a log without a report."""
DATA = ("Report", "Snapshot", "Log", "Fleet")


def outputs() -> Iterator[str]:
    """Every function of the renderers that takes what was found, and of the sinks every one that writes."""
    for path in sorted([*(SOURCE / "render").rglob("*.py"), *(SOURCE / "sinks").rglob("*.py")]):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            first = ast.unparse(node.args.args[0].annotation) if node.args.args and node.args.args[0].annotation else ""
            writes = module.startswith("sinks.") and node.name.startswith(("write", "append"))
            if writes or any(name in first for name in DATA):
                yield f"{module}.{node.name}"


def test_every_output_is_looked_at() -> None:
    """One that comes later is to be added here, and then is."""
    assert set(outputs()) == {*OF_REPORT, *OF_SNAPSHOT, *OF_LOG, *TAKES_TEXT}
    for name in (*OF_REPORT, *OF_SNAPSHOT, *OF_LOG):
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"azpreflight.{module}"), function))


def given_away(output: object) -> list[str]:
    """The places whose secrets are in it."""
    whole = json.dumps(codec.encode(output)) if hasattr(output, "__dataclass_fields__") else str(output)
    found = [path for number, path in enumerate(PLACES) if secret_of(number) in whole]
    return found + (["a program's name"] if secret_of(98) in whole else [])


@pytest.mark.parametrize("name", OF_LOG)
def test_no_output_of_a_log_has_a_secret(name: str) -> None:
    """Of logs in which each line that a signature looks for has one behind it."""
    lines = [LINES[signature.id] for signature in SIGNATURES if signature.cause is not None]
    logs = tuple(explain("vm.log", (f"{line} {SECRET}\n{SECRET}: {line}\n".encode(),)) for line in lines)
    assert said(OF_LOG[name](logs)) is None


@pytest.mark.parametrize("name", OF_REPORT)
def test_no_output_of_a_report_has_a_secret(name: str) -> None:
    for report in reports():
        assert given_away(OF_REPORT[name](report)) == []


@pytest.mark.parametrize("name", OF_SNAPSHOT)
def test_no_snapshot_has_a_secret(name: str) -> None:
    for snapshot in seen():
        assert given_away(OF_SNAPSHOT[name](snapshot)) == []
        assert given_away(assess(render_json.parse_snapshot(OF_SNAPSHOT[name](snapshot), PROBES), PROBES)) == []  # type: ignore[arg-type]


def test_the_places_are_looked_at() -> None:
    """There are many, no probe broke over them, and what is found in them is still told."""
    assert len(PLACES) >= 35
    assert [result for report in reports() for result in report.results if result.traceback] == []
    last = json.dumps(render_json.document(reports()[-2]))
    for told in ("Fetch failed: ... -- IOError timed out", "rd.luks.key=...", "in another state", "another program"):
        assert told in "".join(json.dumps(render_json.document(report)) for report in reports()), (told, last[:200])


def test_a_bug_gives_nothing_away() -> None:
    """Neither that of a probe nor that of a judge, whose exceptions quote what they could not use."""
    probe = next(probe for probe in PROBES if probe.name == "logs")

    def broken(*_: object) -> Any:
        raise KeyError(SECRET)

    gathering = replace(probe, gather=broken)
    judging = replace(probe, checks=tuple(replace(check, judge=broken) for check in probe.checks))
    for wrong in (gathering, judging):
        snapshot = gather(machine(), (wrong,), Run(stage=Stage.FIRSTBOOT))
        report = assess(snapshot, (wrong,))
        assert any(result.traceback for result in report.results)
        assert said(render_json.render_snapshot(snapshot)) is None
        assert [name for name, output in OF_REPORT.items() if said(output(report))] == []


@pytest.mark.parametrize("stage", [stage.value for stage in ALL_STAGES])
def test_no_command_says_a_secret(stage: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The program itself on a real tree: every format, the saved report, the record, and standard error."""
    root = tmp_path / "image"
    for number, (path, words) in enumerate(PLACES.items()):
        place = root / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(words.format(s=secret_of(number)))
    asked = ["--root", str(root), "--stage", stage, "--platform", "azure"]
    saved, snapshot = tmp_path / "report.json", tmp_path / "record.json"
    for form in FORMATS:
        assert main(["check", "--verbose", "--format", form, "--report", str(saved), *asked]) in (0, 1, 2, 3)
    assert main(["record", "-o", str(snapshot), *asked]) == 0
    assert main(["assess", "--verbose", str(snapshot)]) in (0, 1, 3)
    printed = capfd.readouterr()
    assert all(len(text) > 100 for text in (printed.out, saved.read_text(), snapshot.read_text()))
    assert given_away((printed.out, printed.err, saved.read_text(), snapshot.read_text())) == []
