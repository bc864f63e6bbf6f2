"""The virtual network: a tap for the VM, the platform's addresses, and a cable to an internet of its own.

    VM --- vnet 10.0.0.1, 168.63.129.16, 169.254.169.254 --- wan === lan 20.60.0.10, 20.60.0.20

What is on the right of the cable is a second namespace, so that the kernel routes what gets out. Like Azure's system
routes this one drops what is sent to private addresses outside the virtual network (Microsoft Learn, "Virtual network
traffic routing"). Neither namespace has a link to the machine's own network.
"""

from __future__ import annotations

from azpreflight.host import programs
from azpreflight.rehearse.facts import Network
from azpreflight.rehearse.machine import TAP
from azpreflight.rehearse.worker.errors import RehearsalError
from azpreflight.standin.addresses import GATEWAY, GATEWAY_IPV6, IMDS, PROXY, PUBLIC, STORE, WIRE_SERVER

DEAD_DNS = "10.1.2.3"
"""Nobody has this address, and what is sent to it is dropped."""
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
SHUT = {
    Network.NO_EGRESS: "blackhole",
    Network.PROXY: "blackhole",
    Network.FORCED_TUNNEL: "prohibit",
}
"""What becomes of packets of the VM for the internet."""
TIMEOUT = 20.0
"""Seconds for a batch of commands; it takes some hundredths of one."""


def vnet(network: Network, peer: int) -> list[str]:
    """Commands of ip(8) for this namespace; `peer` is a process in the internet's."""
    lines = ["link set lo up", f"tuntap add dev {TAP} mode tap", f"address add {GATEWAY}/24 dev {TAP}"]
    lines += [f"address add {address}/32 dev lo" for address in (WIRE_SERVER, IMDS)]
    lines += [f"address add {PROXY}/32 dev {TAP}"] if network is Network.PROXY else []
    lines += [f"address add {GATEWAY_IPV6}/64 dev {TAP} nodad"] if network is Network.IPV6 else []
    lines += [f"link set {TAP} up", f"link add wan type veth peer name lan netns {peer}"]
    lines += ["address add 104.44.1.1/30 dev wan", "link set wan up", "route add default via 104.44.1.2"]
    lines += [f"route add blackhole {subnet}" for subnet in PRIVATE]
    if network in SHUT:
        lines.append(f"rule add iif {TAP} type {SHUT[network]}")
    return lines


def internet() -> list[str]:
    """The same for the other namespace."""
    lines = ["link set lo up", "address add 104.44.1.2/30 dev lan", "link set lan up"]
    lines += [f"address add {address}/32 dev lo" for address in (STORE, PUBLIC)]
    return [*lines, "route add 10.0.0.0/24 via 104.44.1.1"]


def unmade(network: Network) -> list[str]:
    """Commands that take it all away, so that another one can be made."""
    rules = [f"rule delete iif {TAP} type {SHUT[network]}"] if network in SHUT else []
    return [
        *rules,
        f"link delete {TAP}",
        "link delete wan",
        "address flush dev lo scope global",
        "route flush table main",
    ]


def apply(lines: list[str], peer: int = 0) -> None:
    """Carry them out, here or in the namespace of a process. RehearsalError with the first that fails."""
    where = ("nsenter", f"--net=/proc/{peer}/ns/net", "--") if peer else ()
    done = programs.run((*where, "ip", "-batch", "-"), TIMEOUT, "\n".join([*lines, ""]).encode(), None, 1 << 16)
    if done.status != 0:
        raise RehearsalError(f"the network cannot be made: {done.stderr.strip().splitlines()[:1]}")


def forward() -> None:
    """Let this namespace route."""
    with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as switch:
        switch.write("1\n")
