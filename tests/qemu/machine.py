"""One emulated machine that believes it is on Azure: firmware tables, a serial port to a file, a network card.

It is started inside the VM's namespace of the stand-in platform, bridged to the cable that leads to the fabric, so it
has no way to any other network. A channel to the guest agent of the emulator lets a test run commands in it, apart
from the network under test.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

from tests.netns.namespaces import inside, shell
from tests.qemu.image import KERNEL_OPTIONS, Image

VM_ID = "7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55"
MAC = "00:0d:3a:12:34:56"
"""In the range from which Azure gives its NICs' addresses."""
ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
FIRMWARE = "Hyper-V UEFI Release v4.1"
APPEND = f"{KERNEL_OPTIONS} modprobe.blacklist=floppy"
BRIDGE = (
    "ip addr flush dev eth0",
    "ip link add br0 type bridge stp_state 0 forward_delay 0",
    "ip link set eth0 master br0",
    "ip tuntap add tap0 mode tap",
    "ip link set tap0 master br0",
    "ip link set br0 up",
    "ip link set tap0 up",
)
POLL_S = 0.2
SOCKET_TIMEOUT = 10.0
"""Seconds until the emulator has opened its sockets; it takes a tenth of one."""
MIGRATION_TIMEOUT = 60.0
"""Seconds to write or read a machine's state of some 240 MB."""
AGENT_TIMEOUT = 20.0
"""Seconds for one answer of the guest agent; emulated, it takes a quarter of one."""
EVIDENCE = """{
(ip -br addr; ip route) > /run/addresses 2>&1 & sleep 2; cat /run/addresses /etc/resolv.conf
uptime; systemctl list-jobs --no-legend; systemctl --failed --no-legend
ps -eo pid,stat,wchan:24,etime,args | awk '$2 ~ /D/'
for unit in azpreflight walinuxagent cloud-init systemd-networkd networking; do
    journalctl -b -u $unit -n 6 -o short-monotonic --no-pager -q
done
journalctl -b -p warning -n 8 -o short-monotonic --no-pager -q
tail -n 8 /var/log/waagent.log
} 2>&1 | grep -v '^#' | cut -c 1-180"""
"""A script for the guest: some 40 lines by which whoever has only the output of a failed test can understand it. The
kernel may have a lock on the network held for good, so that nothing waits for `ip`."""


def _share() -> int:
    """How many processors a machine gets: two at most, and no more than are there for each worker of the tests.

    On two processors, two machines with one each boot in three quarters of the time that they take with two each, in
    which one spins while the other waits; a machine alone boots in half the time with two.
    """
    return min(2, max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))


@dataclass(frozen=True)
class Ended:
    """A command that ended in the guest."""

    status: int
    output: str
    """Standard output and standard error."""


