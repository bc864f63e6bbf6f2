"""Fuzz the parsers for so many minutes: `make fuzz MINUTES=10`.

Guided by coverage where atheris is installed, which is not to be had for every Python, else by mutations alone. Every
target gets an equal share of the time, in a child. What breaks one is kept in `build/fuzz` and printed; once it is
fixed, it belongs into `tests/fuzz/corpus/TARGET`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

BUILD = Path("build/fuzz")
LONGEST = 4096
"""Bytes of one input; the sweep tries long ones."""
SLOW_S = 20
"""Seconds after which one input is a fault; a linear parser takes milliseconds, also on a busy machine."""


def main() -> int:
    """Every target in turn; 1 if one broke."""
    if len(sys.argv) == 4:
        work = _guided if sys.argv[3] == "guided" else _by_mutation
        return work(sys.argv[1], float(sys.argv[2]))
    from tests.fuzz import parsers

    share = float(sys.argv[1]) * 60 / len(parsers.TARGETS)
    way = "guided" if importlib.util.find_spec("atheris") is not None else "by mutation"
    print(f"{len(parsers.TARGETS)} targets, {share:.1f} s each, {way}", flush=True)
    broken = [target for target in parsers.TARGETS if not _in_child(target, share, way)]
    print(f"broken: {', '.join(broken) or 'none'}")
    return 1 if broken else 0


def _in_child(target: str, seconds: float, way: str) -> bool:
    command = [sys.executable, "-m", "tests.fuzz", target, str(seconds), way]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Done ")]
    print(f"{target}: {said[-1] if said else 'broke'}", flush=True)
    if done.returncode:
        print((done.stdout + done.stderr)[-4000:], flush=True)
    return done.returncode == 0


def _by_mutation(target: str, seconds: float) -> int:
    """Until the time is over."""
    from tests.fuzz import mutation, parsers

    began = time.monotonic()
    for count, data in enumerate(mutation.endless(target, seed=os.getpid()), 1):
        parsers.run(target, data)
        if time.monotonic() - began > seconds:
            print(f"Done {count} runs")
            break
    return 0


def _guided(target: str, seconds: float) -> int:
    """The same, by libFuzzer, which ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["azpreflight", "yaml"]):
        from tests.fuzz import mutation, parsers
    seeds = BUILD / target
    seeds.mkdir(parents=True, exist_ok=True)
    for place, data in enumerate(mutation.examples(target)):
        (seeds / f"seed-{place}").write_bytes(data)
    (BUILD / "words").write_text("".join(f'"{_quoted(piece)}"\n' for piece in mutation.PIECES))
    options = (
        f"-max_total_time={max(int(seconds), 1)}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOW_S}",
        "-rss_limit_mb=1024",
        f"-dict={BUILD / 'words'}",
        f"-artifact_prefix={BUILD / target}-",
    )
    atheris.Setup([sys.argv[0], *options, str(seeds)], lambda data: parsers.run(target, data))
    atheris.Fuzz()
    return 0


def _quoted(piece: bytes) -> str:
    """As libFuzzer's dictionaries write it."""
    return "".join(f"\\x{byte:02x}" for byte in piece)


if __name__ == "__main__":
    sys.exit(main())
