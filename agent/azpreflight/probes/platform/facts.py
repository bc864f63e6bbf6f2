"""What the platform's endpoints said, as facts."""

from __future__ import annotations

from typing import Optional

from azpreflight.azure.addresses import HOST_PLUGIN_PORT, IMDS, WIRE_SERVER
from azpreflight.azure.answer import Answer
from azpreflight.azure.goal_state import Wanted
from azpreflight.azure.imds import Instance, Metadata
from azpreflight.azure.wire_server import Goal, Offer
from azpreflight.dataclass import dataclass
from azpreflight.host import Outcome, Route
from azpreflight.model import Run

WIRE_FLOW, PLUGIN_FLOW, IMDS_FLOW = f"tcp {WIRE_SERVER}:80", f"tcp {WIRE_SERVER}:{HOST_PLUGIN_PORT}", f"tcp {IMDS}:80"
DNS_FLOWS = (f"udp {WIRE_SERVER}:53", f"tcp {WIRE_SERVER}:53")
FLOWS = {WIRE_SERVER: (WIRE_FLOW, PLUGIN_FLOW, *DNS_FLOWS), IMDS: (IMDS_FLOW,)}
NOT_ROOT = "needs root: the agent's own firewall drops everybody else's packets to 168.63.129.16"
NOT_ASKED = "it was not asked, because this did not look like Azure"


@dataclass(frozen=True)
class PlatformRoute:
    """How the kernel would send to one of the two addresses."""

    address: str
    outcome: Outcome
    """ERROR where the kernel could not be asked."""
    interface: Optional[str] = None
    gateway: Optional[str] = None
    source: Optional[str] = None
    prefix: Optional[str] = None
    """The route that matched, such as 168.63.129.16/32; None if the kernel did not tell."""
    origin: Optional[str] = None
    """Who made it: dhcp, static, boot, kernel; None if the kernel did not tell."""
    error: Optional[str] = None
    """Why the kernel could not be asked."""
    table: Optional[int] = None
    """The table with that route: 254 is "main"; None if unknown."""

    @property
    def as_route(self) -> Route:
        """As the kernel told it."""
        return Route(self.outcome, self.interface, self.gateway, self.source, self.prefix, self.origin, self.table)


@dataclass(frozen=True)
class PlatformFacts:
    """What the platform's endpoints said.

    None is what was not asked: nothing is asked outside Azure, and 168.63.129.16 only as root.
    """

    privileged: bool
    """Asked as root."""
    chassis_tag: Optional[str] = None
    """SMBIOS chassis asset tag; None if there is none."""
    product_uuid: Optional[str] = None
    """SMBIOS system UUID in lower case, which is the VM id; None if there is none or it may not be read."""
    routes: tuple[PlatformRoute, ...] = ()
    wire_server: Optional[Offer] = None
    plugin: Optional[Offer] = None
    goal: Optional[Goal] = None
    metadata: Optional[Metadata] = None
    padded: Optional[Answer] = None
    """What the wire server said to a request that takes more than one packet."""

    @property
    def wanted(self) -> Optional[Wanted]:
        """The extensions of this VM; None if they could not be read."""
        return self.goal.wanted if self.goal is not None else None

    @property
    def instance(self) -> Optional[Instance]:
        """Who this VM is; None if it was not told."""
        return self.metadata.instance if self.metadata is not None else None

    def answers_of(self, address: str) -> tuple[Answer, ...]:
        """Everything that came from one of the two addresses."""
        wire = (self.wire_server, self.plugin, self.goal)
        looked = wire if address == WIRE_SERVER else (self.metadata,)
        return tuple(found.answer for found in looked if found is not None)


def cloud_of(run: Run, platform: Optional[PlatformFacts]) -> Optional[str]:
    """public, usgov or china, as configured or as the instance metadata says; None if neither says."""
    instance = platform.instance if platform is not None else None
    return run.config.cloud or (instance.cloud if instance is not None else None)


def region_of(run: Run, platform: Optional[PlatformFacts]) -> Optional[str]:
    """The region's short name, likewise."""
    instance = platform.instance if platform is not None else None
    return run.config.region or (instance.location if instance is not None else None)
