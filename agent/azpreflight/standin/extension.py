"""An extension that this VM shall have: its names and addresses, its manifest and its package.

Shapes as WALinuxAgent parses them (azurelinuxagent/ga/exthandlers.py).
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

STORE_HOSTS = ("umsastandin0000000000.blob.core.windows.net", "zrdfepirv2standin01a.blob.core.windows.net")
"""The accounts of `location` and `failoverlocation`; the fabric names two for every extension."""
XML = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True)
class Extension:
    """An extension that this VM shall have."""

    name: str = "Example.Standin.Hello"
    version: str = "1.0.0"
    settings: str = '{"hello": "world"}'
    """Its public settings, a JSON object."""
    file: str = ""
    """A zip file that is its package; none: one is made that only reports success."""

    @property
    def manifests(self) -> tuple[str, ...]:
        """Where its manifest is, in the order of the goal state."""
        return tuple(f"https://{host}/{self.name}/{self.name}_manifest.xml" for host in STORE_HOSTS)

    @property
    def packages(self) -> tuple[str, ...]:
        """Where its package is, in the order of the manifest."""
        return tuple(f"https://{host}/{self.name}/{self.name}__{self.version}.zip" for host in STORE_HOSTS)


HELLO = Extension()
DIAGNOSTICS = Extension("Microsoft.Azure.Diagnostics.LinuxDiagnostic", "4.0.27")


def manifest(extension: Extension) -> str:
    """Which versions there are, and where."""
    uris = "".join(f"<Uri>{uri}</Uri>" for uri in extension.packages)
    return (
        f"{XML}<PluginVersionManifest><Plugins><Plugin><Version>{extension.version}</Version>"
        f"<Uris>{uris}</Uris></Plugin></Plugins></PluginVersionManifest>"
    )


AGENT_MANIFEST = f"{XML}<PluginVersionManifest><Plugins></Plugins></PluginVersionManifest>"

HANDLER = """#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
mkdir -p "$here/status"
cat > "$here/status/0.status" <<STATUS
[{"version": 1, "timestampUTC": "2026-01-01T00:00:00Z", "status": {"operation": "$1", "status": "success", "code": 0,
  "formattedMessage": {"lang": "en", "message": "hello"}}}]
STATUS
"""


def package(extension: Extension) -> bytes:
    """A package that only reports success, with so much ballast that one range request does not hold it."""
    commands = {
        f"{verb}Command": f"bin/handler {verb}" for verb in ("install", "uninstall", "update", "enable", "disable")
    }
    handler = {**commands, "rebootAfterInstall": False, "reportHeartbeat": False}
    manifest_json = json.dumps([{"name": extension.name, "version": 1.0, "handlerManifest": handler}])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(_entry("HandlerManifest.json", 0o644), manifest_json)
        archive.writestr(_entry("bin/handler", 0o755), HANDLER)
        archive.writestr(_entry("ballast", 0o644), bytes(range(256)) * 1024)
    return buffer.getvalue()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    """A member with a fixed date, so that the package is the same whenever it is made."""
    entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
    entry.external_attr = mode << 16
    return entry
