"""A secret, and how it is found in what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azpreflight.host import Completed
from azpreflight.probes.agents.state import STATUS
from azpreflight.probes.boot import messages
from tests.support.fakes import FakeHost
from tests.support.machines import agents as with_agents
from tests.support.machines.boot import FILES, entry

SECRET = "Q9xzk7Wmvt"


def said(value: object, secret: str = SECRET) -> str | None:
    """The end of what has the secret in it; None if nothing has."""
    whole = str(value)
    at = whole.find(secret.rstrip("="))
    return None if at < 0 else whole[max(at - 60, 0) : at + 20]


SYSTEMD = {"/run/systemd/system": None}
PLACES: Mapping[str, str] = {
    "/etc/shadow": "root:$6$salt${s}:19000:0:99999:7:::\nu:{s}:19000:0:99999:7:::\n",
    "/etc/shadow-": "root:$6$salt${s}:19000:0:99999:7:::\n",
    "/etc/gshadow": "adm:{s}::\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nu:{s}:1000:1000:{s}:/home/u:/bin/sh\n",
    "/root/.ssh/id_rsa": "-----BEGIN RSA PRIVATE KEY-----\n{s}\n-----END RSA PRIVATE KEY-----\n",
    "/root/.ssh/authorized_keys": "ssh-rsa {s} {s}@host\n",
    "/home/u/.ssh/authorized_keys": 'command="{s}" ssh-rsa {s} x\n',
    "/root/.bash_history": "mysql -p{s}\n",
    "/home/u/.netrc": "machine x login u password {s}\n",
    "/etc/ssh/ssh_host_rsa_key": "-----BEGIN OPENSSH PRIVATE KEY-----\n{s}\n",
    "/var/lib/waagent/ovf-env.xml": "<x><UserName>u</UserName>"
    "<UserPassword>{s}</UserPassword><CustomData>{s}</CustomData></x>",
    "/var/lib/waagent/CustomData": "{s}",
    "/var/lib/waagent/0123.prv": "-----BEGIN PRIVATE KEY-----{s}",
    "/var/lib/waagent/Example.Ext-1.0/HandlerManifest.json": "[]",
    "/var/lib/waagent/Example.Ext-1.0/config/HandlerState": "{s}",
    "/var/lib/waagent/Example.Ext-1.0/config/0.settings": '{{"protectedSettings": "{s}"}}',
    "/etc/environment": "http_proxy=http://u:{s}@proxy:3128\nTOKEN={s}\n",
    "/etc/apt/apt.conf.d/99proxy": 'Acquire::http::Proxy "http://u:{s}@proxy:3128/";\n',
    "/etc/apt/sources.list": "deb https://u:{s}@host.example/debian stable main\n",
    "/etc/systemd/system/walinuxagent.service.d/p.conf": "[Service]\nEnvironment=https_proxy=http://u:{s}@proxy:1\n",
    "/etc/waagent.conf": "HttpProxy.Host=u:{s}@proxy\nHttpProxy.Port=1\n"
    "OS.EnableFirewall={s}\nProvisioning.Enabled={s}\n",
    "/etc/netplan/50.yaml": "network: {{wifis: {{w: {{access-points: {{n: {{password: {s}}}}}}}}}}}\n",
    "/etc/netplan/51.yaml": "network: !{s} x\n",
    "/etc/NetworkManager/system-connections/w.nmconnection": "[wifi-security]\npsk={s}\n[802-1x]\npassword={s}\n",
    "/etc/rc.local": "#!/bin/sh\ncurl -u u:{s} https://host.example | iptables-restore\n",
    "/etc/sudoers.d/90-cloud-init-users": "# {s}\nu ALL=(ALL) NOPASSWD:ALL\n",
    "/boot/grub/grub.cfg": "linux /vmlinuz root=UUID=1a2b console=ttyS0 rd.luks.key={s} "
    "u=http://u:{s}@h/?sig={s} {s}\n",
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX="url=http://u:{s}@h/?sig={s} {s}"\n',
    "/proc/cmdline": "root=/dev/sda1 ds=nocloud;s=http://u:{s}@h cloud-config-url=https://h/?sig={s} {s}\n",
    "/var/log/waagent.log": "2026-11-22T18:17:36.658637Z INFO Daemon Fetch failed: {s} -- IOError timed out {s}\n"
    "VM is provisioned, but the VM unique identifier has changed Authorization: Bearer {s}\n",
    "/var/log/cloud-init.log": "Azure datasource failure occurred: result=error|reason={s}|x=SharedAccessKey={s}\n",
    "/run/cloud-init/ds-identify.log": "disabled by marker file {s}\n",
    STATUS: '{{"v1": {{"datasource": "DataSourceAzure [{s}]", "init": {{"errors": ["Bearer {s}"], '
    '"recoverable_errors": '
    '{{"WARNING": ["Azure datasource failure occurred: reason={s}"]}}}}}}}}',
    "/etc/resolv.conf": "# managed by {s}\nnameserver {s}\nsearch {s}!\noptions {s}!\n",
    "/etc/cloud/cloud.cfg.d/90.cfg": "users: [{{name: u, passwd: {s}}}]\ndatasource_list: [ {s}! ]\n"
    "ssh_genkeytypes: ['{s}!']\nbootcmd: [ iptables --{s} ]\n",
    "/etc/cloud/cloud.cfg.d/91.cfg": "preserve_hostname: !{s} x\n",
    "/etc/modprobe.d/x.conf": "install udf /bin/sh -c '{s}'\ninstall hv_netvsc /bin/true {s}\n",
    "/etc/fstab": "//h/s /tmp cifs user=u,password={s},noexec 0 0\nLABEL=x / ext4 {s} 0 1\n",
    "/etc/dhcp/dhclient.conf": 'send host-name "{s} {s}";\nsend dhcp-client-identifier "{s}";\ntimeout 300;\n',
    "/etc/crontab": "@reboot root TOKEN={s} iptables-restore /etc/fw\n",
    "/etc/fw": "*filter\n-A OUTPUT -m comment --comment {s} -j DROP\nCOMMIT\n",
    "/var/lib/dhcp/dhclient.leases": 'lease {{\n  interface "eth0";\n  option host-name "{s}";\n'
    "  fixed-address 10.0.0.4;\n}}\n",
    "/etc/ssh/sshd_config": "# {s}\nPermitRootLogin yes\n",
    "/etc/machine-info": "PRETTY_HOSTNAME={s}\n",
    "/etc/hostname": "{s} {s}\n",
    "/root/.azure/accessTokens.json": '[{{"accessToken": "{s}"}}]',
    "/etc/azure/proxy-agent.json": '{{"secret": "{s}"}}',
    "/etc/security/opasswd": "u:1000:1:{s}\n",
}
"""What stands where; {s} is a secret of that place alone."""


def secret_of(number: int) -> str:
    return f"zq{number:02}kxw7"


def machine(root: str = "/") -> FakeHost:
    """A machine with a secret in every place, at its first boot too."""
    planted = {path: words.format(s=secret_of(number)) for number, (path, words) in enumerate(PLACES.items())}
    kernel = entry(f"EXT4-fs error (device sda1): ext4_lookup:1: inode #2: comm {secret_of(98)}")
    files: dict[str, Any] = {**with_agents.FILES, **FILES, **SYSTEMD, **planted}
    programs: dict[tuple[str, ...], Completed] = {messages.COMMAND: Completed(0, kernel, "")}
    return FakeHost(files=files, programs=programs, root=root)
