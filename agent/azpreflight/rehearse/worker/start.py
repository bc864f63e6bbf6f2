"""Start the worker in namespaces of its own, and hear what it has to say."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from azpreflight import package
from azpreflight.host import programs
from azpreflight.model import codec
from azpreflight.rehearse.order import Order
from azpreflight.rehearse.worker.errors import RehearsalError

WORKER = "azpreflight.rehearse.worker.main"
NAMESPACES = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
AS_ROOT = ("--user", "--map-root-user")
"""For a user who is not: root of namespaces where the system allows it."""


def rehearse(order: Order, limit: float) -> Iterator[tuple[str, Any]]:
    """(progress, words), (boot, its JSON) and (error, words), as they come. RehearsalError where nothing starts."""
    unshare = programs.which("unshare")
    if unshare is None:
        raise RehearsalError("unshare is not installed (package util-linux)")
    command = [unshare, *(() if os.geteuid() == 0 else AS_ROOT), *NAMESPACES, sys.executable, "-I", "-B"]
    process = subprocess.Popen(
        [*command, *package.arguments(WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=programs.ENVIRONMENT,
        start_new_session=True,
        preexec_fn=programs.end_with_parent(),  # noqa: PLW1509
    )
    try:
        yield from _heard(process, order, limit)
    finally:
        process.kill()
        process.communicate()


def _heard(process: subprocess.Popen[bytes], order: Order, limit: float) -> Iterator[tuple[str, Any]]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(codec.encode(order)).encode() + b"\n")
    process.stdin.flush()
    deadline = time.monotonic() + limit
    heard = False
    while True:
        readable, _, _ = select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0))
        if not readable:
            yield "error", f"not done within {limit:.0f} s"
            return
        line = process.stdout.readline()
        if not line:
            break
        heard = True
        yield from json.loads(line).items()
    if not heard or process.wait(5) != 0:
        assert process.stderr is not None
        words = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        raise RehearsalError(f"the rehearsal did not start: {words[-1][:200] if words else 'it said nothing'}")
