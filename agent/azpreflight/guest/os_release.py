"""Which distribution this is, for commands that work on it and for what its agents do there (os-release(5))."""

from __future__ import annotations

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.host import Host


@dataclass(frozen=True)
class Distribution:
    """What os-release says; empty where it says nothing."""

    id: str = ""
    version: str = ""
    """VERSION_ID; empty for a rolling distribution."""
    like: tuple[str, ...] = ()
    """ID_LIKE: the distributions that it takes after, closest first."""

    def of(self, *names: str) -> bool:
        """True if it is, or takes after, one of these."""
        return bool({self.id, *self.like} & set(names))

    @property
    def version_number(self) -> tuple[int, ...]:
        """(22, 4) for 22.04; empty where there is none."""
        parts = [whole(part) for part in self.version.split(".")]
        numbers = tuple(part for part in parts if part is not None)
        return numbers if len(numbers) == len(parts) else ()


def distribution(host: Host) -> Distribution:
    """The distribution of this host. HostError where the file is there and cannot be read."""
    text = host.text("/etc/os-release")
    if text is None:
        text = host.text("/usr/lib/os-release") or ""
    return parse(text)


def parse(text: str) -> Distribution:
    """os-release(5) as shell assignments without expansion."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    values = {key.strip(): value.strip().strip("\"'") for key, value in pairs}
    like = tuple(values.get("ID_LIKE", "").split())
    return Distribution(values.get("ID", ""), values.get("VERSION_ID", ""), like)


def install_command(name: Distribution, package: str) -> str:
    """The command that installs the guest agent ("waagent") or "cloud-init" here."""
    if name.of("debian", "ubuntu"):
        agent = "walinuxagent" if name.of("ubuntu") else "waagent"
        return f"apt-get install -y {agent if package == 'waagent' else package}"
    if name.of("suse", "sles", "opensuse"):
        return f"zypper --non-interactive install {'python-azure-agent' if package == 'waagent' else package}"
    tool = "tdnf" if name.of("azurelinux", "mariner", "photon") else "dnf"
    return f"{tool} install -y {'WALinuxAgent' if package == 'waagent' else package}"


def dhcp_client(name: Distribution) -> str:
    """The package of a client for DHCP that cloud-init of this distribution knows."""
    if name.of("debian", "ubuntu"):
        return "isc-dhcp-client" if name.version_number[:1] in ((11,), (12,), (20,), (22,)) else "dhcpcd-base"
    return "dhcp-client" if name.of("suse", "sles", "fedora", "rhel") else "dhcpcd"


def reinstall_command(name: Distribution, package: str) -> str:
    """The command that puts files of a package of this distribution back, or installs it."""
    if name.of("debian", "ubuntu"):
        return f"apt-get install -y --reinstall {package}"
    if name.of("suse", "sles", "opensuse"):
        return f"zypper --non-interactive install --force {package}"
    tool = "tdnf" if name.of("azurelinux", "mariner", "photon") else "dnf"
    return f"{tool} reinstall -y {package} || {tool} install -y {package}"
