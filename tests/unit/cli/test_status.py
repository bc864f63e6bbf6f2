"""`azpreflight status`: the daemon's report of this boot, of an earlier one, and none."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from azpreflight.cli.main import main
from azpreflight.cli.status import BOOT_ID
from azpreflight.model import Report
from azpreflight.render import json as render_json
from tests.support.reports import BROKEN, READY

Captured = pytest.CaptureFixture[str]


def of_this_boot(report: Report) -> str:
    """The report as the daemon of this boot would have written it."""
    boot = Path(BOOT_ID).read_text().strip()
    return render_json.render(replace(report, run=replace(report.run, boot_id=boot)))


@pytest.mark.parametrize(("report", "code", "word"), [(READY, 0, "READY: "), (BROKEN, 1, "NOT READY: ")])
def test_the_verdict_of_this_boot(report: Report, code: int, word: str, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "report.json"
    path.write_text(of_this_boot(report))
    assert main(["status", str(path)]) == code
    said = capsys.readouterr().out
    assert said.startswith(word)
    assert said.endswith("the daemon does not watch any more\n")


def test_a_report_of_an_earlier_boot_is_no_verdict(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "report.json"
    path.write_text(render_json.render(replace(READY, run=replace(READY.run, boot_id="another"))))
    assert main(["status", str(path), "--format", "json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["final"]) == (None, True)
    assert "earlier boot" in answer["summary"]


def test_without_a_report_nothing_is_known(tmp_path: Path, capsys: Captured) -> None:
    """Nobody watches, so that waiting would change nothing."""
    began = time.monotonic()
    assert main(["status", str(tmp_path / "none"), "--wait", "60"]) == 3
    assert time.monotonic() - began < 30
    assert capsys.readouterr().out.startswith("NO REPORT: ")


def test_check_waits_until_nothing_is_wrong(tmp_path: Path, capsys: Captured) -> None:
    """A file that is wanted comes while it waits; without it, the last report says what is missing."""
    config, wanted = tmp_path / "c.yaml", tmp_path / "root" / "wanted"
    wanted.parent.mkdir()
    config.write_text("checks:\n  - {id: it, file: /wanted, severity: error}\n")
    asked = ["check", "--root", str(wanted.parent), "--only", "site-it", "--config", str(config), "-q"]
    assert main([*asked, "--wait", "0.5"]) == 1
    threading.Timer(1, wanted.write_text, ("here",)).start()
    assert main([*asked, "--wait", "30"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("READY")
