"""How long a rehearsal waits for what, by how fast this machine has shown to be. Pure.

A VM with an accelerator comes from power-on to its init within some five seconds. Emulated it takes five to thirty
times as long, and what it does afterwards as well; what it waits for by itself takes as long as anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from azpreflight.dataclass import dataclass

USUAL_START_S = 5.0
"""Seconds from the loader to init on a VM with an accelerator."""
START_S = {"kvm": 180.0, "tcg": 900.0}
"""Seconds for that at the most, before anything is known of the speed."""
SLOWEST = 30.0
PLATFORM_S = 1200.0
"""Seconds that the platform gives a VM until it is Ready (Microsoft Learn, "Troubleshoot provisioning")."""
QUIET_S = 45.0
"""Seconds without a word on the console and a milestone after which nothing more is expected; by the speed."""
LONGEST_QUIET_S = 300.0
"""DHCP clients, and agents that look for the disc, try again within this."""


EXTENSION_S = 600.0
"""Seconds after Ready in which an extension may come: waagent tries each address of a package for some 105 s before it
asks the HostGAPlugin, where nothing answers (WALinuxAgent, common/utils/restutil.py)."""


@dataclass(frozen=True)
class Patience:
    """What one boot is given."""

    accelerator: str = "tcg"
    limit: float = PLATFORM_S
    """Seconds from power-on for everything, whatever happens."""
    after_final_s: float = 5.0
    """Seconds after a sign that the boot comes no further, for what belongs to it to be printed."""

    def slowness(self, milestones: Mapping[str, float]) -> float:
        """How many times as long as usual this machine takes."""
        if "init" not in milestones:
            return SLOWEST if self.accelerator == "tcg" else 1.0
        start = milestones["init"] - milestones.get("loader", 0.0)
        return min(max(start / USUAL_START_S, 1.0), SLOWEST)

    def limit_s(self, milestones: Mapping[str, float]) -> float:
        """Seconds since power-on after which the boot is over."""
        if not {"init", "prompt", "address"} & set(milestones):
            return min(START_S[self.accelerator], self.limit)
        return self.limit

    def silence_s(self, milestones: Mapping[str, float]) -> float:
        """Seconds without anything new after which nothing more is expected."""
        return min(max(QUIET_S * self.slowness(milestones) / 2, QUIET_S), LONGEST_QUIET_S)
