"""Measure whole processes in the stand-in platform's VM: `python -m tests.bench [RUNS]`.

Nothing is asserted: times depend on the machine and on what else it does. The minimum says what the program can do,
and the ratios to the baselines, which are measured in turn with it, say the same on a slower machine. Peak memory is
that of the largest process. Needs root, as the scenarios do.
"""

import statistics
import sys
from collections.abc import Mapping, Sequence

from tests.netns.faults import ALL_SILENT
from tests.netns.observe import BUDGET, CHECK
from tests.netns.standin import standin
from tests.netns.vm import Done, Vm

RUNS = 9
"""Enough for a median that a single disturbance does not move."""
BASELINE = "python3 -c pass"
GET = (
    "import requests; requests.get('http://169.254.169.254/metadata/instance?api-version=2021-08-01', "
    "headers={'Metadata': 'true'}, timeout=5).raise_for_status()"
)
PROGRAMS: "Mapping[str, tuple[str, ...]]" = {
    BASELINE: ("-c", "pass"),
    "python3 -c 'import requests'": ("-c", "import requests"),
    "one GET of instance metadata with requests": ("-c", GET),
    "azpreflight --version": ("-m", "azpreflight", "--version"),
    "azpreflight check, healthy": ("-m", "azpreflight", *CHECK),
    "azpreflight check --format json, healthy": ("-m", "azpreflight", *CHECK, "--format", "json"),
}
ROW = "{:42} {:>7} {:>7} {:>7} {:>7} {:>9}"


def main(arguments: "Sequence[str]") -> int:
    """Measure and print."""
    runs = int(arguments[0]) if arguments else RUNS
    with standin() as platform:
        measured = measure(platform.vm, runs)
    print(f"{runs} runs each, in turn; seconds of wall time, MiB of peak memory\n")
    print(ROW.format("", "min", "median", "max", "ratio", "peak MiB"))
    unit = statistics.median(done.wall_s for done in measured[BASELINE])
    for name, done in measured.items():
        print(row(name, done, unit))
    with standin(ALL_SILENT) as platform:
        silent = [platform.vm.azpreflight(*CHECK)]
    print(row("azpreflight check, every server silent", silent, unit))
    print(f"\nratio: median over that of {BASELINE}; the budget of a run is {BUDGET:.0f} s")
    return 0


def measure(vm: Vm, runs: int) -> "dict[str, list[Done]]":
    """All programs in turn, so that a busy spell of the machine meets them alike; one unmeasured round comes first."""
    rounds = [{name: vm.run(sys.executable, *program) for name, program in PROGRAMS.items()} for _ in range(runs + 1)]
    failed = {name: done.stderr for one in rounds for name, done in one.items() if done.status != 0}
    if failed:
        raise RuntimeError(f"not healthy: {failed}")
    return {name: [one[name] for one in rounds[1:]] for name in PROGRAMS}


def row(name: str, done: "Sequence[Done]", unit: float) -> str:
    """One line of the table."""
    walls = [one.wall_s for one in done]
    middle = statistics.median(walls)
    figures = (f"{value:.3f}" for value in (min(walls), middle, max(walls)))
    return ROW.format(name, *figures, f"{middle / unit:.1f}", f"{max(one.peak_mib for one in done):.0f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
