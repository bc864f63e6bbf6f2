"""Very many rulesets, each rehearsed by the worker's own code in a child of this program: no start of Python for each.

`Kernel` is the one who asks. The program: a job on the first line of standard input, then what to load a line; an
answer a line. All JSON, as the worker has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Optional

from azpreflight.firewall.worker import forks
from azpreflight.firewall.worker import main as worker

PATIENCE = 20.0
"""Seconds for one ruleset on a machine with much else to do."""


class Kernel:
    """The program that asks the kernel, as a context manager; its namespaces end with it."""

    def __init__(self, scene: Mapping[str, Any]) -> None:
        command = [sys.executable, "-m", "tests.netns.trials"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say({**scene, "limit_s": PATIENCE})

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._child.communicate(timeout=60)

    def _say(self, value: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(value) + "\n")
        self._child.stdin.flush()

    def ask(self, *loads: tuple[str, str]) -> list[Any]:
        """What the kernel does to each flow under these rules: a command line and what it reads."""
        steps = []
        for words, text in loads:
            tool, *arguments = words.split()
            steps.append({"name": tool, "command": [shutil.which(tool), *arguments], "input": text})
        self._say(steps)
        assert self._child.stdout is not None
        answer = json.loads(self._child.stdout.readline())
        assert [step["output"] for step in answer["loads"]] == [""] * len(loads)
        flows: list[Any] = answer["flows"]
        return flows


def main() -> None:
    """Answer each line. A child takes its namespaces with it, so no ruleset hears of the one before."""
    forks.die_with_parent()
    job = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            print(json.dumps(worker.rehearse({**job, "loads": json.loads(line)})), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
