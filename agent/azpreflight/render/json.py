"""The report as JSON: the interface that scripts rely on, with its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from azpreflight.foreign import loads
from azpreflight.model import Probe, Report, Snapshot, bounds, codec
from azpreflight.render import arrangement

REPORT_SCHEMA = "azpreflight.report/1"
PAGE = "documentation"
"""Key of the address of a page."""
SNAPSHOT_SCHEMA = "azpreflight.snapshot/1"


def render(report: Report) -> str:
    """One JSON document, indented, with a newline at the end; 7-bit ASCII."""
    return json.dumps(_with_pages(document(report)), indent=2) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The JSON value of a report, with nothing in it that is too long for one."""
    value, cut = bounds.document(codec.encode(report))
    return {"schema": REPORT_SCHEMA, **value, "cut": [*report.cut, *cut]}


def _with_pages(value: dict[str, Any]) -> dict[str, Any]:
    """The address of the page of each cause and of each check that failed: for people, so that it is left out where
    every byte counts."""
    for entry in value["causes"]:
        entry[PAGE] = arrangement.address("causes", entry["cause"])
    for result in value["results"]:
        if result["findings"]:
            result[PAGE] = arrangement.address("checks", result["check"])
    return value


def render_lines(report: Report) -> str:
    """JSON lines for a log collector: the run with its verdict, then a line for each cause, result and extension.

    Each says which run of which machine it is of, because a collector may keep them apart. Facts are left out: a line
    stays short enough for any collector.
    """
    rows: list[dict[str, Any]] = [{"kind": "run", "run": codec.encode(report.run), "verdict": report.verdict.value}]
    rows += [{"kind": "cause", **codec.encode(entry)} for entry in report.causes]
    rows += [{"kind": "result", **codec.encode(result)} for result in report.results]
    rows += [{"kind": "extension", **codec.encode(extension)} for extension in report.extensions]
    return "".join(json.dumps({**_of_run(report), **row}) + "\n" for row in rows)


def _of_run(report: Report) -> dict[str, Any]:
    """What every line has."""
    run = report.run
    return {
        "schema": REPORT_SCHEMA,
        "time": run.started_at,
        "vm_id": run.vm_id,
        "boot_id": run.boot_id,
        "stage": run.stage.value,
        "tool": codec.encode(report.tool),
    }


def render_line(report: Report) -> str:
    """The report without its facts as one line, for a history."""
    return json.dumps({**document(report), "facts": {}}, separators=(",", ":")) + "\n"


def report_schema(probes: Sequence[Probe[Any]]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report that these probes make."""
    definitions: dict[str, Any] = {}
    codec.schema(Report, definitions)
    facts = {probe.name: codec.schema(probe.facts, definitions) for probe in probes}
    report = definitions.pop("Report")
    for name in ("CauseEntry", "Result"):
        definitions[name]["properties"][PAGE] = {"type": ["string", "null"], "format": "uri"}
    report["properties"]["facts"] = {"type": "object", "properties": facts}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": REPORT_SCHEMA,
        "title": "The report of azpreflight",
        **report,
        "properties": {"schema": {"const": REPORT_SCHEMA}, **report["properties"]},
        "required": ["schema", *report["required"]],
        "$defs": definitions,
    }


def parse_report(text: str) -> Report:
    """The report in a JSON document, or the last one in JSON lines, a history or those of `render_lines`.

    Its facts stay JSON values. Raises codec.DecodeError with the place if it is no report.
    """
    try:
        value = loads(text)
    except ValueError:
        value = _of_lines(text)
    if not isinstance(value, Mapping) or value.get("schema") != REPORT_SCHEMA:
        raise codec.DecodeError(f"not a report: schema is not {REPORT_SCHEMA}")
    report: Report = codec.decode(Report, {"facts": {}, **value})
    return report


def _of_lines(text: str) -> Any:
    """The last document of a history, or what the rows since the last one of the kind "run" say together."""
    try:
        rows = [loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise codec.DecodeError(f"not JSON: {error}") from None
    starts = [place for place, row in enumerate(rows) if isinstance(row, Mapping) and row.get("kind") == "run"]
    if not starts:
        return rows[-1] if rows else None
    parts = {"causes": "cause", "results": "result", "extensions": "extension"}
    found = [row for row in rows[starts[-1] :] if isinstance(row, Mapping)]
    return {**found[0], **{name: [row for row in found if row.get("kind") == kind] for name, kind in parts.items()}}


def render_snapshot(snapshot: Snapshot) -> str:
    """A snapshot as one JSON document."""
    return json.dumps({"schema": SNAPSHOT_SCHEMA, **codec.encode(snapshot)}, indent=1) + "\n"


def parse_snapshot(text: str, probes: Sequence[Probe[Any]]) -> Snapshot:
    """The snapshot in a JSON document; facts of probes that this version does not know are left out.

    Raises codec.DecodeError with the place if it is no snapshot.
    """
    try:
        value = loads(text)
    except ValueError as error:
        raise codec.DecodeError(f"not JSON: {error}") from None
    if not isinstance(value, Mapping) or value.get("schema") != SNAPSHOT_SCHEMA:
        raise codec.DecodeError(f"not a snapshot: schema is not {SNAPSHOT_SCHEMA}")
    kinds = {probe.name: probe.facts for probe in probes}
    snapshot: Snapshot = codec.decode(Snapshot, value)
    known = {name: gathered for name, gathered in snapshot.probes.items() if name in kinds}
    decoded = {name: _with_facts(gathered, kinds[name], f"$.probes.{name}.facts") for name, gathered in known.items()}
    return replace(snapshot, probes=decoded)


def _with_facts(gathered: Any, kind: Any, where: str) -> Any:
    facts = None if gathered.facts is None else codec.decode(kind, gathered.facts, where)
    return replace(gathered, facts=facts)
