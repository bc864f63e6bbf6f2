"""Real programs on real interfaces: they drop what the rules let through, and the report says that they are there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from azpreflight.host import LinkFilter
from azpreflight.model import codec
from tests.netns import namespaces
from tests.netns.guest import NEIGHBOUR, Guest, guest

pytestmark = pytest.mark.root

PROGRAMS = {
    "xdp": ("wire", LinkFilter("wire", "ingress", "XDP")),
    "ingress": ("wire", LinkFilter("wire", "ingress", "tc bpf")),
    "egress": ("eth0", LinkFilter("eth0", "egress", "tc bpf")),
}
LOOK = (
    "import json; from azpreflight.model import codec; from azpreflight.host import LocalHost;"
    " print(json.dumps(codec.encode(LocalHost().link_filters())))"
)


def seen(vm: Guest) -> tuple[LinkFilter, ...]:
    done = subprocess.run(
        namespaces.inside(vm.name, [sys.executable, "-c", LOOK]), capture_output=True, text=True, timeout=30, check=True
    )
    found: tuple[LinkFilter, ...] = codec.decode(tuple[LinkFilter, ...], json.loads(done.stdout))
    return found


@pytest.mark.parametrize("where", PROGRAMS)
def test_what_is_attached_is_told(where: str) -> None:
    interface, expected = PROGRAMS[where]
    with guest() as vm:
        vm.shell("nft add table inet own; tc qdisc add dev eth0 clsact")
        assert seen(vm) == ()
        attach = namespaces.inside(vm.name, [sys.executable, "-m", "tests.netns.attached", interface, where])
        subprocess.run(attach, check=True, timeout=30)
        assert seen(vm) == (expected,)
        assert vm.look().summary == {}


def test_a_program_that_drops_does() -> None:
    """What the test attaches is no decoration: nothing leaves by the interface any more."""
    send = f"import socket; socket.socket(2, 2).sendto(b'x', ('{NEIGHBOUR}', 9))"
    with guest() as vm:
        vm.shell(f"ip neigh add {NEIGHBOUR} lladdr 00:0d:3a:00:00:01 dev eth0")
        assert _arrived(vm, send) >= 1
        attach = namespaces.inside(vm.name, [sys.executable, "-m", "tests.netns.attached", "eth0", "egress"])
        subprocess.run(attach, check=True, timeout=30)
        assert _arrived(vm, send) == 0


def _arrived(vm: Guest, send: str) -> int:
    """How many packets come out at the other end of the wire while one is sent; the kernel may send some of its own."""
    count = "awk '/wire:/ {print $3}' /proc/net/dev"
    script = f'{count}; {sys.executable} -c "{send}" || true; {count}'
    done = subprocess.run(
        namespaces.inside(vm.name, ["sh", "-c", script]), capture_output=True, text=True, timeout=30, check=True
    )
    before, after = (int(line) for line in done.stdout.split())
    return after - before


def test_a_queue_that_drops_is_told_and_a_usual_one_is_not() -> None:
    """A queue has its number of dropped packets, and one that has dropped none is nobody's fault."""
    send = f"import socket; socket.socket(2, 2).sendto(b'x', ('{NEIGHBOUR}', 9))"
    with guest() as vm:
        vm.shell(
            f"ip neigh add {NEIGHBOUR} lladdr 00:0d:3a:00:00:01 dev eth0; tc qdisc add dev eth0 root pfifo limit 9"
        )
        assert seen(vm) == ()
        vm.shell("tc qdisc replace dev eth0 root blackhole")
        assert _arrived(vm, send) == 0
        (found,) = seen(vm)
    assert (found.interface, found.direction, found.kind) == ("eth0", "egress", "qdisc blackhole")
    assert found.drops >= 1
