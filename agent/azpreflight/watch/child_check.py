"""What the services have in common: each look is a child process, and its report goes to several places.

The libraries that a look needs are gone again when it ends, so that what waits is small, and a fault in it cannot take
the service with it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Callable, Optional

from azpreflight.foreign import loads
from azpreflight.host import Host, HostError, reading
from azpreflight.model import Report, codec
from azpreflight.model.exit_codes import EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE
from azpreflight.render.serial import notice
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.serial import consoles, write_serial
from azpreflight.sinks.stderr import say

Place = Callable[[], None]


def this_program() -> tuple[str, ...]:
    """How this very program is called, for a child."""
    return (sys.executable, "-I", os.path.abspath(sys.argv[0]))


def run(host: Host, command: Sequence[str], timeout: float) -> str:
    """What a child of this program printed. HostError if it was ended, could not be asked, or printed too much."""
    done = host.run(command, timeout=timeout)
    if done.truncated or done.status in (EXIT_USAGE, EXIT_INTERRUPTED, EXIT_TERMINATED) or done.status < 0:
        raise HostError(f"azpreflight ended with {done.status}: {done.stderr.strip()[-200:]}")
    return done.stdout


def look(host: Host, command: Sequence[str], timeout: float, tell: Callable[[str], None] = say) -> Optional[Report]:
    """The report that a child printed as JSON; None, and a word about it, if there is none."""
    try:
        said = run(host, command, timeout)
        with reading("what it printed"):
            report: Report = codec.decode(Report, loads(said))
    except HostError as error:
        tell(f"this look gave no report: {error}")
        return None
    return report


def announce(host: Host, wanted: str, sentence: str) -> None:
    """Say it on the serial console too, because nobody may ever see the journal."""
    say(sentence)
    put(partial(write_serial, device, notice(sentence)) for device in consoles(host, wanted))


def put(places: Iterable[Place]) -> None:
    """Put a report everywhere; a place that fails is told about and does not keep the others from theirs."""
    for place in places:
        try:
            place()
        except SinkError as error:
            say(str(error))
