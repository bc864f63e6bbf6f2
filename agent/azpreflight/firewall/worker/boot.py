"""The rehearsal of the next boot: loaders of boot services load what is saved, and what is loaded is read back.

Like `main`, with two differences. Loaders may be more than iptables-restore and nft: scripts and daemons, which read
any file of the machine; so all is done in a sandbox. And what the rules are is known only once they are loaded, or half
of them; so the system's own tools print them before the flows are tried.

Run by `python -I -S -B` as a program of its own, like `main`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from azpreflight.firewall.worker import forks, sandbox
from azpreflight.firewall.worker.main import ALARM_GRACE, ENVIRONMENT, Json, answer, end, load_step

READ_LIMIT = 32 << 20
"""Bytes of one tool's output; 50,000 rules are about 8 MiB."""


def load_as_boot_does(job: Mapping[str, Any], deadline: float) -> Json:
    """All steps in order, then what the kernel has of it."""
    loads: list[Json] = []
    for step in job["loads"]:
        if _is_due(step, loads):
            _prepare(step)
            loads.append({**load_step(step, deadline), "service": step["service"]})
    with open(os.devnull, "wb") as nowhere:
        return {"loads": loads, "reads": list(_reads(job, nowhere.fileno()))}


def _is_due(step: Mapping[str, Any], loads: list[Json]) -> bool:
    """Some steps are taken only if the one before them went well: a test of the file, before it is loaded."""
    return not step["if_well"] or not loads or loads[-1]["status"] == 0


def _prepare(step: Mapping[str, Any]) -> None:
    """Files that the step needs, in directories that are the sandbox's own."""
    for path, text in step["files"].items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def _reads(job: Mapping[str, Any], nowhere: int) -> Iterator[Json]:
    for read in job["reads"]:
        if read["if_any"] is None or _has_content(read["if_any"]):
            status, text = _output(read["command"], nowhere)
            yield {"name": read["name"], "status": status, "text": text}


def _has_content(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError:
        return False


def _output(command: list[str], nowhere: int) -> tuple[int, str]:
    """What a tool prints; it has until the alarm that ends all of this."""
    memory = os.memfd_create("azpreflight")
    try:
        status = os.waitpid(forks.start(command, ENVIRONMENT, memory, nowhere), 0)[1]
        size = os.lseek(memory, 0, os.SEEK_END)
        if size > READ_LIMIT:
            return -1, ""
        return status, os.pread(memory, size, 0).decode("utf-8", "replace")
    finally:
        os.close(memory)


def _end(number: int, frame: object) -> None:
    """The first process of a namespace of processes is ended by no signal that it does not handle."""
    os._exit(128 + number)


def main() -> NoReturn:
    """Read the job, go into the sandbox, rehearse there, answer. Whatever goes wrong is an answer too."""
    forks.die_with_parent()
    job = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, job["limit_s"] + ALARM_GRACE)
    try:
        sandbox.enter(job["hidden"])
    except OSError as error:
        end({"invalid": f"{type(error).__name__}: {error}"})
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, job["limit_s"] + ALARM_GRACE)
    answer(job, load_as_boot_does)
