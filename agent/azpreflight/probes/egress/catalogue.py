"""What is known beforehand of the network: each cloud's public endpoints, and what extensions need for themselves.

The files are `data/endpoints.yaml` and `data/extensions.yaml` of this package; every entry names its source. A package
comes from wherever the goal state says, so no package host is listed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Optional

from azpreflight.package import data

DEFAULT_CLOUD = "public"
REGION = re.compile(r"[a-z0-9]{1,40}")
"""A region's short name; anything else would make a host that no source names."""


@dataclass(frozen=True)
class Known:
    """What one extension needs, by the catalogue."""

    name: str
    source: str
    hosts: "Mapping[str, tuple[str, ...]]" = field(default_factory=dict)
    """By cloud; {region} stands for the VM's region."""
    settings: Optional[str] = None
    """Hosts that only its settings name, in words; None if there are none."""
    always: bool = False
    """It cannot work without the hosts of its settings."""


def documented_hosts(cloud: Optional[str]) -> "tuple[str, ...]":
    """Public endpoints of a cloud; none of a cloud that the catalogue does not know."""
    entry = _load("endpoints.yaml")["clouds"].get(cloud or DEFAULT_CLOUD, {})
    return tuple(entry.get("hosts", ()))


def known(extension: str) -> Optional[Known]:
    """What the catalogue says of an extension."""
    return next((entry for entry in extensions() if same(extension, entry.name)), None)


def same(asked: str, name: str) -> bool:
    """Whether an extension is meant, by its full name or by its type alone, whatever the case."""
    full = name.lower()
    return asked.lower() in (full, full.rpartition(".")[2])


def hosts_for(entry: Known, cloud: Optional[str], region: Optional[str]) -> "tuple[str, ...]":
    """The hosts of its own that an extension needs here; one in an unknown region is left out."""
    named = entry.hosts.get(cloud or DEFAULT_CLOUD, ())
    short = (region or "").lower()
    if not REGION.fullmatch(short):
        return tuple(host for host in named if "{region}" not in host)
    return tuple(host.replace("{region}", short) for host in named)


@cache
def extensions() -> "tuple[Known, ...]":
    """The whole catalogue."""
    return tuple(
        Known(
            name=entry["name"],
            source=entry["source"],
            hosts={cloud: tuple(hosts) for cloud, hosts in entry.get("hosts", {}).items()},
            settings=entry.get("settings"),
            always=entry.get("always", False),
        )
        for entry in _load("extensions.yaml")["extensions"]
    )


@cache
def _load(name: str) -> Any:
    import yaml

    return yaml.safe_load(data(name))
