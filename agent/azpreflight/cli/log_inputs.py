"""From a path to explained logs: opens what is there, and says what is not a log."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import IO, BinaryIO, Optional

from azpreflight.cli import log_bundle
from azpreflight.cli.log_bundle import Pieces
from azpreflight.cli.recognise import HEAD, Given, instead, recognise
from azpreflight.explain import ExplainedLog, explain, explain_bundle
from azpreflight.model.errors import UsageError

COMMAND = "explain-log"
_OURS = (Given.REPORT, Given.REPORT_LINES, Given.SNAPSHOT, Given.DECODED, Given.FLEET, Given.EXPLAINED)


def explained(path: str) -> ExplainedLog:
    """The log of this name; `-` is standard input. OSError if it cannot be read, UsageError if it is none."""
    if path == "-":
        return _explained("standard input", sys.stdin.buffer)
    with open(path, "rb") as file:
        return _explained(path, file)


def _explained(name: str, file: BinaryIO) -> ExplainedLog:
    skipped = _skip(file)
    with log_bundle.unpacked(file) as (head, rest):
        given = recognise(head[:HEAD])
        if given in _OURS:
            raise UsageError(instead(name, given, COMMAND) or "")
        if log_bundle.is_tar(head) or log_bundle.is_zip(head):
            return _bundle(name, head, rest)
        pieces = Pieces(rest, head=head)
        log = explain(name, pieces)
        return replace(log, unread=skipped or pieces.unread)


def _bundle(name: str, head: bytes, file: IO[bytes]) -> ExplainedLog:
    log = explain_bundle(name, ((member.name, member.content) for member in log_bundle.members(head, file)))
    if not log.timeline and not log.causes:
        raise UsageError(f"{name} is an archive without a log that explain-log knows")
    return log


def _skip(file: BinaryIO) -> Optional[str]:
    """Of a file that is larger than the limit the end counts, because the newest boot stands there."""
    if not file.seekable():
        return None
    size = file.seek(0, io.SEEK_END)
    begin = max(size - log_bundle.LIMIT, 0)
    file.seek(begin)
    return f"all but the last {log_bundle.LIMIT >> 20} MiB" if begin else None
