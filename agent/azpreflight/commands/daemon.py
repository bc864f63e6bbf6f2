"""Watch a first boot from its first seconds and say, unattended, what is wrong.

When a VM does not provision, nobody can log in, and the serial console is all there is. The daemon starts early and
orders nothing after itself. It saves what the image looked like before the agents change it, then looks again whenever
the network or the agents' files change, and at growing intervals. Each look is a child process: the libraries that
it needs are gone again when it ends, so that what waits is small, and a fault in a look cannot take the watch with it.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, Optional

from azpreflight.commands import looking
from azpreflight.firstboot import timeline
from azpreflight.firstboot.policy import LIMIT_S, History, Progress, decide
from azpreflight.gather import vm_id
from azpreflight.host import Host, HostError, LocalHost, service
from azpreflight.host.watch import Watch
from azpreflight.model import Report
from azpreflight.probes import logs
from azpreflight.probes.signatures import EXTENSION_STATUS, EXTENSIONS_DONE, PROVISIONED
from azpreflight.render import json as render_json
from azpreflight.render import serial
from azpreflight.sinks.file import append_line, write_file
from azpreflight.sinks.journal import write_journal
from azpreflight.sinks.serial import serial_devices, write_serial

STATE = "/var/lib/azpreflight/daemon.json"
"""Which VM was watched to the end. It is part of no image: a captured image's copy names another VM."""
FIRST_LOOK = "/run/azpreflight/as-captured.json"
"""The snapshot taken before the agents have run."""
OVF = "/var/lib/waagent/ovf-env.xml"
"""Both agents leave the provisioning disc's content here once they have read it."""
WATCHED = (
    "/etc/resolv.conf",
    "/run/systemd/resolve/resolv.conf",
    OVF,
    "/var/lib/waagent/provisioned",
    "/run/cloud-init/status.json",
    "/run/cloud-init/result.json",
    *logs.PATHS.values(),
)
LOOK_BUDGET = 30
"""Seconds that a look may take: nobody waits for it, and everything else is starting too."""
LOOK_TIMEOUT = 60.0
"""Seconds until a child is killed: its budget, and the slow start of Python on a machine that boots."""
FAILED_REST_S = 10.0
"""Seconds until a look is tried again that gave no report."""
EARLY_S = 120.0
"""Seconds after boot until which what stands in the agents' logs at the start is another boot's."""
OFF = "azpreflight=off"
"""On the kernel's command line it turns the daemon off."""
LOG_LIMIT = 8 << 20
"""Bytes of a log that are read for the agents' progress."""


def daemon(asked: argparse.Namespace) -> int:
    """Watch this machine's first boot; 0 when it is over."""
    host = LocalHost(budget=LIMIT_S * 2)
    config = ("--config", asked.config) if asked.config else ()
    watcher = Watcher(
        host,
        say=lambda report: _say(host, asked, report),
        command=looking.this_program(),
        arguments=("--platform", asked.platform, "--timeout", str(LOOK_BUDGET), *config),
    )
    return watcher.run()


def _say(host: Host, asked: argparse.Namespace, report: Report) -> None:
    """Put a report everywhere; a place that fails is told about and does not keep the others from theirs."""
    line = render_json.render_line(report)
    places: list[looking.Place] = [
        lambda: write_file(asked.report, render_json.render(report)),
        lambda: append_line(asked.history, line),
        lambda: write_journal(report),
    ]
    if asked.serial != "never":
        devices = serial_devices(host) if asked.serial == "auto" else (asked.serial,)
        content = serial.render(report, asked.report)
        places += [partial(write_serial, device, content) for device in devices]
    looking.put(places)


