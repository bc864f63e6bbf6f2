"""cloud-init's configuration, read twice: as ds-identify reads it and as cloud-init does.

Whether cloud-init runs at all is decided at boot by ds-identify, a shell script that takes `datasource_list` from any
single line that has that word, the last one over all files. cloud-init itself reads YAML, file after file. An image
that was made elsewhere keeps its installer's list, and then Azure is not in it (cloud-init, tools/ds-identify).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import network_renderers, yaml_file

TOTAL_LIMIT = 128 * 1024
"""Bytes of YAML parsed for one image, so that hostile files cost 3 s at worst; a distribution ships some 8 KiB."""
_LIST = re.compile(r"""datasource_list["']*\s*:(?:\s+(?P<value>.*))?$""")
KEY_TYPES = ("rsa", "dsa", "ecdsa", "ed25519", "ecdsa-sk", "ed25519-sk")
"""Of host keys (ssh-keygen(1))."""
DATASOURCES = (
    *("akamai", "aliyun", "altcloud", "azure", "bigstep", "brightbox", "cloudsigma", "cloudstack", "configdrive"),
    *("digitalocean", "ec2", "exoscale", "fallback", "gce", "hetzner", "ibmcloud", "lxd", "maas", "nocloud", "none"),
    *("nocloud-net", "nwcs", "opennebula", "openstack", "oracle", "ovf", "rbxcloud", "scaleway", "smartos", "upcloud"),
    *("vmware", "vultr", "wsl", "cloudcix", "ubuntupro", "nocloudnet", "datasourcenocloud"),
)
"""Names of datasources (cloud-init, cloudinit/sources), in whatever case."""
HIDDEN = "..."
"""In the place of what is no name."""
_WORDS = (
    *("manual_cache_clean", "ssh_deletekeys", "ssh_genkeytypes", "network", "preserve_hostname"),
    *("users", "cloud_init_modules", "renderers"),
)
OF_AZURE = ("experimental_skip_ready_report",)
"""Keys below datasource, Azure (cloud-init, cloudinit/sources/DataSourceAzure.py)."""


@dataclass(frozen=True)
class DatasourceList:
    """The list that ds-identify would use."""

    names: tuple[str, ...]
    source: str
    """The file that it is in, or "kernel command line"."""


@dataclass(frozen=True)
class CloudConfig:
    """What cloud-init makes of its files together; a later file wins, key by key."""

    manual_cache_clean: bool = False
    """True: a changed instance is not noticed, so a VM made from the image is never provisioned."""
    ssh_deletekeys: bool = True
    """Host keys of another instance are deleted and made again."""
    ssh_genkeytypes: Optional[tuple[str, ...]] = None
    """None: the built-in list, in which rsa is."""
    network_disabled: bool = False
    """`network: {config: disabled}`: the network of the image stays as it is."""
    renderers: Optional[tuple[str, ...]] = None
    """Of `system_info: {network: {renderers: ...}}`, in order; None: the built-in list."""
    preserve_hostname: bool = False
    makes_default_user: Optional[bool] = None
    """False: `users` is a list without `default`, so that the user of the VM is not made; None: not said."""
    users_empty: bool = False
    """`users` has nobody in it."""
    skips_ready: bool = False
    """experimental_skip_ready_report of the Azure datasource: Ready is never reported."""
    init_modules: tuple[str, ...] = ()
    """Names of cloud_init_modules with underscores; empty: the list is not given."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Which file set a key."""
    invalid: tuple[str, ...] = ()
    """Files that are no YAML, "path: reason"; cloud-init ignores such a file with a warning."""
    refused: tuple[str, ...] = ()
    """Files that are too large, too deep or have aliases, "path: reason"; cloud-init may read them."""

    def source(self, key: str) -> str:
        """The file that set a key."""
        return self.sources.get(key, "nowhere")


def datasource_list(files: Iterable[tuple[str, str]]) -> Optional[DatasourceList]:
    """The last single-line datasource_list over (path, text) in order; None if there is none, or an empty last one."""
    found: Optional[DatasourceList] = None
    for path, text in files:
        for line in text.splitlines():
            match = _LIST.search(line.split("#", 1)[0].rstrip())
            if match is not None:
                found = DatasourceList(flow_names(match.group("value") or ""), path)
    return found if found is not None and found.names else None


def flow_names(value: str) -> tuple[str, ...]:
    """The names of a one-line YAML list, with or without brackets and quotes."""
    inner = value.strip().removeprefix("[").removesuffix("]")
    names = (part.strip().strip("\"'") for part in inner.split(","))
    return tuple(name if name.lower() in DATASOURCES else HIDDEN for name in names if name)


