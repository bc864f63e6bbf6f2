"""Where the processor's time of a run goes: `make profile`, `make profile TREE=/mnt/image`.

Three tables: what is imported, by library and by room of the program; what each probe takes to collect, in this process
and in programs that it starts; and what judging and printing take. Without a tree it is the stand-in platform's healthy
VM at its first boot, which needs root. A figure of one run on a busy machine says little; a ratio within one run does.
"""

from __future__ import annotations

import collections
import importlib
import importlib._bootstrap as bootstrap
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

AGENT = Path(__file__).parents[2] / "agent"
LEAST_MS = 0.5
"""What takes less is not printed."""
ROW = "{:>8.1f} {:>8.1f} {:>7} {}"


class Imports:
    """Seconds of this thread that each module took to import, without those that it imported itself."""

    def __init__(self) -> None:
        self.own: dict[str, float] = {}
        self._inner = [0.0]
        self._load = bootstrap._load_unlocked  # type: ignore[attr-defined]

    @contextmanager
    def counted(self) -> Iterator[Imports]:
        """Count while this lasts."""
        bootstrap._load_unlocked = self._counting  # type: ignore[attr-defined]
        try:
            yield self
        finally:
            bootstrap._load_unlocked = self._load  # type: ignore[attr-defined]

    def _counting(self, spec: Any) -> Any:
        began = time.thread_time()
        self._inner.append(0.0)
        try:
            return self._load(spec)
        finally:
            took = time.thread_time() - began
            self.own[spec.name] = took - self._inner.pop()
            self._inner[-1] += took

    def by_room(self) -> list[tuple[str, float, int]]:
        """Libraries and rooms, seconds and modules, the costliest first."""
        seconds: dict[str, float] = collections.defaultdict(float)
        modules: collections.Counter[str] = collections.Counter()
        for name, took in self.own.items():
            room = ".".join(name.split(".")[:2]) if name.startswith("azpreflight.") else name.partition(".")[0]
            seconds[room] += took
            modules[room] += 1
        return [(room, took, modules[room]) for room, took in sorted(seconds.items(), key=lambda one: -one[1])]


def of_programs() -> float:
    """Seconds of the processor that ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def profile(root: str) -> Iterator[str]:
    """The lines of the tables, for the running system at its first boot or for a tree."""
    began = time.process_time()
    with Imports().counted() as imports:
        importlib.import_module("azpreflight.cli.main")
        importlib.import_module("azpreflight.cli.check")
    total = time.process_time() - began
    yield f"import: {1000 * total:.0f} ms, {len(imports.own)} modules; ms, share in percent, modules"
    for room, took, modules in imports.by_room():
        if 1000 * took >= LEAST_MS:
            yield ROW.format(1000 * took, 100 * took / total, modules, room)
    yield from _inspected(root)


def _inspected(root: str) -> Iterator[str]:
    from azpreflight.engine.assess import assess
    from azpreflight.engine.gather import gather, in_order, run_of
    from azpreflight.host import LocalHost
    from azpreflight.model import Stage
    from azpreflight.probes import PROBES
    from azpreflight.render import text

    stage = Stage.FIRSTBOOT if root == "/" else Stage.CAPTURE
    host = LocalHost(root, 60.0, remembers=True)
    run = run_of(host, stage=stage)
    facts: dict[str, Any] = {}
    yield "collect, one probe after another: ms here, ms in programs, modules imported, probe"
    for probe in in_order(PROBES):
        modules, began, programs = len(sys.modules), time.process_time(), of_programs()
        needed = {name: facts[name] for name in probe.needs if name in facts}
        try:
            facts[probe.name] = probe.gather(host, replace(run, needed=needed))
        except Exception as error:
            yield f"{probe.name}: {error}"
        own, below = time.process_time() - began, of_programs() - programs
        if 1000 * (own + below) >= LEAST_MS:
            yield ROW.format(1000 * own, 1000 * below, len(sys.modules) - modules, probe.name)
    snapshot = gather(host, PROBES, run)
    began = time.process_time()
    report = assess(snapshot, PROBES)
    judged = time.process_time()
    text.render(report)
    printed = time.process_time()
    yield f"judge: {1000 * (judged - began):.1f} ms; print: {1000 * (printed - judged):.1f} ms"


def main(arguments: list[str]) -> int:
    """Print the tables."""
    if arguments:
        command = [sys.executable, __file__, "--here", *arguments]
        return subprocess.run(command, check=False).returncode
    from tests.netns.standin import standin

    with standin() as platform:
        print(platform.vm.run(sys.executable, __file__, "--here", "/").stdout, end="")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        sys.path.insert(0, str(AGENT))
        print(*profile(sys.argv[2]), sep="\n")
        sys.exit(0)
    sys.exit(main(sys.argv[1:]))
