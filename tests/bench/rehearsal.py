"""The process that is measured: dump the rules of this network namespace, rehearse, say what came of it.

A program: its one line of standard output is the outcome of each flow, as JSON. It imports nothing of the tests, so
that its time and memory are those of azpreflight's own code.
"""

from __future__ import annotations

import json

from azpreflight.firewall.facts import Flow, Purpose
from azpreflight.firewall.read_rules import dump, tables_of
from azpreflight.firewall.rehearsal import rehearse
from azpreflight.host import LocalHost

WIRE_SERVER, IMDS, STORE = "168.63.129.16", "169.254.169.254", "20.60.0.10"
NOBODY = 65534
FLOWS = (
    Flow("tcp", WIRE_SERVER, 80, Purpose.WIRE_SERVER),
    Flow("tcp", WIRE_SERVER, 32526, Purpose.WIRE_SERVER),
    Flow("tcp", IMDS, 80, Purpose.IMDS),
    Flow("udp", WIRE_SERVER, 53, Purpose.DNS),
    Flow("tcp", WIRE_SERVER, 53, Purpose.DNS),
    Flow("udp", "10.0.0.5", 53, Purpose.DNS),
    Flow("tcp", "10.0.0.5", 53, Purpose.DNS),
    Flow("tcp", STORE, 443, Purpose.PACKAGE),
    Flow("tcp", STORE, 80, Purpose.PACKAGE),
    Flow("udp", WIRE_SERVER, 67, Purpose.DHCP, 68),
    Flow("tcp", WIRE_SERVER, 80, Purpose.WIRE_SERVER, uid=NOBODY),
    Flow("tcp", IMDS, 80, Purpose.IMDS, uid=NOBODY),
)
"""Those of a VM with one DNS server of its own and one package store."""


def main() -> None:
    """Look once, as a run does that has nothing else to do."""
    host = LocalHost()
    dumps = dump(host)
    rehearsal, flows = rehearse(host, dumps, tables_of(dumps), FLOWS)
    errors = [*(found.error for found in dumps if found.error), *([rehearsal.error] if rehearsal.error else [])]
    decided = [(found.outcome.value, found.decider.number if found.decider else None) for found in flows]
    print(json.dumps({"errors": errors, "flows": decided}))


if __name__ == "__main__":
    main()
