"""To rehearse the next boot leaves no trace: no rule, setting, file, mount or process, whatever ends the rehearsal."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from azpreflight.firewall.boot.facts import SavedRulesFacts
from tests.netns import booting, namespaces
from tests.netns.booting import PERSISTENT, UFW, WANTS, Machine
from tests.netns.unchanged import APPEARS, ENDS, children, namespace_link, read
from tests.netns.unchanged import state as outside

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("ufw")]

WORKER = b"azpreflight.firewall.worker.boot"
LIVE = "iptables-legacy -A OUTPUT -d 192.0.2.1 -j DROP; iptables-nft -A OUTPUT -d 192.0.2.2 -j DROP"
INSIDE = """
cat /proc/mounts
grep -rs . /proc/sys/net/ipv[46] /proc/sys/net/netfilter | grep -v -e nf_conntrack_count -e stable_secret
cat /proc/sys/kernel/panic /proc/sys/vm/swappiness
find / -xdev -newer /marker ! -path '/proc/*' | sort
ls -A /run /tmp /var/log
"""
SWITCH_ON = "sed -i s/^ENABLED=.*/ENABLED=yes/ /etc/ufw/ufw.conf; echo kernel/panic=77 >> /etc/ufw/sysctl.conf"


def state(machine: Machine) -> tuple[str, str]:
    """What the kernel holds for the machine's network, and its files, mounts and settings."""
    return outside(machine.namespace), machine.shell(INSIDE)


@pytest.fixture(name="machine", scope="module")
def machine_with_ufw() -> Iterator[Machine]:
    with booting.running(UFW, {}) as machine:
        machine.shell(f"{SWITCH_ON}; ufw default deny outgoing")
        namespaces.shell(machine.namespace, LIVE)
        machine.shell("touch /marker; sleep 0.1")
        yield machine


def test_the_next_boot_is_rehearsed_without_a_trace(machine: Machine) -> None:
    before = state(machine)
    assert "192.0.2.1" in before[0] and "192.0.2.2" in before[0]
    facts = machine.look()
    assert facts.boots[0].rehearsal.error is None
    assert state(machine) == before
    log = subprocess.run(["dmesg"], capture_output=True, text=True, timeout=20, check=True).stdout
    assert "[UFW " not in log


@pytest.mark.parametrize("delay", [0.0, 0.04, 0.12, 0.25])
@pytest.mark.parametrize("victim", ["worker", "inner", "parent"])
def test_a_kill_at_any_point_leaves_nothing(machine: Machine, victim: str, delay: float) -> None:
    before = state(machine)
    killed_at(machine, victim, delay)
    assert state(machine) == before


def killed_at(machine: Machine, victim: str, delay: float) -> None:
    """Kill one of the processes so long after the rehearsal began; all of them have to be gone."""
    with subprocess.Popen(machine.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        worker = wait_for(parent.pid)
        looking = above(worker)
        time.sleep(delay)
        inner = children(worker)
        spaces = {
            namespace_link(f"/proc/{pid}/ns/{kind}") for pid in (worker, *inner) for kind in ("pid", "mnt", "net")
        }
        own = {namespace_link(f"/proc/{looking}/ns/{kind}") for kind in ("pid", "mnt", "net")}
        target = {"worker": worker, "parent": looking, "inner": (inner or [worker])[0]}[victim]
        assert target > 1  # anything else would be this test's own group, or everybody
        with suppress(ProcessLookupError):
            os.kill(target, signal.SIGKILL)
        assert parent.stdout is not None
        parent.stdout.read()
    deadline = time.monotonic() + ENDS
    while left := (used() & spaces) - own - {None}:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def wait_for(parent: int) -> int:
    """The worker, among all that the command started."""
    deadline = time.monotonic() + APPEARS
    while time.monotonic() < deadline:
        pending = [parent]
        while pending:
            pid = pending.pop()
            if WORKER in read(f"/proc/{pid}/cmdline"):
                return pid
            pending += children(pid)
        time.sleep(0.001)
    raise AssertionError("the worker was not started")


def above(pid: int) -> int:
    """The parent of a process; 0 where it has ended."""
    fields = read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def used() -> set[str | None]:
    """Namespaces that some process is in; the machine's first process is a shell, and does not bury the dead."""
    every = [name for name in os.listdir("/proc") if name.isdigit()]
    pids = [pid for pid in every if read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1] not in (b"Z", b"X", b"")]
    return {namespace_link(f"/proc/{pid}/ns/{kind}") for pid in pids for kind in ("pid", "mnt", "net")}


@pytest.mark.parametrize("delay", [0.3, 0.6])
def test_the_daemons_of_a_rehearsal_end_with_it(delay: float) -> None:
    with booting.running(PERSISTENT, {f"{WANTS}/netfilter-persistent.service": None}) as machine:
        machine.shell("touch /marker; sleep 0.1")
        before = state(machine)
        killed_at(machine, "parent", delay)
        facts: SavedRulesFacts = machine.look()
        assert facts.boots[0].rehearsal.load_errors == ()
        assert state(machine) == before
        running = machine.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "dbus-daemon" not in running and "firewalld" not in running
