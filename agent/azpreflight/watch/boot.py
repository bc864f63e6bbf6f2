"""One boot under watch. Each look is a child process, see `azpreflight.watch.child_check`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

from azpreflight.engine import timeline
from azpreflight.engine.gather import vm_id
from azpreflight.guest import writers
from azpreflight.host import Host, HostError, service
from azpreflight.host.network_events import Watch
from azpreflight.model import Report
from azpreflight.probes.logs.facts import PATHS
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.stderr import say
from azpreflight.watch import child_check, network
from azpreflight.watch import state as memory
from azpreflight.watch.agents_progress import AgentLogs, size
from azpreflight.watch.boot_policy import LIMIT_S, History, decide, well
from azpreflight.watch.state import Memory

FIRST_LOOK = "/run/azpreflight/as-captured.json"
"""The snapshot that the first look takes before the agents have run; gone with the boot."""
OVF = "/var/lib/waagent/ovf-env.xml"
"""Both agents leave the provisioning disc's content here once they have read it."""
WATCHED = (
    "/etc/resolv.conf",
    "/run/systemd/resolve/resolv.conf",
    OVF,
    "/var/lib/waagent/provisioned",
    "/run/cloud-init/status.json",
    "/run/cloud-init/result.json",
    *PATHS.values(),
)
LOOK_TIMEOUT = 60.0
"""Seconds until a child is killed: its budget, and the slow start of Python on a machine that boots."""
PATIENCE = 2.0
"""Times as long that the next look may take, where one gave no report: the machine may be slower than was thought."""
FAILED_REST_S = 10.0
"""Seconds until a look is tried again that gave no report."""
OFF = "azpreflight=off"
"""On the kernel's command line it turns the watch off."""


@dataclass
class BootWatch:
    """Watches until it is over, and says what it finds."""

    host: Host
    say: Callable[[Report], None]
    """Puts a report wherever it is wanted; never raises."""
    tell: Callable[[str], None]
    """Says a sentence where people look who have no report; never raises."""
    command: Sequence[str]
    """How this program is called, for the child."""
    arguments: Callable[[], tuple[str, ...]]
    """What a look is asked besides the stage; not asked for where there is nothing to watch."""
    state: str = memory.STATE
    first_look: str = FIRST_LOOK
    _arguments: tuple[str, ...] = field(default=(), init=False)
    _first_seen: dict[str, float] = field(default_factory=dict, init=False)

    def run(self) -> int:
        """Watch until it is over; 0, also where there is nothing to watch."""
        vm = vm_id(self.host)
        known = memory.remembered(self.host, vm, self.state)
        reason = self._nothing_to_watch(known)
        service.notify("READY=1", f"STATUS={reason or 'watching this VM come up'}")
        if reason is not None:
            return 0
        watch = Watch(WATCHED)
        self._arguments = self.arguments()
        try:
            now = time.time()
            agents = AgentLogs(self.host, now - service.uptime(), now)
            if known is None:
                self._remember(vm, Memory(vm or ""))
            went_well = self._watch(watch, agents, untouched=known is None)
        finally:
            watch.close()
        service.notify("STOPPING=1")
        self._remember(vm, (known or Memory(vm or "")).ended(went_well))
        return 0

    def _nothing_to_watch(self, known: Optional[Memory]) -> Optional[str]:
        if OFF in (self._text("/proc/cmdline") or "").split():
            return f"turned off by {OFF}"
        return "this VM was watched to the end before" if known is not None and known.over else None

    def _watch(self, watch: Watch, agents: AgentLogs, untouched: bool) -> bool:
        """Look until it is over; True if it ended well. `untouched`: the agents have not changed the image yet."""
        history, patience = History(), LOOK_TIMEOUT
        while True:
            began = service.uptime()
            report = self._look(self._as_captured(untouched), patience)
            untouched, now = False, service.uptime()
            if report is None and now >= LIMIT_S:
                return False
            if report is None:
                patience = min(patience * PATIENCE, LIMIT_S - now + LOOK_TIMEOUT)
                self._rest(watch, LOOK_TIMEOUT, FAILED_REST_S)
                continue
            progress = agents.progress(not report.extensions and "goal-state" in self._first_seen)
            report = self._with_timeline(report, now, progress.provisioned, progress.extensions_done)
            disturbed = watch.network_changed()
            decision = decide(history, report, progress, now, now - began, network.begun_s(self.host), disturbed)
            history = decision.history
            if decision.say:
                self.say(report)
            service.notify(f"STATUS={report.verdict.value} after {now:.0f} s")
            if decision.over:
                return well(report, progress)
            self._rest(watch, decision.wait_s, decision.rest_s)

    @staticmethod
    def _rest(watch: Watch, wait_s: float, at_least_s: float) -> None:
        """Wait for a change, but leave the machine to its boot for a while first; what changes then is not lost."""
        pause = min(at_least_s, wait_s)
        time.sleep(pause)
        watch.wait(wait_s - pause)

    # looking

    def _as_captured(self, untouched: bool) -> tuple[str, ...]:
        """What a look is asked so that it knows the image as it was before the agents ran.

        The first look of a VM's first boot sees that and keeps it; a failure costs only that evidence, for which every
        later look comes too late.
        """
        if not untouched and not os.path.exists(self.first_look):
            return ()
        try:
            os.makedirs(os.path.dirname(self.first_look), mode=0o750, exist_ok=True)
        except OSError as error:
            say(f"no snapshot of the image as it was captured: {error}")
            return ()
        if not writers.believed(self.host, self.first_look):
            return ()
        return ("--as-captured", self.first_look)

    def _look(self, as_captured: tuple[str, ...], patience: float) -> Optional[Report]:
        asked = ("check", "--stage", "firstboot", "--format", "json", *as_captured, *self._arguments)
        return child_check.look(self.host, (*self.command, *asked), patience, self._no_report)

    def _no_report(self, why: str) -> None:
        """A look that fails is tried again; the last word must not be silence."""
        (self.tell if service.uptime() >= LIMIT_S else say)(why)

    def _with_timeline(self, report: Report, now: float, provisioned: bool, extensions_done: bool) -> Report:
        reached = set(timeline.reached(report))
        seen = {
            "provisioning-media": size(self.host, OVF) > 0,
            "provisioned": provisioned,
            "extensions": provisioned and extensions_done,
        }
        for name in (*reached, *(name for name, there in seen.items() if there)):
            self._first_seen.setdefault(name, now)
        return replace(report, timeline=timeline.timeline(self._first_seen, now))

    # state

    def _remember(self, vm: Optional[str], known: Memory) -> None:
        """Without a VM id every boot is watched as the first."""
        try:
            if vm is not None:
                memory.remember(known, self.state)
        except SinkError as error:
            say(str(error))

    def _text(self, path: str) -> Optional[str]:
        try:
            text = self.host.text(path)
        except HostError:
            return None
        return None if text is None else text.strip()
