"""What is known of the two agents: the facts of the probe."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import Optional

from azpreflight.azure.agent_versions import ENFORCES_POLICY, KNOWS_POLICY, NEEDS_METADATA, Agent, Versions
from azpreflight.azure.extension_policy import Policy
from azpreflight.dataclass import dataclass
from azpreflight.guest.cloud_init import CloudConfig, DatasourceList
from azpreflight.guest.openssl_conf import Problem
from azpreflight.guest.os_release import Distribution
from azpreflight.guest.waagent_conf import WaagentConfig
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.probes.agents.program import ProgramFacts
from azpreflight.probes.agents.state import BootState

WAAGENT_UNITS = ("walinuxagent.service", "waagent.service")
"""Debian's and Ubuntu's name, and everybody else's (WALinuxAgent, azurelinuxagent/common/osutil/)."""

CLOUD_INIT_LOCAL = "cloud-init-local.service"
"""The unit that waagent asks about, and the stage in which cloud-init finds Azure and reports Ready."""
AZURE_INIT = "azure-init.service"
DISABLED_MARKER = "/etc/cloud/cloud-init.disabled"
DS_IDENTIFY_CFG = "/etc/cloud/ds-identify.cfg"
SEED = "/var/lib/cloud/seed"


class Provisioner(str, Enum):
    """Who makes the user and reports Ready."""

    WAAGENT = "waagent"
    CLOUD_INIT = "cloud-init"
    AZURE_INIT = "azure-init"
    BOTH = "both"
    """waagent is told to, and refuses because cloud-init is enabled too: it reports a failure."""
    WAITING = "waiting"
    """waagent waits for cloud-init, which would not run or not find Azure."""
    NONE = "none"
    UNKNOWN = "unknown"
    """A file that decides could not be read."""


AGENTS = {
    Provisioner.WAAGENT: Agent.WAAGENT,
    Provisioner.CLOUD_INIT: Agent.CLOUD_INIT,
    Provisioner.BOTH: Agent.CLOUD_INIT,
    Provisioner.AZURE_INIT: Agent.AZURE_INIT,
}
"""Whose behaviour counts; where both are told to, cloud-init still makes the user."""


@dataclass(frozen=True)
class OpensslFacts:
    """Its configuration, and what is wrong with it."""

    config: Optional[str] = None
    """The file that it reads; None: the directory that it was built with is not known."""
    missing: bool = False
    problem: Optional[Problem] = None
    error: Optional[str] = None
    """Why it could not be told; None if it could."""


@dataclass(frozen=True)
class GuestProxyFacts:
    """The Guest Proxy Agent of this image."""

    unit: Unit
    missing: tuple[str, ...] = ()
    """Files that it needs and that are not there."""


@dataclass(frozen=True)
class WaagentFacts:
    """The Azure Linux agent in this image."""

    installed: bool = False
    version: Optional[str] = None
    """None: not installed, or its version file was not found."""
    versions: Versions = field(default_factory=Versions)
    """The same, and those of the handlers in its library directory."""
    unit: Unit = field(default_factory=lambda: Unit("waagent.service", UnitState.ABSENT))
    config_path: str = "/etc/waagent.conf"
    """The file that it reads, whether or not it exists."""
    config: Optional[WaagentConfig] = None
    """None: missing, empty or unreadable; without it the agent does not start."""
    error: Optional[str] = None
    """Why the configuration could not be read; None if it could, or is not there."""
    openssl_found: bool = True
    """OS.OpensslPath exists; without it there is no certificate and no goal state."""
    openssl: OpensslFacts = field(default_factory=OpensslFacts)

    program: ProgramFacts = field(default_factory=ProgramFacts)
    strays: tuple[str, ...] = ()
    """Names of the agent that are enabled without a unit of that name: walinuxagent on RHEL, waagent on Debian."""

    policy: Optional[Policy] = None
    """Which extensions the image's policy file lets run; None: there is none."""
    policy_error: Optional[str] = None
    """Why it could not be read; None if it could, or is not there."""

    unowned: tuple[str, ...] = ()
    """Its program, its interpreter or openssl, where no package owns them."""

    @property
    def starts(self) -> bool:
        """The next boot starts it, and it has something to read."""
        return self.installed and self.unit.state is UnitState.ENABLED and self.config is not None

    @property
    def policy_in_force(self) -> bool:
        """The handler that is at work takes a policy file."""
        said = self.config.extension_policy if self.config is not None else None
        if said is None:
            return ENFORCES_POLICY.holds(self.versions.handler) is True
        return said and KNOWS_POLICY.holds(self.versions.handler) is True

    @property
    def policy_comes(self) -> bool:
        """It does not, or its version is not known, and a newer one that it downloads will."""
        switched_off = self.config is not None and self.config.extension_policy is False
        return self.versions.updates and not switched_off

    def refuses(self, extension: str) -> bool:
        """The handler that is at work does not run this extension, signed or not."""
        return self.policy is not None and self.policy_in_force and self.policy.refuses(extension)


