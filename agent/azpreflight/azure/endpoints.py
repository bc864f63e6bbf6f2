"""What documents say of the network, looked up: endpoints of a cloud, and what an extension needs. Pure."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.documented_endpoints import CLOUDS, Known
from azpreflight.azure.documented_extensions import EXTENSIONS

DEFAULT_CLOUD = "public"
PRIVATE_LINK = (
    *(".windows.net", ".azure.net", ".azure.com", ".azure-automation.net", ".azurecr.io"),
    *(".usgovcloudapi.net", ".azure.us", ".chinacloudapi.cn", ".azure.cn"),
)
"""What names of services end in that a private endpoint may stand for (Microsoft Learn, "Azure Private Endpoint private
DNS zone values")."""
REGION = re.compile(r"[a-z0-9]{1,40}")
"""A region's short name; anything else would make a host that no source names."""


def documented_hosts(cloud: Optional[str]) -> tuple[str, ...]:
    """Public endpoints of a cloud; none of a cloud that the catalogue does not know."""
    entry = CLOUDS.get(cloud or DEFAULT_CLOUD)
    return entry.hosts if entry is not None else ()


def is_unknown(cloud: Optional[str]) -> bool:
    """It has a name, and is none of those whose hosts are documented: USNat, USSec, Azure Stack."""
    return cloud is not None and cloud not in CLOUDS


def may_be_private(host: str) -> bool:
    """A service of Azure, which a private endpoint gives an address of the virtual network."""
    return host.lower().endswith(PRIVATE_LINK)


def account_hosts(account: str, cloud: Optional[str]) -> tuple[str, ...]:
    """Blobs and tables of a storage account; none in a cloud that is not known."""
    entry = CLOUDS.get(cloud or DEFAULT_CLOUD)
    return () if entry is None else tuple(f"{account}.{service}.{entry.storage}" for service in ("blob", "table"))


def workspace_hosts(workspace: str, cloud: Optional[str]) -> tuple[str, ...]:
    """Where a Log Analytics workspace takes logs; none in a cloud that is not known."""
    entry = CLOUDS.get(cloud or DEFAULT_CLOUD)
    return () if entry is None else (f"{workspace}.{entry.logs}",)


def undocumented(entry: Known, cloud: Optional[str]) -> Optional[str]:
    """Why the hosts that an extension needs in this cloud are not known; None where they are, or it needs none."""
    name = cloud or DEFAULT_CLOUD
    if not entry.hosts or name in entry.hosts:
        return None
    return f"the cloud {name} is not known" if is_unknown(cloud) else f"no document names them in the cloud {name}"


def known(extension: str) -> Optional[Known]:
    """What the catalogue says of an extension."""
    return next((entry for entry in extensions() if same(extension, entry.name)), None)


def same(asked: str, name: str) -> bool:
    """Whether an extension is meant, by its full name or by its type alone, whatever the case."""
    full = name.lower()
    return asked.lower() in (full, full.rpartition(".")[2])


def hosts_for(entry: Known, cloud: Optional[str], region: Optional[str]) -> tuple[str, ...]:
    """The hosts of its own that an extension needs here; one in an unknown region is left out."""
    named = entry.hosts.get(cloud or DEFAULT_CLOUD, ())
    short = (region or "").lower()
    if not REGION.fullmatch(short):
        return tuple(host for host in named if "{region}" not in host)
    return tuple(host.replace("{region}", short) for host in named)


def extensions() -> tuple[Known, ...]:
    """The whole catalogue."""
    return EXTENSIONS
