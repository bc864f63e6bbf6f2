"""One image build under watch, from `arm` to the power-off."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from azpreflight.model import Report
from azpreflight.watch import deprovision_effects
from azpreflight.watch.boot_policy import Diagnosis, diagnosis
from azpreflight.watch.power_off import Ending

POLL_S = 1.0
"""Seconds between looks at a handful of files."""
QUIET_S = 5.0
"""Seconds without a change until cleaning counts as done: waagent takes 3 s, and deletes the user last."""
RESTLESS_S = 60.0
"""Seconds after which a machine that goes on changing is judged as it is, and until it is judged again."""


@dataclass
class CaptureWatch:
    """Waits until the machine is cleaned or powered off. Everything that it does to the machine is given to it."""

    seen: Callable[[], deprovision_effects.Effects]
    changed: Callable[[], object]
    """Something that differs whenever files have changed that cleaning changes."""
    busy: Callable[[], bool]
    """`seal` is at work, and has its own word to say first."""
    judged: Callable[[], Optional[Report]]
    """The capture check; None if it gave no report."""
    say: Callable[[Report], None]
    ending: Callable[[], Ending]
    """What becomes of the machine, once this process is told to end."""
    ready: Callable[[], None]
    """From now on nothing is missed."""
    disarm: Callable[[], None]
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    stopped: bool = False
    _said: Optional[Diagnosis] = field(default=None, init=False)

    def run(self) -> int:
        """Watch until told to end by SIGTERM; 0."""
        signal.signal(signal.SIGTERM, self._stop)
        before, judged = self.seen(), self.changed()
        self.ready()
        while not self.stopped:
            self.pause(POLL_S)
            if self.changed() != judged:
                judged = self._settled()
                if not self.stopped and deprovision_effects.cleaned_since(before, self.seen()):
                    self._judge(again=False)
        self._end()
        return 0

    def _settled(self) -> object:
        """What has changed, once it no longer does; not for ever, and not while `seal` is at work."""
        since = quiet = self.clock()
        last = self.changed()
        while not self.stopped and (self.clock() - quiet < QUIET_S or self.busy()):
            self.pause(POLL_S)
            current = self.changed()
            if current != last and self.clock() - since < RESTLESS_S:
                last, quiet = current, self.clock()
        return last

    def _end(self) -> None:
        """The last word, if the machine goes off; a service that is only stopped has none."""
        if self.ending() in (Ending.OFF, Ending.UNKNOWN):
            if self.seen().clean:
                self.disarm()
            self._judge(again=True)

    def _judge(self, again: bool) -> None:
        report = self.judged()
        if report is not None and (again or diagnosis(report) != self._said):
            self._said = diagnosis(report)
            self.say(report)

    def _stop(self, number: int, frame: Any) -> None:
        self.stopped = True
