"""The state that a rehearsal must leave as it was."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Optional

from tests.netns import namespaces

STATE = """
cat /proc/net/ip_tables_names /proc/net/ip6_tables_names
nft -a list ruleset
iptables-legacy-save | grep -v '^#'
ip6tables-legacy-save | grep -v '^#'
ipset save
ip -d link
ip address
ip route show table all
ip -6 route show table all
cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/netfilter/nf_conntrack_count
cat /proc/modules 2>/dev/null || true
ls /run/xtables.lock 2>/dev/null || true
"""
COUNTERS = re.compile(r"packets [0-9]+ bytes [0-9]+|\[[0-9]+:[0-9]+\]")
"""The kernel itself looks for routers and tells of its groups intermittently, and the rules count that."""
APPEARS = 10.0
"""Seconds until the worker must have been started, on a machine with much else to do."""
ENDS = 3.0
"""Seconds until everything must be gone after a kill."""


def state(namespace: str) -> str:
    """All of it, once the kernel has made sure that no IPv6 address is taken twice, which changes it by itself."""
    command = namespaces.inside(namespace, ["sh", "-c", STATE])
    deadline = time.monotonic() + APPEARS
    while True:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
        if " tentative" not in said or time.monotonic() > deadline:
            return COUNTERS.sub("counted", said)
        time.sleep(0.1)


def children(parent: int) -> list[int]:
    """Of any thread of the process."""
    found = [read(f"/proc/{parent}/task/{thread}/children") for thread in numbered(f"/proc/{parent}/task")]
    return [int(pid) for text in found for pid in text.split()]


def numbered(directory: str) -> list[str]:
    """What has a number for a name; each may be gone by the time that it is inspected."""
    try:
        return [name for name in os.listdir(directory) if name.isdecimal()]
    except OSError:
        return []


def read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def namespace_link(path: str) -> Optional[str]:
    try:
        return os.readlink(path)
    except OSError:
        return None
