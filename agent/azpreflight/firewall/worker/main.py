"""The rehearsal: a job on standard input, what was seen on standard output, both JSON.

Run by `python -I -S -B` (see `package.arguments`), so that nothing of the environment or of site-packages takes part.
The order matters: laboratory, canary (every flow without any rule), rules, tracer, flows. Without a canary that came
through, nothing that happens later means anything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Callable, NoReturn, Optional

from azpreflight.firewall.worker import forks
from azpreflight.firewall.worker.correlate import Track
from azpreflight.firewall.worker.flows import Attempt, Outside, attempt
from azpreflight.firewall.worker.listeners import Listeners
from azpreflight.firewall.worker.namespaces import BROADCAST, Destination, Lab, copy_settings
from azpreflight.firewall.worker.rule_numbers import Numbers
from azpreflight.firewall.worker.trace import FAMILIES, Event, Tracer

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "XTABLES_LOCKFILE": "/dev/null"}
"""The lock of the machine's own xtables tools is left alone: what happens here is no business of theirs."""
ALARM_GRACE = 0.5
"""Seconds past the limit after which the kernel ends this program, whatever it is doing."""

Json = dict[str, Any]
Loader = Callable[["Mapping[str, Any]", float], Json]
"""Loads the rules of a job until a deadline, in the guest's namespace; what it says becomes part of the answer."""


def load_copy(job: Mapping[str, Any], deadline: float) -> Json:
    """The rules as the system's own tools take them, step by step, whatever became of the step before."""
    return {"loads": [load_step(step, deadline) for step in job["loads"]]}


def rehearse(job: Mapping[str, Any], load: Loader = load_copy) -> Json:
    """The whole rehearsal. OSError and TimeoutError mean that it could not be made."""
    deadline = time.monotonic() + job["limit_s"]
    modules = _modules()
    destinations = [Destination(*fields) for fields in job["destinations"]]
    local = {destination.address: destination.local for destination in destinations}
    flows = [{**flow, "local": local[flow["address"]]} for flow in job["flows"]]
    lab = Lab()
    lab.build(job["interfaces"], job["stand_ins"], destinations, deadline)
    listeners = Listeners()
    _listen(listeners, flows, local=False)
    lab.enter_guest()
    outside = Outside(*lab.outside())
    _listen(listeners, flows, local=True)
    copy_settings(job["settings"])
    canaries = [one.error for one in attempt(flows, listeners, None, deadline, outside)]
    lab.forget_neighbours()
    numbers = Numbers()
    loaded = load(job, deadline)
    numbers.close()
    tracer, trace_error = _tracer(tuple(job["ingress_devices"]))
    attempts = attempt(flows, listeners, tracer, deadline, outside)
    return {
        **loaded,
        "trace_error": trace_error,
        "trace_lost": tracer is not None and tracer.lost,
        "flows": outcomes(attempts, canaries, numbers),
        "modules": sorted(_modules() - modules),
    }


def _listen(listeners: Listeners, flows: list[Json], local: bool) -> None:
    for flow in flows:
        if flow["local"] is local and flow["address"] != BROADCAST:
            listeners.add(flow["protocol"], flow["address"], flow["port"])


def load_step(step: Mapping[str, Any], deadline: float) -> Json:
    """Run one tool, and say how it ended."""
    environment = {**ENVIRONMENT, **step.get("environment", {})}
    ended = forks.run(step["command"], step["input"].encode("utf-8", "surrogateescape"), environment, deadline)
    return {"name": step["name"], "status": ended.status, "output": ended.output[:4096]}


def _tracer(ingress_devices: tuple[str, ...]) -> tuple[Optional[Tracer], Optional[str]]:
    tracer = Tracer()
    try:
        tracer.start(ingress_devices)
    except OSError as error:
        return None, os.strerror(error.errno or 0)
    return tracer, None


def _modules() -> set[str]:
    with suppress(OSError), open("/proc/modules", encoding="ascii") as lines:
        return {line.split(" ", 1)[0] for line in lines}
    return set()


def outcomes(attempts: Sequence[Attempt], canaries: Sequence[Optional[str]], numbers: Numbers) -> list[Json]:
    """What became of each flow, with the numbers that its rules have now."""
    return [_outcome(one, canary, numbers) for one, canary in zip(attempts, canaries)]


def _outcome(one: Attempt, canary: Optional[str], numbers: Numbers) -> Json:
    return {
        "canary": canary,
        "error": one.error,
        "lost": one.blamed.lost,
        "neighbours": one.blamed is not one.story and one.blamed.lost is not None,
        "destination": one.story.destination,
        "source": one.rewritten if one.story.request.passed else None,
        "mark": one.story.mark,
        "request": _track(one.blamed.request, numbers),
        "reply": _track(one.blamed.reply, numbers),
    }


def _track(track: Track, numbers: Numbers) -> Json:
    return {
        "taken": None if track.taken is None else _event(track.taken, numbers),
        "events": [_event(event, numbers) for event in track.events],
    }


def _event(event: Event, numbers: Numbers) -> Json:
    """`rule` is the rule's number in its chain, 1 first; 0 is the policy."""
    number = event.rule
    if event.backend == "nft":
        family = next((code for code, name in FAMILIES.items() if name == event.family), 0)
        number = numbers.number(family, event.table, event.chain, event.rule)
    return {
        "backend": event.backend,
        "family": event.family,
        "table": event.table,
        "chain": event.chain,
        "kind": event.kind,
        "rule": number,
        "verdict": event.verdict,
    }


def main() -> NoReturn:
    """Read the job, rehearse, answer. Whatever goes wrong is an answer too."""
    forks.die_with_parent()
    job = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, job["limit_s"] + ALARM_GRACE)
    answer(job, load_copy)


def answer(job: Mapping[str, Any], load: Loader) -> NoReturn:
    """Rehearse, print what was seen, or why nothing was, and end."""
    try:
        said = rehearse(job, load)
    except (OSError, TimeoutError) as error:
        said = {"invalid": f"{type(error).__name__}: {error}"}
    end(said)


def end(said: Json) -> NoReturn:
    """Print it, and end."""
    json.dump(said, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the kernel takes everything down at once; Python would first do so piece by piece
