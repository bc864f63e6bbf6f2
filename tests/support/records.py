"""What holds for every record on a serial console."""

from __future__ import annotations

from azpreflight.console.decode import decode
from azpreflight.model import Readiness, Report
from azpreflight.render import json, serial

READY_MOST, MOST = 12_000, 16_000
"""Bytes with line ends, where all is well and where it is not."""


def wrong_with_record(report: Report) -> list[str]:
    """What is wrong with the record of a report: its length, or what it says of anything but facts that were seen."""
    text = serial.render(report, "/var/lib/azpreflight/report.json")
    most = READY_MOST if report.verdict is Readiness.READY else MOST
    length = len(text.replace("\n", "\r\n"))
    found = [f"{length} bytes, and {most} are allowed"] if length > most else []
    recovered, document = decode(text.encode("ascii")).reports[0].document, json.document(report)
    return found + [f"{key} is another" for key in document if key != "facts" and recovered[key] != document[key]]
