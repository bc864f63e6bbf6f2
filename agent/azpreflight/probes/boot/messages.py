"""What the kernel and systemd said at this boot that somebody has to know.

A boot log is full of the words "error" and "failed", and nearly all of them mean nothing. So only a few lines are
looked for, each of which says that something is broken: a device that was waited for in vain, a disk or a filesystem
with errors, memory that was not enough.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from azpreflight.host import Host, HostError
from azpreflight.model import Finding, NotApplicable, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.state import SYSTEMD
from azpreflight.probes.wording import plain

COMMAND = (
    "journalctl",
    "--boot",
    "--quiet",
    "--no-pager",
    "--output=cat",
    "--lines=20000",
    "--identifier=kernel",
    "--identifier=systemd",
)
TIMEOUT = 2.0
"""Seconds: a first boot has some 2000 such lines, which take 0.1 s."""
LIMIT = 4 << 20
"""Bytes; a first boot has some 200 KiB."""


@dataclass(frozen=True)
class Message:
    """A line that means something."""

    pattern: "re.Pattern[str]"
    severity: Severity
    meaning: str
    remedy: str


MESSAGES = {
    "emergency": Message(
        re.compile(r"^(?:Reached target emergency|Started emergency|Reached target Emergency Mode)"),
        Severity.ERROR,
        "the boot ended in emergency mode",
        "Mend the mount or the filesystem that failed before it, and start again.",
    ),
    "read-only": Message(
        re.compile(r"[Rr]emounting filesystem read-only|Filesystem has been (?:set|shut) ?(?:read-only|down)"),
        Severity.ERROR,
        "a filesystem was made read-only after errors",
        "Check the filesystem from another VM.",
    ),
    "device": Message(
        re.compile(r"Timed out waiting for (?:device|unit dev-)"),
        Severity.WARNING,
        "a device was waited for in vain",
        "Take its entry out of fstab, or add nofail to it.",
    ),
    "filesystem": Message(
        re.compile(r"EXT4-fs error|XFS \(\S+\): (?:Metadata c|C)orruption|BTRFS (?:error|critical) "),
        Severity.WARNING,
        "a filesystem has errors",
        "Check the filesystem from another VM.",
    ),
    "disk": Message(
        re.compile(r"I/O error, dev (?!sr|fd|loop)\w+|nvme nvme\d+: (?:I/O .* timeout|Device not ready; aborting)"),
        Severity.WARNING,
        "a disk has errors",
        "Look at the disk's health, and redeploy the VM if it stays.",
    ),
    "memory": Message(
        re.compile(r"Out of memory: Kill"),
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
    """The first such line, cut."""


@dataclass(frozen=True)
class MessageFacts:
    """What was there of the messages."""

    seen: tuple[Seen, ...] = ()
    asked: bool = False
    error: Optional[str] = None
    """Why the journal could not be read."""


def look(host: Host, run: Run) -> MessageFacts:
    """The journal of this boot, of the kernel and of systemd; only at first boot and where systemd runs."""
    if run.stage is not Stage.FIRSTBOOT or run.offline or host.info(SYSTEMD) is None:
        return MessageFacts()
    try:
        output = host.run(COMMAND, TIMEOUT, limit=LIMIT).stdout
    except HostError as error:
        return MessageFacts(asked=True, error=str(error))
    if not output.strip():
        return MessageFacts(asked=True, error="the journal has nothing of this boot, or does not show it")
    return MessageFacts(scan(output), asked=True)


def scan(text: str) -> "tuple[Seen, ...]":
    """The messages in a log, in the order of MESSAGES."""
    lines = text.splitlines()
    found = {kind: [line for line in lines if message.pattern.search(line)] for kind, message in MESSAGES.items()}
    return tuple(Seen(kind, len(some), plain(some[0].rstrip(". "), 120)) for kind, some in found.items() if some)


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
            message.remedy,
            ("journalctl --boot --priority=warning --no-pager",),
        )
