"""A stand-in for Azure Resource Manager, storage and the identity endpoint of a managed identity, on the loopback.

Shapes and statuses: Microsoft Learn, "Virtual Machines - List", "Virtual Machine Scale Set VMs - List", "Virtual
Machines - Retrieve Boot Diagnostics Data", "Throttling Resource Manager requests" and, for the token, "How to use
managed identities for App Service", which azure-identity itself asks here.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support import truths

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
COMPUTE = f"/subscriptions/{SUBSCRIPTION}"
SIGNATURE = "sv=2024-01-01&sig=Q9xzk7Wmvt"
TOKEN = "a-token-of-the-standin"
PAGE = 7


@dataclass
class Account:
    """What is there, and what has been asked."""

    machines: int = 20
    instances: int = 6
    off: frozenset[str] = frozenset({"vm000002"})
    """Machines without boot diagnostics: 409 OperationNotAllowed."""
    blobs_gone: frozenset[str] = frozenset({"vm000004"})
    throttled: int = 3
    """Each path is answered so many times with 429 before it is answered."""
    throttled_paths: tuple[str, ...] = ("virtualMachines", "vm000003/retrieveBootDiagnosticsData", "vm000006.log")
    """Ends of the paths that are throttled."""
    asked: Counter[str] = field(default_factory=Counter)
    grown: Counter[str] = field(default_factory=Counter)
    """Bytes that a log has more than at first."""
    read: list[str] = field(default_factory=list)
    """Logs whose content was fetched."""
    refused_tokens: int = 0
    too_soon: int = 0
    """Requests that did not wait for as long as they were asked to."""
    last_429: dict[str, float] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    account: Account
    lock: threading.Lock

    def log_message(self, *words: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Lists, blobs and the token."""
        self._answer()

    def do_HEAD(self) -> None:
        """Whether a blob has changed."""
        self._answer()

    def do_POST(self) -> None:
        """Actions."""
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        account = self.account
        with self.lock:
            account.asked[parts.path] += 1
            busy = account.asked[parts.path] <= account.throttled and parts.path.endswith(account.throttled_paths)
            waited = time.monotonic() - account.last_429.get(parts.path, -1e9)
            account.too_soon += waited < 0.9
            if busy:
                account.last_429[parts.path] = time.monotonic()
        if busy:
            self._send(429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "1"})
        elif parts.path == "/token":
            self._token()
        elif parts.path.startswith("/blob/"):
            self._blob(parts.path, parts.query)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            account.refused_tokens += 1
            self._send(401, {"error": {"code": "AuthenticationFailed"}})
        else:
            self._resource(parts.path, parse_qs(parts.query))

    def _token(self) -> None:
        expires = int(time.time()) + 3600
        self._send(200, {"access_token": TOKEN, "expires_on": str(expires), "resource": "x", "token_type": "Bearer"})

    def _blob(self, path: str, query: str) -> None:
        name = path.removeprefix("/blob/").removesuffix(".log")
        if query != SIGNATURE or name in self.account.blobs_gone:
            self._send(404, {"error": {"code": "BlobNotFound"}})
            return
        content = truths.log(int(name.removeprefix("vm")), 30_000) + b"\n" * self.account.grown[name]
        self.account.read += [name] * (self.command == "GET")
        self._bytes(200, content, "text/plain", {"ETag": f'"{len(content)}"'})

    def _resource(self, path: str, query: dict[str, list[str]]) -> None:
        kind = path.rsplit("/", 1)[-1]
        if kind == "retrieveBootDiagnosticsData":
            self._diagnostics(path)
        elif "virtualMachineScaleSets/" in path:
            self._page(path, [self._instance(number) for number in range(self.account.instances)], query)
        elif kind == "virtualMachineScaleSets":
            sets = [
                {"id": self._id(f"virtualMachineScaleSets/{mode}"), "properties": {"orchestrationMode": mode}}
                for mode in ("Uniform", "Flexible")
            ]
            self._page(path, sets, query)
        elif kind == "virtualMachines":
            self._page(path, [self._machine(number) for number in range(self.account.machines)], query)
        else:
            self._send(404, {"error": {"code": "ResourceNotFound"}})

    def _diagnostics(self, path: str) -> None:
        name = path.split("/")[-2]
        if name in self.account.off:
            self._send(409, {"error": {"code": "OperationNotAllowed", "message": "Boot diagnostics is disabled."}})
            return
        place = f"http://{self.headers['Host']}/blob/{name}.log?{SIGNATURE}"
        self._send(200, {"consoleScreenshotBlobUri": place + "x", "serialConsoleLogBlobUri": place})

    def _page(self, path: str, entries: list[dict[str, Any]], query: dict[str, list[str]]) -> None:
        start = int(query.get("skip", ["0"])[0])
        page: dict[str, Any] = {"value": entries[start : start + PAGE]}
        if start + PAGE < len(entries):
            page["nextLink"] = f"http://{self.headers['Host']}{path}?api-version=x&skip={start + PAGE}"
        self._send(200, page)

    def _id(self, rest: str) -> str:
        return f"{COMPUTE}/resourceGroups/web/providers/Microsoft.Compute/{rest}"

    def _machine(self, number: int) -> dict[str, Any]:
        one = truths.truth(number)
        publisher, offer, sku = one.image.split(":")
        reference = {
            "publisher": publisher,
            "offer": offer,
            "sku": sku,
            "version": "latest",
            "exactVersion": one.version,
        }
        return {
            "id": self._id(f"virtualMachines/{one.name}"),
            "location": one.region,
            "properties": {"hardwareProfile": {"vmSize": one.size}, "storageProfile": {"imageReference": reference}},
        }

    def _instance(self, number: int) -> dict[str, Any]:
        one = truths.truth(100 + number)
        gallery = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Compute/galleries/g/images/i/versions/1.0.0"
        return {
            "id": self._id(f"virtualMachineScaleSets/Uniform/virtualMachines/{one.name}"),
            "location": one.region,
            "sku": {"name": one.size},
            "properties": {"storageProfile": {"imageReference": {"id": gallery}}},
        }

    def _send(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._bytes(status, json.dumps(document).encode(), "application/json", headers)

    def _bytes(self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def standin(account: Account) -> Iterator[str]:
    """The URL of one with these machines."""
    kind = type("Bound", (Handler,), {"account": account, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)