@dataclass(frozen=True)
class CloudInitFacts:
    """cloud-init in this image."""

    installed: bool = False
    version: Optional[str] = None
    unit: Unit = field(default_factory=lambda: Unit(CLOUD_INIT_LOCAL, UnitState.ABSENT))
    """cloud-init-local.service, the one that waagent asks about."""
    disabled_by: tuple[str, ...] = ()
    """Files, policies and kernel parameters that keep it from running at all."""
    forced_datasource: Optional[str] = None
    """The one datasource that ds-identify.cfg or the kernel command line names; None: none does."""
    forced_by: Optional[str] = None
    """Where the forced datasource is set."""
    datasources: Optional[DatasourceList] = None
    """None: no list, and the built-in one, in which Azure is, is searched."""
    seeds: tuple[str, ...] = ()
    """Names under /var/lib/cloud/seed that have data in them: nocloud, nocloud-net, azure."""
    config: CloudConfig = field(default_factory=CloudConfig)
    errors: tuple[str, ...] = ()
    """Files that could not be read, with the reason."""

    program: ProgramFacts = field(default_factory=ProgramFacts)
    stages: tuple[Unit, ...] = ()
    """The units after cloud-init-local.service that are there."""
    without_config: bool = False
    """/etc/cloud/cloud.cfg is not there in a whole image: what is built in runs no module (cloudinit/settings.py)."""
    whole: bool = False
    """The image has a package database and a kernel, so that what is short is not a part of something."""
    dhcp_client: bool = True
    """A client for DHCP that cloud-init knows is there, or the image is no whole one, so that it cannot be told."""

    @property
    def enabled(self) -> bool:
        """As `systemctl is-enabled` says, and waagent believes."""
        return self.installed and self.unit.state is UnitState.ENABLED


@dataclass(frozen=True)
class AgentsFacts:
    """Which agents are there, and which of them would provision."""

    waagent: WaagentFacts
    cloud_init: CloudInitFacts
    provisioner: Provisioner
    distribution: Distribution
    azure_init: Unit = field(default_factory=lambda: Unit(AZURE_INIT, UnitState.ABSENT))
    """The small provisioner that some images of Flatcar and Azure Linux have in cloud-init's place."""
    guest_proxy: Optional[GuestProxyFacts] = None
    """None: not installed."""
    state: Optional[BootState] = None
    """What became of the agents at this boot; None where no first boot is inspected, no agent is installed, or
    systemd does not run."""
    system_extensions: tuple[str, ...] = ()
    """What systemd merges into /usr at boot; a program that is not found may be in one."""

    @property
    def network_written_again(self) -> bool:
        """cloud-init writes its network configuration again on the next VM."""
        return self.cloud_init_provisions and not self.cloud_init.config.network_disabled

    @property
    def cloud_init_provisions(self) -> bool:
        """cloud-init makes the user, the host keys and the host name."""
        return self.provisioner in (Provisioner.CLOUD_INIT, Provisioner.BOTH)

    @property
    def azure_init_provisions(self) -> bool:
        """azure-init does, which comes in a unit of its own."""
        return self.provisioner is Provisioner.AZURE_INIT

    @property
    def needs_metadata(self) -> bool:
        """Without the instance metadata service a VM is not provisioned."""
        agent = AGENTS.get(self.provisioner)
        return agent is not None and agent in NEEDS_METADATA
