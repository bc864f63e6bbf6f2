"""Measure what is installed: size, and how long commands take that only print.

`python -m tests.bench.packages [RUNS [DEB...]]` builds the packages and the single file, and puts each into a scratch
tree of Debian 12 whose Python and libraries run it. Debs that are named, of another commit for example, are measured
in turn with them. Needs root, and what builds them all.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.__main__ import BASELINE, ROW, RUNS, WEIGH, Weighed, row
from tests.support.scratchroot import debian_tree, overlay, run_inside

PACKAGING = Path(__file__).parents[2] / "packaging"
LIBRARIES = ("python3-dnspython", "python3-psutil", "python3-requests", "python3-yaml")
PUT = {
    "deb": "dpkg --root={tree} --install {package}",
    "rpm": "rpm2cpio {package} | cpio --quiet -idD {tree}"
    " && chroot {tree} /usr/libexec/azpreflight/python -I -m compileall -q /usr/share/azpreflight",
    "zipapp": "install -m 755 {package} {tree}/usr/bin/azpreflight",
}
"""How each comes into a tree; rpm's own way wants packages of the rest of the tree."""
PROGRAM = "/usr/bin/azpreflight"
COMMANDS = (("--version",), ("explain", "guest-firewall"), ("list",))
SIZE = "{:42} {:>7.0f} kB, installed {:.0f} kB, and {:.0f} kB of byte code"


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    runs = int(arguments[0]) if arguments else RUNS
    print(ROW.format(f"installed, {runs} runs each", "min", "median", "max", "ratio", "cpu", "peak MiB"))
    with contextlib.ExitStack() as stack:
        packages = {kind: built(kind, Path(stack.enter_context(tempfile.TemporaryDirectory()))) for kind in PUT}
        packages |= {Path(other).name: Path(other).absolute() for other in arguments[1:]}
        trees = {name: stack.enter_context(installed(package)) for name, package in packages.items()}
        programs = {BASELINE: (trees["deb"], ("/usr/bin/python3", "-c", "pass"))}
        for kind, tree in trees.items():
            for command in COMMANDS:
                programs[f"{kind}: azpreflight {' '.join(command)}"] = tree, (PROGRAM, *command)
        measured = measure(programs, runs)
        unit = statistics.median(one.wall_s for one in measured[BASELINE])
        for name, weighed in measured.items():
            print(row(name, weighed, unit))
        for kind, tree in trees.items():
            print(SIZE.format(f"{kind}: size", packages[kind].stat().st_size / 1000, *sizes(tree)))
    return 0


def built(kind: str, folder: Path) -> Path:
    """A package of this kind, built into this folder."""
    done = subprocess.run([PACKAGING / f"build-{kind}", folder], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


@contextlib.contextmanager
def installed(package: Path) -> Iterator[Path]:
    """A tree with this package in it."""
    with overlay(debian_tree("bookworm", ("python3", *LIBRARIES))) as tree:
        kind = {".pyz": "zipapp"}.get(package.suffix, package.suffix[1:])
        command = PUT[kind].format(tree=tree, package=package)
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        yield tree


def measure(programs: Mapping[str, tuple[Path, Sequence[str]]], runs: int) -> dict[str, list[Weighed]]:
    """All programs in turn; one unmeasured round comes first."""
    rounds = [{name: weigh(*program) for name, program in programs.items()} for _ in range(runs + 1)]
    return {name: [one[name] for one in rounds[1:]] for name in programs}


def weigh(tree: Path, program: Sequence[str]) -> Weighed:
    """Run a program of the tree. RuntimeError where it fails."""
    done = run_inside(tree, "/usr/bin/python3", "-I", "-S", "-c", WEIGH, *program, network=False)
    *words, figures = done.stderr.splitlines()
    wall, cpu, peak, status = figures.split()
    if int(status) != 0:
        raise RuntimeError(f"{' '.join(program)}: exit {status}: {words}")
    return Weighed(float(wall), float(cpu), float(peak))


def sizes(tree: Path) -> tuple[float, float]:
    """Kilobytes of all files that are the package's, and of the byte code that is made at installation."""
    own = [path for path in tree.rglob("*azpreflight*") if path.relative_to(tree).parts[0] != "var"]
    files = {inner for path in own for inner in (path, *path.rglob("*")) if inner.is_file() and not inner.is_symlink()}
    made = {path for path in files if path.suffix == ".pyc"}
    return weight(files - made), weight(made)


def weight(files: set[Path]) -> float:
    """Kilobytes of these files."""
    return sum(path.stat().st_size for path in files) / 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
