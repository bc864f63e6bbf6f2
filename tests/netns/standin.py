"""The whole stand-in platform as one context manager: wiring, servers, and the VM."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Optional

from azpreflight.model import codec
from azpreflight.standin import addresses
from azpreflight.standin.config import Config, Listener, Offer, Setup, internet
from azpreflight.standin.config import platform as platform_listeners
from tests.netns import namespaces, topology
from tests.netns.certificates import certificates
from tests.netns.vm import CHECKOUT, Vm
from tests.support.scratchroot import debian_tree

VM_PACKAGES = ("waagent", "iptables", "nftables", "ipset", "iproute2", "ca-certificates")
"""What a VM image has: the agent, and the tools whose rules are inspected."""
SERVER_TIMEOUT = 20.0
"""Seconds until a server process has opened its ports; it takes a quarter of one."""
RESOLV_CONF = f"nameserver {topology.WIRE_SERVER}\nsearch standin.ax.internal.cloudapp.net\n"
LEASES = "/var/lib/dhcp/dhclient.eth0.leases"
LOOPBACK = "127."
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Program:
    """A real program of the VM's image, which runs until the end."""

    command: tuple[str, ...]
    ready: str
    """A command of the VM's shell that succeeds once it works."""
    after: str = "true"
    """What it is then told to do, likewise."""


@dataclass(frozen=True)
class Fault:
    """Something wrong (or merely different) in the stand-in platform, as data. Faults add up."""

    setup: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `config.Setup`."""
    behaviours: Mapping[str, str] = field(default_factory=dict)
    """By part: see `servers.web`. "proxy" and "dhcp" start one, see `servers.proxy` and `servers.leases`; "certificate"
    says whose the internet's servers present: see `certificates`."""
    dns: Mapping[str, str] = field(default_factory=dict)
    """By address: see `servers.names`. One of the loopback network is the VM's own; others than the platform's become
    hosts of the virtual network."""
    commands: tuple[tuple[str, str], ...] = ()
    """Role and shell command, run there once everything is up."""
    files: Mapping[str, Optional[str]] = field(default_factory=dict)
    """Text by path in the VM; None: there is no such file."""
    delay_s: float = 0.0
    """Seconds that every cable takes in either direction."""
    packages: tuple[str, ...] = ()
    """Debian packages that this VM's image has besides the usual ones."""
    programs: tuple[Program, ...] = ()
    """What runs in the VM beside everything else, once it is up and the commands were run."""


@dataclass(frozen=True)
class StandIn:
    """A running stand-in platform."""

    vm: Vm
    names: Mapping[str, str]
    """Namespace by role."""
    directory: Path

    def requests(self) -> list[dict[str, Any]]:
        """Everything that any server was asked so far, in order for each server process."""
        logs = sorted(self.directory.glob("*.requests"))
        return [json.loads(line) for log in logs for line in log.read_text().splitlines()]


@contextlib.contextmanager
def standin(*faults: Fault, ipv6: bool = False, root: Optional[Path] = None) -> Iterator[StandIn]:
    """Everything up and the faults in place; everything gone afterwards. `root` is another tree than the usual one."""
    tree = root or debian_tree(packages=(*VM_PACKAGES, *(package for fault in faults for package in fault.packages)))
    with platform(*faults, ipv6=ipv6) as (names, directory):
        files = merged(_files(tree), *(fault.files for fault in faults))
        with contextlib.ExitStack() as stack:
            vm = stack.enter_context(Vm(names["vm"], tree, files, directory))
            break_in(names, faults)
            for program in (program for fault in faults for program in fault.programs):
                stack.enter_context(vm.running(*program.command))
                _until(vm, program)
            yield StandIn(vm, names, directory)


def _until(vm: Vm, program: Program) -> None:
    """It is ready, and has been told what it is to do."""
    wait = f"for step in $(seq 200); do if {program.ready}; then {program.after}; exit; fi; sleep 0.05; done; exit 99"
    done = vm.run("sh", "-c", wait)
    if done.status:
        raise RuntimeError(f"{' '.join(program.command)} did not come up: {done.status} {done.stdout}{done.stderr}")


@contextlib.contextmanager
def platform(*faults: Fault, ipv6: bool = False) -> Iterator[tuple[dict[str, str], Path]]:
    """The platform without a VM: the namespaces by role, wired and served, and a directory for the run's files."""
    namespaces.remove_stale()
    delay_s = max((fault.delay_s for fault in faults), default=0.0)
    names = namespaces.new_names([*topology.ROLES, *([topology.RELAY] if delay_s else [])])
    configs = _configs(faults)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="azpreflight-standin-")))
        stack.callback(namespaces.remove, names.values())
        topology.build(names, ipv6, _vnet_addresses(configs))
        if delay_s:
            ends = [end for pair in topology.relayed() for end in pair]
            arguments = ["tests.netns.delay", str(delay_s), *ends]
            stack.enter_context(_process(names[topology.RELAY], arguments, ""))
        (directory / "store.pem").write_text(certificates()[_certificate(faults)])
        up = []
        for role, config in configs.items():
            placed = replace(config, log=str(directory / f"{role}.requests"), certificate=str(directory / "store.pem"))
            up.append(stack.enter_context(_starting(names[role], *_told(placed))))
        for wait in up:
            wait()
        yield names, directory


