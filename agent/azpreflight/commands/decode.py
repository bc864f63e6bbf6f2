"""`azpreflight decode`: reports back out of boot diagnostics logs, in files or on standard input."""

import argparse
import glob
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import BinaryIO, Optional

from azpreflight.assess import exit_code
from azpreflight.commands.words import EXIT_BUG, EXIT_UNDECIDED, EXIT_USAGE, say
from azpreflight.model import Severity
from azpreflight.render import decoded as render
from azpreflight.render.decoded import Log
from azpreflight.serial.decode import decode as decoded
from azpreflight.sinks.file import write_file
from azpreflight.sinks.stdout import write_stdout

LOG_MOST = 64 << 20
"""Bytes of a log that are looked at: the boot diagnostics of a VM hold about 1 MiB, a console that was recorded for
months more. Of a file it is the end that counts, because the newest report stands there."""
_MIB = LOG_MOST >> 20
_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"

_WORST = (0, EXIT_UNDECIDED, 1, EXIT_BUG, EXIT_USAGE)
"""Exit codes from the best to the worst; with many logs the worst counts."""


def decode(asked: argparse.Namespace) -> int:
    """Print the reports; the exit code is that of each log's newest report, the worst of them.

    A log without a report is undecided; one that cannot be read is a usage error, and the others are still decoded.
    """
    logs, codes = [], [0]
    for path in _files(asked.file):
        try:
            log = _log(path)
        except OSError as error:
            say(f"cannot read {path}: {error.strerror}")
            codes.append(EXIT_USAGE)
            continue
        logs.append(_newest(log) if asked.newest else log)
        codes.append(_exit_code(log, Severity(asked.fail_on or Severity.ERROR)))
    content = _rendered(asked, tuple(logs))
    if asked.output is None:
        write_stdout(content)
    else:
        write_file(asked.output, content)
    return max(codes, key=_WORST.index)


def _files(arguments: "Iterable[str]") -> "list[str]":
    """The paths, patterns among them filled in where no shell did it."""
    return [path for name in arguments for path in ([name] if os.path.lexists(name) else _matches(name))]


def _matches(pattern: str) -> "list[str]":
    return sorted(glob.glob(pattern)) or [pattern]


def _log(path: str) -> Log:
    if path == "-":
        content, unread = _stream(sys.stdin.buffer)
        return Log("standard input", decoded(content), unread)
    with open(path, "rb") as file:
        content, unread = _stream(file)
    return Log(path, decoded(content), unread)


def _stream(file: BinaryIO) -> "tuple[bytes, Optional[str]]":
    """What is looked at of a log, and the words for what is not."""
    size = file.seek(0, io.SEEK_END) if file.seekable() else 0
    if file.seekable():
        file.seek(max(size - LOG_MOST, 0))
    content = file.read(LOG_MOST)
    if size > LOG_MOST:
        return content, f"all but the last {_MIB} MiB"
    if content.startswith(_GZIP):
        return _inflated(content)
    return content, f"what follows the first {_MIB} MiB" if len(content) == LOG_MOST and file.read(1) else None


def _inflated(packed: bytes) -> "tuple[bytes, Optional[str]]":
    """A gzip file up to the limit, or to where it is broken."""
    chunks, left = [], LOG_MOST
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            while left and (chunk := file.read1(min(left, _CHUNK))):
                chunks.append(chunk)
                left -= len(chunk)
    except (EOFError, OSError, zlib.error):
        return b"".join(chunks), "the end of the gzip file, which is broken"
    return b"".join(chunks), None if left else f"what follows the first {_MIB} MiB"


def _newest(log: Log) -> Log:
    return replace(log, decoded=replace(log.decoded, reports=log.decoded.reports[:1]))


def _exit_code(log: Log, fail_on: Severity) -> int:
    report = render.report_of(log.decoded.reports[0]) if log.decoded.reports else None
    return EXIT_UNDECIDED if report is None else exit_code(report, fail_on)


def _rendered(asked: argparse.Namespace, logs: "tuple[Log, ...]") -> str:
    if asked.format == "text":
        return render.render(logs, verbose=asked.verbose, quiet=asked.quiet)
    renderers = {"json": render.render_json, "jsonl": render.render_lines, "junit": render.render_junit}
    return renderers[asked.format](logs)
