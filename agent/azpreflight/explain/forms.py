"""Which log it is, and its lines as text: journal exports, strings of JSON, terminals' colours, pools of records.

What is changed keeps the number of lines, so that the number of a line is that in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Callable, Optional

from azpreflight.explain.model import LogKind
from azpreflight.foreign import loads

HEAD = 1 << 13
"""Bytes by which it is told which log it is."""
RECORD = 512 + 2048
"""Bytes of a record in a pool of the key-value exchange: key and value, filled up with NUL (Linux, hyperv.h)."""
CARRIED = 1 << 20
"""Bytes of a line that is held until its end; a longer one is cut there."""
_COLOURS = re.compile(
    rb"\x1b(?:\[[0-9;?!]{0,20}[A-Za-z]|[\]P^_][^\x07\x1b\n]{0,100}(?:\x07|\x1b\\)?|[()][A-Z0-9]|[M78=>c])"
)
"""Terminal sequences: colours, cursor, titles."""
_JOURNAL = re.compile(
    rb"^(?:-- (?:Logs|Journal) begin|-- Boot |(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?|"
    rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[+-]\d\d:?\d\d|Z)?|\[ {0,5}\d{1,7}\.\d{1,6}\]) \S{1,64} "
    rb"[\w@.()/-]{1,64}(?:\[\d{1,7}\])?: )",
    re.MULTILINE,
)
_KINDS = (
    (LogKind.AZURE_INIT, re.compile(rb"azure_init|libazureinit|Azure-Init Version: ")),
    (
        LogKind.SERIAL,
        re.compile(
            rb"\[ {1,5}\d{1,5}\.\d{6}\] |Linux version \d|systemd\[1\]: |\] Started |\[FAILED\]|BdsDxe: |SeaBIOS|"
            rb"GNU GRUB|grub rescue>|\(initramfs\)|dracut-\w|Boot Summary|PXE-E\d\d|You are in emergency mode|"
            rb"No bootable device"
        ),
    ),
    (
        LogKind.WAAGENT,
        re.compile(
            rb"^\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[.,]\d{1,9}Z? (?:INFO|WARNING|ERROR|VERBOSE) ", re.MULTILINE
        ),
    ),
    (
        LogKind.CLOUD_INIT,
        re.compile(
            rb"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{1,6} - \S{1,60}\[[A-Z]{4,8}\]: |Cloud-init v\. )", re.MULTILINE
        ),
    ),
    (LogKind.PROXY_AGENT, re.compile(rb"ProxyAgent|azure-proxy-agent|KeyLatch|key_keeper")),
)
"""In this order: a console has the agents' lines too, and their files have no lines of the kernel."""


def kind_of(head: bytes) -> LogKind:
    """Which log begins like this."""
    if head.startswith(b"__CURSOR=") or (head.startswith(b"{") and b"__REALTIME_TIMESTAMP" in head):
        return LogKind.JOURNAL
    if _is_pool(head):
        return LogKind.TELEMETRY
    plain = _COLOURS.sub(b"", head)
    lines = plain.count(b"\n") + 1
    if 2 * len(_JOURNAL.findall(plain)) >= lines:
        return LogKind.JOURNAL
    return next((kind for kind, pattern in _KINDS if pattern.search(plain)), LogKind.UNKNOWN)


def _is_pool(head: bytes) -> bool:
    """It begins with a record: a key of printable text and a value, both filled up with NUL."""
    key, value = head[:512].rstrip(b"\0"), head[512:RECORD]
    return 0 < len(key) < 512 and key.decode("ascii", "replace").isprintable() and len(value) == 2048 and not value[-1]


def lines(chunks: Iterable[bytes]) -> Iterator[tuple[LogKind, bytes]]:
    """The text of a log in pieces of whole lines, each with the kind of the log."""
    kind: Optional[LogKind] = None
    change: Callable[[bytes], bytes] = _plain
    for text in _whole(_unquoted(chunks)):
        if kind is None:
            kind = kind_of(text[:HEAD])
            change = _changer(kind, text)
        yield kind, change(text)


def _changer(kind: LogKind, text: bytes) -> Callable[[bytes], bytes]:
    if kind is LogKind.TELEMETRY:
        return _records
    if kind is LogKind.JOURNAL and text.startswith(b"{"):
        return _of_json
    if kind is LogKind.JOURNAL and text.startswith(b"__CURSOR="):
        return _of_export
    return _plain


def _whole(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, each piece up to the end of a line; the first one is long enough to show which log it is."""
    rest, least = b"", HEAD
    for chunk in chunks:
        text = rest + chunk
        end = text.rfind(b"\n") + 1 if len(text) >= least else 0
        if not end and len(text) > CARRIED:
            end = len(text)
        rest = text[end:]
        if end:
            least = 0
            yield text[:end]
    if rest:
        yield rest


def _unquoted(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What `az ... get-boot-log` prints with --output json, the default: the log as one JSON string."""
    pieces = iter(chunks)
    first = next(pieces, b"")
    head = first.lstrip()[:4096]
    if not head.startswith(b'"') or b"\\n" not in head:
        yield first
        yield from pieces
        return
    whole = first + b"".join(pieces)
    try:
        text = loads(whole)
        yield (text if isinstance(text, str) else "").encode("utf-8", "replace")
    except ValueError:  # it was cut off, or saved with other text around it
        yield _ESCAPES.sub(lambda found: _ESCAPED.get(found[1], b""), whole)


_ESCAPES = re.compile(rb"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"t": b"\t", b'"': b'"', b"\\": b"\\", b"/": b"/", b"u001b": b"\x1b"}


def _plain(text: bytes) -> bytes:
    if b"\0" in text:
        text = text.replace(b"\0", b"")
    return _COLOURS.sub(b"", text) if b"\x1b" in text else text


def _records(text: bytes) -> bytes:
    """A record of the pool on each line; the values of cloud-init's events are JSON with its log's lines in them."""
    records = (text[at : at + RECORD].replace(b"\0", b" ").replace(b"\n", b" ") for at in range(0, len(text), RECORD))
    return b"\n".join(records)


def _of_json(text: bytes) -> bytes:
    return b"\n".join(_entry(line) for line in text.split(b"\n"))


def _entry(line: bytes) -> bytes:
    """An entry of `journalctl -o json` as a line of text."""
    if not line.startswith(b"{"):
        return b""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return b""
    said = entry.get("MESSAGE") if isinstance(entry, dict) else None
    if isinstance(said, list) and all(isinstance(code, int) and 0 <= code < 256 for code in said):
        said = bytes(said).decode("utf-8", "replace")
    if not isinstance(said, str):
        return b""
    who = f"{entry.get('SYSLOG_IDENTIFIER', 'kernel')}[{entry.get('_PID', 0)}]"
    words = f"{_stamp(entry.get('__REALTIME_TIMESTAMP'))} {who}: {said}".replace("\n", " ")
    return words.encode("utf-8", "replace")


def _of_export(text: bytes) -> bytes:
    """Entries of `journalctl -o export`, a field a line: the message with the time of its entry, the others empty."""
    time, found = "", []
    for line in text.split(b"\n"):
        name, _, value = line.partition(b"=")
        if name == b"__REALTIME_TIMESTAMP":
            time = _stamp(value.decode("ascii", "replace"))
        found.append(time.encode("ascii") + b" " + value if name == b"MESSAGE" else b"")
    return b"\n".join(found)


def _stamp(microseconds: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(microseconds)) / 1e6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError, OSError):
        return "-"
