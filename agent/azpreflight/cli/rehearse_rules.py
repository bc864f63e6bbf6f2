"""`azpreflight rehearse-rules`: what systemd starts for one request to its socket; see `firewall.broker`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from azpreflight.dataclass import dataclass
from azpreflight.firewall import broker
from azpreflight.firewall.rehearsal import PYTHON, run_worker
from azpreflight.host import Host, HostError, LocalHost, service
from azpreflight.model.errors import UsageError

ROOT = 0


@dataclass(frozen=True)
class Request:
    """Nothing is asked on the command line."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """None."""


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request()


def run(request: Request) -> int:
    """Answer the request on standard input; 0. Whatever goes wrong is an answer too."""
    uid = service.peer_uid(sys.stdin.fileno())
    if uid is None:
        raise UsageError("azpreflight-rehearsal.socket starts this; standard input is not a connection to it")
    host = LocalHost(budget=broker.LONGEST + broker.START_S)
    content = sys.stdin.buffer.read(broker.REQUEST_LIMIT + 1)
    json.dump(answer(host, uid, content), sys.stdout)
    return 0


def answer(host: Host, uid: int, request: bytes) -> dict[str, Any]:
    """What the worker saw, or why it did not run."""
    if uid != ROOT:
        return {"invalid": "only root may have rules rehearsed"}
    if len(request) > broker.REQUEST_LIMIT:
        return {"invalid": f"a request of more than {broker.REQUEST_LIMIT} bytes"}
    try:
        job, limit = broker.job_of(host, request)
        return run_worker(host, PYTHON, job, limit)
    except HostError as error:
        return {"invalid": str(error)}
