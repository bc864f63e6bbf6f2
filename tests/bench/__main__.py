"""Measure whole processes in the stand-in platform's VM: `python -m tests.bench [RUNS]`.

Nothing is asserted: times depend on the machine and on what else it does. The minimum says what the program can do,
and the ratios to the baselines, which are measured in turn with it, say the same on a slower machine. Peak memory is
that of the largest process. Needs root, as the scenarios do.

Each program is started by a small one inside the VM: a process is charged at least the memory of the one that it was
forked from, and this one is large.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from azpreflight.watch.boot_policy import LONGEST_S
from tests.bench import offline
from tests.netns.faults import ALL_SILENT, FAR
from tests.netns.observe import BUDGET, CHECK
from tests.netns.standin import standin
from tests.netns.vm import Vm

RUNS = 9
"""Enough for a median that a single disturbance does not move."""
BASELINE = "python3 -c pass"
GET = (
    "import requests; requests.get('http://169.254.169.254/metadata/instance?api-version=2021-08-01', "
    "headers={'Metadata': 'true'}, timeout=5).raise_for_status()"
)
FIRST_BOOT = (*CHECK, "firstboot")
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    BASELINE: ("-c", "pass"),
    "python3 -c 'import requests'": ("-c", "import requests"),
    "one GET of instance metadata with requests": ("-c", GET),
    "azpreflight check, healthy": ("-m", "azpreflight", *FIRST_BOOT),
    "azpreflight check --format json, healthy": ("-m", "azpreflight", *FIRST_BOOT, "--format", "json"),
}
WEIGH = """
import os, sys, time
began = time.monotonic()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
cpu = usage.ru_utime + usage.ru_stime
print(time.monotonic() - began, cpu, usage.ru_maxrss / 1024, os.WEXITSTATUS(status), file=sys.stderr)
"""
SETTLED_S, WAITED_S = 12, 30
"""Seconds after which the daemon has had its first looks, and for which it is watched while it waits."""
DAEMON = (
    "-m",
    "azpreflight",
    "daemon",
    "--platform",
    "azure",
    "--serial",
    "never",
    "--report",
    "/r",
    "--history",
    "/h",
)
WATCH = """
import os, sys, time
boot = str(-int(time.clock_gettime(time.CLOCK_BOOTTIME)))
unshare = ["unshare", "--time", "--boottime", boot, "--fork", "--kill-child", *sys.argv[2:]]
process = os.posix_spawn("/usr/bin/unshare", unshare, os.environ)
time.sleep(float(sys.argv[1].split(",")[0]))
(child,) = open(f"/proc/{process}/task/{process}/children").read().split()
def cpu():
    fields = open(f"/proc/{child}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
began, used = time.monotonic(), cpu()
time.sleep(float(sys.argv[1].split(",")[1]))
share = (cpu() - used) / (time.monotonic() - began)
(most,) = [int(line.split()[1]) for line in open(f"/proc/{child}/status") if line.startswith("VmHWM")]
print(share, most / 1024)
os.kill(process, 9)
"""
ROW = "{:42} {:>7} {:>7} {:>7} {:>7} {:>7} {:>9}"
FAR_RUNS = 5
PLATFORM_TRIPS = 7
"""Connection and request for the goal state and again for the extensions, then for a name over TCP, and one more for
that of an authority: one hop."""
INTERNET_TRIPS = 10
"""Connection, TLS and request for a manifest and again for its package, of whose 64 KiB a fresh connection sends 10
segments first, then 20, then 40; at last a connection to an authority that its certificate names."""
INTERNET_HOPS = 3
PACKAGING = Path(__file__).parents[2] / "packaging"


@dataclass(frozen=True)
class Weighed:
    """One run of one program."""

    wall_s: float
    cpu_s: float
    """Of the processor, in user and system mode: what a busy machine changes least."""
    peak_mib: float
    """Largest resident set of the program or one of its children."""


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    runs = int(arguments[0]) if arguments else RUNS
    with standin() as platform, tempfile.TemporaryDirectory() as folder:
        measured = measure(platform.vm, {**PROGRAMS, **installed(Path(folder))}, runs)
    print(f"{runs} runs each, in turn; seconds of wall time, median seconds of processor time, MiB of peak memory\n")
    print(ROW.format("", "min", "median", "max", "ratio", "cpu", "peak MiB"))
    unit = statistics.median(one.wall_s for one in measured[BASELINE])
    for name, weighed in measured.items():
        print(row(name, weighed, unit))
    for name, weighed in measured_offline(runs).items():
        print(row(name, weighed, unit))
    check = ("-m", "azpreflight", *FIRST_BOOT)
    with standin(FAR) as platform:
        far = measure(platform.vm, {"azpreflight check, 50 ms a hop": check}, min(runs, FAR_RUNS))
    for name, weighed in far.items():
        print(row(name, weighed, unit))
    with standin(ALL_SILENT) as platform:
        silent = [weigh(platform.vm, check, healthy=False)]
    print(row("azpreflight check, every server silent", silent, unit))
    print(told_of_far(measured["azpreflight check, healthy"], next(iter(far.values()))))
    print("\n" + waiting(statistics.median(one.cpu_s for one in measured["azpreflight check, healthy"])))
    print(f"\nratio: median over that of {BASELINE}; the budget of a run is {BUDGET:.0f} s")
    return 0


def told_of_far(near: Sequence[Weighed], far: Sequence[Weighed]) -> str:
    """How much of the time of a healthy VM far away is the speed of light's."""
    trips = PLATFORM_TRIPS * FAR.delay_s * 2 + INTERNET_TRIPS * INTERNET_HOPS * FAR.delay_s * 2
    start, whole = (min(one.wall_s for one in weighed) for weighed in (near, far))
    return (
        f"\n50 ms a hop: the longest chain has {PLATFORM_TRIPS} round trips to the platform and {INTERNET_TRIPS} to the"
        f" internet, {trips:.2f} s; it took {whole:.2f} s at best, {(whole - start) / trips:.2f} times as much beyond"
        f" the {start:.2f} s of a near one"
    )


def measured_offline(runs: int) -> dict[str, list[Weighed]]:
    """A Debian that does not run, in turn; an unmeasured round comes first."""
    with offline.programs() as programs:
        rounds = [
            {name: Weighed(*offline.weigh(WEIGH, program)) for name, program in programs.items()}
            for _ in range(runs + 1)
        ]
    return {name: [one[name] for one in rounds[1:]] for name in programs}


def installed(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """The program as a package installs it: modules that are compiled, and a launcher of one import."""
    subprocess.run([PACKAGING / "modules", folder], check=True)
    subprocess.run([sys.executable, "-I", "-m", "compileall", "-q", folder], check=True)
    launch = f"import sys; sys.path.insert(0, {str(folder)!r}); from azpreflight.__main__ import run; sys.exit(run())"
    return {
        "installed: azpreflight --version": ("-I", "-c", launch, "--version"),
        "installed: azpreflight explain": ("-I", "-c", launch, "explain", "guest-firewall"),
        "installed: azpreflight check, healthy": ("-I", "-c", launch, *FIRST_BOOT),
    }


def measure(vm: Vm, programs: Mapping[str, tuple[str, ...]], runs: int) -> dict[str, list[Weighed]]:
    """All programs in turn, so that a busy spell of the machine meets them alike; one unmeasured round comes first."""
    rounds = [{name: weigh(vm, program) for name, program in programs.items()} for _ in range(runs + 1)]
    return {name: [one[name] for one in rounds[1:]] for name in programs}


def weigh(vm: Vm, program: Sequence[str], healthy: bool = True) -> Weighed:
    """Run Python with these arguments in the VM. RuntimeError if it says that a healthy VM is not."""
    done = vm.run("/usr/bin/python3", "-I", "-S", "-c", WEIGH, sys.executable, *program)
    *words, figures = done.stderr.splitlines()
    wall, cpu, peak, status = figures.split()
    if healthy and int(status) != 0:
        raise RuntimeError(f"{' '.join(program)}: exit {status}\n{done.stdout}\n{words}")
    return Weighed(float(wall), float(cpu), float(peak))


def waiting(look_s: float) -> str:
    """What the daemon costs between two looks, and with them: a look is a process of its own that ends."""
    with standin() as platform:
        seconds = f"{SETTLED_S},{WAITED_S}"
        done = platform.vm.run("/usr/bin/python3", "-I", "-S", "-c", WATCH, seconds, sys.executable, *DAEMON)
    share, peak = map(float, done.stdout.split())
    with_looks = share + look_s / LONGEST_S
    return (
        f"azpreflight daemon, waiting: {peak:.0f} MiB at the most, {100 * share:.2f} % of a core;"
        f" {100 * with_looks:.2f} % with a look every {LONGEST_S:.0f} s"
    )


def row(name: str, weighed: Sequence[Weighed], unit: float) -> str:
    """One line of the table."""
    walls = [one.wall_s for one in weighed]
    middle = statistics.median(walls)
    figures = (f"{value:.3f}" for value in (min(walls), middle, max(walls)))
    cpu = statistics.median(one.cpu_s for one in weighed)
    peak = max(one.peak_mib for one in weighed)
    return ROW.format(name, *figures, f"{middle / unit:.1f}", f"{cpu:.3f}", f"{peak:.0f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
