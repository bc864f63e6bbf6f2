"""Measure the dump and the rehearsal of few and of very many rules, and that of the next boot:
`python -m tests.bench.firewall [RUNS]`.

Side by side with the system's own tools on the same rules, because most of the time is theirs and the kernel's. Memory
is that of azpreflight's own processes, the peaks of the program and of its worker added up; what iptables and nft take
is theirs. Nothing is asserted but that the rehearsal names the right rule; where the machine is too busy to be done in
the time of a run, it says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from tests.bench.saved import SAVED
from tests.netns import booting, namespaces
from tests.netns.guest import guest
from tests.netns.vm import CHECKOUT, compile_checkout

SIZES = (30, 1_000, 10_000, 50_000)
"""Rules. The first is what a VM may well have."""
RUNS = 9
MANY = 10_000
"""Rules from which a quarter of the runs must do."""
WATCH = 0.005
"""Seconds between looks at the memory of the processes; the kernel keeps the peak of each as long as it lives."""
OURS = (sys.executable, "-m", "tests.bench.rehearsal")
BOOT = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from tests.bench import saved; saved.main()"
MARKS = ("tests.bench.rehearsal", "tests.bench import saved", "azpreflight.firewall.worker")
"""What the command lines of azpreflight's own processes have in them."""
ROW = "{:>7} {:18} {:24} {:>7} {:>7} {:>7} {:>7} {:>9}"


class Kind(NamedTuple):
    """One kind of rules: who loads it, and who prints it."""

    load: tuple[str, ...]
    tools: tuple[tuple[str, ...], ...]


KINDS: Mapping[str, Kind] = {
    "iptables-legacy": Kind(("iptables-legacy-restore",), (("iptables-legacy-save", "-c"),)),
    "iptables-nft": Kind(("iptables-nft-restore",), (("iptables-nft-save", "-c"), ("nft", "-j", "list", "ruleset"))),
    "nft": Kind(("nft", "-f", "-"), (("nft", "-n", "-a", "list", "ruleset"), ("nft", "-j", "list", "ruleset"))),
}


class Measured(NamedTuple):
    """One run of one program."""

    wall_s: float
    cpu_s: float
    """Of the processor, with all that was started: what a busy machine changes least."""
    peak_mib: float


class Program(NamedTuple):
    """What is measured."""

    command: Sequence[str]
    names: Optional[int] = None
    """The number of the rule that it must find to be in the way of its first flow, and only those of its processes
    count of which MARKS speak; None for a tool of the system's."""


def ruleset(kind: str, size: int) -> str:
    """A chain of so many rules, each of which looks at every new connection; the last drops the wire server's."""
    if kind == "nft":
        rules = (
            f'ip daddr {_net(number)} tcp dport {1 + number % 60_000} ct state new counter drop comment "rule {number}"'
            for number in range(1, size)
        )
        chain = "\n".join([*rules, "ip daddr 168.63.129.16 tcp dport 80 counter drop"])
        return (
            f"table inet guard {{\nchain out {{ type filter hook output priority 0; policy accept;\n{chain}\n}}\n}}\n"
        )
    rules = (
        f"-A OUTPUT -d {_net(number)} -p tcp -m tcp --dport {1 + number % 60_000} -m conntrack --ctstate NEW"
        f' -m comment --comment "rule {number}" -j DROP'
        for number in range(1, size)
    )
    last = "-A OUTPUT -d 168.63.129.16/32 -p tcp -m tcp --dport 80 -j DROP"
    return "\n".join(["*filter", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", *rules, last, "COMMIT", ""])


def _net(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    compile_checkout()
    runs = int(arguments[0]) if arguments else RUNS
    print(ROW.format("rules", "kind", "program", "min s", "median", "max", "cpu s", "peak MiB"))
    for size in SIZES:
        for kind in KINDS:
            _measure(kind, size, runs if size < MANY else max(runs // 4, 1))
    for service, saved in SAVED.items():
        for size in saved.sizes:
            _measure_boot(service, size, runs if size < MANY else max(runs // 4, 1))
    print("\ndump + rehearsal: the whole process, all 12 flows decided and the rule named; memory of its own processes")
    print(
        "next boot: the same of what is saved, with all that is found out about the services; of ufw and firewalld the"
    )
    print("rules that they make themselves; loaders: what boot itself runs, in a fresh network namespace")
    return 0


def _measure(kind: str, size: int, runs: int) -> None:
    """Load the rules into a guest's namespace; run the tools and the rehearsal in turn."""
    with guest() as vm:
        load = namespaces.inside(vm.name, KINDS[kind].load)
        subprocess.run(load, input=ruleset(kind, size), text=True, check=True, timeout=60)
        programs = {" ".join(tool): Program(namespaces.inside(vm.name, tool)) for tool in KINDS[kind].tools}
        programs["dump + rehearsal"] = Program(namespaces.inside(vm.name, OURS), size)
        _compare(str(size), kind, programs, runs)


def _measure_boot(service: str, size: int, runs: int) -> None:
    """Save the rules on a machine; run what boot would run, and the rehearsal, in turn."""
    saved = SAVED[service]
    with booting.running(saved.packages, {}) as machine:
        machine.shell(saved.script)
        for path, text in saved.written(size, ruleset).items():
            write = machine.command_of("tee", path)
            subprocess.run(write, input=text, text=True, check=True, timeout=60, stdout=subprocess.DEVNULL)
        programs = {}
        if saved.loader is not None:
            loaders = machine.command_of("unshare", "--net", "sh", "-e", "-c", saved.loader)
            programs["loaders"] = Program(loaders)
        programs["next boot"] = Program(machine.command_of(sys.executable, "-c", BOOT), saved.number or size)
        _compare("own" if saved.number else str(size), service, programs, runs)


def _compare(size: str, kind: str, programs: Mapping[str, Program], runs: int) -> None:
    """Run the programs in turn, and print a row for each."""
    measured: dict[str, list[Measured]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, program in programs.items():
            measured[name].append(run(program))
    for name, found in measured.items():
        walls = [one.wall_s for one in found]
        figures = (f"{value:.3f}" for value in (min(walls), statistics.median(walls), max(walls)))
        cpu = f"{statistics.median(one.cpu_s for one in found):.3f}"
        print(ROW.format(size, kind, name, *figures, cpu, f"{max(one.peak_mib for one in found):.0f}"), flush=True)


def run(program: Program) -> Measured:
    """Run a program to its end. RuntimeError if it fails, or names another rule than the one that is in the way."""
    peaks: dict[int, int] = {}
    marks = MARKS if program.names is not None else ()
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(program.command, cwd=CHECKOUT, stdout=output)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            _look(process.pid, peaks, marks)
            time.sleep(WATCH)
        wall, usage = time.monotonic() - began, ended[2]
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        output.seek(0)
        said = json.loads(output.read()) if marks else None
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(program.command)} ended with {process.returncode}")
    if said is not None and said["errors"]:
        print(f"not decided: {', '.join(said['errors'])}")
    elif said is not None and said["flows"][0] != ["blocked", program.names]:
        raise RuntimeError(f"not rule {program.names}: {said}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, sum(peaks.values()) / 1024)


def _look(pid: int, peaks: dict[int, int], marks: Sequence[str]) -> None:
    """Write down the peak memory, in KiB, of a process and of all below it; one that has become another program is
    that program."""
    with contextlib.suppress(OSError, IndexError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        status = Path(f"/proc/{pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0])  # a process that has ended has none
        peaks.pop(pid, None)
        if not marks or any(mark in command for mark in marks):
            peaks[pid] = peak
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                _look(int(child), peaks, marks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
