"""One laboratory for very many rulesets: each is loaded in turn and the flows are tried, some milliseconds each.

A program: a job on the first line of standard input, then a ruleset a line; an answer a line. All JSON. The job is that
of the rehearsal's worker, whose parts do the work.
"""

import json
import socket
import sys
import time
from typing import Any

from azpreflight.firewall.worker import main as worker
from azpreflight.firewall.worker import nft, process
from azpreflight.firewall.worker.flows import Listeners, attempt
from azpreflight.firewall.worker.lab import Destination, Lab
from azpreflight.firewall.worker.netlink import NETLINK_NETFILTER, Netlink
from azpreflight.firewall.worker.trace import Tracer

PATIENCE = 20.0
"""Seconds for one ruleset on a machine with much else to do."""
GRACE = 0.01
"""Seconds: the rules of these tests drop no stray packets, so nothing has to be waited for."""
FORGET_CONNECTIONS = 1 << 8 | 2
"""IPCTNL_MSG_CT_DELETE of <linux/netfilter/nfnetlink_conntrack.h>, without a tuple: all."""


def main() -> None:
    """Build once, then answer each ruleset."""
    process.die_with_parent()
    job = json.loads(sys.stdin.readline())
    flows = [{**flow, "local": False} for flow in job["flows"]]
    lab, listeners = Lab(), Listeners()
    destinations = [Destination(*fields) for fields in job["destinations"]]
    lab.build(job["interfaces"], (), destinations, time.monotonic() + PATIENCE)
    for flow in flows:
        listeners.add(flow["protocol"], flow["address"], flow["port"])
    lab.enter_guest()
    tracer, connections = Tracer(), Netlink(NETLINK_NETFILTER)
    tracer.start()
    for line in sys.stdin:
        connections.request(FORGET_CONNECTIONS, 0, nft.header(socket.AF_UNSPEC))
        print(json.dumps(one(json.loads(line), flows, listeners, tracer)), flush=True)


def one(steps: "list[Any]", flows: "list[Any]", listeners: Listeners, tracer: Tracer) -> "list[Any]":
    """What became of each flow under these rules."""
    deadline = time.monotonic() + PATIENCE
    for command, text in steps:
        ended = process.run(command, text.encode(), worker.ENVIRONMENT, deadline)
        if ended.status != 0:
            raise SystemExit(f"{command}: {ended.output}\n{text}")
    attempts = attempt(flows, listeners, tracer, deadline, GRACE)
    return worker.outcomes(attempts, [None] * len(attempts))


if __name__ == "__main__":
    main()
