"""The catalogues that come with the program: well-formed, sourced, and read as they are meant."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from azpreflight.azure import endpoints
from azpreflight.azure.documented_endpoints import Known

HOST = re.compile(r"(\{region\}[.-])?([a-z0-9-]+\.)+[a-z]{2,}")
CLOUDS = {"public", "usgov", "china"}


@pytest.mark.parametrize("entry", endpoints.extensions(), ids=lambda entry: entry.name)
def test_every_extension_has_a_source_and_hosts_that_can_be_named(entry: Known) -> None:
    assert re.fullmatch(r"\w+(\.[\w-]+)+", entry.name)
    assert ":" in entry.source or "," in entry.source
    assert set(entry.hosts) <= CLOUDS
    assert entry.dated is None or re.fullmatch(r"20\d\d-\d\d-\d\d", entry.dated)
    assert (entry.retired is None) == (entry.successor is None)
    assert all(HOST.fullmatch(host) for hosts in entry.hosts.values() for host in hosts)
    assert not entry.always or entry.settings or entry.beyond


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_every_cloud_has_endpoints_of_its_own(cloud: str) -> None:
    hosts = endpoints.documented_hosts(cloud)
    assert hosts
    assert all(HOST.fullmatch(host) for host in hosts)
    assert not set(hosts) & {host for other in CLOUDS - {cloud} for host in endpoints.documented_hosts(other)}


def test_no_library_is_needed_to_read_them() -> None:
    """As in a chroot, or in a single file, on a machine that has Python alone: -S leaves out site-packages."""
    agent = Path(__file__).parents[3] / "agent"
    code = f"import sys; sys.path.append({str(agent)!r}); from azpreflight.azure import endpoints as c; "
    code += "print(*c.documented_hosts('china'), len(c.extensions()))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == [*endpoints.documented_hosts("china"), str(len(endpoints.extensions()))]


def test_a_cloud_that_nobody_documented_has_no_endpoints() -> None:
    """A host is left out rather than invented."""
    assert endpoints.documented_hosts("germany") == ()
    assert endpoints.documented_hosts(None) == endpoints.documented_hosts("public")


def test_an_extension_is_known_by_its_name_or_its_type() -> None:
    full = endpoints.known("Microsoft.Azure.Monitor.AzureMonitorLinuxAgent")
    assert full is not None
    assert endpoints.known("azuremonitorlinuxagent") is full
    assert endpoints.known("LinuxAgent") is None


@pytest.mark.parametrize(
    ("cloud", "region", "hosts"),
    [
        (
            None,
            "WestEurope",
            ("global.handler.control.monitor.azure.com", "westeurope.handler.control.monitor.azure.com"),
        ),
        ("usgov", None, ("global.handler.control.monitor.azure.us",)),
        ("china", "evil.example/", ("global.handler.control.monitor.azure.cn",)),
        ("germany", "x", ()),
    ],
)
def test_hosts_follow_cloud_and_region(cloud: str, region: str, hosts: tuple[str, ...]) -> None:
    """A region that is no name makes no host."""
    entry = endpoints.known("AzureMonitorLinuxAgent")
    assert entry is not None
    assert endpoints.hosts_for(entry, cloud, region) == hosts


CATALOGUE = {
    *("AzureMonitorLinuxAgent", "ConfigurationforLinux", "SiteRecovery.Linux", "VMSnapshotLinux", "MDE.Linux"),
    *("AzureBackupLinuxWorkload", "ChangeTracking-Linux", "DependencyAgentLinux", "NetworkWatcherAgentLinux"),
    *("LinuxPatchExtension", "LinuxOsUpdateExtension", "NvidiaGpuDriverLinux", "HybridWorkerForLinux"),
    *("GuestAttestation", "ApplicationHealthLinux", "RunCommandLinux", "RunCommandHandlerLinux", "CustomScript"),
    *("AADSSHLoginForLinux", "KeyVaultForLinux", "AzureDiskEncryptionForLinux", "VMAccessForLinux"),
}
RETIRED = {
    "LinuxDiagnostic": "2026-03-31",
    "OmsAgentForLinux": "2024-08-31",
    "AADLoginForLinux": "2021-08-15",
}


def test_the_extensions_that_are_seen_most_are_in_the_catalogue() -> None:
    """Each of them is supported, and those that are not any more say since when."""
    names = {entry.name for entry in endpoints.extensions()}
    assert all(any(name.endswith(f".{wanted}") for name in names) for wanted in CATALOGUE)
    gone = {entry.name.rpartition(".")[2]: entry.retired for entry in endpoints.extensions() if entry.unsupported}
    assert gone == RETIRED


def test_hosts_of_a_storage_account_follow_the_cloud() -> None:
    """And there are none in a cloud that is not known."""
    assert endpoints.account_hosts("diag1", None) == ("diag1.blob.core.windows.net", "diag1.table.core.windows.net")
    assert endpoints.account_hosts("diag1", "china")[0] == "diag1.blob.core.chinacloudapi.cn"
    assert endpoints.account_hosts("diag1", "USNat") == ()


def test_a_cloud_with_a_name_of_its_own_is_unknown() -> None:
    """One that is not told is the public one."""
    assert [endpoints.is_unknown(cloud) for cloud in (None, "public", "USNat")] == [False, False, True]


def test_an_extension_without_documented_hosts_in_a_cloud_is_told_from_one_that_needs_none() -> None:
    """Hosts of the public cloud stand for those of no other."""
    machine = endpoints.known("ConfigurationforLinux")
    snapshot = endpoints.known("VMSnapshotLinux")
    assert machine is not None and snapshot is not None
    assert endpoints.undocumented(machine, None) is None
    assert endpoints.undocumented(machine, "usgov") == "no document names them in the cloud usgov"
    assert endpoints.undocumented(machine, "USSec") == "the cloud USSec is not known"
    assert endpoints.undocumented(snapshot, "USSec") is None


def test_a_workspace_takes_logs_at_a_host_of_the_cloud() -> None:
    """The one that agents of Azure Monitor send to."""
    assert endpoints.workspace_hosts("1234", None) == ("1234.ods.opinsights.azure.com",)
    assert endpoints.workspace_hosts("1234", "usgov") == ("1234.ods.opinsights.azure.us",)
    assert endpoints.workspace_hosts("1234", "AzureStack") == ()
