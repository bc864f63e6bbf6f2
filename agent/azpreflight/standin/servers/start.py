"""Open all ports of a configuration, in threads of this process."""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Callable, Optional

from azpreflight.standin import extension
from azpreflight.standin.config import Config, Listener
from azpreflight.standin.servers import clock, leases, leases_ipv6, names, proxy, web
from azpreflight.standin.services import SERVICES, Platform, Request, Response

Attest = Callable[[str], str]


class CannotListen(Exception):
    """A port could not be opened."""

    def __init__(self, listener: Listener, error: OSError) -> None:
        super().__init__(f"{listener.part} at {listener.address} port {listener.port}: {error.strerror or error}")
        self.listener, self.error = listener, error


def start(config: Config, attest: Optional[Attest] = None) -> tuple[Listener, ...]:
    """Return the listeners once their ports are open; CannotListen names the first whose port cannot be.

    A listener with port 0 comes back with the one that it got.

    `attest` signs the attested document for a nonce; without it there is none.
    """
    servers = _Servers(config, attest)
    opened = []
    for listener in config.listeners:
        try:
            opened.append(replace(listener, port=servers.open(listener)))
        except OSError as error:
            raise CannotListen(listener, error) from error
    return tuple(opened)


class _Servers:
    """What the servers of one process have in common."""

    def __init__(self, config: Config, attest: Optional[Attest]) -> None:
        self.config, self.log = config, _logger(config.log)
        self.platform = Platform(config.setup, _package(config), attest)
        self.tls: Optional[ssl.SSLContext] = None
        if config.certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(config.certificate)

    def open(self, listener: Listener) -> int:
        """The port of one listener; OSError if it cannot be opened."""
        clock_s = self.config.setup.clock_s
        if listener.part == "dns":
            return names.serve(listener, self.config.zone, self.log)
        if listener.part == "proxy":
            return proxy.serve(listener, self.config.zone, self.log)
        if listener.part == "ntp":
            return clock.serve(listener, self.log, clock_s)
        if listener.part == "dhcp" and self.config.offer is not None:
            return leases.serve(listener, self.config.offer, self.log)
        if listener.part == "dhcpv6" and self.config.offer is not None:
            return leases_ipv6.serve(listener, self.config.offer, self.log)
        tls = self.tls if listener.tls else None
        return web.serve(listener, self._answer(listener.part), self.log, tls=tls, clock_s=clock_s)

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
    """Appends each entry, with the time in seconds since 1970, as one line of JSON; - is standard output."""
    if not path:
        return lambda entry: None
    lock = threading.Lock()
    file = os.fdopen(os.dup(1), "w") if path == "-" else open(path, "a", encoding="utf-8")  # noqa: SIM115 - kept open

    def log(entry: Mapping[str, object]) -> None:
        with lock, suppress(OSError):  # whoever read them has gone
            file.write(json.dumps({"at": round(time.time(), 3), **entry}) + "\n")
            file.flush()

    return log
