"""Explains a log that has no report in it: who provisioned, how far the boot came, and what most likely stopped it.

`explain` is pure: bytes in, one small result out, so that many logs are explained by many processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Optional

from azpreflight.explain.judge import Source, judge
from azpreflight.explain.model import ExplainedLog, LogCause, LogKind, LogLine, LogMilestone, Remark
from azpreflight.explain.scan import scan

__all__ = [
    "ExplainedLog",
    "LogCause",
    "LogKind",
    "LogLine",
    "LogMilestone",
    "Remark",
    "explain",
    "explain_bundle",
]


def explain(file: str, content: Iterable[bytes], unread: Optional[str] = None) -> ExplainedLog:
    """What a log says of the newest boot in it.

    `content` is the log in pieces of any size, `(content,)` for one that is in memory: memory does not grow with it.
    `unread` says which part of the log is not in it.
    """
    scanned = scan(content)
    return judge(file, scanned.kind, (Source(None, scanned),), unread)


def explain_bundle(
    file: str, members: Iterable[tuple[str, Iterable[bytes]]], unread: Optional[str] = None
) -> ExplainedLog:
    """The same for several logs of one machine; `members` gives their names and contents."""
    sources: Sequence[Source] = [Source(name, scan(content)) for name, content in members]
    return judge(file, LogKind.BUNDLE, tuple(sources), unread)
