"""Reports in files: what the daemon, `--report` and other programs saved, and `show` and `status` read."""

from __future__ import annotations

from azpreflight.cli.recognise import HEAD, Given, instead, recognise
from azpreflight.model import Report
from azpreflight.model.codec import DecodeError
from azpreflight.model.errors import UsageError
from azpreflight.paths import REPORT
from azpreflight.render import json

LIMIT = 256 << 20
"""Bytes of a saved report, as of a snapshot."""


def saved(path: str) -> Report:
    """The report in a file, or on standard input for "-". UsageError if there is none."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read(LIMIT + 1)
    except FileNotFoundError:
        hint = ": the daemon has not reported on this machine" if path == REPORT else ""
        raise UsageError(f"cannot read {path}: No such file or directory{hint}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LIMIT:
        raise UsageError(f"cannot read {path}: larger than {LIMIT >> 20} MiB")
    given = recognise(content[:HEAD], content[-HEAD:])
    if given not in (Given.REPORT, Given.REPORT_LINES):
        raise UsageError(instead(path, given, "show") or "")
    try:
        return json.parse_report(content.decode("utf-8", "replace"))
    except DecodeError as error:
        raise UsageError(f"{path}: {error}") from None
