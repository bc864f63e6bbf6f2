"""What was found."""

from __future__ import annotations

from dataclasses import field
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.host.systemd import Unit, UnitState

SERVICES = ("ssh.service", "sshd.service")


@dataclass(frozen=True)
class SshFacts:
    """The SSH server's units, and what they will find at the next boot."""

    service: Unit = field(default_factory=lambda: Unit("ssh.service", UnitState.ABSENT))
    socket: Unit = field(default_factory=lambda: Unit("ssh.socket", UnitState.ABSENT))
    host_keys: bool = False
    """There is a host key now."""
    makes_keys: bool = False
    """The service, or a unit that it pulls in, makes missing keys at every boot."""
    makes_keys_at_first_boot: bool = False
    """The same, where systemd takes the boot for the first one."""
    first_boot: bool = False
    """The next boot is one that systemd takes for the first: no machine id, or "uninitialized"."""
    socket_preset: bool = False
    """systemd's presets enable the socket at such a boot."""
    service_preset: bool = False
    """systemd's presets enable the service at such a boot."""
    masked: tuple[str, ...] = ()
    """Units of the server that are masked."""
    others: tuple[str, ...] = ()
    """Units of other servers that are enabled."""
    state: Optional[str] = None
    """What systemd makes of the service now, at first boot: active, failed ...; None where it was not asked."""
    state_error: Optional[str] = None
    """Why it could not be asked; None if it could, or was not to be."""

    @property
    def will_start(self) -> bool:
        """The next boot starts the service or the socket."""
        enabled = UnitState.ENABLED in (self.service.state, self.socket.state)
        by_preset = self.first_boot and (
            (self.service_preset and self.service.state is UnitState.DISABLED)
            or (self.socket_preset and self.socket.state is UnitState.DISABLED)
        )
        return enabled or by_preset or bool(self.others)