def break_in(names: Mapping[str, str], faults: Sequence[Fault]) -> None:
    """Run the commands of the faults, each in its namespace."""
    for fault in faults:
        for role, command in fault.commands:
            namespaces.shell(names[role], command)


def merged(*mappings: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping; the later ones win."""
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _configs(faults: Sequence[Fault]) -> dict[str, Config]:
    """The server processes, by the roles of their namespaces; the paths are put in where they are known."""
    setup = Setup(**merged(*(fault.setup for fault in faults)))
    behaviours = merged(*(fault.behaviours for fault in faults))
    dns = merged({topology.WIRE_SERVER: "answers"}, *(fault.dns for fault in faults))
    resolvers = tuple(Listener("dns", address, addresses.DNS, behaviour) for address, behaviour in dns.items())
    own = tuple(one for one in resolvers if one.address.startswith(LOOPBACK))
    fabric = [*platform_listeners(behaviours), *(one for one in resolvers if one not in own)]
    if "proxy" in behaviours:
        fabric.append(Listener("proxy", addresses.PROXY, addresses.PROXY_PORT, behaviours["proxy"]))
    if "dhcp" in behaviours:
        fabric.append(Listener("dhcp", addresses.WIRE_SERVER, addresses.DHCP, behaviours["dhcp"]))
    configs = {
        "fabric": Config(tuple(fabric), setup=setup, offer=Offer("vnet")),
        "internet": Config(internet(behaviours.get("store", "answers")), setup=setup),
    }
    return {**configs, "vm": Config(own)} if own else configs


def _vnet_addresses(configs: Mapping[str, Config]) -> list[str]:
    """Hosts of the virtual network besides the VM."""
    others = {listener.address for listener in configs["fabric"].listeners}
    return sorted(others - {addresses.WIRE_SERVER, addresses.IMDS})


def _certificate(faults: Sequence[Fault]) -> str:
    return str(merged({"certificate": "trusted"}, *(fault.behaviours for fault in faults))["certificate"])


@contextlib.contextmanager
def servers(namespace: str, config: Config) -> Iterator[None]:
    """The servers of one namespace, up and listening."""
    with _process(namespace, *_told(config)):
        yield


def _told(config: Config) -> tuple[Sequence[str], str]:
    """The program of servers, and what it is told."""
    return ["azpreflight.standin.servers"], json.dumps(codec.encode(config)) + "\n"


@contextlib.contextmanager
def _process(namespace: str, module: Sequence[str], told: str) -> Iterator[None]:
    """One of the stand-in's own programs, once it says that it is ready."""
    with _starting(namespace, module, told) as wait:
        wait()
        yield


@contextlib.contextmanager
def _starting(namespace: str, module: Sequence[str], told: str) -> Iterator[Callable[[], None]]:
    """One of the stand-in's own programs, and what waits for it to be ready: where it does not come up, its last words
    are shown.
    """
    process = subprocess.Popen(
        namespaces.inside(namespace, [sys.executable, "-m", *module]),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(told)
        process.stdin.flush()
        yield lambda: _wait(process)
    finally:
        process.kill()
        process.communicate(timeout=60)


def _wait(process: subprocess.Popen[str]) -> None:
    readable, _, _ = select.select([process.stdout], [], [], SERVER_TIMEOUT)
    if not readable or process.stdout is None or process.stdout.readline() != "ready\n":
        process.kill()
        raise RuntimeError(f"{process.args!r} did not come up: {process.communicate(timeout=60)[1]}")


def lease(*servers: str, wire_server: str = topology.WIRE_SERVER) -> str:
    """What dhclient writes down of what the virtual network's DHCP server says."""
    option = ":".join(f"{int(part):x}" for part in wire_server.split("."))
    return (
        f'lease {{\n  interface "eth0";\n  fixed-address {topology.VM};\n  option routers {topology.GATEWAY};\n'
        f"  option domain-name-servers {','.join(servers)};\n  option unknown-245 {option};\n}}\n"
    )


def _files(tree: Path) -> dict[str, Optional[str]]:
    """What the platform and the image maker put into every healthy VM. Without cloud-init, waagent provisions it."""
    files: dict[str, Optional[str]] = {
        "/etc/resolv.conf": RESOLV_CONF,
        "/etc/apt/sources.list": "deb http://packages.example.org/debian bookworm main\n",
        LEASES: lease(topology.WIRE_SERVER),
        "/etc/hosts": "127.0.0.1 localhost\n",
        BUNDLE: certificates()["authority"],
    }
    if not (tree / "usr/bin/cloud-init").exists():
        configuration = (tree / "etc/waagent.conf").read_text()
        files["/etc/waagent.conf"] = configuration.replace("Agent=cloud-init", "Agent=waagent")
    return files
