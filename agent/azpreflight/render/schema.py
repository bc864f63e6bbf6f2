"""JSON Schemas (2020-12) of what is printed beside the report: snapshot, decoded logs, fleet. Pure.

`make schema` writes all of them into docs/schema, and the package carries them as data/schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azpreflight.console.decode import Decoded
from azpreflight.engine.fleet import Machine
from azpreflight.engine.tally import DIMENSIONS, Common
from azpreflight.model import Cause, Probe, Severity, Snapshot, codec
from azpreflight.render import decoded, fleet
from azpreflight.render.json import SNAPSHOT_SCHEMA, report_schema

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
_TEXTS = {"type": "array", "items": _TEXT}


def schemas(probes: Sequence[Probe[Any]]) -> Mapping[str, dict[str, Any]]:
    """All of them by the name of the file, which is what their `schema` says without its slash."""
    return {
        "report-1": report_schema(probes),
        "snapshot-1": snapshot_schema(probes),
        "decoded-1": decoded_schema(),
        "fleet-1": fleet_schema(),
    }


def snapshot_schema(probes: Sequence[Probe[Any]]) -> dict[str, Any]:
    """What `record` saves: the facts of each probe, with what was asked."""
    definitions: dict[str, Any] = {}
    codec.schema(Snapshot, definitions)
    facts = {probe.name: codec.schema(probe.facts, definitions) for probe in probes}
    top = definitions.pop("Snapshot")
    gathered = top["properties"]["probes"]["additionalProperties"]
    of_probe = {
        name: {"allOf": [gathered, {"properties": {"facts": {"anyOf": [kind, {"type": "null"}]}}}]}
        for name, kind in facts.items()
    }
    top["properties"]["probes"] = {"type": "object", "properties": of_probe, "additionalProperties": gathered}
    return _document(SNAPSHOT_SCHEMA, "The facts of one run of azpreflight", top, definitions)


def decoded_schema() -> dict[str, Any]:
    """What `decode` prints: each log, its reports and those that are lost."""
    definitions: dict[str, Any] = {}
    codec.schema(Decoded, definitions)
    log = definitions.pop("Decoded")
    log["properties"] = {"log": _TEXT, "unread": _or_null(_TEXT), **log["properties"]}
    log["required"] = ["log", "unread", *log["required"]]
    top = _object({"logs": {"type": "array", "items": log}})
    return _document(decoded.SCHEMA, "What was got back out of serial console logs", top, definitions)


def fleet_schema() -> dict[str, Any]:
    """What `fleet` prints: numbers, groups and every machine."""
    definitions: dict[str, Any] = {}
    machine, common = codec.schema(Machine, definitions), codec.schema(Common, definitions)
    counts = (*fleet.KEYS.values(),)
    cause, severity = codec.schema(Cause, definitions), codec.schema(Severity, definitions)
    group = {
        **{"cause": cause, "check": _TEXT, "severity": severity, "words": _TEXT, "machines": _COUNT},
        **{"summary": _or_null(_TEXT), "fix": _or_null(_TEXT), "commands": _or_null(_TEXTS)},
        **{"common": _list(common), "logs": _TEXTS},
    }
    row = _object({"value": _TEXT, "machines": _COUNT, **dict.fromkeys(counts, _COUNT)})
    top = _object(
        {
            "totals": _object(dict.fromkeys(("machines", *counts, "older_logs", "disputed"), _COUNT)),
            "causes": _list(_object({"cause": cause, "severity": severity, "machines": _COUNT})),
            "by": _object({dimension: _list(row) for dimension in DIMENSIONS}),
            "disputes": _list(_object({"vm_id": _TEXT, "logs": _TEXTS})),
            "groups": _list(_object(group)),
            "machines": _list(machine),
        }
    )
    return _document(fleet.SCHEMA, "What the logs of many machines have in common", top, definitions)


def _document(name: str, title: str, top: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": _DRAFT,
        "$id": name,
        "title": title,
        **top,
        "properties": {"schema": {"const": name}, **top["properties"]},
        "required": ["schema", *top["required"]],
        "$defs": definitions,
    }


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(kind: Any) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}
