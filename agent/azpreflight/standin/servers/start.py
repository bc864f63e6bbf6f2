"""Open all ports of a configuration, in threads of this process."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Callable, Optional

from azpreflight.standin import extension
from azpreflight.standin.config import Config, Listener
from azpreflight.standin.servers import clock, leases, names, proxy, web
from azpreflight.standin.services import SERVICES, Platform, Request, Response

Attest = Callable[[str], str]


class CannotListen(Exception):
    """A port could not be opened."""

    def __init__(self, listener: Listener, error: OSError) -> None:
        super().__init__(f"{listener.part} at {listener.address} port {listener.port}: {error.strerror or error}")
        self.listener, self.error = listener, error


def start(config: Config, attest: Optional[Attest] = None) -> None:
    """Return once all ports are open; CannotListen names the first that cannot be.

    `attest` signs the attested document for a nonce; without it there is none.
    """
    servers = _Servers(config, attest)
    for listener in config.listeners:
        try:
            servers.open(listener)
        except OSError as error:
            raise CannotListen(listener, error) from error


class _Servers:
    """What the servers of one process have in common."""

    def __init__(self, config: Config, attest: Optional[Attest]) -> None:
        self.config, self.log = config, _logger(config.log)
        self.platform = Platform(config.setup, _package(config), attest)
        self.tls: Optional[ssl.SSLContext] = None
        if config.certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(config.certificate)

    def open(self, listener: Listener) -> None:
        """One listener; OSError if its port cannot be opened."""
        if listener.part == "dns":
            names.serve(listener, self.config.zone, self.log)
        elif listener.part == "proxy":
            proxy.serve(listener, self.config.zone, self.log)
        elif listener.part == "ntp":
            clock.serve(listener, self.log, self.config.setup.clock_s)
        elif listener.part == "dhcp" and self.config.offer is not None:
            leases.serve(listener, self.config.offer, self.log)
        else:
            tls = self.tls if listener.tls else None
            web.serve(listener, self._answer(listener.part), self.log, tls=tls, clock_s=self.config.setup.clock_s)

    def _answer(self, part: str) -> web.Answer:
        service = SERVICES[part]

        def answer(request: Request) -> Response:
            return service(request, self.platform)

        return answer


def _package(config: Config) -> bytes:
    wanted = config.setup.extension
    if wanted is None:
        return b""
    return Path(wanted.file).read_bytes() if wanted.file else extension.package(wanted)


def _logger(path: str) -> web.Log:
    """Appends each entry, with the time in seconds since 1970, as one line of JSON."""
    if not path:
        return lambda entry: None
    lock = threading.Lock()
    file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - open as long as the process lives

    def log(entry: Mapping[str, object]) -> None:
        with lock:
            file.write(json.dumps({"at": round(time.time(), 3), **entry}) + "\n")

    return log
