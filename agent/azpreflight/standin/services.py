"""What the platform's servers and the package store answer to a request. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, Optional, Union
from urllib.parse import parse_qs, urlsplit

from azpreflight.standin import addresses, documents, extension, metadata
from azpreflight.standin.config import Setup
from azpreflight.standin.extension import STORE_HOSTS


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.target).path

    def query(self, key: str) -> str:
        """The first value of a key of the query, or nothing."""
        return parse_qs(urlsplit(self.target).query).get(key, [""])[0]


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Platform:
    """What the answers are made of: what this VM is to be told, and the package as it is delivered."""

    setup: Setup
    package: bytes
    attest: Optional[Callable[[str], str]] = None
    """Signs the attested document for a nonce; None: there is none, and it is answered with 404."""


def _xml(text: str) -> Response:
    return Response(200, text.encode(), {"Content-Type": "text/xml; charset=utf-8"})


def _json(text: str, status: int = 200, **headers: str) -> Response:
    return Response(status, text.encode(), {"Content-Type": "application/json; charset=utf-8", **headers})


def _text(text: str) -> Response:
    return Response(200, text.encode(), {"Content-Type": "text/plain"})


NOT_FOUND = Response(404, b"not found")
BAD_REQUEST = Response(400, b"bad request")
ETAG = "1"
HOST = re.compile(r"[A-Za-z0-9.-]{1,255}(?::[0-9]{1,5})?")
"""A Host header that names an IPv4 address or a name, with or without a port."""


def wire_server(request: Request, platform: Platform) -> Response:
    """168.63.129.16:80. Like the real one it wants a version header for everything but the list of versions."""
    if request.method in ("POST", "PUT"):
        return Response(200)
    if request.query("comp") == "versions":
        return _xml(documents.VERSIONS)
    if request.headers.get("x-ms-version") != "2012-11-30":
        return BAD_REQUEST
    if request.query("comp") == "goalstate":
        return _xml(documents.goal_state(platform.setup.identity, _base(request)))
    if request.query("comp") == "certificates":
        return _xml(documents.CERTIFICATES)
    configs = {
        "hostingEnvironmentConfig": documents.HOSTING_ENVIRONMENT,
        "sharedConfig": documents.SHARED_CONFIG,
        "extensionsConfig": documents.extensions_config(platform.setup.extension),
    }
    text = configs.get(request.query("type"))
    return NOT_FOUND if text is None else _xml(text)


def _base(request: Request) -> str:
    """Where the client reaches the wire server, as it says itself: on a loopback address at any port."""
    host = request.headers.get("host", "")
    if not HOST.fullmatch(host):
        return documents.BASE
    return f"http://{host}" if ":" in host else f"http://{host}:{addresses.WIRE_PORT}"


def host_plugin(request: Request, platform: Platform) -> Response:
    """168.63.129.16:32526. Packages are fetched from `x-ms-artifact-location` on the VM's behalf."""
    setup = platform.setup
    if request.path == "/versions":
        return _json(documents.HOST_PLUGIN_VERSIONS)
    if request.path == "/health":
        return Response(200)
    if request.method in ("POST", "PUT"):
        return Response(201 if request.path == "/status" else 200)
    if request.headers.get("x-ms-containerid") != setup.identity.container_id:
        return Response(410, b"gone")
    if request.path == "/vmSettings":
        return _vm_settings(request, setup)
    if request.path != "/extensionArtifact":
        return NOT_FOUND
    if request.headers.get("x-ms-host-config-name") != setup.identity.config_name:
        return BAD_REQUEST
    if setup.artifacts != 200:
        return Response(setup.artifacts, b"the artifact could not be fetched")
    return artifact(urlsplit(request.headers.get("x-ms-artifact-location", "")).path, platform)


