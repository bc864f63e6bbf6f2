"""What the agents do that depends on their version: behaviours with their first and last version, delays, limits.

An image's waagent provisions and starts the extension handler. The handler is a second copy of the agent that updates
itself: a newer one lies in the library directory as WALinuxAgent-x.y.z, and from then on that one fetches packages and
judges extensions. So every question about a first boot is one to the installed version, and every question about
extensions one to the handler's. An unknown version is answered with None, never with a guess. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Optional

from azpreflight.dataclass import dataclass

NEWEST_WAAGENT = "2.16.0.2"
"""The newest release that this table was compared with (Debian sid, packaged 2026-10-07)."""
OLDEST_SUPPORTED = "2.2.53.1"
"""The oldest waagent that Azure supports (Microsoft Learn, "Minimum version support for VM extensions in Azure")."""
HANDLER = re.compile(r"WALinuxAgent-(\d{1,9}(?:\.\d{1,9}){1,4})")
"""A directory of the library in which a newer handler is (WALinuxAgent, ga/guestagent.py)."""


class Agent(str, Enum):
    """Who provisions, or installs extensions."""

    WAAGENT = "waagent"
    CLOUD_INIT = "cloud-init"
    AZURE_INIT = "azure-init"


@dataclass(frozen=True)
class Behaviour:
    """Something that an agent does in some of its versions."""

    agent: Agent
    what: str
    source: str
    first: Optional[str] = None
    """The first version that does so; None: all up to the last."""
    last: Optional[str] = None
    """The last line of versions that does so, 2.15 for every 2.15.x; None: the newest still does."""

    def holds(self, version: Optional[str]) -> Optional[bool]:
        """Whether this version does so; None where the version is not known and not all versions do."""
        if self.first is None and self.last is None:
            return True
        if version is None or not number(version):
            return None
        late = self.first is None or number(version) >= number(self.first)
        early = self.last is None or number(version)[: len(number(self.last))] <= number(self.last)
        return late and early


def number(version: str) -> tuple[int, ...]:
    """(2, 7, 3, 0) for 2.7.3.0; empty for what has no number in it."""
    return tuple(int(part) for part in re.findall("[0-9]{1,18}", version))


READY_NEEDS_PLUGIN = Behaviour(
    Agent.WAAGENT,
    "without port 32526 it has no goal state, and reports neither Ready nor a failure",
    "common/protocol/wire.py (2.7: an error of vmSettings ends the goal state), pa/provision/default.py (2.16: health "
    "is posted without one); measured with 2.7.3, 2.12, 2.15 and 2.16",
    first="2.7",
    last="2.15",
)
FAILS_WITHOUT_HOST_KEY = Behaviour(
    Agent.WAAGENT,
    "where the host key that it waits for does not come it reports ProvisioningFailed",
    "pa/provision/cloudinit.py, wait_for_ssh_host_key; from 2.16 on it logs an error and starts extensions late",
    last="2.15",
)
ENFORCES_POLICY = Behaviour(
    Agent.WAAGENT,
    "the extension policy of /etc/waagent_policy.json in force, unless Debug.EnableExtensionPolicy=n",
    "common/conf.py, Debug.EnableExtensionPolicy; ga/policy/policy_engine.py; measured with 2.15 and 2.16",
    first="2.16",
)
KNOWS_POLICY = Behaviour(
    Agent.WAAGENT,
    "extension policy",
    "common/conf.py: 2.13 has Debug.EnableExtensionPolicy, which is n there",
    first="2.13",
)
KNOWS_NFT = Behaviour(
    Agent.WAAGENT,
    "firewall rules by nft where there is no iptables",
    "ga/firewall_manager.py",
    first="2.13",
)
KNOWS_RSM = Behaviour(
    Agent.WAAGENT,
    "updates to the version that Azure asks for (RSM)",
    "common/agent_supported_feature.py, ga/rsm_version_updater.py",
    first="2.10",
)
KNOWS_FIPS = Behaviour(
    Agent.WAAGENT,
    "certificates without 3DES, which FIPS 140-3 needs",
    "common/protocol/goal_state.py: AES128_CBC is asked for first",
    first="2.14",
)
KNOWS_UPDATE_TO_LATEST = Behaviour(
    Agent.WAAGENT,
    "AutoUpdate.UpdateToLatestVersion, which counts before AutoUpdate.Enabled",
    "common/conf.py, get_auto_update_to_latest_version",
    first="2.10",
)
READS_OLD_KEYS = Behaviour(
    Agent.WAAGENT,
    "it reads Provisioning.Enabled and Provisioning.UseCloudInit, which Provisioning.Agent replaced",
    "pa/provision/factory.py",
    last="2.2.44",
)
FEATURES = (KNOWS_RSM, KNOWS_NFT, KNOWS_FIPS, ENFORCES_POLICY)
"""What an older waagent lacks, in the order in which it came."""

WAITS_FOR_PROXY_AGENT = Behaviour(
    Agent.CLOUD_INIT,
    "it waits for the Guest Proxy Agent where the VM asks for the Metadata Security Protocol",
    "cloudinit/sources/DataSourceAzure.py, _check_azure_proxy_agent_status",
    first="24.3",
)
SKIPS_READY = Behaviour(
    Agent.CLOUD_INIT,
    "with experimental_skip_ready_report it never reports Ready",
    "cloudinit/sources/DataSourceAzure.py",
    first="26.2",
)
IMPORTS_CRYPT = Behaviour(
    Agent.CLOUD_INIT,
    "its Azure datasource imports crypt, and is not found without it",
    "cloudinit/sources/DataSourceAzure.py: from 23.3 on the import may fail",
    last="23.2",
)
CLEANS_ROTATED_LOGS = Behaviour(
    Agent.CLOUD_INIT,
    "cloud-init clean --logs removes cloud-init.log.1 and older ones too",
    "cloudinit/util.py, get_config_logfiles; measured with 22.4.2 and 25.1.4",
    first="24.1",
)
KNOWS_DHCPCD = Behaviour(
    Agent.CLOUD_INIT, "it may ask for a first address with dhcpcd", "cloudinit/net/dhcp.py", first="24.1"
)
NEEDS_METADATA = {
    Agent.CLOUD_INIT: "DataSourceAzure.py: without it a failure is reported",
    Agent.AZURE_INIT: "src/main.rs: InstanceMetadataFailure; measured",
}
"""Agents that do not provision without the instance metadata, with their sources; waagent only logs that it is
silent."""


@dataclass(frozen=True)
class Hashing:
    """The modules of which an agent needs one to hash a password."""

    agent: Agent
    modules: tuple[str, ...]
    first: Optional[str] = None


HASHING = (
    Hashing(Agent.WAAGENT, ("crypt",)),
    Hashing(Agent.WAAGENT, ("legacycrypt",), first="2.12"),
    Hashing(Agent.WAAGENT, ("crypt", "legacycrypt"), first="2.14"),
    Hashing(Agent.WAAGENT, ("crypt", "legacycrypt", "passlib"), first="2.16"),
    Hashing(Agent.CLOUD_INIT, ("crypt",)),
    Hashing(Agent.CLOUD_INIT, ("crypt", "passlib"), first="23.3"),
)
"""On a Python without crypt, 3.13 and newer, by an agent's first version (waagent: common/osutil/default.py;
cloud-init: cloudinit/sources/DataSourceAzure.py). The package crypt-r brings a module crypt."""


def hashing_modules(agent: Agent, version: Optional[str]) -> tuple[str, ...]:
    """The modules that this version tries; where it is not known those of the newest, which tries the most. Empty for
    an agent that hashes without Python."""
    own = [one for one in HASHING if one.agent is agent]
    if version is None or not number(version):
        return own[-1].modules if own else ()
    return [one for one in own if number(one.first or "0") <= number(version)][-1].modules if own else ()


# --- how long things take ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delays:
    """Seconds until the agent turns from the stores to the HostGAPlugin. Once it has, it stays there: one delay in
    all, and not one for each address (common/protocol/wire.py; measured)."""

    silent: float
    """Nothing answers the connection."""
    refused: float
    status: float
    """It answers with a status such as 403."""
    silent_dns: float
    """No DNS server answers."""
    first: Optional[str] = None


DELAYS = (
    Delays(silent=91, refused=31, status=25, silent_dns=91),
    Delays(silent=5, refused=31, status=25, silent_dns=91, first="2.16"),
)
"""By the handler's version, the older first: six tries with 31 s between them and 10 s for each, and from 2.16 on one
try of 5 s where nothing answers (common/utils/restutil.py). Measured with 2.7.3, 2.15 and 2.16."""


def delays(handler: Optional[str]) -> Optional[Delays]:
    """Those of this version of the handler; None where it is not known."""
    if handler is None or not number(handler):
        return None
    return [one for one in DELAYS if number(one.first or "0") <= number(handler)][-1]


WAIT_FOR_CLOUD_INIT_S = 1800.0
"""waagent waits for cloud-init's ovf-env.xml, and as long again for a host key (pa/provision/cloudinit.py)."""
METADATA_RETRIES_S = 300.0
"""cloud-init reports a failure where the instance metadata was silent as long (sources/azure/imds.py)."""
WIRE_RETRIES_S = 1200.0
"""cloud-init tries a request to the wire server as long (sources/helpers/azure.py)."""
DHCP_RETRIES_S = 1200.0
"""cloud-init asks for an address as long (sources/DataSourceAzure.py)."""
EXTENSIONS_S = 5400.0
"""waagent gives the extensions of a goal state as long (ga/exthandlers.py)."""
UPDATE_CHECK_S = 3600.0
"""waagent looks for a newer release of itself as often (common/conf.py, Autoupdate.Frequency)."""


