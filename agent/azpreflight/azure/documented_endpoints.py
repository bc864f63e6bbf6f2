"""Endpoints that public documents name: of each cloud, and of extensions for their own work. Literals with sources.

A Python module and no data file, so that no library is needed to read it. A package comes from wherever the goal state
says, so no package host is listed, and a host that no source names is left out. Where a source has a wildcard alone
(*.hypervrecoverymanager.windowsazure.com), there is no host to be tried, and the words say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass

READ = "2026-11-27"
"""When the catalogue was last compared with its sources."""


@dataclass(frozen=True)
class Cloud:
    """A cloud's public endpoints, tried where this VM's own goal state names no package.

    They stand for "this cloud's public services are reachable", and for nothing more: packages come from storage
    accounts whose names only the goal state has, and a network may allow those and block these, or the reverse.
    """

    hosts: tuple[str, ...]
    """HTTPS on port 443."""
    storage: str
    """What follows the name of a storage account and of its service: core.windows.net."""
    logs: str
    """What follows the id of a Log Analytics workspace, where logs are sent (Microsoft Learn, "Azure Monitor Agent
    network configuration", firewall endpoints)."""
    source: str


@dataclass(frozen=True)
class Known:
    """What one extension needs of the network for its own work, besides its package."""

    name: str
    """As in the goal state: publisher and type."""
    source: str
    dated: Optional[str] = None
    """The day that the source bears; None: it bears none, or none is stored with it."""
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By cloud, HTTPS on port 443; {region} stands for the VM's region. Only what the source names, and only what the
    extension cannot do without."""
    settings: Optional[str] = None
    """Hosts that its settings name, in words; None if there are none. Those of public settings are tried."""
    beyond: Optional[str] = None
    """What it needs besides and no document of this VM names, in words; None if there is nothing."""
    always: bool = False
    """It cannot work without what these two are about."""
    retired: Optional[str] = None
    """The day from which on it is not supported; None: it is."""
    successor: Optional[str] = None
    """What takes its place, in words."""

    @property
    def unsupported(self) -> bool:
        """The day had come when the catalogue was read."""
        return self.retired is not None and self.retired <= READ


_CLOUD_PY = "Azure CLI, azure/cli/core/cloud.py, {}: resource_manager, active_directory, storage_endpoint"
CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        hosts=("management.azure.com", "login.microsoftonline.com"),
        storage="core.windows.net",
        logs="ods.opinsights.azure.com",
        source=_CLOUD_PY.format("AZURE_PUBLIC_CLOUD"),
    ),
    "usgov": Cloud(
        hosts=("management.usgovcloudapi.net", "login.microsoftonline.us"),
        storage="core.usgovcloudapi.net",
        logs="ods.opinsights.azure.us",
        source=_CLOUD_PY.format("AZURE_US_GOV_CLOUD"),
    ),
    "china": Cloud(
        hosts=("management.chinacloudapi.cn", "login.chinacloudapi.cn"),
        storage="core.chinacloudapi.cn",
        logs="ods.opinsights.azure.cn",
        source=_CLOUD_PY.format("AZURE_CHINA_CLOUD"),
    ),
}
