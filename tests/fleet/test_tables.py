"""Tables: what DuckDB makes of them by the queries of the document, and what is in their columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any, Optional

import duckdb
import pytest

from azpreflight.cli.main import main
from azpreflight.render.fleet_rows import Row
from tests.support import truths

pytestmark = pytest.mark.xdist_group("tables")

DOCUMENT = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
LOGS = 200
TRUTHS = [truths.truth(number) for number in range(LOGS)]
TOLD = [one for one in TRUTHS if one.report]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs, and the table of them."""
    top = tmp_path_factory.mktemp("tables")
    assert len(list(truths.write(top / "logs", LOGS, 30_000))) == LOGS
    assert main(["fleet", str(top / "logs"), "-o", str(top / "fleet.parquet")]) == 1
    return top


def answer(folder: Path, number: int) -> list[tuple[Any, ...]]:
    """What the query of this number in the document brings."""
    return duckdb.connect().execute(QUERIES[number].replace("fleet.parquet", str(folder / "fleet.parquet"))).fetchall()


def test_the_document_has_five_queries() -> None:
    assert len(QUERIES) == 5


def test_causes_are_counted(folder: Path) -> None:
    counted = Counter(word.value for one in TOLD for word in one.causes)
    expected = sorted(((cause, "error", count) for cause, count in counted.items()), key=lambda row: (-row[2], row[0]))
    assert answer(folder, 0) == expected


def test_images_are_counted(folder: Path) -> None:
    rows = {(image, version): (failed, count) for image, version, failed, count in answer(folder, 1)}
    expected: dict[tuple[Optional[str], Optional[str]], tuple[int, int]] = {
        (one.image, one.version): (
            sum(bool(other.causes) for other in TOLD if (other.image, other.version) == (one.image, one.version)),
            sum((other.image, other.version) == (one.image, one.version) for other in TOLD),
        )
        for one in TOLD
    }
    assert rows == {**expected, (None, None): (0, LOGS - len(TOLD))}


def test_subnets_without_a_ready_machine_are_found(folder: Path) -> None:
    assert answer(folder, 2) == [("10.9.0.0/24", sum(one.subnet == "10.9.0.0/24" for one in TOLD))]


def test_machines_with_two_causes_are_found(folder: Path) -> None:
    both = [one for one in TOLD if len(one.causes) == 2]
    assert answer(folder, 3) == [(["dns-unreachable", "guest-firewall"], 2)] * len(both)


def test_agents_are_compared(folder: Path) -> None:
    rows = {agent: (share, count) for agent, share, count in answer(folder, 4)}
    for agent in {one.agent for one in TOLD}:
        failed = [bool(one.causes) for one in TOLD if one.agent == agent]
        assert rows[agent] == (round(sum(failed) / len(failed), 3), len(failed))


def test_every_column_is_in_the_document(folder: Path) -> None:
    """And the file has these columns and no others."""
    names = [row[0] for row in duckdb.connect().execute(f"DESCRIBE '{folder}/fleet.parquet'").fetchall()]
    table = DOCUMENT.split("## Tables")[1].split("With [DuckDB]")[0]
    assert names == list(Row._fields)
    documented = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert documented == set(names)


def test_csv_has_the_same_rows_and_no_formula(folder: Path, tmp_path: Path) -> None:
    """A spreadsheet must not run what a log says."""
    assert main(["fleet", str(folder / "logs"), "-o", str(tmp_path / "fleet.csv")]) == 1
    with open(tmp_path / "fleet.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    count = len(duckdb.read_parquet(str(folder / "fleet.parquet")))
    assert (len(rows), list(rows[0])) == (count, list(Row._fields))
    (tmp_path / "=cmd.log").write_bytes(b"")
    odd = tmp_path / "odd.csv"
    (tmp_path / "away").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        main(["fleet", "=cmd.log", "--format", "csv", "-o", str(odd)])
    assert odd.read_text().splitlines()[1].startswith("'=cmd.log,")
