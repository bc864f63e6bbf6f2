"""What a boot service loads, step by step. Made from files alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Optional

from azpreflight.firewall.boot.facts import Service
from azpreflight.host import Host, HostError

RULES_LIMIT = 16 << 20
"""Bytes of one file of rules; 50,000 rules are about 8 MiB."""
GENERATED = ""
"""The path of lines that a service makes up itself."""


class Line(NamedTuple):
    """One line that a loader reads, and where it stands."""

    path: str
    number: int
    """1 first."""
    text: str


class Step(NamedTuple):
    """One loader with what it loads."""

    tool: str
    """iptables-restore or another command as the service calls it, or the path of a script."""
    arguments: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    """What it reads from standard input."""
    if_well: bool = False
    """Only if the step before went well."""
    files: tuple[tuple[str, str], ...] = ()
    """Path and text of files that are made for it, in directories that are the sandbox's own."""
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """Its standard input."""
        return "".join(f"{line.text}\n" for line in self.lines)


class Plan(NamedTuple):
    """A service and how it loads its rules."""

    service: Service
    steps: tuple[Step, ...] = ()
    """With all rules as text."""
    own: tuple[Step, ...] = ()
    """The service's own way, which reads files by itself; only the running system can go it. Else `steps` are."""
    hidden: tuple[str, ...] = ()
    """Files that are kept from it: hooks that it would run."""
    blind: Optional[str] = None
    """Why its text does not tell all that it loads, if so."""
    places: tuple[tuple[str, str], ...] = ()
    """Files of which only the names of their chains are known: the path, and a part of the name."""

    def run(self, live: bool) -> tuple[Step, ...]:
        """What is run in a rehearsal."""
        return self.own if live and self.own else self.steps


def lines_of(path: str, text: str) -> tuple[Line, ...]:
    """The lines of a file."""
    return tuple(Line(path, number, line) for number, line in enumerate(text.splitlines(), 1))


def generated(*texts: str) -> tuple[Line, ...]:
    """Lines that a service makes up."""
    return tuple(Line(GENERATED, 0, text) for text in texts)


class Reader:
    """Reads an image's files of rules, and remembers what could not be read."""

    def __init__(self, image: Host) -> None:
        self.image = image
        self.unread: list[str] = []
        self.includes = 0
        """Files read because others include them."""

    def text(self, path: str, limit: int = RULES_LIMIT) -> Optional[str]:
        """The content of a file; None if there is none, or if it cannot be read."""
        try:
            return self.image.text(path, limit)
        except HostError as error:
            self.unread.append(str(error))
            return None

    def lines(self, path: str) -> Optional[tuple[Line, ...]]:
        """The same, line by line."""
        text = self.text(path)
        return None if text is None else lines_of(path, text)

    def settings(self, path: str) -> dict[str, str]:
        """Assignments of a file that a shell reads; the last one of a name counts."""
        return dict(_assignments((self.text(path) or "").splitlines()))


def _assignments(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and name.replace("_", "").isalnum():
            yield name, value.split(" #")[0].strip().strip("\"'")