def _vm_settings(request: Request, setup: Setup) -> Response:
    if not setup.fast_track:
        return NOT_FOUND
    if request.headers.get("if-none-match") == ETAG:
        return Response(304, headers={"ETag": ETAG})
    return _json(documents.vm_settings(setup.extension, setup.identity), ETag=ETAG)


def instance_metadata(request: Request, platform: Platform) -> Response:
    """169.254.169.254:80. Refuses whoever does not say `Metadata: true`, and requests that came through a proxy."""
    if request.headers.get("metadata", "").lower() != "true" or "x-forwarded-for" in request.headers:
        return BAD_REQUEST
    if request.path == "/metadata/versions":
        return _json(json.dumps({"apiVersions": metadata.VERSIONS}))
    if not request.query("api-version"):
        return _json(json.dumps(metadata.no_version()), 400)
    names = [name for name in request.path.split("/") if name]
    if names == ["metadata", "attested", "document"] and platform.attest is not None:
        return _json(json.dumps({"encoding": "pkcs7", "signature": platform.attest(request.query("nonce"))}))
    if names[:2] != ["metadata", "instance"]:
        return NOT_FOUND  # an identity too: none is assigned to this VM
    identity = platform.setup.identity
    extended = request.query("extended") == "true"
    return _node(metadata.extended(identity) if extended else metadata.instance(identity), names[2:], request)


def _node(node: object, names: list[str], request: Request) -> Response:
    """A part of the document, a list's by its number; a single value comes as text where text is asked for."""
    for name in names:
        if isinstance(node, dict) and name in node:
            node = node[name]
        elif isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        else:
            return NOT_FOUND
    if request.query("format") != "text":
        return _json(json.dumps(node))
    if isinstance(node, (dict, list)):
        return _text("\n".join(_entries(node)))
    return _text(str(node))


def _entries(node: Union[dict[str, object], list[object]]) -> list[str]:
    """The names below a node; those that have others below them end with a slash."""
    items = node.items() if isinstance(node, dict) else ((str(number), one) for number, one in enumerate(node))
    return [f"{name}/" if isinstance(one, (dict, list)) else name for name, one in items]


def store(request: Request, platform: Platform) -> Response:
    """The package accounts of Azure Storage, with range requests; every other public host says hello."""
    if request.headers.get("host", "").partition(":")[0] not in STORE_HOSTS:
        return _text("hello\n")
    if request.method not in ("GET", "HEAD"):
        return Response(201)
    if platform.setup.store != 200:
        return Response(platform.setup.store, b"the store does not deliver")
    return ranged(artifact(request.path, platform), request.headers.get("range", ""))


def artifact(path: str, platform: Platform) -> Response:
    """A manifest or a package by its path in either account."""
    wanted = platform.setup.extension
    if path == urlsplit(documents.AGENT_MANIFEST_URI).path:
        return _xml(extension.AGENT_MANIFEST)
    if wanted is not None and path in (urlsplit(uri).path for uri in wanted.manifests):
        return _xml(extension.manifest(wanted))
    if wanted is not None and path in (urlsplit(uri).path for uri in wanted.packages):
        return Response(200, platform.package, {"Content-Type": "application/zip"})
    return Response(404, b"<Error><Code>BlobNotFound</Code></Error>")


def ranged(response: Response, wanted: str) -> Response:
    """The part of the body that a `bytes=first-last` range asks for; the whole body for any other range."""
    unit, _, span = wanted.partition("=")
    first, _, last = span.partition("-")
    if unit != "bytes" or not first.isdigit() or response.status != 200:
        return response
    total = len(response.body)
    end = min(int(last) if last.isdigit() else total - 1, total - 1)
    headers = {**response.headers, "Content-Range": f"bytes {first}-{end}/{total}"}
    return Response(206, response.body[int(first) : end + 1], headers)


SERVICES: Mapping[str, Callable[[Request, Platform], Response]] = {
    "wire": wire_server,
    "hostgaplugin": host_plugin,
    "imds": instance_metadata,
    "store": store,
}
