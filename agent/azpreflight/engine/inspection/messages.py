"""What an inspection is asked, and what its child says to its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Callable, NamedTuple, Optional, Union

from azpreflight.host import Host
from azpreflight.model import Gathered, Probe, Run, RunInfo


class Question(NamedTuple):
    """What a child works on; made in the child, because files are read to make it."""

    host: Host
    run: Run
    probes: Sequence[Probe[Any]]
    lacking: Optional[str] = None
    """Why the other probes of the inspection are not asked; None where there are no others."""
    repeatable: bool = True
    """False where to make it took so long that it is not made a second time."""


class Takes(NamedTuple):
    """What comes before the inspection may take so many seconds, which do not count."""

    seconds: float


class Began(NamedTuple):
    """The question has been made."""

    run: Run
    info: RunInfo
    stamp: Optional[str]
    left: float
    """Seconds of the budget."""
    asked: tuple[str, ...]
    """Names of the probes of the question."""
    lacking: Optional[str]
    repeatable: bool


class Told(NamedTuple):
    """What one probe brought home."""

    name: str
    gathered: Gathered


class Refused(NamedTuple):
    """There is nothing to inspect: a configuration that cannot be used, a file that is no disk."""

    reason: str


class Broken(NamedTuple):
    """A bug, or no memory, before the probes were asked."""

    reason: str
    traceback: Optional[str]


class Over(NamedTuple):
    """All probes have been asked."""

    modules: tuple[str, ...]
    """Names of what was imported, see `sys.modules`."""


Message = Union[Takes, Began, Told, Refused, Broken, Over]
Tell = Callable[[Message], None]
Ask = Callable[[float, Tell], "AbstractContextManager[Question]"]
"""Makes the question, so many seconds after the inspection began; UsageError where there is nothing to inspect."""


class Order(NamedTuple):
    """What one child is to do."""

    ask: Ask
    names: frozenset[str]
    known: Mapping[str, Gathered]
    """What earlier children brought."""
    spent: float
    """Seconds since the inspection began."""
    one_by_one: bool
    """Ask one probe after another."""
