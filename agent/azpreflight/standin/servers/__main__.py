"""The servers of one namespace, in one process: `python -m azpreflight.standin.servers`.

The first line of standard input is a `Config` as JSON. "ready" on standard output says that all ports are open. The
process ends when standard input does, so it cannot outlive the test that started it, however that one ends.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Optional

from azpreflight.standin import addresses
from azpreflight.standin.documents import Extension
from azpreflight.standin.servers import names, proxy, web
from azpreflight.standin.services import SERVICES, Request, Response, Setup

PLATFORM = (
    ("wire", addresses.WIRE_SERVER, 80),
    ("hostgaplugin", addresses.WIRE_SERVER, 32526),
    ("imds", addresses.IMDS, 80),
)


@dataclass(frozen=True)
class Config:
    """What the servers of one namespace are to do."""

    role: str
    """"fabric", "internet", or "vm" for what listens on the VM's own loopback interface."""
    log: str
    """The file to which each request is appended, one JSON object a line."""
    setup: Setup = field(default_factory=Setup)
    behaviours: Mapping[str, str] = field(default_factory=dict)
    """By service: see `web.serve`; a service that is not named answers."""
    dns: Mapping[str, str] = field(default_factory=dict)
    """By address: see `names`."""
    certificate: Optional[str] = None
    """A PEM file with certificate and key, for the internet."""

    def encode(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self)) + "\n"


def decode(line: str) -> Config:
    """The reverse of `Config.encode`."""
    fields = json.loads(line)
    setup = fields.pop("setup")
    extension = Extension(**setup.pop("extension"))
    return Config(setup=Setup(extension=extension, **setup), **fields)


def start(config: Config) -> None:
    """Open all ports of the namespace."""
    log = _logger(config.log)
    for address, behaviour in config.dns.items():
        names.serve(address, behaviour, log)
    if config.role == "fabric":
        _start_fabric(config, log)
    if config.role == "internet":
        _start_internet(config, log)


def _start_fabric(config: Config, log: web.Log) -> None:
    for service, address, port in PLATFORM:
        _web(config, service, address, port, log)
    if "proxy" in config.behaviours:
        proxy.serve(addresses.PROXY, config.behaviours["proxy"], log)


def _start_internet(config: Config, log: web.Log) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(config.certificate or "")
    for address in (addresses.STORE, addresses.PUBLIC):
        _web(config, "store", address, 80, log)
        _web(config, "store", address, 443, log, context)


def _web(
    config: Config, service: str, address: str, port: int, log: web.Log, tls: Optional[ssl.SSLContext] = None
) -> None:
    behaviour = config.behaviours.get(service, "answers")
    answer, clock_s = _answer(service, config.setup), config.setup.clock_s
    web.serve(service, address, port, answer, log, behaviour=behaviour, tls=tls, clock_s=clock_s)


def _answer(service: str, setup: Setup) -> web.Answer:
    def answer(request: Request) -> Response:
        return SERVICES[service](request, setup)

    return answer


def _logger(path: str) -> web.Log:
    lock = threading.Lock()
    file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - open as long as the process lives

    def log(entry: dict[str, object]) -> None:
        with lock:
            file.write(json.dumps(entry) + "\n")

    return log


def main() -> None:
    """Serve until standard input ends."""
    start(decode(sys.stdin.readline()))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
