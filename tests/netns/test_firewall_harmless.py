"""Looking leaves no trace: the namespace that is inspected stays byte for byte what it was, whatever ends the look."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from azpreflight.firewall.rehearsal import WORKER
from azpreflight.model import codec
from tests.netns import namespaces
from tests.netns.guest import FLOWS, Guest, Look, guest
from tests.netns.unchanged import APPEARS, ENDS, children, namespace_link, numbered, read, state

pytestmark = pytest.mark.root
RULES = """
ipset create bad hash:ip
ipset add bad 169.254.169.254
iptables-legacy -A OUTPUT -j LOG --log-prefix 'azpreflight-was-here '
iptables-legacy -A OUTPUT -m set --match-set bad dst -j REJECT
iptables-nft -t nat -A OUTPUT -p tcp --dport 443 -j REDIRECT --to-ports 3128
ip6tables-nft -P OUTPUT DROP
nft 'add table inet guard'
nft 'add chain inet guard o { type filter hook output priority 1; }'
nft 'add rule inet guard o tcp dport 32526 log prefix "azpreflight-was-here " counter drop'
"""


@pytest.fixture(name="vm")
def guest_with_rules() -> Iterator[Guest]:
    with guest() as made:
        made.shell(RULES)
        yield made


def machine() -> frozenset[str]:
    """Of the machine that the guest is part of: its tables, sets, modules, interfaces and processor-wide settings."""
    script = """
    cat /proc/net/ip_tables_names /proc/net/ip6_tables_names
    nft -a list ruleset
    ipset -n list
    cut -d ' ' -f 1 /proc/modules 2>/dev/null || true
    ls /sys/class/net | sed 's/^/interface /'
    cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/netfilter/nf_log_all_netns
    """
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20, check=False).stdout
    return frozenset(said.splitlines())


def is_what_it_was(before: frozenset[str]) -> bool:
    """Nothing has come to the machine to stay, and nothing has gone but interfaces: other tests, which run beside this
    one, make theirs there and move them away at once."""
    deadline = time.monotonic() + ENDS
    while (now := machine()) - before and time.monotonic() < deadline:
        time.sleep(0.1)
    return now <= before and all(line.startswith("interface ") for line in before - now)


def test_a_whole_look_changes_nothing(vm: Guest) -> None:
    before, machine_before = state(vm.name), machine()
    assert "--match-set bad" in before
    assert vm.look().summary["tcp 169.254.169.254:80"] == "blocked by filter OUTPUT 2"
    assert state(vm.name) == before
    assert is_what_it_was(machine_before)


def test_a_machine_without_tables_has_none_afterwards() -> None:
    with guest() as vm:
        before = state_without_tools(vm)
        look = vm.look()
        assert (look.rehearsal.needed, look.summary) == (False, {})
        assert state_without_tools(vm) == before


def state_without_tools(vm: Guest) -> str:
    """The kernel's own lists: iptables-legacy-save itself is not above suspicion."""
    script = "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; nft list tables; ip -d link"
    command = namespaces.inside(vm.name, ["sh", "-c", script])
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout


def test_log_rules_of_the_copy_do_not_reach_the_kernels_log(vm: Guest) -> None:
    vm.look()
    log = subprocess.run(["dmesg"], capture_output=True, text=True, timeout=20, check=True).stdout
    assert "azpreflight-was-here" not in log


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.12])
@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_a_kill_at_any_point_leaves_nothing(vm: Guest, victim: str, delay: float) -> None:
    """Not a process, not a namespace, not a rule; and if the worker alone dies, nothing is claimed."""
    before, machine_before = state(vm.name), machine()
    command = namespaces.inside(vm.name, [sys.executable, "-m", "tests.netns.guest"])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        parent.stdin.write(json.dumps(codec.encode(FLOWS)))
        parent.stdin.close()
        worker = wait_for_worker(parent.pid)
        time.sleep(delay)
        spaces = namespaces_of(worker)
        with suppress(ProcessLookupError):
            os.kill(worker if victim == "worker" else parent.pid, signal.SIGKILL)
        assert parent.stdout is not None
        answer = parent.stdout.read()
    wait_until_gone(worker)
    assert spaces & used_namespaces() <= namespaces_of(os.getpid()) | {guest_namespace(vm)}
    assert state(vm.name) == before
    assert is_what_it_was(machine_before)
    if victim == "worker":
        look: Look = codec.decode(Look, json.loads(answer))
        outcomes = {found.outcome.value for found in look.flows}
        assert look.rehearsal.error is None or outcomes == {"unknown"}


def wait_for_worker(parent: int) -> int:
    deadline = time.monotonic() + APPEARS
    while time.monotonic() < deadline:
        for pid in children(parent):
            if WORKER.encode() in read(f"/proc/{pid}/cmdline"):
                return pid
        time.sleep(0.001)
    raise AssertionError("the worker was not started")


def wait_until_gone(worker: int) -> None:
    """The worker led a session of its own; nothing of it may remain."""
    deadline = time.monotonic() + ENDS
    while session_members(worker):
        assert time.monotonic() < deadline, f"left: {session_members(worker)}"
        time.sleep(0.01)


def session_members(session: int) -> list[bytes]:
    left = []
    for pid in numbered("/proc"):
        said = read(f"/proc/{pid}/stat")
        fields = said.rpartition(b") ")[2].split()
        if len(fields) > 3 and int(fields[3]) == session and fields[0] != b"Z":
            left.append(said)
    return left


def namespaces_of(pid: int) -> set[str]:
    link = namespace_link(f"/proc/{pid}/ns/net")
    return set() if link is None else {link}


def used_namespaces() -> set[str]:
    links = [namespace_link(f"/proc/{pid}/ns/net") for pid in numbered("/proc")]
    return {link for link in links if link is not None}


def guest_namespace(vm: Guest) -> str:
    return f"net:[{(namespaces.DIRECTORY / vm.name).stat().st_ino}]"