# --- the version that is at work -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Versions:
    """The version that was installed, and those that updated themselves."""

    installed: Optional[str] = None
    """None: not installed, or not known."""
    downloaded: Optional[tuple[str, ...]] = ()
    """Those of the library directory; None: it could not be read."""
    uses_downloaded: bool = True
    """The settings let the newest of these be the handler."""
    updates: bool = True
    """The settings let the handler download newer ones."""

    @property
    def handler(self) -> Optional[str]:
        """The version that fetches packages and judges extensions; None where the installed one is not known."""
        others = self.downloaded if self.uses_downloaded else ()
        if self.installed is None or others is None:
            return None
        return max((self.installed, *others), key=number)

    @property
    def lacks(self) -> tuple[Behaviour, ...]:
        """What newer versions can that the handler cannot."""
        return tuple(feature for feature in FEATURES if feature.holds(self.handler) is False)


def handler_versions(names: Optional[Sequence[str]]) -> Optional[tuple[str, ...]]:
    """The versions of handlers among the names of the library directory, the newest last; None of no names."""
    if names is None:
        return None
    found = (HANDLER.fullmatch(name) for name in names)
    return tuple(sorted((match.group(1) for match in found if match), key=number))


def versions(
    installed: Optional[str], names: Optional[Sequence[str]], enabled: bool, update_to_latest: Optional[bool]
) -> Versions:
    """From the library directory's names (None: unreadable), AutoUpdate.Enabled, and AutoUpdate.UpdateToLatestVersion
    (None: not set).

    A new key is not known to an old agent, and counts before the old one for a new one: with it the handler is the
    newest that is there, and n keeps it from downloading (WALinuxAgent, common/conf.py, ga/update.py).
    """
    knows = installed is None or KNOWS_UPDATE_TO_LATEST.holds(installed)
    if not knows or update_to_latest is None:
        return Versions(installed, handler_versions(names), uses_downloaded=enabled, updates=enabled)
    return Versions(installed, handler_versions(names), uses_downloaded=True, updates=update_to_latest)