def identify_config(text: str) -> tuple[Optional[str], Optional[str]]:
    """(datasource, policy) of ds-identify.cfg; None for what it does not set."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.split("#", 1)[0].partition(":")
        if colon and value.strip():
            values[key.strip()] = value.strip().strip("\"'")
    return values.get("datasource"), values.get("policy")


def datasource_on_command_line(options: str) -> Optional[str]:
    """The datasource that ds=, ci.ds= or ci.datasource= names, the last one; None if none does."""
    found = None
    for option in options.split():
        key, _, value = option.partition("=")
        if key in ("ds", "ci.ds", "ci.datasource"):
            found = value.split(";")[0]
    return found if found is None or found.lower() in DATASOURCES else HIDDEN


def merged(files: Sequence[tuple[str, str]]) -> CloudConfig:
    """The keys that matter over (path, text) in order."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    invalid, refused = [], []
    left = TOTAL_LIMIT
    for path, text in files:
        matters = any(word in text for word in (*_WORDS, *OF_AZURE))
        left -= len(text)
        if left < 0:
            refused.append(f"{path}: more than {TOTAL_LIMIT} bytes of configuration")
            continue
        try:
            found = yaml_file.mapping(text)
        except yaml_file.Refused as error:
            refused.extend([f"{path}: {error}"] if matters else [])
            continue
        except yaml_file.NotYaml as error:
            invalid.append(f"{path}: {error}")
            continue
        mine = {word: found[word] for word in _WORDS if word in found}
        for word, value in {**mine, **_of_azure(found), **_of_system(found)}.items():
            values[word], sources[word] = value, path
    network = values.get("network")
    return CloudConfig(
        manual_cache_clean=_truth(values.get("manual_cache_clean"), False),
        ssh_deletekeys=_truth(values.get("ssh_deletekeys"), True),
        ssh_genkeytypes=_names(values.get("ssh_genkeytypes")),
        network_disabled=isinstance(network, Mapping) and network.get("config") == "disabled",
        renderers=_renderers(values.get("renderers")),
        preserve_hostname=_truth(values.get("preserve_hostname"), False),
        makes_default_user=_makes_default(values.get("users")),
        users_empty="users" in values and not values["users"],
        skips_ready=_truth(values.get("experimental_skip_ready_report"), False),
        init_modules=_modules(values.get("cloud_init_modules")),
        sources=sources,
        invalid=tuple(invalid),
        refused=tuple(refused),
    )


def _of_azure(found: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The settings of the datasource."""
    sources = found.get("datasource")
    own = sources.get("Azure") if isinstance(sources, Mapping) else None
    return {key: own[key] for key in OF_AZURE if key in own} if isinstance(own, Mapping) else {}


def _of_system(found: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """What the distribution sets of the network (cloud-init, cloudinit/distros/__init__.py)."""
    system = found.get("system_info")
    network = system.get("network") if isinstance(system, Mapping) else None
    listed = isinstance(network, Mapping) and isinstance(network.get("renderers"), list)
    return {"renderers": network["renderers"]} if isinstance(network, Mapping) and listed else {}


def _renderers(value: Any) -> Optional[tuple[str, ...]]:
    """Those that it knows."""
    return None if not value else tuple(name for name in value if name in network_renderers.RENDERERS)


def _makes_default(users: Any) -> Optional[bool]:
    """As cloud-init takes it: a list, a mapping or a text of names (cloud-init, cloudinit/distros/ug_util.py)."""
    if users is None:
        return None
    if isinstance(users, str):
        return "default" in users.replace(",", " ").split()
    names = (
        [one.get("name") if isinstance(one, Mapping) else one for one in users] if isinstance(users, list) else users
    )
    return "default" in names if isinstance(names, (list, Mapping)) else None


def _modules(value: Any) -> tuple[str, ...]:
    """Names of modules; one may be a list of its name and its frequency."""
    entries = value if isinstance(value, list) else []
    names = (one[0] if isinstance(one, list) and one else one for one in entries)
    return tuple(str(name).replace("-", "_") for name in names)


def _truth(value: Any, default: bool) -> bool:
    """As Python takes it, which is how cloud-init takes it; cloud-init also knows "true" and "false" as text."""
    if value is None:
        return default
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "on", "yes")
    return bool(value)


def _names(value: Any) -> Optional[tuple[str, ...]]:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list):
        return None
    return tuple(name if name in KEY_TYPES else HIDDEN for name in names)
