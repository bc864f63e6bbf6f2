"""One running emulator, and its control channel."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

from azpreflight.host import programs
from azpreflight.rehearse.facts import Plan
from azpreflight.rehearse.machine import CONTROL, VARIABLES, Vm, command
from azpreflight.rehearse.worker.errors import RehearsalError

OPEN_TIMEOUT = 20.0
"""Seconds until the emulator has opened its control channel; it takes a tenth of one."""
REPLY_TIMEOUT = 20.0
POLL_S = 0.1


class Emulator:
    """A VM that runs; a context manager that ends it."""

    def __init__(self, plan: Plan, vm: Vm) -> None:
        self._plan, self._vm, self._folder = plan, vm, Path(vm.folder)
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.started = 0.0

    def __enter__(self) -> Emulator:
        if self._plan.generation == 2:
            variables = Path(VARIABLES[self._plan.secure_boot]).read_bytes()
            (self._folder / "variables").write_bytes(variables)
        words = command(self._plan, self._vm)
        program = programs.which(words[0])
        if program is None:
            raise RehearsalError(f"{words[0]} is not installed (package qemu-system-x86)")
        with open(self._folder / "emulator.log", "wb") as log:
            self._process = subprocess.Popen(
                [program, *words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=programs.ENVIRONMENT,
                cwd=self._folder,
            )
        self.started = time.monotonic()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.end()

    def end(self) -> None:
        """As if its power had failed."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def runs(self) -> bool:
        """It has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def error(self) -> str:
        """Why the emulator itself ended; empty where the VM was powered off."""
        if self._process is None or self._process.returncode in (0, None, -9):
            return ""
        return (self._folder / "emulator.log").read_text("utf-8", "replace").strip()[-300:]

    def said(self) -> bytes:
        """The serial port's output so far."""
        with contextlib.suppress(OSError):
            return (self._folder / "serial").read_bytes()
        return b""

    def used(self) -> tuple[float, int]:
        """Seconds of the processor that it has taken, and the most memory in MiB; zeros where it has ended."""
        pid = self._process.pid if self._process is not None else 0
        with contextlib.suppress(OSError, ValueError, LookupError):
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            ticks = int(words[11]) + int(words[12])
            return ticks / os.sysconf("SC_CLK_TCK"), int(rows["VmHWM"].split()[0]) >> 10
        return 0.0, 0

    def screen(self, path: Path) -> Optional[Path]:
        """A picture of the screen in this file; None where there is none."""
        with contextlib.suppress(OSError, ValueError, RehearsalError):
            self.control("screendump", filename=str(path), format="png")
            return path
        return None

    @property
    def out_of_room(self) -> bool:
        """It has stopped, because what the VM writes could not be written (QEMU, werror=enospc)."""
        with contextlib.suppress(OSError, ValueError):
            return bool(self.control("query-status")["status"] == "io-error")
        return False

    def power_off(self, timeout: float) -> bool:
        """Press the power button, and wait; False where it still runs then."""
        with contextlib.suppress(OSError, ValueError):
            self.control("system_powerdown")
        deadline = time.monotonic() + timeout
        while self.runs and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return not self.runs

    def control(self, name: str, **arguments: Any) -> Any:
        """One command of the control channel (QMP). ValueError where it is refused, OSError where nobody answers."""
        with self._connected() as stream:
            self._reply(stream)  # its greeting
            for message in ({"execute": "qmp_capabilities"}, {"execute": name, "arguments": arguments}):
                stream.write(json.dumps(message).encode() + b"\n")
                stream.flush()
                reply = self._reply(stream)
                while "event" in reply:
                    reply = self._reply(stream)
        if "error" in reply:
            raise ValueError(f"{name}: {reply['error']}")
        return reply.get("return")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        with contextlib.ExitStack() as stack:
            folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, folder)
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.settimeout(REPLY_TIMEOUT)
            self._connect(sock, f"/proc/self/fd/{folder}/{CONTROL}")
            yield sock.makefile("rwb")

    def _connect(self, sock: socket.socket, name: str) -> None:
        """Once the emulator has opened its end."""
        deadline = time.monotonic() + OPEN_TIMEOUT
        while (error := sock.connect_ex(name)) != 0:
            if time.monotonic() > deadline or not self.runs:
                raise OSError(error, os.strerror(error))
            time.sleep(POLL_S)

    @staticmethod
    def _reply(stream: Any) -> dict[str, Any]:
        line = stream.readline()
        if not line:
            raise OSError("the emulator has closed its control channel")
        message: dict[str, Any] = json.loads(line)
        return message
