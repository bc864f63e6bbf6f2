"""waagent.conf, read as the Azure Linux agent reads it.

The agent's parser is simpler than the file looks, and what it makes of a line is often not what its author meant: a
comment counts only in the first column, `yes` is not a switch, a later line beats an earlier one, and values such as
`Provisioning.Agent=Auto` are compared letter by letter (WALinuxAgent, azurelinuxagent/common/conf.py).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Optional

from azpreflight.dataclass import dataclass
from azpreflight.shell import argument

Values = Mapping[str, Optional[str]]


@dataclass(frozen=True)
class WaagentConfig:
    """The keys that decide about provisioning, deprovisioning and extensions, with the agent's own defaults."""

    provisioning_agent: str = "auto"
    """auto, waagent and cloud-init mean something; every other word switches provisioning off."""
    delete_root_password: bool = False
    regenerate_ssh_host_keys: bool = False
    ssh_host_key_type: str = "rsa"
    extensions_enabled: bool = True
    enable_firewall: bool = False
    monitor_host_name: bool = False
    auto_update: bool = True
    ssh_dir: str = "/etc/ssh"
    home_dir: str = "/home"
    password_path: str = "/etc/shadow"  # noqa: S105 - the name of a file
    sudoers_dir: str = "/etc/sudoers.d"
    lib_dir: str = "/var/lib/waagent"
    extension_log_dir: str = "/var/log/azure"
    openssl_path: str = "/usr/bin/openssl"
    resource_disk_mount_point: str = "/mnt/resource"
    resource_disk_swap: bool = False
    resource_disk_format: bool = False
    update_to_latest: Optional[bool] = None
    """AutoUpdate.UpdateToLatestVersion; None: not set, so that AutoUpdate.Enabled counts."""
    extension_policy: Optional[bool] = None
    """Debug.EnableExtensionPolicy; None: not set, so that the default of the agent's version counts."""
    policy_path: str = "/etc/waagent_policy.json"
    http_proxy_host: Optional[str] = None
    """With HIDDEN in the place of what stands before an @: that may be a password."""
    http_proxy_port: Optional[int] = None
    """None: not set, or no number; then the agent uses no proxy at all."""
    enable_fips: bool = False
    """OS.EnableFIPS: the agent runs openssl with OPENSSL_FIPS=1."""
    static_endpoint: bool = False
    """Protocol.EndpointDiscovery=static: option 245 of DHCP is not asked for."""
    not_switches: Mapping[str, str] = field(default_factory=dict)
    """Switches whose value is neither y nor n, so that the agent's default counts instead."""
    misspelt: Mapping[str, str] = field(default_factory=dict)
    """Keys that differ from one of the agent's in case alone, and that one: they are not read."""
    dead: Mapping[str, str] = field(default_factory=dict)
    """Keys of old agents that today's do not read, with their values."""


SWITCHES = {
    "Provisioning.DeleteRootPassword": ("delete_root_password", False),
    "Provisioning.RegenerateSshHostKeyPair": ("regenerate_ssh_host_keys", False),
    "Provisioning.MonitorHostName": ("monitor_host_name", False),
    "Extensions.Enabled": ("extensions_enabled", True),
    "OS.EnableFirewall": ("enable_firewall", False),
    "AutoUpdate.Enabled": ("auto_update", True),
    "ResourceDisk.EnableSwap": ("resource_disk_swap", False),
    "OS.EnableFIPS": ("enable_fips", False),
    "ResourceDisk.Format": ("resource_disk_format", False),
}
"""Key: field, and the default in the agent's code, which is not what the shipped files say."""
STRINGS = {
    "Provisioning.Agent": "provisioning_agent",
    "Provisioning.SshHostKeyPairType": "ssh_host_key_type",
    "OS.SshDir": "ssh_dir",
    "OS.HomeDir": "home_dir",
    "OS.PasswordPath": "password_path",
    "OS.SudoersDir": "sudoers_dir",
    "OS.OpensslPath": "openssl_path",
    "Lib.Dir": "lib_dir",
    "Extension.LogDir": "extension_log_dir",
    "ResourceDisk.MountPoint": "resource_disk_mount_point",
    "Policy.PolicyFilePath": "policy_path",
}


