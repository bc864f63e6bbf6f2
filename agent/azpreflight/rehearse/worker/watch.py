"""Follow one boot until it has come to an end: what it says, what it asks, and how busy it is."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from azpreflight.rehearse import console, requests
from azpreflight.rehearse.facts import Sign
from azpreflight.rehearse.patience import EXTENSION_S, Patience
from azpreflight.rehearse.worker.emulator import Emulator
from azpreflight.standin.addresses import VM

POLL_S = 0.5
BANNER_S = 3.0
"""Between two attempts to reach the SSH server, and for each."""
MAX_SIGNS = 200


@dataclass
class Seen:
    """What has been seen of a boot so far."""

    milestones: dict[str, float] = field(default_factory=dict)
    signs: list[Sign] = field(default_factory=list)
    entries: list[requests.Entry] = field(default_factory=list)
    banner_s: Optional[float] = None
    moved_s: float = 0.0
    """When something was last seen to happen."""
    memory_mib: int = 0
    over_s: float = 0.0
    """When the watch ended."""

    @property
    def ready(self) -> bool:
        """The platform was told Ready."""
        return any(report.state == "Ready" for report in requests.reports(self.entries))


class Watch:
    """The watch over one boot; `say` is told of each milestone."""

    def __init__(self, emulator: Emulator, folder: Path, patience: Patience, say: Callable[[str], None]) -> None:
        self.seen = Seen()
        self._emulator, self._folder, self._patience, self._say = emulator, folder, patience, say
        self._read = self._asked_banner = 0
        self._words: set[str] = set()
        self._offsets: dict[Path, int] = {path: path.stat().st_size for path in folder.glob("*.requests")}

    def until(self, done: Callable[[Seen], bool]) -> str:
        """Until this, or the boot has come to an end otherwise: done, off, late, silent, or the sign that is final."""
        ended = self._until(done)
        self.seen.over_s = round(self.now(), 1)
        return ended

    def _until(self, done: Callable[[Seen], bool]) -> str:
        while True:
            self._look()
            now = self.now()
            if done(self.seen):
                return "done"
            final = console.final(tuple(self.seen.signs))
            if final is not None and now - final.at_s > self._patience.after_final_s:
                return final.id
            if not self._emulator.runs:
                return "off"
            if now > self._patience.limit_s(self.seen.milestones):
                return "late"
            if now - self.seen.moved_s > self._patience.silence_s(self.seen.milestones) and not self._extends(now):
                return "silent"
            time.sleep(POLL_S)

    def _extends(self, now: float) -> bool:
        """An agent that asks for extensions is still given time for one."""
        asks = any(entry.part == "hostgaplugin" for entry in self.seen.entries)
        done = requests.extension_state(self.seen.entries) in requests.ENDED
        ready = self.seen.milestones.get("ready")
        return asks and not done and ready is not None and now - ready < EXTENSION_S

    def now(self) -> float:
        return time.monotonic() - self._emulator.started

    def _look(self) -> None:
        now = self.now()
        self._hear(now)
        self._requests(now)
        self._banner(now)
        self.seen.memory_mib = max(self.seen.memory_mib, self._emulator.used()[1])

    def _hear(self, now: float) -> None:
        said = self._emulator.said()
        end = max(said.rfind(b"\n"), said.rfind(b"\r")) + 1
        fresh = console.lines(said[self._read : end]) if end > self._read else []
        rest = said[max(end, self._read) :]
        for line in [*fresh, *(console.lines(rest) if b"login:" in rest or b"grub" in rest else [])]:
            self._line(line, now)
        self._read = max(end, self._read)

    def _line(self, line: str, now: float) -> None:
        """What a line shows. One that is printed again and again, with another time or number in it, is news once."""
        self._reach(console.reached(line), now)
        words = console.without_numbers(line)
        if words not in self._words:
            self._words.add(words)
            self.seen.moved_s = now
        found = console.sign(line, round(now, 1))
        known = found is not None and any((one.id, one.text) == (found.id, found.text) for one in self.seen.signs)
        if found is not None and not known and len(self.seen.signs) < MAX_SIGNS:
            self.seen.signs.append(found)

    def _reach(self, milestone: Optional[str], now: float) -> None:
        if milestone is not None and milestone not in self.seen.milestones:
            self.seen.milestones[milestone] = round(now, 1)
            self.seen.moved_s = now
            self._say(f"{now:.0f} s: {milestone}")

    def _requests(self, now: float) -> None:
        for path in sorted(self._folder.glob("*.requests")):
            data = path.read_bytes()[self._offsets.get(path, 0) :]
            complete = data[: data.rfind(b"\n") + 1]
            self._offsets[path] = self._offsets.get(path, 0) + len(complete)
            for line in complete.splitlines():
                with suppress(ValueError):
                    self._entry(requests.entry(json.loads(line), round(now, 1)), now)

    def _entry(self, entry: requests.Entry, now: float) -> None:
        self.seen.entries.append(entry)
        if entry.leased:
            self._reach("address-ipv6" if entry.part == "dhcpv6" else "address", now)
        if entry.part in ("wire", "imds", "hostgaplugin"):
            self._reach("platform", now)
        if self.seen.ready:
            self._reach("ready", now)

    def _banner(self, now: float) -> None:
        if self.seen.banner_s is not None or "address" not in self.seen.milestones or now < self._asked_banner:
            return
        self._asked_banner = int(now + BANNER_S)
        with suppress(OSError), socket.create_connection((VM, 22), timeout=BANNER_S) as connection:
            if connection.recv(64).startswith(b"SSH-"):
                self.seen.banner_s = round(self.now(), 1)
                self._reach("ssh", self.now())
