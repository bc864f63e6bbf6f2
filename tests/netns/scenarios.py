"""The table of scenarios: what is broken, and what azpreflight must say of it.

Severities, exit codes and verdicts follow the contract: `error` means exit 1 and not ready; a warning or nothing
means exit 0 and ready. Causes must be exactly those of the table, the first one first.
"""

from dataclasses import dataclass
from typing import Optional

from azpreflight.model import Cause, Readiness, Severity
from tests.netns import faults
from tests.netns.standin import Fault


@dataclass(frozen=True)
class Scenario:
    """One state of the world, and the right diagnosis."""

    name: str
    broken: str
    """What is wrong, in words."""
    faults: "tuple[Fault, ...]"
    cause: Optional[Cause] = None
    """The first cause; None: there is none."""
    severity: Optional[Severity] = None
    """Of the first cause."""
    further: "tuple[Cause, ...]" = ()
    """The other causes, in any order."""
    ipv6: bool = False

    @property
    def exit_code(self) -> int:
        """By the contract: findings at or above error."""
        return 1 if self.severity is Severity.ERROR else 0

    @property
    def verdict(self) -> Readiness:
        """By the contract: a cause at or above error."""
        return Readiness.NOT_READY if self.severity is Severity.ERROR else Readiness.READY


ERROR, WARNING = Severity.ERROR, Severity.WARNING

HEALTHY = (
    Scenario("healthy", "nothing", ()),
    Scenario("healthy-ipv6", "nothing, dual stack", (), ipv6=True),
)
NETWORK = (
    Scenario("no-default-route", "DHCP gave no default route", (faults.NO_DEFAULT_ROUTE,), Cause.NO_NETWORK, ERROR),
    Scenario("no-address", "no address on eth0", (faults.NO_ADDRESS,), Cause.NO_NETWORK, ERROR),
    Scenario("link-down", "eth0 is down", (faults.LINK_DOWN,), Cause.NO_NETWORK, ERROR),
)
TABLE = (*HEALTHY, *NETWORK)
BY_NAME = {scenario.name: scenario for scenario in TABLE}
