"""A tree made to look as a build VM does after it was provisioned and worked on: every artefact once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.scratchroot import run_inside

OTHER_VM = "0c8bd3a1-5bd9-4b38-9a6c-54c7a4fd5a11"
HASH = "$6$saltsalt$" + "a" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "b" * 43 + " someone@somewhere\n"
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
OVF = """<?xml version="1.0" encoding="utf-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:wa="http://schemas.microsoft.com/windowsazure">
<wa:ProvisioningSection><wa:Version>1.0</wa:Version>
<LinuxProvisioningConfigurationSet xmlns="http://schemas.microsoft.com/windowsazure">
<ConfigurationSetType>LinuxProvisioningConfiguration</ConfigurationSetType><HostName>template</HostName>
<UserName>azureuser</UserName><DisableSshPasswordAuthentication>false</DisableSshPasswordAuthentication>
</LinuxProvisioningConfigurationSet></wa:ProvisioningSection>
<wa:PlatformSettingsSection><wa:Version>1.0</wa:Version><PlatformSettings
 xmlns="http://schemas.microsoft.com/windowsazure"><ProvisionGuestAgent>true</ProvisionGuestAgent>
</PlatformSettings></wa:PlatformSettingsSection></Environment>
"""
HANDLER = "var/lib/waagent/Microsoft.Azure.Extensions.CustomScript-2.1.10"


UDEV = 'ATTR{address}=="00:0d:3a:12:34:56", NAME="eth0"\n'
NETPLAN = "network: {ethernets: {eth0: {dhcp4: true, match: {macaddress: '00:0d:3a:12:34:56'}}}}\n"
NM_BOUND = "[ethernet]\nmac-address=00:0D:3A:12:34:56\n"
IFCFG = "DEVICE=eth0\nBOOTPROTO=dhcp\nHWADDR=00:0d:3a:12:34:56\n"


@dataclass(frozen=True)
class Artefact:
    """A file of a machine that was provisioned."""

    path: str
    text: str
    deprovisioned: bool
    """`waagent -force -deprovision+user` removes it, on every Debian since 11."""


GONE, STAYS = True, False
ARTEFACTS = (
    Artefact("var/lib/waagent/provisioned", OTHER_VM, GONE),
    Artefact("var/lib/waagent/disable_agent", "", GONE),
    Artefact("var/lib/waagent/ovf-env.xml", OVF, GONE),
    Artefact("var/lib/waagent/CustomData", "c2VjcmV0", GONE),
    Artefact("var/lib/waagent/A0EC2ED7D954A2B359791263DE1C17AF13941531.prv", PRIVATE_KEY, GONE),
    Artefact("var/lib/waagent/TransportPrivate.pem", PRIVATE_KEY, GONE),
    Artefact("var/lib/waagent/GoalState.1.xml", "<GoalState/>", GONE),
    Artefact("var/lib/waagent/published_hostname", "template", GONE),
    Artefact("var/lib/waagent/history/2026-11-22T18:06:57.636000_incarnation_1.zip", "PK", GONE),
    Artefact(f"{HANDLER}/HandlerManifest.json", "[]", GONE),
    Artefact(f"{HANDLER}/config/HandlerState", "Enabled", GONE),
    Artefact("var/lib/waagent/waagent-network-setup.py", "#!/usr/bin/python3\n", GONE),
    Artefact("var/lib/waagent/ExtensionsConfig.1.xml", "<Extensions/>", GONE),
    Artefact("var/lib/waagent/SharedConfig.xml", "<SharedConfig/>", GONE),
    Artefact("var/lib/waagent/HostingEnvironmentConfig.xml", "<HostingEnvironmentConfig/>", GONE),
    Artefact("var/lib/waagent/Incarnation", "1", GONE),
    Artefact("var/lib/waagent/events/1700000000.tld", "{}", GONE),
    Artefact("var/lib/waagent/WireServerEndpoint", "168.63.129.16", GONE),
    Artefact("var/lib/waagent/Protocol", "WireProtocol", GONE),
    Artefact("var/lib/waagent/fast_track.json", "{}", GONE),
    Artefact("var/lib/waagent/initial_goal_state", "1", GONE),
    Artefact("var/lib/waagent/waagent_status.json", "{}", GONE),
    Artefact("var/lib/waagent/waagent_rsm_update", "", GONE),
    Artefact("var/lib/waagent/A0EC2ED7D954A2B359791263DE1C17AF13941531.crt", "-----BEGIN CERTIFICATE-----\n", GONE),
    Artefact("var/lib/waagent/Certificates.pem", PRIVATE_KEY, GONE),
    Artefact("var/lib/waagent/Certificates.p7m", "MIME-Version: 1.0\n", GONE),
    Artefact("var/lib/waagent/TransportCert.pem", "-----BEGIN CERTIFICATE-----\n", GONE),
    Artefact("var/lib/waagent/WALinuxAgent-2.15.0.1/HandlerManifest.json", "[]", GONE),
    Artefact("var/log/azure/Microsoft.Azure.Extensions.CustomScript/CommandExecution.log", "ran\n", GONE),
    Artefact("var/log/waagent.log", "INFO Daemon\n", GONE),
    Artefact("var/log/waagent.log.1", "INFO Daemon\n", STAYS),
    Artefact("var/log/cloud-init.log", "DEBUG\n", STAYS),
    Artefact("root/.bash_history", "mount /dev/sdb1\n", GONE),
    Artefact("var/log/waagent.log.2.gz", "gz", STAYS),
    Artefact("root/.zsh_history", "ls\n", STAYS),
    Artefact("root/.python_history", "import os\n", STAYS),
    Artefact("root/.mysql_history", "select 1;\n", STAYS),
    Artefact("root/.psql_history", "select 1;\n", STAYS),
    Artefact("root/.lesshst", ".less-history-file:\n", STAYS),
    Artefact("root/.viminfo", "# history\n", STAYS),
    Artefact("root/.ssh/authorized_keys", KEY, STAYS),
    Artefact("root/.ssh/id_ed25519", PRIVATE_KEY, STAYS),
    Artefact("root/.ssh/id_\udcff \n\x1b", PRIVATE_KEY, STAYS),
    Artefact("home/azureuser/.bash_history", "ls\n", GONE),
    Artefact("home/azureuser/.ssh/authorized_keys", KEY, GONE),
    Artefact("home/packer/.bash_history", "ls\n", STAYS),
    Artefact("home/packer/.ssh/authorized_keys", KEY, STAYS),
    Artefact("etc/sudoers.d/90-cloud-init-users", "azureuser ALL=(ALL) NOPASSWD:ALL\n", STAYS),
    Artefact("etc/resolv.conf", "search internal.example\nnameserver 10.1.2.3\n", GONE),
    Artefact("etc/ssh/ssh_host_rsa_key", PRIVATE_KEY, GONE),
    Artefact("var/lib/dhcp/dhclient.eth0.leases", "lease {\n  fixed-address 10.0.0.4;\n}\n", GONE),
    Artefact("var/lib/dhclient/dhclient.leases", "lease {\n}\n", GONE),
    Artefact("var/lib/dhcpcd/eth0.lease", "lease", GONE),
    Artefact("var/lib/NetworkManager/dhclient-1-eth0.lease", "lease {\n}\n", GONE),
    Artefact("var/lib/wicked/lease-eth0-dhcp-ipv4.xml", "<lease/>", STAYS),
    Artefact("var/lib/dhcpcd5/dhcpcd-eth0.lease", "lease", STAYS),
    Artefact("var/lib/systemd/network/eth0.lease", "ADDRESS=10.0.0.4\n", STAYS),
    Artefact("var/lib/NetworkManager/seen-bssids", "[seen-bssids]\n", STAYS),
    Artefact("var/lib/NetworkManager/timestamps", "[timestamps]\n", STAYS),
    Artefact("var/lib/NetworkManager/internal-1-eth0.lease", "ADDRESS=10.0.0.4\n", STAYS),
    Artefact("var/lib/NetworkManager/secret_key", "nm-v2:0123456789\n", STAYS),
    Artefact("var/lib/systemd/random-seed", "x" * 512, STAYS),
    Artefact("var/lib/urandom/random-seed", "x" * 512, STAYS),
    Artefact("var/lib/random-seed", "x" * 512, STAYS),
    Artefact("var/lib/systemd/credential.secret", "x" * 64, STAYS),
    Artefact("etc/machine-id", "0123456789abcdef0123456789abcdef\n", STAYS),
    Artefact("var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n", STAYS),
    Artefact("var/lib/cloud/data/instance-id", OTHER_VM + "\n", STAYS),
    Artefact("var/lib/cloud/data/set-hostname", "{}", STAYS),
    Artefact(f"var/lib/cloud/instances/{OTHER_VM}/user-data.txt", "#cloud-config\n", STAYS),
    Artefact(f"var/lib/cloud/instances/{OTHER_VM}/manual-clean", "", STAYS),
    Artefact("var/lib/cloud/data/previous-hostname", "template\n", STAYS),
    Artefact("var/lib/cloud/sem/config_scripts_per_once.once", "1: 1\n", STAYS),
    Artefact("var/lib/cloud/data/reported_ready", "1\n", STAYS),
    Artefact("var/lib/cloud/seed/azure/ovf-env.xml", OVF, STAYS),
    Artefact("etc/netplan/01-build.yaml", "network: {ethernets: {eth0: {addresses: [10.0.0.9/24]}}}\n", STAYS),
    Artefact("etc/netplan/50-cloud-init.yaml", NETPLAN, STAYS),
    Artefact("etc/sysconfig/network-scripts/ifcfg-eth0", IFCFG, STAYS),
    Artefact("etc/systemd/network/10-eth0.link", "[Match]\nMACAddress=00:0d:3a:12:34:56\n", STAYS),
    Artefact("etc/udev/rules.d/10-net-device-added.rules", UDEV, STAYS),
    Artefact("etc/udev/rules.d/75-persistent-net-generator.rules", UDEV, STAYS),
    Artefact("etc/udev/rules.d/70-persistent-net.rules", UDEV, STAYS),
    Artefact("etc/systemd/network/10-eth0.network", "[Match]\nMACAddress=00:0d:3a:12:34:56\n", STAYS),
    Artefact("etc/NetworkManager/system-connections/eth0.nmconnection", "[ipv4]\nmethod=manual\n", STAYS),
    Artefact("etc/network/interfaces.d/eth0", "iface eth0 inet static\n", STAYS),
    Artefact("etc/fstab", "LABEL=root / ext4 defaults 0 1\n/dev/sdc1 /data ext4 defaults 0 2\n", STAYS),
    Artefact("etc/krb5.keytab", "keytab", STAYS),
    Artefact("var/lib/ubuntu-advantage/private/machine-token.json", "{}", STAYS),
    Artefact("etc/opt/microsoft/azuremonitoragent/config-cache/agent.json", "{}", STAYS),
    Artefact("etc/chrony/chrony.keys", "1 SHA1 HEX:00\n", STAYS),
    Artefact("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:a\n", STAYS),
    Artefact("var/lib/samba/private/secrets.tdb", "TDB", STAYS),
    Artefact("var/lib/sss/db/cache_example.ldb", "TDB", STAYS),
    Artefact("etc/opt/microsoft/omsagent/1/certs/oms.key", PRIVATE_KEY, STAYS),
    Artefact("var/lib/azure-proxy-agent/keys/1.key", "{}", STAYS),
    Artefact("var/lib/GuestConfig/agent.json", "{}", STAYS),
    Artefact("var/log/syslog", "systemd[1]: Started\n", STAYS),
    Artefact("var/log/messages", "systemd[1]: Started\n", STAYS),
    Artefact("var/log/secure", "Accepted publickey\n", STAYS),
    Artefact("var/log/audit/audit.log", "type=LOGIN\n", STAYS),
    Artefact("var/log/wtmp", "utmp", STAYS),
    Artefact("var/log/btmp", "utmp", STAYS),
    Artefact("var/log/lastlog", "utmp", STAYS),
    Artefact("var/log/auth.log", "Accepted publickey\n", STAYS),
    Artefact("var/log/journal/0123456789abcdef0123456789abcdef/system.journal", "LPKSHHRH", STAYS),
    Artefact("var/lib/hyperv/.kvp_pool_1", "PROVISIONING_REPORT", STAYS),
    Artefact("var/lib/hyperv/.kvp_pool_0", "key", STAYS),
    Artefact("etc/systemd/system/azure-vmextensions-Some.slice", "[Slice]\n", STAYS),
    Artefact("mnt/swapfile", "SWAPSPACE2", STAYS),
    Artefact("var/spool/cron/crontabs/gone", "* * * * * true\n", STAYS),
    Artefact("swapfile", "SWAPSPACE2", STAYS),
    Artefact("root/.azure/msal_token_cache.json", "{}", STAYS),
    Artefact("var/crash/_usr_bin_x.0.crash", "ProblemType: Crash\n", STAYS),
    Artefact("etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n", STAYS),
    Artefact("var/lib/azpreflight/report.json", "{}", STAYS),
    Artefact(f"{HANDLER}/HandlerEnvironment.json", "[]", GONE),
    Artefact(f"{HANDLER}/config/0.settings", "{}", GONE),
    Artefact(f"{HANDLER}/status/0.status", "[]", GONE),
    Artefact("var/log/azure/custom-script/handler.log", "ran\n", GONE),
    Artefact("var/log/azure/run-command/handler.log", "ran\n", GONE),
    Artefact("var/log/syslog.1", "systemd[1]: Started\n", STAYS),
    Artefact("var/log/auth.log.1", "Accepted publickey\n", STAYS),
    Artefact("var/log/messages-20261122", "systemd[1]: Started\n", STAYS),
    Artefact("var/log/kern.log", "kernel: Linux\n", STAYS),
    Artefact("var/log/user.log", "packer: done\n", STAYS),
    Artefact("var/log/maillog", "postfix\n", STAYS),
    Artefact("var/log/boot.log", "Started\n", STAYS),
    Artefact("var/log/sudo.log", "packer : COMMAND=/bin/sh\n", STAYS),
    Artefact("var/log/faillog", "x" * 32, STAYS),
    Artefact("var/log/tallylog", "x" * 64, STAYS),
    Artefact("var/log/chrony/measurements.log", "2026-11-22\n", STAYS),
    Artefact("var/log/cloud-init-output.log", "Cloud-init v.\n", STAYS),
    Artefact("var/log/cloud-init.log.1", "DEBUG\n", STAYS),
    Artefact("var/log/azure-init.log", "INFO\n", STAYS),
    Artefact("var/log/azure-proxy-agent/ProxyAgent.log", "INFO\n", STAYS),
    Artefact("etc/sudoers.d/azure-init-user", "builder ALL=(ALL) NOPASSWD: ALL\n", STAYS),
    Artefact("etc/ssh/sshd_config.d/50-azure-init.conf", "PasswordAuthentication no\n", STAYS),
    Artefact("root/.ssh/known_hosts", f"10.0.0.9 {KEY}", STAYS),
    Artefact("home/packer/.ssh/known_hosts", f"10.0.0.9 {KEY}", STAYS),
    Artefact("home/packer/.ssh/id_ed25519", PRIVATE_KEY, STAYS),
    Artefact("home/packer/.zsh_history", "ls\n", STAYS),
    Artefact("home/packer/.python_history", "import os\n", STAYS),
    Artefact("root/.sqlite_history", "select 1;\n", STAYS),
    Artefact("root/.node_repl_history", "1\n", STAYS),
    Artefact("root/.aws/credentials", "[default]\n", STAYS),
    Artefact("root/.docker/config.json", '{"auths": {"x": {"auth": "c2VjcmV0"}}}', STAYS),
    Artefact("root/.kube/config", "users: [{user: {token: x}}]\n", STAYS),
    Artefact("root/.netrc", "machine x login y password z\n", STAYS),
    Artefact("home/packer/.git-credentials", "https://x:y@example.net\n", STAYS),
    Artefact("etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection", NM_BOUND, STAYS),
    Artefact("etc/systemd/network/10-cloud-init-eth0.network", "[Match]\nMACAddress=00:0d:3a:12:34:56\n", STAYS),
    Artefact("etc/systemd/network/50-cloud-init.link", "[Match]\nMACAddress=00:0d:3a:12:34:56\n", STAYS),
    Artefact("etc/network/interfaces.d/50-cloud-init", "iface eth0 inet static\n", STAYS),
    Artefact("var/lib/cloud/data/previous-instance-id", OTHER_VM + "\n", STAYS),
    Artefact("var/lib/cloud/data/result.json", "{}", STAYS),
    Artefact("var/lib/cloud/data/status.json", "{}", STAYS),
    Artefact(f"var/lib/cloud/instances/{OTHER_VM}/sem/config_ssh", "1: 1\n", STAYS),
    Artefact("var/lib/systemd/coredump/core.sh.0.1.zst", "core", STAYS),
)
HARMLESS = (
    Artefact(f"var/lib/azure-init/{OTHER_VM}.provisioned", "", STAYS),
    Artefact("etc/NetworkManager/conf.d/99-cloud-init.conf", "[main]\ndns = none\n", STAYS),
    Artefact("var/log/dpkg.log", "2026-11-22 install\n", STAYS),
    Artefact("var/log/apt/history.log", "Start-Date: 2026-11-22\n", STAYS),
)
"""What is left and not accused: a marker by the VM's own id, a setting that is the same for every VM, and what package
managers write while an image is made."""


def plant(root: Path) -> None:
    """Make the tree look provisioned: users with passwords first, because useradd makes their homes, then the files."""
    for name in ("azureuser", "packer"):
        made = run_inside(root, "useradd", "--create-home", "--shell", "/bin/bash", "--password", HASH, name)
        assert made.returncode == 0, made.stderr
    locked = run_inside(root, "usermod", "--password", HASH, "root")
    assert locked.returncode == 0, locked.stderr
    for artefact in ARTEFACTS:
        put(root, artefact.path, artefact.text)
    put(root, "etc/hostname", "template\n")
    put(root, "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 template\n")
    put(root, "etc/sudoers.d/waagent", "azureuser ALL=(ALL) ALL\n")
    (root / "var/lib/cloud/instance").symlink_to(f"instances/{OTHER_VM}")


def put(root: Path, path: str, text: str) -> None:
    """Write a file below the root."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def let_waagent_provision(root: Path) -> None:
    """As on an image without cloud-init: Provisioning.Agent=auto, and cloud-init's first stage not enabled."""
    path = root / "etc/waagent.conf"
    path.write_text(path.read_text() + "\nProvisioning.Agent=auto\n")
    (root / "etc/systemd/system/cloud-init.target.wants/cloud-init-local.service").unlink()
