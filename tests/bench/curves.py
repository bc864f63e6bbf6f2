"""How cost grows with the work: `python -m tests.bench.curves [all|CURVE,CURVE... [RUNS [full]]]`.

Each size is a whole process that is measured from outside: seconds of processor time with all that it started, and
the peak memory of its largest process (of rules: of its own processes added up, without the system's tools). The
exponent of a curve is the slope of log(cost) over log(size) of what goes beyond the smallest size, whose cost is that
of starting up: 1 is linear, below 1 better, and "flat" means that nothing came on top that can be told from noise.
`full` goes on to the largest sizes, which take an hour and 20 GB of disk. Nothing is asserted. Needs root, as the trees
do.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from tests.bench import growing
from tests.bench.growing import Cost

RUNS = 3
"""Of each size, at the most; the median of processor time and the largest peak of memory count."""
NOISE_S = 0.05
"""Seconds of processor time that two runs of the same may differ by."""
NOISE_MIB = 8.0
LINEAR = 1.15
"""An exponent up to here is called linear: of three or four points of a busy machine it is not known better."""
ROW = "{:22} {:>12} {:>9} {:>9}"


class Curve(NamedTuple):
    """What grows, and in what steps."""

    about: str
    cost: growing.Measure
    sizes: Sequence[int]
    further: Sequence[int] = ()
    """Only where everything is asked for."""
    once: bool = False
    """One run of each size must do."""


def _rules(kind: str) -> Curve:
    about = f"rules, {kind}: dump and rehearsal"
    return Curve(about, lambda size, place: growing.rules(kind, size), (10, 100, 1_000, 10_000), (100_000,), True)


CURVES: Mapping[str, Sequence[Curve]] = {
    "rules": tuple(_rules(kind) for kind in growing.RULES),
    "extensions": (
        Curve("extensions in the goal state: both documents parsed", growing.extensions, (1, 10, 50, 200)),
        Curve("extensions that are announced: check at first boot", growing.announced, (1, 10, 50, 200)),
    ),
    "dns": (Curve("DNS servers that answer: check at first boot", growing.dns, (1, 4, 8, 16)),),
    "users": (Curve("users of a tree: check --root", growing.users, (10, 100, 1_000, 10_000)),),
    "kernels": (Curve("kernels of a tree: check --root", growing.kernels, (1, 5, 10, 20, 40)),),
    "logs": (Curve("MB of serial log: explain-log", growing.explained, (1, 10, 100), (1_000,)),),
    "images": (
        Curve("GB of a raw disk, sparse: image", growing.image, (2, 8, 32, 128)),
        Curve("GB of the same as qcow2", growing.qcow2, (2, 8, 32, 128)),
    ),
    "fleet": (Curve("logs of 20 kB: fleet --jobs 1", growing.fleet, (1_000, 3_000, 10_000), (100_000,), True),),
}


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 2 for a curve that there is not."""
    names = arguments[0].split(",") if arguments and arguments[0] != "all" else list(CURVES)
    unknown = [name for name in names if name not in CURVES]
    if unknown:
        print(f"no such curve: {', '.join(unknown)}; there are {', '.join(CURVES)}", file=sys.stderr)
        return 2
    runs = min(int(arguments[1]), RUNS) if len(arguments) > 1 else RUNS
    print(ROW.format("", "size", "cpu s", "peak MiB"))
    for curve in (curve for name in names for curve in CURVES[name]):
        print(f"{curve.about}", flush=True)
        sizes = (*curve.sizes, *(curve.further if "full" in arguments[2:] else ()))
        show(curve, sizes, 1 if curve.once else runs)
    return 0


def show(curve: Curve, sizes: Sequence[int], runs: int) -> None:
    """A row for each size, then how it grows."""
    costs: dict[int, Cost] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="azpreflight-curve-") as place:
            try:
                with contextlib.closing(curve.cost(size, Path(place))) as costing:
                    found = [next(costing) for _ in range(runs)]
            except (subprocess.SubprocessError, RuntimeError) as error:
                print(ROW.format("", f"{size:,}", "-", f"- {str(error)[-200:]}"), flush=True)
                continue
        costs[size] = Cost(statistics.median(one.cpu_s for one in found), max(one.peak_mib for one in found))
        print(ROW.format("", f"{size:,}", f"{costs[size].cpu_s:.2f}", f"{costs[size].peak_mib:.0f}"), flush=True)
    cpu = {size: cost.cpu_s for size, cost in costs.items()}
    memory = {size: cost.peak_mib for size, cost in costs.items()}
    print(f"  processor time {said(exponent(cpu, NOISE_S))}, memory {said(exponent(memory, NOISE_MIB))}")


def exponent(costs: Mapping[int, float], noise: float) -> Optional[float]:
    """The slope of log(cost beyond the smallest size's) over log(size), by least squares; None: nothing beyond noise.

    One point alone beyond noise gives the slope from that noise, at the size before it.
    """
    sizes = sorted(costs)
    least = costs[sizes[0]] if sizes else 0.0
    points = [(size, costs[size] - least) for size in sizes if costs[size] - least > noise]
    if not points:
        return None
    if len(points) == 1:
        at = sizes.index(points[0][0])
        points.insert(0, (sizes[at - 1], noise))
    across, up = ([math.log(point[axis]) for point in points] for axis in (0, 1))
    middle, height = statistics.fmean(across), statistics.fmean(up)
    products = sum((one - middle) * (other - height) for one, other in zip(across, up))
    return products / sum((one - middle) ** 2 for one in across)


def said(slope: Optional[float]) -> str:
    """The exponent in words."""
    if slope is None:
        return "flat"
    return f"grows with exponent {slope:.2f}{'' if slope <= LINEAR else ', worse than linear'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
