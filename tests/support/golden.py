"""Reports as they are printed, kept as files, so that a change of wording is one diff: `make pages` writes them."""

from __future__ import annotations

from pathlib import Path

from azpreflight.model import Severity
from azpreflight.render import formats, text
from tests.support.examples import whole_report
from tests.support.reports import BROKEN, READY, UNDECIDED

FOLDER = Path(__file__).parents[1] / "data" / "reports"
CHECKS = (
    "agents-provisioner",
    "boot-root",
    "dns-servers",
    "firewall-wireserver",
    "gen-users",
    "path-tunnel",
    "proxy-required",
)

FORMATS = ("junit", "markdown", "github", "azure-pipelines", "nagios")
"""Those that a person can read in a difference."""


def printed() -> dict[str, str]:
    """The text of each report by the name of its file."""
    made = {f"{name}.txt": text.render(whole_report(name), width=80) for name in CHECKS}
    made |= {f"broken-{width}.txt": text.render(BROKEN, width=width) for width in (60, 100)}
    made |= {"broken-verbose.txt": text.render(BROKEN, verbose=True)}
    made |= {f"broken-{name}.txt": formats.render(name, BROKEN, Severity.ERROR) for name in FORMATS}
    return {**made, "ready.txt": text.render(READY), "undecided.txt": text.render(UNDECIDED)}


def write() -> None:
    """All of them, in place of what is there."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, content in printed().items():
        (FOLDER / name).write_text(content)
