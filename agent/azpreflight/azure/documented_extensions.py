"""What each extension needs of the network, as public documents say. Literals with sources and their dates.

An extension that is not here is one whose needs no document names, or one of another publisher: of it only the package
is tried, and that is said. Sources were compared on the day that `documented_endpoints.READ` gives.
"""

from __future__ import annotations

from azpreflight.azure.documented_endpoints import Known

LEARN = "Microsoft Learn: {}"
MONITOR_AGENT = "the Azure Monitor Agent with a data collection rule"
ACCOUNT = "the tables and blobs of the storage account in its settings"
WORKSPACE = "the workspace and the data collection endpoint that its data collection rules name"
SCRIPT = "whatever the script itself asks for"
REPOSITORIES = "package repositories, from which it installs"

_MONITORING: tuple[Known, ...] = (
    Known(
        name="Microsoft.Azure.Monitor.AzureMonitorLinuxAgent",
        hosts={
            "public": ("global.handler.control.monitor.azure.com", "{region}.handler.control.monitor.azure.com"),
            "usgov": ("global.handler.control.monitor.azure.us", "{region}.handler.control.monitor.azure.us"),
            "china": ("global.handler.control.monitor.azure.cn", "{region}.handler.control.monitor.azure.cn"),
        },
        beyond=f"{WORKSPACE} (*.ods.opinsights.azure.com, *.ingest.monitor.azure.com, for metrics"
        " REGION.monitoring.azure.com and global.prod.microsoftmetrics.com)",
        always=True,
        source=LEARN.format("Azure Monitor Agent network configuration, firewall endpoints"),
        dated="2024-11-14",
    ),
    Known(
        name="Microsoft.Azure.Diagnostics.LinuxDiagnostic",
        settings=ACCOUNT,
        always=True,
        retired="2026-03-31",
        successor=MONITOR_AGENT,
        source=LEARN.format("Use the Linux diagnostic extension 4.0; diagnostics-extension-deprecation"),
        dated="2024-12-23",
    ),
    Known(
        name="Microsoft.OSTCExtensions.LinuxDiagnostic",
        settings=ACCOUNT,
        always=True,
        retired="2026-03-31",
        successor=MONITOR_AGENT,
        source="azure-linux-extensions, Diagnostic/virtual-machines-linux-diagnostic-extension-v3.md",
        dated="2017-04-21",
    ),
    Known(
        name="Microsoft.EnterpriseCloud.Monitoring.OmsAgentForLinux",
        settings="the workspace in its settings",
        always=True,
        retired="2024-08-31",
        successor=MONITOR_AGENT,
        source="OMS-Agent-for-Linux, README: the agent is unsupported",
        dated="2024-08-31",
    ),
    Known(
        name="Microsoft.Azure.Monitoring.DependencyAgent.DependencyAgentLinux",
        beyond="the Azure Monitor Agent, which sends its data",
        retired="2028-06-30",
        successor="none of Azure's own",
        source=LEARN.format("VM Insights Map and Dependency Agent retirement guidance"),
        dated="2025-05-05",
    ),
    Known(
        name="Microsoft.Azure.ChangeTrackingAndInventory.ChangeTracking-Linux",
        beyond="the Azure Monitor Agent, which sends its data",
        source=LEARN.format("Change Tracking and Inventory using Azure Monitoring Agent, overview"),
    ),
    Known(
        name="Microsoft.Azure.NetworkWatcher.NetworkWatcherAgentLinux",
        beyond="a way out for some of its functions, such as the storage account of a packet capture",
        source=LEARN.format("Network Watcher Agent virtual machine extension for Linux, internet connectivity"),
        dated="2017-02-14",
    ),
    Known(
        name="Microsoft.ManagedServices.ApplicationHealthLinux",
        source=LEARN.format("Application Health extension: it asks the application on this machine alone"),
    ),
)
_SECURITY: tuple[Known, ...] = (
    Known(
        name="Microsoft.Azure.ActiveDirectory.AADSSHLoginForLinux",
        hosts={
            "public": ("packages.microsoft.com", "login.microsoftonline.com", "pas.windows.net"),
            "usgov": ("packages.microsoft.com", "login.microsoftonline.us", "pasff.usgovcloudapi.net"),
            "china": ("packages.microsoft.com", "login.chinacloudapi.cn", "pas.chinacloudapi.cn"),
        },
        source=LEARN.format(
            "Sign in to a Linux virtual machine in Azure by using Microsoft Entra ID, network requirements"
        ),
    ),
    Known(
        name="Microsoft.Azure.ActiveDirectory.LinuxSSH.AADLoginForLinux",
        retired="2021-08-15",
        successor="AADSSHLoginForLinux",
        source=LEARN.format("Sign in to a Linux virtual machine in Azure by using Microsoft Entra ID"),
        dated="2021-08-15",
    ),
    Known(
        name="Microsoft.Azure.KeyVault.KeyVaultForLinux",
        settings="the key vault in its settings",
        always=True,
        source=LEARN.format("Key Vault virtual machine extension for Linux"),
    ),
    Known(
        name="Microsoft.Azure.Security.AzureDiskEncryptionForLinux",
        settings="the key vault in its settings",
        beyond=REPOSITORIES,
        always=True,
        source=LEARN.format("Azure Disk Encryption for Linux VMs, networking requirements"),
    ),
    Known(
        name="Microsoft.Azure.AzureDefenderForServers.MDE.Linux",
        hosts={"public": ("packages.microsoft.com",)},
        beyond="the service of Microsoft Defender for Endpoint (*.endpoint.security.microsoft.com)",
        always=True,
        source=LEARN.format("Configure your network environment for Microsoft Defender for Endpoint"),
    ),
    Known(
        name="Microsoft.Azure.Security.LinuxAttestation.GuestAttestation",
        beyond="the attestation service of its region (*.attest.azure.net)",
        always=True,
        source=LEARN.format("Boot integrity monitoring overview (service tag AzureAttestation)"),
        dated="2024-04-10",
    ),
    Known(
        name="Microsoft.GuestConfiguration.ConfigurationforLinux",
        hosts={
            "public": ("agentserviceapi.guestconfiguration.azure.com", "{region}-gas.guestconfiguration.azure.com"),
        },
        beyond="the storage of the packages of its configurations",
        source=LEARN.format("Azure machine configuration, network requirements, table of regions"),
        dated="2023-04-18",
    ),
    Known(
        name="Microsoft.CPlat.ProxyAgent.ProxyAgentLinux",
        source=LEARN.format("Metadata Security Protocol: it stands between programs and the platform on this machine"),
    ),
)
_RECOVERY: tuple[Known, ...] = (
    Known(
        name="Microsoft.Azure.RecoveryServices.SiteRecovery.Linux",
        hosts={"public": ("login.microsoftonline.com",), "china": ("login.chinacloudapi.cn",)},
        beyond="the Site Recovery service (*.hypervrecoverymanager.windowsazure.com), Event Hubs"
        " (*.servicebus.windows.net) and the cache storage account",
        always=True,
        source=LEARN.format("About networking in Azure VM disaster recovery, outbound connectivity for URLs")
        + ", and the same page of Azure operated by 21Vianet",
        dated="2020-03-13",
    ),
    Known(
        name="Microsoft.Azure.RecoveryServices.VMSnapshotLinux",
        source=LEARN.format("Azure VM backup: a snapshot of managed disks needs no outbound access of the VM"),
    ),
    Known(
        name="Microsoft.Azure.RecoveryServices.WorkloadBackup.AzureBackupLinuxWorkload",
        hosts={"public": ("login.microsoftonline.com",)},
        beyond="the Azure Backup service and its storage (*.backup.windowsazure.com, *.blob.core.windows.net)",
        always=True,
        source=LEARN.format("Back up SAP HANA databases in Azure VMs, establish network connectivity"),
        dated="2024-04-26",
    ),
)
_RUNNING: tuple[Known, ...] = (
    Known(
        name="Microsoft.Azure.Extensions.CustomScript",
        settings="the addresses in its fileUris",
        beyond=SCRIPT,
        source=LEARN.format("Use the Azure Custom Script Extension Version 2 with Linux virtual machines"),
    ),
    Known(
        name="Microsoft.CPlat.Core.RunCommandLinux",
        beyond=f"a way to Azure's public addresses, by which it returns its output, and {SCRIPT}",
        source=LEARN.format("Run scripts in a Linux VM by using action Run Commands (version 1)"),
        dated="2025-08-18",
    ),
    Known(
        name="Microsoft.CPlat.Core.RunCommandHandlerLinux",
        settings="the address of its script and of the blobs for its output",
        beyond=SCRIPT,
        source=LEARN.format("Run scripts in a Linux VM by using managed Run Commands (version 2)"),
    ),
    Known(
        name="Microsoft.OSTCExtensions.VMAccessForLinux",
        source=LEARN.format("VMAccess Extension for Linux"),
    ),
    Known(
        name="Microsoft.CPlat.Core.LinuxPatchExtension",
        beyond=REPOSITORIES,
        source=LEARN.format("Azure Update Manager, prerequisites: the VM's own package repositories"),
        dated="2025-08-21",
    ),
    Known(
        name="Microsoft.SoftwareUpdateManagement.LinuxOsUpdateExtension",
        beyond=REPOSITORIES,
        source=LEARN.format("Azure Update Manager, prerequisites: the VM's own package repositories"),
        dated="2025-08-21",
    ),
    Known(
        name="Microsoft.HpcCompute.NvidiaGpuDriverLinux",
        beyond=f"{REPOSITORIES}, and drivers from the internet",
        always=True,
        source=LEARN.format("NVIDIA GPU Driver Extension for Linux, internet connectivity"),
        dated="2025-06-30",
    ),
    Known(
        name="Microsoft.Azure.Automation.HybridWorker.HybridWorkerForLinux",
        settings="the registration address of its Automation account",
        beyond="the Automation service (*.azure-automation.net)",
        always=True,
        source=LEARN.format("Azure Automation network configuration details, Hybrid Runbook Worker"),
        dated="2024-09-09",
    ),
)
EXTENSIONS: tuple[Known, ...] = (*_MONITORING, *_SECURITY, *_RECOVERY, *_RUNNING)
