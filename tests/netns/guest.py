"""A guest without environment: one network namespace with an address and a default route that lead nowhere.

Enough for the firewall: its rules are read here and rehearsed in namespaces of their own, so nobody has to answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from azpreflight.firewall.facts import Dump, Flow, FlowFacts, Outcome, Part, Purpose, Rehearsal
from azpreflight.firewall.read_rules import dump, tables_of
from azpreflight.firewall.rehearsal import rehearse
from azpreflight.host import LocalHost
from azpreflight.model import codec
from tests.netns import namespaces

ADDRESS, GATEWAY, NEIGHBOUR = "10.0.0.4", "10.0.0.1", "10.0.0.9"
ADDRESS6, ROUTER6, STORE6 = "2001:db8:1::4", "fe80::1", "2001:db8:9::10"
STORE, STUB = "20.60.0.10", "127.0.0.53"
FLOWS = (
    Flow("tcp", "168.63.129.16", 80, Purpose.WIRE_SERVER),
    Flow("tcp", "168.63.129.16", 32526, Purpose.WIRE_SERVER),
    Flow("tcp", "169.254.169.254", 80, Purpose.IMDS),
    Flow("udp", "168.63.129.16", 53, Purpose.DNS),
    Flow("tcp", "168.63.129.16", 53, Purpose.DNS),
    Flow("udp", NEIGHBOUR, 53, Purpose.DNS),
    Flow("udp", STUB, 53, Purpose.DNS),
    Flow("tcp", STORE, 443, Purpose.PACKAGE),
    Flow("udp", "168.63.129.16", 67, Purpose.DHCP, 68),
)
FLOWS6 = (*FLOWS, Flow("tcp", STORE6, 443, Purpose.PACKAGE))


@dataclass(frozen=True)
class Look:
    """What azpreflight makes of a guest's rules."""

    dumps: tuple[Dump, ...]
    rehearsal: Rehearsal
    flows: tuple[FlowFacts, ...]

    @property
    def summary(self) -> dict[str, str]:
        """What is not simply allowed, in a few words: "blocked by filter OUTPUT 3"; it must have been seen whole."""
        assert [dump.error for dump in self.dumps if dump.error] == []
        seen = self.rehearsal
        assert (seen.error, seen.load_errors, seen.trace_error) == (None, (), None)
        return {found.flow.text: _words(found) for found in self.flows if found.outcome is not Outcome.ALLOWED}

    @property
    def commands(self) -> tuple[str, ...]:
        """What the findings advise, each once."""
        return tuple(dict.fromkeys(found.decider.command for found in self.flows if found.decider is not None))


def _words(found: FlowFacts) -> str:
    words = [found.outcome.value]
    if found.part is not Part.REQUEST:
        words.append(found.part.value)
    if found.to is not None:
        words.append(f"to {found.to}")
    if found.decider is not None:
        by = found.decider
        words += ["by", by.table, by.chain, "policy" if by.number is None else str(by.number)]
    elif found.reason is not None:
        words.append(found.reason)
    return " ".join(words)


class Guest:
    """The namespace, and what can be done in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def shell(self, script: str) -> None:
        """Run a script of configuration commands; the first that fails ends it."""
        namespaces.shell(self.name, script)

    def look(self, flows: Sequence[Flow] = FLOWS) -> Look:
        """Dump and rehearse as azpreflight does; in a process, because /proc/net is that of a process."""
        command = namespaces.inside(self.name, [sys.executable, "-m", "tests.netns.guest"])
        job = json.dumps(codec.encode(tuple(flows)))
        done = subprocess.run(command, input=job, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        look: Look = codec.decode(Look, json.loads(done.stdout))
        return look


@contextmanager
def guest() -> Iterator[Guest]:
    """A fresh guest, removed at the end."""
    (name,) = namespaces.new_names(["guest"]).values()
    namespaces.create([name])
    try:
        namespaces.sysctls(name, {"ipv6/conf/default/addr_gen_mode": 1})  # nothing that comes by itself, and late
        namespaces.ip_batch(
            [
                "link set lo up",
                "link add eth0 address 00:0d:3a:aa:bb:cc type veth peer name wire",
                "link set wire up",
                "link set eth0 up",
                f"addr add {ADDRESS}/24 dev eth0",
                f"route add default via {GATEWAY}",
                f"addr add {ADDRESS6}/64 dev eth0 nodad",
                f"route add default via inet6 {ROUTER6} dev eth0",
            ],
            name,
        )
        yield Guest(name)
    finally:
        namespaces.remove([name])


def main() -> None:
    """Look at the namespace that this process is in; flows on standard input, the look on standard output."""
    asked = sys.stdin.read()
    flows = codec.decode(tuple[Flow, ...], json.loads(asked)) if asked else FLOWS
    host = LocalHost()
    dumps = dump(host)
    rehearsal, decided = rehearse(host, dumps, tables_of(dumps), flows)
    json.dump(codec.encode(Look(dumps, rehearsal, decided)), sys.stdout)


if __name__ == "__main__":
    main()
