"""Endpoints that public documents name: of each cloud, and of extensions for their own work. Literals with sources.

A Python module and no data file, so that no library is needed to read it. A package comes from wherever the goal state
says, so no package host is listed, and a host that no source names is left out. The sources were read on 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class Cloud:
    """A cloud's public endpoints, tried where this VM's own goal state names no package.

    They stand for "this cloud's public services are reachable", and for nothing more: packages come from storage
    accounts whose names only the goal state has, and a network may allow those and block these, or the reverse.
    """

    hosts: tuple[str, ...]
    """HTTPS on port 443."""
    source: str


@dataclass(frozen=True)
class Known:
    """What one extension needs of the network for its own work, besides its package."""

    name: str
    """As in the goal state: publisher and type."""
    source: str
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By cloud, HTTPS on port 443; {region} stands for the VM's region. Only what the source names, and only what the
    extension cannot do without."""
    settings: Optional[str] = None
    """Hosts that only its settings name, in words; None if there are none."""
    always: bool = False
    """It cannot work without the hosts of its settings."""


CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        hosts=("management.azure.com", "login.microsoftonline.com"),
        source="Azure CLI, azure/cli/core/cloud.py, AZURE_PUBLIC_CLOUD: resource_manager, active_directory",
    ),
    "usgov": Cloud(
        hosts=("management.usgovcloudapi.net", "login.microsoftonline.us"),
        source="Azure CLI, azure/cli/core/cloud.py, AZURE_US_GOV_CLOUD: resource_manager, active_directory",
    ),
    "china": Cloud(
        hosts=("management.chinacloudapi.cn", "login.chinacloudapi.cn"),
        source="Azure CLI, azure/cli/core/cloud.py, AZURE_CHINA_CLOUD: resource_manager, active_directory",
    ),
}

EXTENSIONS: tuple[Known, ...] = (
    Known(
        name="Microsoft.Azure.Diagnostics.LinuxDiagnostic",
        settings="the tables and blobs of the storage account in its settings",
        always=True,
        source="Microsoft Learn: Use the Linux diagnostic extension 4.0 to monitor metrics and logs, protected "
        "settings",
    ),
    Known(
        name="Microsoft.OSTCExtensions.LinuxDiagnostic",
        settings="the tables and blobs of the storage account in its settings",
        always=True,
        source="azure-linux-extensions, Diagnostic/virtual-machines-linux-diagnostic-extension-v3.md",
    ),
    Known(
        name="Microsoft.Azure.Monitor.AzureMonitorLinuxAgent",
        hosts={
            "public": ("global.handler.control.monitor.azure.com", "{region}.handler.control.monitor.azure.com"),
            "usgov": ("global.handler.control.monitor.azure.us", "{region}.handler.control.monitor.azure.us"),
            "china": ("global.handler.control.monitor.azure.cn", "{region}.handler.control.monitor.azure.cn"),
        },
        settings="the workspace that its data collection rules name",
        always=True,
        source="Microsoft Learn: Azure Monitor Agent network configuration, firewall endpoints",
    ),
    Known(
        name="Microsoft.Azure.ActiveDirectory.AADSSHLoginForLinux",
        hosts={
            "public": ("packages.microsoft.com", "login.microsoftonline.com", "pas.windows.net"),
            "usgov": ("packages.microsoft.com", "login.microsoftonline.us", "pasff.usgovcloudapi.net"),
            "china": ("packages.microsoft.com", "login.chinacloudapi.cn", "pas.chinacloudapi.cn"),
        },
        source="Microsoft Learn: Sign in to a Linux virtual machine in Azure by using Microsoft Entra ID, network "
        "requirements",
    ),
    Known(
        name="Microsoft.Azure.KeyVault.KeyVaultForLinux",
        settings="the key vault in its settings",
        always=True,
        source="Microsoft Learn: Key Vault virtual machine extension for Linux",
    ),
    Known(
        name="Microsoft.Azure.Security.AzureDiskEncryptionForLinux",
        settings="the key vault in its settings",
        always=True,
        source="Microsoft Learn: Azure Disk Encryption for Linux VMs, networking requirements",
    ),
    Known(
        name="Microsoft.Azure.Extensions.CustomScript",
        settings="the addresses in its fileUris, and whatever the script itself asks for",
        source="Microsoft Learn: Use the Azure Custom Script Extension Version 2 with Linux virtual machines",
    ),
    Known(
        name="Microsoft.CPlat.Core.RunCommandHandlerLinux",
        settings="whatever the script asks for",
        source="Microsoft Learn: Run scripts in a Linux VM by using managed Run Commands",
    ),
    Known(
        name="Microsoft.OSTCExtensions.VMAccessForLinux",
        source="Microsoft Learn: VMAccess Extension for Linux",
    ),
    Known(
        name="Microsoft.CPlat.ProxyAgent.ProxyAgentLinux",
        source="Microsoft Learn: Metadata Security Protocol",
    ),
)
