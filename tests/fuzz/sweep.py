"""Every file that a probe reads, filled with each kind of hostile text, up to the limit at which it is read.

Which files those are is recorded: from the examples of every probe, at every stage and of a mounted image, and again
with all that was asked for in its place, so that what lies behind it is asked for too. A probe and its judges run on
one such file in a child with limits of processor time and of memory, because a regular expression that goes wild, or a
text that unfolds to gigabytes, takes no notice of a deadline within the process.

`python -m tests.fuzz.sweep` runs all of it and prints what broke; the tests run a part.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Callable, NamedTuple, Optional

from azpreflight.host import FileKind, HostError
from azpreflight.model import Probe, Run, Stage, codec
from azpreflight.probes import PROBES, with_needs
from tests.support.examples import examples
from tests.support.fakes import FakeHost, Node
from tests.support.processes import end_me_after

CPU_S = 4
"""Seconds of processor time for one probe on one file; the whole run has ten of wall time."""
PATIENCE_S = 300
"""Seconds on the clock for the same, on a machine with much else to do."""
MEMORY = 400 << 20
"""Bytes of address space beyond what the child begins with: the service has 256 MiB (MemoryMax=)."""
FACTS = 4 << 20
"""Bytes of facts as JSON, of one probe."""
MOST = 1 << 20
"""Bytes of one file, where more would be read."""
STAND_IN = "x"
"""In the place of a wildcard."""


@dataclass
class Recorder(FakeHost):
    """Remembers what was read, with the limit, and what was looked for by a pattern."""

    reads: dict[str, int] = field(default_factory=dict)
    patterns: set[str] = field(default_factory=set)

    def read(self, path: str, limit: int = 1 << 20, follow: bool = True) -> Optional[bytes]:
        self.reads[path] = max(self.reads.get(path, 0), min(limit, MOST))
        return super().read(path, limit, follow)

    def glob(self, pattern: str) -> tuple[str, ...]:
        self.patterns.add(pattern)
        return super().glob(pattern)


class Scene(NamedTuple):
    """A probe on a host, and what is asked of it."""

    probe: Probe[Any]
    host: FakeHost
    run: Run


class Target(NamedTuple):
    """A file, and who reads it."""

    path: str
    limit: int
    scene: Scene


class Case(NamedTuple):
    """One file with one content."""

    target: Target
    kind: str


# --- what is read -------------------------------------------------------------------------------------------------


def targets() -> list[Target]:
    """Each file that some probe reads with each probe that does, of a machine and of an image, in order."""
    found: dict[tuple[str, str, str], Target] = {}
    for scene in _scenes():
        host = scene.host
        for _ in range(3):
            here = scene._replace(host=host)
            recorder = _recorded(here)
            for path, limit in recorder.reads.items():
                found.setdefault((path, scene.probe.name, host.root), Target(path, limit, here))
            host = replace(host, files=_filled(host, recorder))
    return [found[key] for key in sorted(found)]


def _scenes() -> Iterator[Scene]:
    for probe in PROBES:
        module = examples(probe)
        for example in (module.HEALTHY, *module.BROKEN.values()):
            host, run = example if isinstance(example, tuple) else (example, module.RUN)
            yield Scene(probe, host, _with_needed(probe, host, run))
        host, run = module.HEALTHY if isinstance(module.HEALTHY, tuple) else (module.HEALTHY, module.RUN)
        for stage in Stage:
            yield Scene(probe, host, _with_needed(probe, host, replace(run, stage=stage)))
        image = replace(host, root="/image", around=host)
        yield Scene(probe, image, _with_needed(probe, image, replace(run, root="/image", stage=Stage.CAPTURE)))


def _with_needed(probe: Probe[Any], host: FakeHost, run: Run) -> Run:
    """What is asked, with the facts of the probes that this one needs."""
    needed: dict[str, Any] = {}
    names = {probe.name, *(name for check in probe.checks for name in check.reads)}
    for other in with_needs(names):
        if other.name != probe.name:
            try:
                needed[other.name] = other.gather(host, replace(run, needed=dict(needed)))
            except HostError:
                continue
    return replace(run, needed=needed)


def _recorded(scene: Scene) -> Recorder:
    recorder = Recorder(**{name: getattr(scene.host, name) for name in FakeHost.__dataclass_fields__})
    with suppress(HostError):
        scene.probe.gather(recorder, scene.run)
    return recorder


def _filled(host: FakeHost, recorder: Recorder) -> Mapping[str, Node]:
    """The files of the host, and in the place of all that is missing a small one."""
    names = [pattern.translate(str.maketrans("*?", STAND_IN * 2)) for pattern in recorder.patterns]
    wanted = [name for name in (*names, *recorder.reads) if "[" not in name]
    files = dict(host.files)
    for name in sorted(wanted):
        above = (name[:at] for at in range(1, len(name)) if name[at] == "/")
        if host.info(name, follow=False) is None and not any(_is_no_directory(files, place) for place in above):
            files[name] = "x=y\n"
    return files


def _is_no_directory(files: Mapping[str, Node], path: str) -> bool:
    info = FakeHost(files=files).info(path) if path in files else None
    return info is not None and info.kind is not FileKind.DIRECTORY


# --- what is written there ----------------------------------------------------------------------------------------


def _repeated(unit: str) -> Callable[[int, str], str]:
    return lambda size, own: unit * (size // len(unit.encode("utf-8")))


def _nested(opening: str, closing: str) -> Callable[[int, str], str]:
    def made(size: int, own: str) -> str:
        depth = size // (len(opening) + len(closing))
        return opening * depth + closing * depth

    return made


def _doubled(name: str, form: str) -> Callable[[int, str], str]:
    """A variable whose value is itself, twice, in every line."""
    line = form.format(name=name, value=f"${{{name}}}${{{name}}}")
    return lambda size, own: form.format(name=name, value="x" * 16) + line * min(size // len(line) - 2, 60)


def _own(size: int, own: str) -> str:
    """What the file has in the example, again and again."""
    return (own or "x\n") * (size // len((own or "x\n").encode("utf-8")))


def _own_words(size: int, own: str) -> str:
    """The words of the example without line ends, again and again."""
    return _own(size, " ".join(own.split()) + " ")


def _own_line_and_a_word(size: int, own: str) -> str:
    """The last line of the example goes on for ever."""
    return f"{own.rstrip()}{'a' * max(size - len(own.encode('utf-8')) - 8, 0)}\n"


def _own_cut(size: int, own: str) -> str:
    return own[: len(own) // 2]


YAML_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefghij", "bcdefghijk")
)
XML_BOMB = '<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghij", "bcdefghijk")
)
KINDS: Mapping[str, Callable[[int, str], str]] = {
    "newlines": _repeated("\n"),
    "blanks": _repeated(" "),
    "tabs": _repeated("\t"),
    "blanks and newlines": _repeated(" \n"),
    "carriage returns": _repeated("\r\n"),
    "one word": _repeated("a"),
    "words": _repeated("a "),
    "lines of a letter": _repeated("a\n"),
    "digits": _repeated("9"),
    "superscripts": _repeated("²"),
    "zeros": _repeated("\0"),
    "double quotes": _repeated('"'),
    "single quotes": _repeated("'"),
    "backslashes": _repeated("\\"),
    "backslashes at ends": _repeated("\\\n"),
    "dots": _repeated("."),
    "colons": _repeated(":"),
    "slashes": _repeated("/"),
    "commas": _repeated("a,"),
    "comments": _repeated("#\n"),
    "assignments": _repeated("a=b\n"),
    "one assignment": lambda size, own: f"a={'b' * (size - 4)}\n",
    "sections": _repeated("[a]\n"),
    "mappings": _repeated("a: b\n"),
    "different mappings": lambda size, own: "".join(f"k{number}: v\n" for number in range(size // 11)),
    "items": _repeated("- "),
    "indented": lambda size, own: "".join(f"{' ' * depth}a:\n" for depth in range(int((2 * size) ** 0.5) - 4)),
    "brackets": _repeated("["),
    "nested brackets": _nested("[", "]"),
    "braces": _repeated("{"),
    "objects": _repeated('{"a":'),
    "nested braces": _nested("{", "}"),
    "parentheses": _repeated("("),
    "elements": _repeated("<a>"),
    "nested elements": _nested("<a>", "</a>"),
    "tables": _repeated("table ip x {\n"),
    "rules without a name": lambda size, own: "*filter\n" + "-A\n:I\n-I\n-P\n" * (size // 20) + "COMMIT\n",
    "rules in strange places": lambda size, own: (
        "*filter\n" + f"-I OUTPUT {'9' * 20} -j DROP\n-I OUTPUT ² -j DROP\n" * (size // 80) + "COMMIT\n"
    ),
    "one command": lambda size, own: f"[Service]\nExecStart=/{'a' * (size - 40)} python\n",
    "one quoted command": lambda size, own: f'[Service]\nExecStart="{"a" * (size - 40)}\n',
    "leases": _repeated("lease {\n"),
    "statements": _repeated("supersede domain-name-servers "),
    "repositories": _repeated("URIs: a "),
    "mounts": _repeated("UUID=a /v ext4 x 0 2\n"),
    "a variable doubled": _doubled("http_proxy", '{name}="{value}"\n'),
    "a kernel option doubled": _doubled("GRUB_CMDLINE_LINUX", '{name}="{value}"\n'),
    "aliases of YAML": lambda size, own: YAML_BOMB[:size],
    "entities of XML": lambda size, own: XML_BOMB[:size],
    "tags of YAML": lambda size, own: (
        "".join(
            f'{key}: !!{tag} "{value}"\n'
            for key in ("network", "preserve_hostname", "ssh_deletekeys")
            for tag, value in (("float", ""), ("bool", "maybe"), ("timestamp", "x"), ("int", ""), ("binary", "?"))
        )[:size]
    ),
    "a number of YAML": lambda size, own: f"network: 1{':1' * ((size - 20) // 2)}\n",
    "invalid UTF-8": lambda size, own: "\udcff" * size,
    "the example again": _own,
    "the example's words": _own_words,
    "the example and a word": _own_line_and_a_word,
    "half of the example": _own_cut,
    "nothing": lambda size, own: "",
}
"""What a file is filled with, up to so many bytes, knowing what it has in the example."""


def cases(seed: int = 0, most: Optional[int] = None) -> list[Case]:
    """All of them, or so many by lot, in order."""
    every = [Case(target, kind) for target in targets() for kind in KINDS]
    if most is None or most >= len(every):
        return every
    chosen = random.Random(seed).sample(range(len(every)), most)
    return [every[place] for place in sorted(chosen)]


def content(case: Case) -> bytes:
    """What the file holds."""
    node = case.target.scene.host.files.get(case.target.path, "")
    own = node.decode("latin-1") if isinstance(node, bytes) else node if isinstance(node, str) else ""
    text = KINDS[case.kind](case.target.limit, own)
    return text.encode("utf-8", "surrogateescape")[: case.target.limit]


# --- running ------------------------------------------------------------------------------------------------------


def run_case(case: Case) -> int:
    """Gather and judge; the bytes of the facts. Raises what a bug raises."""
    path, _, (probe, host, run) = case.target
    host = replace(host, files={**host.files, path: content(case)})
    try:
        facts = probe.gather(host, run)
    except HostError:
        return 0
    run = replace(run, needed={**run.needed, probe.name: facts})
    for check in probe.checks:
        for _ in check.judge(facts, run):
            pass
    return len(json.dumps(codec.encode(facts)))


def broken(every: Sequence[Case]) -> Iterator[tuple[Case, str]]:
    """The cases that raise, that take too long, too much memory or make too large facts, with what happened."""
    left = list(every)
    while left:
        done, said = _child(left)
        yield from ((left[place], reason) for place, reason in said)
        if done < len(left):
            yield left[done], "ended by its limit of time"
        left = left[done + 1 :]


def _child(every: Sequence[Case]) -> tuple[int, list[tuple[int, str]]]:
    """How many of them a child gets through before it is ended, and what it says of them."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        gc.freeze()  # what it has from its parent is not to be searched for garbage, at the expense of each case
        _limit_memory()
        with os.fdopen(writer, "w", buffering=1) as out:
            for place, case in enumerate(every):
                _limit_time()
                end_me_after(PATIENCE_S)
                out.write(json.dumps([place, _reason(case)]) + "\n")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        said = [json.loads(line) for line in lines if line.endswith("\n")]
    os.waitpid(child, 0)
    return len(said), [(place, reason) for place, reason in said if reason]


def _limit_time() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + CPU_S, resource.RLIM_INFINITY))


def _limit_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _reason(case: Case) -> str:
    try:
        size = run_case(case)
    except MemoryError:
        return f"more than {MEMORY >> 20} MiB"
    except Exception:
        return traceback.format_exc().strip().splitlines()[-1] + _place()
    return f"{size} bytes of facts" if size > FACTS else ""


def _place() -> str:
    _, _, trace = sys.exc_info()
    frames = [frame for frame in traceback.extract_tb(trace) if "azpreflight" in frame.filename]
    return f" ({frames[-1].filename.rpartition('azpreflight/')[2]}:{frames[-1].lineno})" if frames else ""


def main() -> int:
    """Run all, and print what broke."""
    every = cases()
    paths = {case.target.path for case in every}
    print(f"{len(every)} cases: {len(paths)} files, {len(KINDS)} kinds", flush=True)
    found = 0
    for case, reason in broken(every):
        found += 1
        print(f"{case.target.scene.probe.name} {case.target.path}: {case.kind}: {reason}", flush=True)
    print(f"{found} broke")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
