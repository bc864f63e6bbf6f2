"""What is known of the rules saved for the next boot."""

from __future__ import annotations

from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.firewall.facts import Dump, FlowFacts, Outcome, Rehearsal


@dataclass(frozen=True)
class Service:
    """A service that can load rules at boot."""

    name: str
    """netfilter-persistent, nftables, ufw, firewalld, or the name of its unit without the ending."""
    unit: str
    runs: bool
    """The next boot starts it, as far as files tell."""
    files: tuple[str, ...] = ()
    """What it loads, in order; files that are absent are left out."""
    reason: Optional[str] = None
    """Why it does not run, or why what it does cannot be rehearsed."""


@dataclass(frozen=True)
class Hook:
    """Something of the user's own that is run at boot and speaks of a firewall. It is never executed here."""

    path: str
    words: tuple[str, ...]
    """The programs that it names, such as iptables-restore."""
    files: tuple[str, ...] = ()
    """Files of rules that it gives to a loader, which are rehearsed as if it did so last of all."""


@dataclass(frozen=True)
class Boot:
    """What comes of the saved rules if they are loaded in one order."""

    order: tuple[str, ...]
    """Names of services, first started first; after them, paths of hooks that name files of rules."""
    rehearsal: Rehearsal
    dumps: tuple[Dump, ...]
    """What the system's own tools print of the rules once they are loaded."""
    flows: tuple[FlowFacts, ...]


@dataclass(frozen=True)
class SavedRulesFacts:
    """The rules of the next boot."""

    services: tuple[Service, ...]
    """Those that are installed."""
    hooks: tuple[Hook, ...]
    boots: tuple[Boot, ...]
    """One for each order in which the services may start; empty if nothing is loaded, or nothing can be rehearsed."""
    unread: tuple[str, ...] = ()
    """What could not be read, each with its reason: then nothing is proven to pass."""

    def lets_through(self, flow: str) -> bool:
        """The next boot lets root's own flow through, in whatever order; also if it has no rules at all."""
        found = [one for boot in self.boots for one in boot.flows if one.flow.uid == 0 and one.flow.text == flow]
        blind = self.unread or self.hooks or any(service.runs and service.reason for service in self.services)
        return not blind and all(one.outcome is Outcome.ALLOWED for one in found)
