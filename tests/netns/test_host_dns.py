"""Questions to name servers that the machine's own kernel does not let out, each in a namespace made for it; and the
reader of resolv.conf against glibc itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from azpreflight.guest.resolv_conf import FALLBACK, MAX_SERVERS, parse
from azpreflight.host import DnsAnswer, Outcome
from azpreflight.model.codec import decode
from tests.netns import namespaces

pytestmark = pytest.mark.root

OWN, SERVER = "10.0.0.4", "10.1.2.3"
LINK = (
    "link add eth0 type veth peer name far",
    "link set far up",
    f"address add {OWN}/24 dev eth0",
    "link set eth0 arp off up",
    "link set lo up",
    "route add default dev eth0",
)
"""A link on which nobody is: what is sent is lost without a word."""
ASK = """
import json, sys
from azpreflight.model.codec import encode
from azpreflight.host.dns import ask
print(json.dumps([encode(ask(sys.argv[1], "packages.example.net", "A", 0.5, tcp=tcp)) for tcp in (False, True)]))
"""
C_LIBRARY = """
import ctypes, socket, struct
state = ctypes.create_string_buffer(1024)
assert ctypes.CDLL("libc.so.6").__res_ninit(state) == 0
count, = struct.unpack_from("i", state, 16)
print(*(socket.inet_ntoa(state.raw[24 + 16 * number : 28 + 16 * number]) for number in range(count)))
"""
"""struct __res_state of resolv.h on 64 bits: two ints, a long of options, the number of servers, their sockaddr_in."""


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace whose packets all go to a link on which nobody is."""
    names = namespaces.new_names(["vm"])
    namespaces.create(names.values())
    try:
        namespaces.ip_batch(LINK, names["vm"])
        yield names["vm"]
    finally:
        namespaces.remove(names.values())


def ask(namespace: str, server: str = SERVER) -> tuple[DnsAnswer, DnsAnswer]:
    """What the server says over UDP and over TCP, from inside the namespace."""
    command = namespaces.inside(namespace, [sys.executable, "-c", ASK, server])
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    udp, tcp = (decode(DnsAnswer, answer) for answer in json.loads(done.stdout))
    return udp, tcp


def test_a_rule_that_drops_is_told_over_udp_and_silent_over_tcp(namespace: str) -> None:
    namespaces.shell(namespace, "iptables-nft -A OUTPUT -p udp --dport 53 -j DROP")
    namespaces.shell(namespace, "iptables-nft -A OUTPUT -p tcp --dport 53 -j DROP")
    udp, tcp = ask(namespace)
    assert (udp.outcome, udp.detail) == (Outcome.PROHIBITED, "this machine's own rules forbid to send it")
    assert tcp.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize(
    ("reject", "outcome", "detail"),
    [
        ("icmp-admin-prohibited", Outcome.PROHIBITED, "icmp 3/13"),
        ("icmp-host-prohibited", Outcome.PROHIBITED, "icmp 3/10"),
        ("icmp-port-unreachable", Outcome.REFUSED, "icmp 3/3"),
        ("icmp-host-unreachable", Outcome.UNREACHABLE, "icmp 3/1"),
    ],
)
def test_a_rule_that_rejects_is_told_with_its_sender(
    namespace: str, reject: str, outcome: Outcome, detail: str
) -> None:
    namespaces.shell(namespace, f"iptables-nft -A OUTPUT -d {SERVER} -j REJECT --reject-with {reject}")
    for answer in ask(namespace):
        assert (answer.outcome, answer.detail, answer.offender) == (outcome, detail, OWN)


@pytest.mark.parametrize(
    ("route", "outcome"),
    [
        (f"add prohibit {SERVER}", Outcome.PROHIBITED),
        (f"add unreachable {SERVER}", Outcome.UNREACHABLE),
        (f"add blackhole {SERVER}", Outcome.UNREACHABLE),
        ("del default", Outcome.UNREACHABLE),
    ],
)
def test_a_route_that_does_not_lead_there_is_told_at_once(namespace: str, route: str, outcome: Outcome) -> None:
    namespaces.shell(namespace, f"ip route {route}")
    for answer in ask(namespace):
        assert answer.outcome is outcome
        assert answer.duration_s < 0.4


@pytest.mark.parametrize(
    "text",
    [
        "nameserver 10.0.0.4\nnameserver 10.0.0.5\n",
        "nameserver 10.0.0.4\r\n",
        " nameserver 10.0.0.4\n",
        "Nameserver 10.0.0.4\n",
        "nameserver\t10.0.0.4 # comment\nnameserver 10.0.0.5;x\n",
        "nameserver 10.1\nnameserver 0x0a000002\nnameserver 010.0.0.1\n",
        "nameserver 08.0.0.1\nnameserver 1.256.1\nnameserver 4294967296\n",
        "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n",
        "nameserver dns.example.net\nnameserver 10.0.0.4:53\n",
        "nameserver\nnameserver \nnameservers 10.0.0.4\n",
        "#nameserver 10.0.0.4\n;nameserver 10.0.0.5\nnameserver 10.0.0.6",
        "\n",
    ],
)
def test_servers_are_those_that_the_c_library_takes(text: str, tmp_path: Path) -> None:
    """In a mount namespace of its own glibc reads the same text."""
    file = tmp_path / "resolv.conf"
    file.write_text(text, newline="")
    script = 'mount --bind "$1" "$(realpath /etc/resolv.conf)" && exec "$2" -c "$3"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(file), sys.executable, C_LIBRARY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert tuple(done.stdout.split()) == (parse(text).nameservers[:MAX_SERVERS] or (FALLBACK,))
