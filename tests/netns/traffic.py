"""The same flows twice: rehearsed by azpreflight, and really sent to the servers of the stand-in platform.

A program that runs in a VM's namespace: a ruleset a line of standard input, as JSON: the tool that loads it, and its
text. An answer a line: of each flow what the rehearsal says, and whether an answer came.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from azpreflight.firewall.facts import Flow, Outcome, Purpose
from azpreflight.firewall.read_rules import dump, tables_of
from azpreflight.firewall.rehearsal import rehearse
from azpreflight.firewall.worker.flows import REQUESTS
from azpreflight.host import LocalHost
from tests.netns.topology import IMDS, STORE, WIRE_SERVER

FLOWS = (
    Flow("tcp", WIRE_SERVER, 80, Purpose.WIRE_SERVER),
    Flow("tcp", WIRE_SERVER, 32526, Purpose.WIRE_SERVER),
    Flow("tcp", IMDS, 80, Purpose.IMDS),
    Flow("udp", WIRE_SERVER, 53, Purpose.DNS),
    Flow("tcp", WIRE_SERVER, 53, Purpose.DNS),
    Flow("tcp", STORE, 80, Purpose.PACKAGE),
)
PATIENCE = 5.0
"""Seconds for an answer that is expected, on a machine with much else to do."""
DOUBT = 0.4
"""Seconds for one that is not: it would come in a few milliseconds."""


def answered(flow: Flow, timeout: float) -> bool:
    """Send the flow's request; True if anything comes back."""
    kind = socket.SOCK_STREAM if flow.protocol == "tcp" else socket.SOCK_DGRAM
    try:
        with socket.socket(socket.AF_INET, kind) as end:
            end.settimeout(timeout)
            end.connect((flow.address, flow.port))
            end.send(REQUESTS[flow.protocol, flow.port])
            return bool(end.recv(4096))
    except OSError:
        return False


def both(tool: str, text: str) -> list[tuple[str, str, bool]]:
    """Load the rules for good, rehearse, and then really send."""
    subprocess.run([tool], input=text, text=True, check=True, timeout=20)
    host = LocalHost(budget=60.0)
    dumps = dump(host)
    _, decided = rehearse(host, dumps, tables_of(dumps), FLOWS)
    patience = [PATIENCE if found.outcome is Outcome.ALLOWED else DOUBT for found in decided]
    with ThreadPoolExecutor(len(FLOWS)) as pool:
        really = list(pool.map(answered, FLOWS, patience))
    return [(found.flow.text, found.outcome.value, came) for found, came in zip(decided, really)]


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        print(json.dumps(both(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
