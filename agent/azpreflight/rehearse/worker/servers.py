"""The stand-in's servers, in the two namespaces of a rehearsal."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from azpreflight.host import programs
from azpreflight.rehearse.facts import Network
from azpreflight.rehearse.worker import wiring
from azpreflight.rehearse.worker.errors import RehearsalError

READY_TIMEOUT = 20.0
"""Seconds until a server process has opened its ports; it takes a quarter of one."""


@contextlib.contextmanager
def world(network: Network, folder: Path, certificate: str) -> Iterator[None]:
    """The network wired and everybody in it listening."""
    holder = subprocess.Popen(
        [str(programs.which("unshare")), "--net", "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with contextlib.ExitStack() as stack:
        stack.callback(_end, holder)
        assert holder.stdin is not None and holder.stdout is not None
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        holder.stdout.read(1)  # it is there by now
        wiring.apply(wiring.vnet(network, holder.pid))
        wiring.apply(wiring.internet(), holder.pid)
        wiring.forward()
        fabric = {"role": "fabric", "dns": {wiring.WIRE_SERVER: "answers"}, "certificate": None}
        if network is Network.PROXY:
            fabric["behaviours"] = {"proxy": "answers"}
        internet = {"role": "internet", "dns": {}, "certificate": certificate}
        for config, place in ((fabric, 0), (internet, holder.pid)):
            log = str(folder / f"{config['role']}.requests")
            stack.enter_context(_serving({"behaviours": {}, "setup": {"extension": {}}, "log": log, **config}, place))
        stack.enter_context(_dhcp(network, folder))
        yield


@contextlib.contextmanager
def _serving(config: dict[str, object], peer: int) -> Iterator[None]:
    where = [str(programs.which("nsenter")), f"--net=/proc/{peer}/ns/net", "--"] if peer else []
    process = subprocess.Popen(
        [*where, sys.executable, "-m", "tests.netns.servers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True, env={'PYTHONPATH':'/work/wt/rehearse','PATH':programs.PATH},
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(config) + "\n")
        process.stdin.flush()
        readable, _, _ = select.select([process.stdout], [], [], READY_TIMEOUT)
        if not readable or process.stdout.readline() != "ready\n":
            process.kill()
            raise RehearsalError(f"the stand-in did not come up: {process.communicate()[1][-300:]}")
        yield
    finally:
        _end(process)


@contextlib.contextmanager
def _dhcp(network: Network, folder: Path) -> Iterator[None]:
    dns = wiring.DEAD_DNS if network is Network.DNS_DEAD else wiring.WIRE_SERVER
    gw = wiring.GATEWAY
    command = [
        str(programs.which("dnsmasq")), "--keep-in-foreground", "--log-facility=-", "--pid-file=", "--conf-file=/dev/null",
        "--port=0", f"--interface={wiring.TAP}", "--bind-interfaces", f"--dhcp-range={wiring.VM},{wiring.VM},255.255.255.0,86400",
        "--dhcp-authoritative", "--dhcp-ignore-clid", "--leasefile-ro", f"--dhcp-option=3,{gw}", f"--dhcp-option=245,{wiring.WIRE_SERVER}",
        f"--dhcp-option=121,0.0.0.0/0,{gw},{wiring.WIRE_SERVER}/32,{gw},{wiring.IMDS}/32,{gw}", f"--dhcp-option=6,{dns}",
    ]
    with open(folder / "dhcp.log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
