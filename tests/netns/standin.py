"""The whole stand-in platform as one context manager: wiring, servers, and the VM."""

import contextlib
import fcntl
import hashlib
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional

import trustme

from tests.netns import namespaces, topology
from tests.netns.documents import HELLO
from tests.netns.servers.__main__ import Config
from tests.netns.servers.services import Setup
from tests.netns.vm import CHECKOUT, Vm
from tests.scratchroot import cache_directory, debian_tree

VM_PACKAGES = ("waagent", "iptables", "nftables", "ipset", "iproute2", "ca-certificates")
"""What a VM image has: the agent, and the tools whose rules are looked at."""
SERVER_TIMEOUT = 20.0
"""Seconds until a server process has opened its ports; it takes a quarter of one."""
SERVER_NAMES = (
    "*.blob.core.windows.net",
    "*.azure.com",
    "*.handler.control.monitor.azure.com",
    "*.monitoring.azure.com",
    "*.ods.opinsights.azure.com",
    "*.vault.azure.net",
    "*.guestconfiguration.azure.com",
    "*.microsoft.com",
    "*.microsoftonline.com",
    "*.windows.net",
    topology.STORE,
    topology.PUBLIC,
)
RESOLV_CONF = f"nameserver {topology.WIRE_SERVER}\nsearch standin.ax.internal.cloudapp.net\n"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Fault:
    """Something wrong (or merely different) in the stand-in platform, as data. Faults add up."""

    setup: "Mapping[str, Any]" = field(default_factory=dict)
    """Fields of `services.Setup`."""
    behaviours: "Mapping[str, str]" = field(default_factory=dict)
    """By service: see `servers.web`."""
    dns: "Mapping[str, str]" = field(default_factory=dict)
    """By address: see `servers.names`. Addresses other than the platform's become hosts of the virtual network."""
    commands: "tuple[tuple[str, str], ...]" = ()
    """Role and shell command, run there once everything is up."""
    files: "Mapping[str, Optional[str]]" = field(default_factory=dict)
    """Text by path in the VM; None: there is no such file."""
    packages: "tuple[str, ...]" = ()
    """Debian packages that this VM's image has besides the usual ones."""


@dataclass(frozen=True)
class StandIn:
    """A running stand-in platform."""

    vm: Vm
    names: "Mapping[str, str]"
    """Namespace by role."""
    directory: Path

    def requests(self) -> "list[dict[str, Any]]":
        """Everything that any server was asked so far, in order for each server process."""
        logs = sorted(self.directory.glob("*.requests"))
        return [json.loads(line) for log in logs for line in log.read_text().splitlines()]


@contextlib.contextmanager
def standin(*faults: Fault, ipv6: bool = False) -> "Iterator[StandIn]":
    """Everything up and the faults in place; everything gone afterwards."""
    tree = debian_tree(packages=(*VM_PACKAGES, *(package for fault in faults for package in fault.packages)))
    with platform(*faults, ipv6=ipv6) as (names, directory):
        files = merged(_files(tree), *(fault.files for fault in faults))
        with Vm(names["vm"], tree, files, directory) as vm:
            break_in(names, faults)
            yield StandIn(vm, names, directory)


@contextlib.contextmanager
def platform(*faults: Fault, ipv6: bool = False) -> "Iterator[tuple[dict[str, str], Path]]":
    """The platform without a VM: the namespaces by role, wired and served, and a directory for the run's files."""
    namespaces.remove_stale()
    names = namespaces.new_names(topology.ROLES)
    dns = merged({topology.WIRE_SERVER: "answers"}, *(fault.dns for fault in faults))
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="azpreflight-standin-")))
        stack.callback(namespaces.remove, names.values())
        topology.build(names, ipv6, [address for address in dns if address != topology.WIRE_SERVER])
        for config in _configs(faults, dns, directory):
            stack.enter_context(_servers(names[config.role], config))
        yield names, directory


def break_in(names: "Mapping[str, str]", faults: "Sequence[Fault]") -> None:
    """Run the commands of the faults, each in its namespace."""
    for fault in faults:
        for role, command in fault.commands:
            namespaces.shell(names[role], command)


def merged(*mappings: "Mapping[str, Any]") -> "dict[str, Any]":
    """One mapping; the later ones win."""
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _configs(faults: "Sequence[Fault]", dns: "Mapping[str, str]", directory: Path) -> "list[Config]":
    _, certificate = certificates()
    pem = directory / "store.pem"
    pem.write_text(certificate)
    setup = Setup(**merged({"extension": HELLO}, *(fault.setup for fault in faults)))
    behaviours = merged(*(fault.behaviours for fault in faults))
    return [
        Config(role, str(directory / f"{role}.requests"), setup, behaviours, dns, str(pem))
        for role in ("fabric", "internet")
    ]


@contextlib.contextmanager
def _servers(namespace: str, config: Config) -> "Iterator[None]":
    """The servers of one namespace, up and listening; their last words are shown if they do not come up."""
    process = subprocess.Popen(
        namespaces.inside(namespace, [sys.executable, "-m", "tests.netns.servers"]),
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(config.encode())
        process.stdin.flush()
        readable, _, _ = select.select([process.stdout], [], [], SERVER_TIMEOUT)
        if not readable or process.stdout.readline() != "ready\n":
            process.kill()
            raise RuntimeError(f"the servers of the {config.role} did not come up: {process.communicate()[1]}")
        yield
    finally:
        process.kill()
        process.communicate()


def _files(tree: Path) -> "dict[str, Optional[str]]":
    """What the platform and the image maker put into every healthy VM. Without cloud-init, waagent provisions it."""
    authority, _ = certificates()
    files: dict[str, Optional[str]] = {
        "/etc/resolv.conf": RESOLV_CONF,
        "/etc/hosts": "127.0.0.1 localhost\n",
        BUNDLE: authority,
    }
    if not (tree / "usr/bin/cloud-init").exists():
        configuration = (tree / "etc/waagent.conf").read_text()
        files["/etc/waagent.conf"] = configuration.replace("Agent=cloud-init", "Agent=waagent")
    return files


@lru_cache(maxsize=1)
def certificates() -> "tuple[str, str]":
    """The authority's certificate, and the store's certificate chain with its key, as PEM.

    Made once for a user, so that images which trust the authority can be kept.
    """
    digest = hashlib.sha256(" ".join(SERVER_NAMES).encode()).hexdigest()[:12]
    kept = cache_directory() / f"certificates-{digest}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with open(kept.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            authority = trustme.CA(organization_name="Stand-in Certificates")
            leaf = authority.issue_cert(*SERVER_NAMES, organization_name="Stand-in Store")
            pems = authority.cert_pem.bytes(), leaf.private_key_and_cert_chain_pem.bytes()
            kept.write_text(json.dumps([pem.decode() for pem in pems]))
        authority_pem, leaf_pem = json.loads(kept.read_text())
    return authority_pem, leaf_pem