@dataclass
class Watcher:
    """One first boot under watch."""

    host: Host
    say: Callable[[Report], None]
    """Puts a report wherever it is wanted; never raises."""
    command: Sequence[str]
    """How this program is called, for the child."""
    arguments: Sequence[str] = ()
    """What a look is asked besides the stage."""
    state: str = STATE
    first_look: str = FIRST_LOOK

    def run(self) -> int:
        """Watch until it is over; 0, also where there is nothing to watch."""
        if OFF in (self._text("/proc/cmdline") or "").split():
            service.notify("READY=1", f"STATUS=turned off by {OFF}")
            return 0
        self._vm = vm_id(self.host)
        if self._vm is not None and self._text(self.state) == _state(self._vm):
            service.notify("READY=1", "STATUS=this VM was watched to the end before")
            return 0
        service.notify("READY=1", "STATUS=watching this VM come up")
        self._offsets = {path: self._size(path) for path in logs.PATHS.values()}
        if service.uptime() > EARLY_S:
            self._offsets = dict.fromkeys(self._offsets, 0)
        self._first_seen: dict[str, float] = {}
        watch = Watch(WATCHED)
        try:
            self._keep_first_look()
            self._watch(watch)
        finally:
            watch.close()
        return 0

    def _watch(self, watch: Watch) -> None:
        history, over = History(), False
        while not over:
            began = service.uptime()
            report = self._look()
            now = service.uptime()
            if report is None:
                self._rest(watch, LOOK_TIMEOUT, FAILED_REST_S)
                continue
            report = self._with_timeline(report, now)
            decision = decide(history, report, self._progress(report), now, now - began)
            history, over = decision.history, decision.over
            if decision.say:
                self.say(report)
            service.notify(f"STATUS={report.verdict.value} after {now:.0f} s")
            if not over:
                self._rest(watch, decision.wait_s, now - began)
        self._finish()

    @staticmethod
    def _rest(watch: Watch, wait_s: float, at_least_s: float) -> None:
        """Wait for a change, but leave the machine to its boot for a while first; what changes then is not lost."""
        pause = min(at_least_s, wait_s)
        time.sleep(pause)
        watch.wait(wait_s - pause)

    # looking

    def _keep_first_look(self) -> None:
        """What the image looks like before the agents change it; a failure costs only that evidence."""
        try:
            os.makedirs(os.path.dirname(self.first_look), mode=0o750, exist_ok=True)
            command = (*self.command, "record", "--stage", "firstboot", "--image", "-o", self.first_look)
            looking.run(self.host, command, LOOK_TIMEOUT)
        except (HostError, OSError) as error:
            sys.stderr.write(f"azpreflight: no snapshot of the image as it was captured: {error}\n")

    def _look(self) -> Optional[Report]:
        first = ("--as-captured", self.first_look) if os.path.exists(self.first_look) else ()
        asked = ("check", "--stage", "firstboot", "--format", "json", *first, *self.arguments)
        return looking.look(self.host, (*self.command, *asked), LOOK_TIMEOUT)

    # progress

    def _progress(self, report: Report) -> Progress:
        seen = {sighting.id for sighting in self._sightings()}
        extensions = EXTENSIONS_DONE in seen or EXTENSION_STATUS in seen
        nothing_to_install = not report.extensions and "goal-state" in self._first_seen
        return Progress(
            provisioned=not seen.isdisjoint(PROVISIONED),
            extensions_done=extensions or nothing_to_install,
        )

    def _sightings(self) -> "tuple[logs.Sighting, ...]":
        """What the agents have written since this watch began."""
        return tuple(
            sighting for log, path in logs.PATHS.items() for sighting in logs.parse(self._since_start(path), log)
        )

    def _since_start(self, path: str) -> str:
        try:
            content = self.host.read(path, LOG_LIMIT) or b""
        except HostError:
            return ""
        offset = self._offsets[path]
        return content[offset if offset <= len(content) else 0 :].decode("utf-8", "replace")

    def _with_timeline(self, report: Report, now: float) -> Report:
        reached = set(timeline.reached(report))
        progress = self._progress(report)
        if self._size(OVF):
            reached.add("provisioning-media")
        if progress.provisioned:
            reached.add("provisioned")
        if progress.provisioned and progress.extensions_done:
            reached.add("extensions")
        for name in reached:
            self._first_seen.setdefault(name, now)
        return replace(report, timeline=timeline.timeline(self._first_seen, now))

    # state

    def _finish(self) -> None:
        """Remember that this VM was watched to the end; without a VM id every boot is watched."""
        service.notify("STOPPING=1")
        if self._vm is None:
            return
        try:
            os.makedirs(os.path.dirname(self.state), mode=0o750, exist_ok=True)
            with open(self.state, "w", encoding="ascii") as file:
                file.write(_state(self._vm) + "\n")
        except OSError as error:
            sys.stderr.write(f"azpreflight: cannot write {self.state}: {error.strerror}\n")

    def _text(self, path: str) -> Optional[str]:
        try:
            text = self.host.text(path)
        except HostError:
            return None
        return None if text is None else text.strip()

    def _size(self, path: str) -> int:
        try:
            info = self.host.info(path)
        except HostError:
            return 0
        return 0 if info is None else info.size


def _state(vm: str) -> str:
    return json.dumps({"watched": vm})
