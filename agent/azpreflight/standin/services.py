"""What the platform's servers and the package store answer to a request. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from azpreflight.standin import documents
from azpreflight.standin.documents import Extension


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]

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
class Setup:
    """What this VM is to be told."""

    extension: Extension = documents.HELLO
    fast_track: bool = False
    """The HostGAPlugin serves vmSettings; without it, it answers 404."""
    artifacts: int = 200
    """The status with which the HostGAPlugin answers for packages; 200: it delivers them."""
    store: int = 200
    """The status with which the store answers for packages; 200: it delivers them."""
    clock_s: float = 0.0
    """Seconds by which the servers' clocks are ahead of the VM's."""


def _xml(text: str) -> Response:
    return Response(200, text.encode(), {"Content-Type": "text/xml; charset=utf-8"})


def _json(text: str, **headers: str) -> Response:
    return Response(200, text.encode(), {"Content-Type": "application/json", **headers})


NOT_FOUND = Response(404, b"not found")
BAD_REQUEST = Response(400, b"bad request")


def wire_server(request: Request, setup: Setup) -> Response:
    """168.63.129.16:80. Like the real one it wants a version header for everything but the list of versions."""
    if request.method in ("POST", "PUT"):
        return Response(200)
    if request.query("comp") == "versions":
        return _xml(documents.VERSIONS)
    if request.headers.get("x-ms-version") != "2012-11-30":
        return BAD_REQUEST
    if request.query("comp") == "goalstate":
        return _xml(documents.goal_state())
    if request.query("comp") == "certificates":
        return _xml(documents.CERTIFICATES)
    configs = {
        "hostingEnvironmentConfig": documents.HOSTING_ENVIRONMENT,
        "sharedConfig": documents.SHARED_CONFIG,
        "extensionsConfig": documents.extensions_config(setup.extension),
    }
    text = configs.get(request.query("type"))
    return NOT_FOUND if text is None else _xml(text)


def host_plugin(request: Request, setup: Setup) -> Response:
    """168.63.129.16:32526. Packages are fetched from `x-ms-artifact-location` on the VM's behalf."""
    if request.path == "/versions":
        return _json(documents.HOST_PLUGIN_VERSIONS)
    if request.path == "/health":
        return Response(200)
    if request.method in ("POST", "PUT"):
        return Response(201 if request.path == "/status" else 200)
    if request.headers.get("x-ms-containerid") != documents.CONTAINER_ID:
        return Response(410, b"gone")
    if request.path == "/vmSettings":
        return _json(documents.vm_settings(setup.extension), ETag="1") if setup.fast_track else NOT_FOUND
    if request.path != "/extensionArtifact":
        return NOT_FOUND
    if request.headers.get("x-ms-host-config-name") != documents.CONFIG_NAME:
        return BAD_REQUEST
    if setup.artifacts != 200:
        return Response(setup.artifacts, b"the artifact could not be fetched")
    return artifact(urlsplit(request.headers.get("x-ms-artifact-location", "")).path, setup)


def instance_metadata(request: Request, setup: Setup) -> Response:
    """169.254.169.254:80. Refuses whoever does not say `Metadata: true`, and requests that came through a proxy."""
    if request.headers.get("metadata", "").lower() != "true" or "x-forwarded-for" in request.headers:
        return BAD_REQUEST
    if not request.query("api-version"):
        return BAD_REQUEST
    names = [name for name in request.path.split("/") if name]
    if names[:2] != ["metadata", "instance"]:
        return NOT_FOUND
    node: object = documents.instance()
    for name in names[2:]:
        if not isinstance(node, dict) or name not in node:
            return NOT_FOUND
        node = node[name]
    return _json(json.dumps(node))


def store(request: Request, setup: Setup) -> Response:
    """The package accounts of Azure Storage, with range requests; every other public host says hello."""
    if request.headers.get("host", "").partition(":")[0] not in documents.STORE_HOSTS:
        return Response(200, b"hello\n", {"Content-Type": "text/plain"})
    if request.method not in ("GET", "HEAD"):
        return Response(201)
    if setup.store != 200:
        return Response(setup.store, b"the store does not deliver")
    return ranged(artifact(request.path, setup), request.headers.get("range", ""))


def artifact(path: str, setup: Setup) -> Response:
    """A manifest or a package by its path in either account."""
    if path == "/agent/Prod_manifest.xml":
        return _xml(documents.AGENT_MANIFEST)
    if path in (urlsplit(uri).path for uri in setup.extension.manifests):
        return _xml(documents.manifest(setup.extension))
    if path in (urlsplit(uri).path for uri in setup.extension.packages):
        return Response(200, documents.package(setup.extension), {"Content-Type": "application/zip"})
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


SERVICES = {"wire": wire_server, "hostgaplugin": host_plugin, "imds": instance_metadata, "store": store}
