"""The fixed words of the agents, of errno and of the tools that the agents run. Whatever is not here is not shown."""

from __future__ import annotations

_MODULES = """
ansible apk_configure apt_configure apt_pipelining bootcmd byobu ca_certs chef disable_ec2_metadata disk_setup fan
final_message growpart grub_dpkg install_hotplug keyboard keys_to_console landscape locale lxd mcollective migrator
mounts ntp package_update_upgrade_install phone_home power_state_change puppet raspberry_pi reset_rmc resizefs
resolv_conf rh_subscription rightscale_userdata rsyslog runcmd salt_minion scripts_per_boot scripts_per_instance
scripts_per_once scripts_user scripts_vendor seed_random set_hostname set_passwords snap spacewalk ssh
ssh_authkey_fingerprints ssh_import_id swap timezone ubuntu_autoinstall ubuntu_advantage ubuntu_drivers ubuntu_pro
update_etc_hosts update_hostname users_groups wireguard write_files write_files_deferred yum_add_repo
zypper_add_repo
"""
_PROGRAMS = """
apt apt-get blkid chage chown chpasswd curl dhclient dhcpcd dnf dpkg echo fallocate groupadd growpart hostname
hostnamectl ifdown ifup ip iptables locale-gen localectl lsblk mkdir mkfs mkfs.ext4 mkfs.xfs mkswap mount netplan
nft ntfsfix parted partprobe passwd ping reboot resize2fs rpm sfdisk sgdisk sh shutdown snap ssh-keygen swapon
systemctl tar timedatectl tune2fs udevadm udevd umount update-ca-certificates update-locale useradd userdel usermod
visudo wget xfs_growfs yum zypper
"""
_NAMES = """
INFO WARNING ERROR VERBOSE DEBUG CRITICAL Daemon ExtHandler MainThread EnvHandler Agent Azure Cloud-init cloud-init
waagent WireServer HostGAPlugin HostGA IMDS OVF DHCP Dhcp PPS GoalState ovf-env.xml util.py handlers.py __init__.py
DataSourceAzure.py azure.py errors.py imds.py stages.py main.py subp.py cc_final_message.py DataSourceAzure
DataSourceNoCloud DataSourceNone DataSourceConfigDrive DataSourceEc2 DataSourceNoCloudNet DataSourceWSL DataSource
instance datasource data source seed nocloud nocloud-net azure config_drive azure-proxy-agent
"""
_ERRORS = """
HttpError HTTP HTTPError IOError OSError ProtocolError ProvisionError DhcpError ResourceGoneError ExtensionError
ExtensionDownloadError OSUtilError AgentError ValueError RuntimeError KeyError TypeError FileNotFoundError
PermissionError TimeoutError ConnectionError ProcessExecutionError UrlError InvalidMetaDataException
BrokenAzureDataSource NonAzureDataSource Errno SSL CERTIFICATE_VERIFY_FAILED SSLCertVerificationError Exception
AttributeError attribute object 'array.array' 'tostring'
exception unhandled ReportableError NoDHCPLeaseError NoDHCPLeaseInterfaceError JSONDecodeError YAMLError
"""
_SYSTEM = """
Connection refused timed out timeout reset by peer Network is unreachable No route to host Name or service not known
Temporary failure in name resolution Proxy Authentication Required Tunnel connection failed certificate verify
unable get local issuer self signed self-signed chain hostname mismatch expired Forbidden Unauthorized Bad Gateway
Service Unavailable Internal Server Error Not Found Gone Conflict Precondition Permission denied such file directory
Is a read-only Read-only filesystem system space left on device busy already exists exist Invalid argument Operation
permitted Broken pipe Input/output Input output Status Code GET POST PUT HEAD -- temporary remote end closed without
response EOF occurred violation of protocol Max retries exceeded with url
"""
_WAAGENT = """
VM provisioned but the unique identifier has changed This indicates may be Provisioning completed complete skipping
disabled client running enabled True False Using for provisioning Finished appears installed and this expected
cannot go on Waiting copy Giving up was copied ssh key found does appear Failed dvd from Mounting mount mounted
retry sleeping sec unknown type udf iso9660 CopyOvfEnv Error mounting reading validate missing exists send request
receive dhcp contains no routes network Could determine primary interface please ensure correct responding Reset
endpoint protocol Reporting NotReady Ready Protocol vmSettings correlation ID eTag None Timeout Request ended Sleep
seconds restart daemon Disabling guest agent forever re-enable remove format_exception got an unexpected keyword
etype Fetch The operation Retry attempts attempt made Default channel download artifacts fetch all URIs sources URI
ext handler pkgs retrieve extension manifest Download both fallback channels Primary Fallback PERIODIC using direct
host firewall configured correctly Unable add rules following are ACCEPT due Will it Cannot create manager Extension
status success error transitioning NotReady feature requires crypt legacycrypt crypt-r passlib Python
processed because specified allowed policy signed list run provision Provisioning Transport certificate certificates
supported ciphers Exceeded max updating incarnation new Fetched appear Wire version results returned
inconsistent
instantiate WireProtocol Successfully completed All extensions goal state have reached terminal sentinel previous
"""
_CLOUD_INIT = """
failure result reason obtain lease find querying http parsing metadata invalid key reading waiting shutdown identify
documentation_url aka.ms linuxprovisioningerror provisioning media falling back available mountable executable
Failed Ignoring Polling Azure register Communicating communicating fabric reporting ready Reported type Unknown
manual cache clean set config marker Did any searched classes iface driver hv_netvsc restored checked Obtained
hostname changes Skipping set_hostname configuration finished at after by file system_cfg KERNEL_CMDLINE kernel
command disabling notfound ds-identify modules stage met errors Runparts failures attempted commands scripts script
module loading yaml blob format column run required physical devices present expected perform fetch service
reprovision provisiondata non-primary primary Unexpected while read connect wait report more than one multiple same
user home users groups name use ignore --badname badname directory hash password locked account group uid gid field
too long shell login package packages install update upgrade locate repository release signed broken held
dependencies unmet apt dpkg lock process resource partition table filesystem resize growing disk label swap
signature wipefs apparently will make here force size sector sectors fstab entry block special bad superblock option
locale generate timezone keyboard keys keyring generation already exists authorized_keys /var /etc /run /usr /lib
/proc /dev var etc usr lib proc net route sys mnt tmp sbin bin log cloud instance seeds sem manual-clean
ssh_host_rsa_key.pub ssh_host_ed25519_key ssh_host_rsa_key part machine comp goalstate json xml line unknown
unrecognized unrecognised found: it that when only can could would should must to as an was were been being into its
their there these those which init-local init modules-config modules-final run-parts runparts lists getpwnam
Likely bad things come Can apply Used fallback DataSourceNone medium cdrom secure resource topology disk sr
Skipping final health experimental_skip_ready_report failure obtain lease interface identify ID importing library
unsupported length parsing ovf-env.xml: customData while hasCustomData true querying IMDS activate Guest azure-init
"""

MODULES = frozenset(_MODULES.split())
"""cloud-init's own (cloudinit/config/cc_*.py); it also writes them with hyphens."""
PROGRAMS = frozenset(_PROGRAMS.split())
"""Those that the agents run, whose names alone may be told."""
WORDS = (
    frozenset("".join((_NAMES, _ERRORS, _SYSTEM, _WAAGENT, _CLOUD_INIT)).split())
    | MODULES
    | PROGRAMS
    | {name.replace("_", "-") for name in MODULES}
)
"""All of them, in the case in which they are written."""
