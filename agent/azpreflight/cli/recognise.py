"""What somebody gave a command, by its content, and which command reads it."""

from __future__ import annotations

import re
from enum import Enum
from typing import Optional

from azpreflight.console.frame import START

HEAD = 1 << 16
"""Bytes by which it is recognised."""


class Given(str, Enum):
    """What a file may be; the value is what it is called in a message."""

    REPORT = "a report"
    REPORT_LINES = "a report in JSON lines"
    SNAPSHOT = "a snapshot"
    DECODED = "the output of decode"
    FLEET = "the output of fleet"
    EXPLAINED = "the output of explain-log"
    FRAMED = "a log with a report in it"
    LOG = "a log"
    """Or anything else: what it says is for explain-log to find out."""
    EMPTY = "empty"


READERS = {
    Given.REPORT: "show",
    Given.REPORT_LINES: "show",
    Given.SNAPSHOT: "assess",
    Given.FRAMED: "decode",
    Given.LOG: "explain-log",
}
"""The command that reads it."""
_SCHEMA = re.compile(rb'"schema" {0,4}: {0,4}"azpreflight\.([a-z]{1,20})/[0-9]{1,4}"')
_JSON = re.compile(rb"^[\s\xef\xbb\xbf]{0,100}\{")
_KINDS = {
    b"report": Given.REPORT,
    b"snapshot": Given.SNAPSHOT,
    b"decoded": Given.DECODED,
    b"fleet": Given.FLEET,
    b"log": Given.EXPLAINED,
}


def recognise(head: bytes, tail: bytes = b"") -> Given:
    """What a file is that begins with `head`, and ends with `tail` where it is longer."""
    if not (head + tail).strip(b"\0 \t\r\n"):
        return Given.EMPTY
    if _JSON.match(head):
        schema = _SCHEMA.search(head) or _SCHEMA.search(tail)
        kind = _KINDS.get(schema[1]) if schema is not None else None
        if kind is not None:
            return Given.REPORT_LINES if kind is Given.REPORT and _is_lines(head) else kind
    return Given.FRAMED if START in head or START in tail else Given.LOG


def _is_lines(head: bytes) -> bool:
    """The first line is a JSON object by itself; an indented document, or one line alone, is not."""
    first, _, rest = head.lstrip().partition(b"\n")
    return first.rstrip().endswith(b"}") and (bool(rest.strip()) or b'"kind": "run"' in first)


def instead(path: str, given: Given, command: str) -> Optional[str]:
    """What to say of a file that this command does not read; None where it does."""
    reader = READERS.get(given)
    if reader == command:
        return None
    hint = f"; read it with azpreflight {reader}" if reader is not None else ""
    return f"{path} is {given.value}{hint}"