class Machine:
    """A running machine; a context manager that ends it."""

    def __init__(
        self,
        image: Image,
        namespace: str,
        directory: Path,
        *,
        vm_id: str = VM_ID,
        disc: Optional[Path] = None,
        disk: Optional[Path] = None,
        state: Optional[Path] = None,
    ) -> None:
        """`disc` is the provisioning disc; `disk` an existing overlay, for a machine that boots again or goes on.

        `state` is what `save` wrote of a machine with the same firmware and devices, which goes on from there.
        """
        self._image, self._namespace, self._directory = image, namespace, directory
        self._vm_id, self._disc = vm_id, disc
        self.disk = disk or directory / "disk.qcow2"
        self._state = state
        self.serial = directory / "serial.log"
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.started = 0.0

    def __enter__(self) -> Machine:
        shell(self._namespace, " && ".join(BRIDGE))
        if not self.disk.exists():
            command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(self._image.disk), "-F", "raw"]
            subprocess.run([*command, str(self.disk)], check=True, timeout=60)
        log = open(self._directory / "emulator.log", "wb")
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            inside(self._namespace, self._command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        if self._state is not None:
            self._resume()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if kind is not None:
            print(self._evidence())
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)
        shell(self._namespace, "ip link del br0; ip link del tap0")

    def _command(self) -> list[str]:
        type1 = (
            f"type=1,manufacturer=Microsoft Corporation,product=Virtual Machine,version={FIRMWARE},uuid={self._vm_id}"
        )
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-M", "pc"]
        command += ["-accel", "tcg,thread=multi", "-cpu", "qemu64,-hypervisor,-cx16"]
        command += ["-smp", str(_share()), "-m", "1024"]
        command += ["-kernel", str(self._image.kernel), "-initrd", str(self._image.initramfs)]
        command += ["-append", APPEND, "-uuid", self._vm_id]
        command += ["-smbios", f"type=0,vendor=Microsoft Corporation,version={FIRMWARE}", "-smbios", type1]
        command += ["-smbios", f"type=3,manufacturer=Microsoft Corporation,asset={ASSET_TAG}"]
        command += ["-drive", f"file={self.disk},if=none,id=d0,cache=unsafe", "-device", "virtio-blk-pci,drive=d0"]
        command += ["-device", "virtio-serial-pci", "-device", "virtio-rng-pci"]
        command += ["-chardev", f"socket,id=agent,path={self._directory}/agent,server=on,wait=off"]
        command += ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        command += ["-serial", f"file:{self.serial}"]
        command += ["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"]
        command += ["-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]
        if self._disc is not None:
            command += ["-drive", f"file={self._disc},if=none,id=cd,media=cdrom,readonly=on,format=raw"]
            command += ["-device", "ide-cd,drive=cd"]
        command += ["-qmp", f"unix:{self._directory}/control,server=on,wait=off"]
        if self._state is not None:
            command += ["-incoming", f"exec:cat {self._state}"]
        return command

    # what it says

    def said(self) -> bytes:
        """The serial port's output so far."""
        return self.serial.read_bytes() if self.serial.exists() else b""

    def wait_for(self, pattern: str, timeout: float) -> float:
        """Seconds since power-on until the serial output matched. TimeoutError with its tail if it did not."""
        wanted = re.compile(pattern.encode())
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if wanted.search(self.said()):
                return time.monotonic() - self.started
            assert self._process is not None
            if self._process.poll() is not None:
                break
            time.sleep(POLL_S)
        raise TimeoutError(f"no {pattern!r} on the serial port: {self.said()[-1500:].decode('utf-8', 'replace')}")

    def _evidence(self) -> str:
        """What the guest says of itself, or where it has fallen silent; pytest shows it for a test that failed."""
        console = f"the serial port ends with: {self.said()[-1500:].decode('utf-8', 'replace')}"
        if self._process is None or self._process.poll() is not None:
            return f"the emulator does not run: {(self._directory / 'emulator.log').read_text()[-500:]}\n{console}"
        try:
            return self.run(EVIDENCE, timeout=60.0).output
        except (OSError, ValueError) as error:
            return f"the guest agent does not answer ({error}); {console}"

    # its state

    def save(self, state: Path) -> None:
        """Stop it and write its whole state to a file; only its disk is of use afterwards."""
        self._control("stop")
        self._control("migrate", uri=f"exec:cat > {state}")
        self._until("query-migrate", "completed")
        self._control("quit")
        assert self._process is not None
        self._process.wait(MIGRATION_TIMEOUT)

    def _resume(self) -> None:
        """Go on where the saved machine stopped, set its clock, and have it forget the gateway's old MAC address."""
        self._until("query-status", "paused", "postmigrate", "prelaunch")
        self._control("cont")
        self.wait_for_agent(MIGRATION_TIMEOUT)
        self.run(f"date -s @{time.time():.0f}; ip neigh flush dev eth0")

    def _until(self, query: str, *states: str) -> None:
        deadline = time.monotonic() + MIGRATION_TIMEOUT
        while self._control(query).get("status") not in states:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{query} never said {' or '.join(states)}")
            time.sleep(POLL_S / 2)

    def _control(self, command: str, **arguments: Any) -> Any:
        """One command of the emulator's own control channel (QMP)."""
        with self._connected("control", MIGRATION_TIMEOUT) as stream:
            self._receive(stream)  # its greeting
            for message in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                self._send(stream, message)
                reply = self._receive(stream)
                while "event" in reply:
                    reply = self._receive(stream)
        if "error" in reply:
            raise ValueError(f"{command}: {reply['error']}")
        return reply["return"]

    @contextlib.contextmanager
    def _connected(self, name: str, timeout: float) -> Iterator[Any]:
        """A stream to one of the emulator's sockets, which it opens right after its start."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout)
            deadline = time.monotonic() + SOCKET_TIMEOUT
            while True:
                try:
                    sock.connect(str(self._directory / name))
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(POLL_S / 4)
            yield sock.makefile("rwb")

    # what it is told

    def run(self, script: str, timeout: float = 120.0) -> Ended:
        """A shell script in the guest, as root."""
        started = self._ask("guest-exec", path="/bin/sh", arg=["-c", script], **{"capture-output": True})
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            state = self._ask("guest-exec-status", pid=started["pid"])
            if state["exited"]:
                output = base64.b64decode(state.get("out-data", "")) + base64.b64decode(state.get("err-data", ""))
                return Ended(state.get("exitcode", -1), output.decode("utf-8", "replace"))
            time.sleep(POLL_S)
        raise TimeoutError(f"{script!r} did not end within {timeout} s")

    def wait_for_agent(self, timeout: float) -> None:
        """Until the guest agent of the emulator answers."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._ask("guest-ping", reply_timeout=3.0)
                return
            except (OSError, ValueError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)

    def power_off(self, timeout: float = 90.0) -> None:
        """An orderly power-off."""
        with contextlib.suppress(OSError, ValueError):  # it ends without an answer
            self._ask("guest-shutdown", reply_timeout=2.0)
        assert self._process is not None
        self._process.wait(timeout)

    def _ask(self, command: str, reply_timeout: float = AGENT_TIMEOUT, **arguments: Any) -> Any:
        """One command of the guest agent; a fresh connection each time, synchronised by a number."""
        with self._connected("agent", reply_timeout) as stream:
            number = int(time.time() * 1000) % 10**9
            self._send(stream, {"execute": "guest-sync-delimited", "arguments": {"id": number}}, before=b"\xff")
            while self._receive(stream).get("return") != number:
                pass
            self._send(stream, {"execute": command, "arguments": arguments})
            if command == "guest-shutdown":
                return None
            reply = self._receive(stream)
        if "error" in reply:
            raise ValueError(f"{command}: {reply['error']}")
        return reply["return"]

    @staticmethod
    def _send(stream: Any, message: dict[str, Any], before: bytes = b"") -> None:
        stream.write(before + json.dumps(message).encode() + b"\n")
        stream.flush()

    @staticmethod
    def _receive(stream: Any) -> dict[str, Any]:
        while True:
            line = stream.readline()
            if not line:
                raise OSError("the guest agent is gone")
            try:
                message: dict[str, Any] = json.loads(line.rpartition(b"\xff")[2])
            except ValueError:
                continue
            return message
