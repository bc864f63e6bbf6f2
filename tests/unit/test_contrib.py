"""What `packaging/contrib` gives to Prometheus, Grafana and Azure Monitor: read by promtool, held to what we print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from azpreflight.render import json as render_json
from azpreflight.render import prometheus
from tests.support.needs import hold_back
from tests.support.reports import BROKEN, READY, UNDECIDED

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "packaging" / "contrib"
UNPACKED = ROOT / ".cache" / "prometheus" / "usr" / "bin" / "promtool"
METRICS = {f"azpreflight_{name}" for name in prometheus.GAUGES}


def promtool(*arguments: str | Path, given: str = "") -> str:
    """What it says; the test fails where it objects."""
    program = shutil.which("promtool") or (str(UNPACKED) if UNPACKED.exists() else None)
    if program is None:
        hold_back("there is no promtool: tools/prepare unpacks it")
    done = subprocess.run(
        [program, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("report", [BROKEN, READY, UNDECIDED])
def test_promtool_takes_the_metrics(report: Any) -> None:
    """Without a word."""
    assert promtool("check", "metrics", given=prometheus.render(report)) == ""


def test_the_alert_rules_do_what_they_say() -> None:
    """By promtool's own test of rules: each fires, and is silent where it should be."""
    assert "SUCCESS: 4 rules found" in promtool("check", "rules", CONTRIB / "prometheus" / "alerts.yaml")
    assert "SUCCESS" in promtool("test", "rules", CONTRIB / "prometheus" / "alerts.test.yaml")


def test_promtool_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """And each asks for a metric that there is."""
    board = json.loads((CONTRIB / "prometheus" / "dashboard.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"SUCCESS: {len(queries)} rules found" in promtool("check", "rules", tmp_path / "rules.yaml")
    assert len(queries) == 8
    for query in queries:
        assert set(re.findall(r"azpreflight_\w+", query)) <= METRICS


def test_the_collection_rule_has_the_columns_of_the_lines() -> None:
    """Each column that it declares stands in a line that is printed, and the table has them all."""
    template = json.loads((CONTRIB / "azure-monitor" / "data-collection-rule.json").read_text())
    properties = template["resources"][0]["properties"]
    (stream,) = properties["streamDeclarations"].values()
    declared = [column["name"] for column in stream["columns"]]
    printed = {key for line in render_json.render_lines(BROKEN).splitlines() for key in json.loads(line)}
    assert set(declared) - {"TimeGenerated", "FilePath", "Computer"} <= printed
    table = json.loads((CONTRIB / "azure-monitor" / "table.json").read_text())
    named = [column["name"] for column in table["properties"]["schema"]["columns"]]
    assert named == ["started_at" if name == "time" else name for name in declared]


def test_the_workbook_asks_what_the_queries_ask() -> None:
    """Five queries, and each uses columns that the table has."""
    written = (CONTRIB / "azure-monitor" / "queries.kql").read_text()
    queries = [one.partition("\n")[2].strip() for one in written.split("// ") if one]
    workbook = json.loads((CONTRIB / "azure-monitor" / "workbook.json").read_text())
    assert [one["content"]["query"] for one in workbook["items"] if one["type"] == 3] == queries
    assert len(queries) == 5
    table = json.loads((CONTRIB / "azure-monitor" / "table.json").read_text())
    columns = {column["name"] for column in table["properties"]["schema"]["columns"]}
    for query in queries:
        used = set(re.findall(r"\b(?:where|by|on) (\w+)", query)) - {"machines"}
        assert used <= columns, query
