"""What the kernel and systemd said at this boot that somebody has to know.

A boot log is full of the words "error" and "failed", and nearly all of them mean nothing. So only a few lines are
looked for, each of which says that something is broken: a device that was waited for without success, a disk or a
filesystem with errors, memory that was not enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from azpreflight.azure.log_signatures import BY_ID
from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HostError
from azpreflight.host.systemd import RUNNING
from azpreflight.model import Finding, NotApplicable, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part

VOUCHED = ("_TRANSPORT=kernel", "+", "_TRANSPORT=journal", "_PID=1")
"""The entries of the kernel and of systemd itself by the fields that journald adds (systemd.journal-fields(7)). Any
user may write an entry with another program's identifier and text, but no field that begins with an underscore."""
COMMAND = (
    "journalctl",
    "--boot",
    "--quiet",
    "--no-pager",
    "--output=json",
    "--output-fields=MESSAGE,_TRANSPORT,_PID",
    "--lines=20000",
    *VOUCHED,
)
TIMEOUT = 2.0
"""Seconds: a first boot has some 2000 such lines, which take 0.1 s."""
LIMIT = 8 << 20
"""Bytes; a first boot has some 700 KiB."""
LINE = 1000
"""Characters of a message that are searched; one of the kernel has at most 976 (LOG_LINE_MAX)."""


@dataclass(frozen=True)
class Message:
    """A line that means something.

    The pattern has to match from the beginning, because the kernel also quotes names that a user chose: 15 characters
    of a program's, in front of "segfault at". What it matches is shown, and nothing behind it.
    """

    pattern: re.Pattern[str]
    severity: Severity
    meaning: str
    fix: str


MESSAGES = {
    "emergency": Message(
        BY_ID["emergency-target"].pattern,
        Severity.ERROR,
        "the boot ended in emergency mode",
        "Repair the mount or the filesystem that failed before it, and start again.",
    ),
    "read-only": Message(
        BY_ID["kernel-read-only"].pattern,
        Severity.ERROR,
        "a filesystem was made read-only after errors",
        "Check the filesystem from another VM.",
    ),
    "device": Message(
        BY_ID["device-timeout"].pattern,
        Severity.WARNING,
        "a device was waited for without success",
        "Take its entry out of fstab, or add nofail to it.",
    ),
    "filesystem": Message(
        BY_ID["kernel-filesystem"].pattern,
        Severity.WARNING,
        "a filesystem has errors",
        "Check the filesystem from another VM.",
    ),
    "disk": Message(
        BY_ID["kernel-disk"].pattern,
        Severity.WARNING,
        "a disk has errors",
        "Look at the disk's health, and redeploy the VM if it stays.",
    ),
    "memory": Message(
        BY_ID["kernel-memory"].pattern,
        Severity.WARNING,
        "memory was not enough, and a program was killed",
        "Use a larger size, or give the VM swap on the temporary disk.",
    ),
}
"""By what they are of. Drives for discs and floppies have I/O errors in every healthy VM."""


@dataclass(frozen=True)
class Seen:
    """A kind of message that was there."""

    kind: str
    count: int
    first: str
    """The first such line, as far as its pattern matches."""


@dataclass(frozen=True)
class MessageFacts:
    """What was there of the messages."""

    seen: tuple[Seen, ...] = ()
    asked: bool = False
    error: Optional[str] = None
    """Why the journal could not be read."""


def look(host: Host, run: Run) -> MessageFacts:
    """The journal of this boot, of the kernel and of systemd; only at first boot and where systemd runs."""
    if run.stage is not Stage.FIRSTBOOT or run.offline or host.info(RUNNING) is None:
        return MessageFacts()
    try:
        output = host.run(COMMAND, TIMEOUT, limit=LIMIT).stdout
    except HostError as error:
        return MessageFacts(asked=True, error=str(error))
    lines = entries(output)
    if not lines:
        return MessageFacts(asked=True, error="the journal has nothing of this boot, or does not show it")
    return MessageFacts(scan(lines), asked=True)


def entries(output: str) -> list[str]:
    """The messages of the kernel and of systemd in what journalctl printed, one entry a line, as JSON.

    The fields are read again, so that a journalctl that took the question otherwise shows nothing that is not theirs.
    """
    read = (_entry(line) for line in output.split("\n") if line)
    return [message[:LINE] for message in map(_message, read) if message]


def _entry(line: str) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _message(entry: Mapping[str, Any]) -> Optional[str]:
    """Its text, which journalctl writes as numbers if it is not printable; None for an entry of somebody else."""
    source = entry.get("_TRANSPORT"), entry.get("_PID")
    text = entry.get("MESSAGE")
    if source[0] != "kernel" and source != ("journal", "1"):
        return None
    if isinstance(text, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in text):
        return bytes(text).decode("utf-8", "replace")
    return text if isinstance(text, str) else None


def scan(lines: list[str]) -> tuple[Seen, ...]:
    """The messages among those of a boot, in the order of MESSAGES."""
    found = {kind: [seen for seen in map(one.pattern.match, lines) if seen] for kind, one in MESSAGES.items()}
    return tuple(Seen(kind, len(some), some[0].group().rstrip(".")) for kind, some in found.items() if some)


def judge(facts: MessageFacts, run: Run) -> Iterator[Verdict]:
    """None of them was there."""
    if not facts.asked:
        yield NotApplicable("systemd does not run here")
    elif facts.error is not None:
        yield Unknown(facts.error)
    for seen in facts.seen:
        message = MESSAGES[seen.kind]
        times = f" ({seen.count} times)" if seen.count > 1 else ""
        yield Finding(
            message.severity,
            f"{message.meaning}{times}: {seen.first}",
            message.fix,
            (f"journalctl --boot --no-pager {' '.join(VOUCHED)}",),
        )


CHECKS = (
    check(
        "boot-messages",
        "this boot logged no critical error",
        part("messages", judge),
        Severity.ERROR,
        stages=(Stage.FIRSTBOOT,),
        offline=False,
    ),
)