OTHER_SWITCHES = {
    "AutoUpdate.UpdateToLatestVersion": True,
    "DetectScvmmEnv": False,
    "EnableOverProvisioning": True,
    "Extensions.WaitForCloudInit": False,
    "Logs.Collect": True,
    "Logs.Console": True,
    "Logs.Verbose": False,
    "OS.AllowHTTP": False,
    "OS.CheckRdmaDriver": False,
    "OS.EnableRDMA": False,
    "OS.UpdateRdmaDriver": False,
    "Provisioning.AllowResetSysUser": False,
    "Provisioning.DecodeCustomData": False,
    "Provisioning.ExecuteCustomData": False,
    "ResourceDisk.EnableSwapEncryption": False,
}
"""The further ones with the default in the agent's code; the same in 2.7.3 and 2.15."""
OF_VERSIONS = {
    "AutoUpdate.UpdateToLatestVersion": "update_to_latest",
    "Debug.EnableExtensionPolicy": "extension_policy",
}
"""Switches whose default is another setting, or depends on the agent's version."""
OTHER_KEYS = (
    "AutoUpdate.GAFamily",
    "Autoupdate.Frequency",
    "DVD.MountPoint",
    "Extensions.GoalStateHistoryCleanupPeriod",
    "Extensions.GoalStatePeriod",
    "Extensions.InitialGoalStatePeriod",
    "Extensions.WaitForCloudInitTimeout",
    "HttpProxy.Host",
    "HttpProxy.Port",
    "Logs.CollectPeriod",
    "OS.EnableFirewallPeriod",
    "OS.MonitorDhcpClientRestartPeriod",
    "OS.RemovePersistentNetRulesPeriod",
    "OS.RootDeviceScsiTimeout",
    "OS.RootDeviceScsiTimeoutPeriod",
    "OS.SshClientAliveInterval",
    "Pid.File",
    "Protocol.EndpointDiscovery",
    "Provisioning.MonitorHostNamePeriod",
    "Provisioning.PasswordCryptId",
    "Provisioning.PasswordCryptSaltLength",
    "ResourceDisk.Filesystem",
    "ResourceDisk.MountOptions",
    "ResourceDisk.SwapSizeMB",
)
_NUMBER = re.compile("[+-]?[0-9]{1,18}")
_PORT = re.compile("//.*|[0-9]*/?")
"""What stands after the last colon of an address without a user."""
SAID = (
    *("y", "n", "yes", "no", "true", "false", "on", "off", "1", "0", "none"),
    *("enable", "disable", "enabled", "disabled", "auto", "always", "never"),
)
HIDDEN_VALUE = "..."
HIDDEN = "...@"
"""In the place of a user and a password."""
KEYS = {key.lower(): key for key in (*SWITCHES, *OTHER_SWITCHES, *STRINGS, *OTHER_KEYS)}
"""All that the agent reads, apart from those for its own developers."""
DEAD = ("Provisioning.Enabled", "Provisioning.UseCloudInit")
"""In many instructions still, and read by no agent since 2.2.45; Provisioning.Agent is asked instead."""


def default_of(key: str) -> bool:
    """What a switch is where its value is neither y nor n."""
    return SWITCHES[key][1] if key in SWITCHES else OTHER_SWITCHES[key]


def parse(text: str) -> Values:
    """Key and value of every line as the agent reads it; None where the value is the word None.

    A line counts unless its first character is #. It is split at the first =, the value is cut at the first #, and
    blanks and double quotes around it go. The last line of a key wins. Keys are case-sensitive.
    """
    values: dict[str, Optional[str]] = {}
    for line in text.split("\n"):
        if line.startswith("#") or "=" not in line:
            continue
        key, _, rest = line.partition("=")
        value = rest.split("#")[0].strip('" ').strip()
        values[key.strip()] = None if value == "None" else value
    return values


def switch(values: Values, key: str, default: bool) -> bool:
    """A switch: y or n in either case; anything else is the default."""
    word = (values.get(key) or "").lower()
    return default if word not in ("y", "n") else word == "y"


def _said_switch(values: Values, key: str) -> Optional[bool]:
    """What the file says; None where it says nothing that the agent takes."""
    word = (values.get(key) or "").lower()
    return word == "y" if word in ("y", "n") else None


def said(value: str) -> str:
    """The word of a switch, if people write it for yes or no; anything else may be meant for another key."""
    return value if value.lower() in SAID else HIDDEN_VALUE


def _without_user(host: str) -> str:
    """What stands before an @ may be a password; that there is something is kept, as the agent looks up all of it.
    Where a # has cut off the @, what follows the user is the beginning of one."""
    if "@" in host:
        return HIDDEN + host.rpartition("@")[2]
    name, _, rest = host.rpartition(":")
    is_name = name[-1:].isalnum() or name[-1:] in ("_", ".", "-")
    return f"{name}:..." if name and is_name and not _PORT.fullmatch(rest) else host


def config_of(values: Values) -> WaagentConfig:
    """The keys that matter, typed."""
    typed: dict[str, Any] = {name: switch(values, key, default) for key, (name, default) in SWITCHES.items()}
    typed.update({name: _said_switch(values, key) for key, name in OF_VERSIONS.items()})
    typed.update({name: value for key, name in STRINGS.items() if (value := values.get(key)) is not None})
    proxy = values.get("HttpProxy.Host")
    return WaagentConfig(
        **typed,
        http_proxy_host=_without_user(proxy) if proxy else None,
        http_proxy_port=_number(values.get("HttpProxy.Port")),
        static_endpoint=values.get("Protocol.EndpointDiscovery") == "static",
        not_switches={
            key: said(value)
            for key in (*SWITCHES, *OTHER_SWITCHES)
            if (value := values.get(key)) and value.lower() not in ("y", "n")
        },
        misspelt={key: KEYS[key.lower()] for key in values if key not in KEYS.values() and key.lower() in KEYS},
        dead={key: said(value) for key in DEAD if (value := values.get(key))},
    )


def set_key(path: str, key: str, value: str) -> str:
    """The command that sets a key of waagent.conf; the last line of a key wins, so it is added at the end.

    Added before the old line is deleted, because sed does nothing more with a line that is, be it the last one.
    """
    escaped = key.replace(".", r"\.")
    return f"sed -i -e {shlex.quote(f'$a {key}={value}')} -e '/^{escaped}=/d' {argument(path)}"


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
