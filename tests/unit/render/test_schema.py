"""What is printed fits its JSON Schema, as the package carries it: snapshot, decoded logs, fleet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from azpreflight import package
from azpreflight.cli.main import main
from azpreflight.engine.gather import gather
from azpreflight.probes import PROBES
from azpreflight.render.json import render_snapshot
from tests.support import truths
from tests.support.examples import examples


def errors(name: str, document: Any) -> list[str]:
    """What does not fit the schema of this name."""
    schema = json.loads(package.data(f"schema/{name}.json"))
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Logs of twenty machines, and one that cannot be read."""
    folder = tmp_path / "logs"
    assert len(list(truths.write(folder, 20, 30_000))) == 20
    (folder / "loop.log").symlink_to("loop.log")
    return folder


@pytest.mark.parametrize("name", ["platform", "firewall", "dns"])
def test_a_snapshot_fits(name: str) -> None:
    (probe,) = (one for one in PROBES if one.name == name)
    example = examples(probe).HEALTHY
    host, run = example if isinstance(example, tuple) else (example, examples(probe).RUN)
    snapshot = json.loads(render_snapshot(gather(host, PROBES, run)))
    assert errors("snapshot-1", snapshot) == []
    snapshot["probes"][name]["facts"] = {"no": "facts"}
    assert errors("snapshot-1", snapshot)


@pytest.mark.parametrize(("command", "name"), [("fleet", "fleet-1"), ("decode", "decoded-1")])
def test_what_is_read_fits(command: str, name: str, logs: Path, tmp_path: Path) -> None:
    """And something else does not."""
    paths = [str(logs)] if command == "fleet" else [str(path) for path in sorted(logs.rglob("vm*.log"))]
    main([command, *paths, "--format", "json", "-o", str(tmp_path / "out")])
    document = json.loads((tmp_path / "out").read_text())
    assert errors(name, document) == []
    assert errors(name, {**document, "schema": "another/1"})
    assert errors(name, {key: value for key, value in document.items() if key not in ("machines", "logs")})
