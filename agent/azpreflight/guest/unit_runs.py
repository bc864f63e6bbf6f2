"""What systemd made of units at this boot, as it says itself; what their files say, host/systemd.py tells."""

from __future__ import annotations

from collections.abc import Sequence

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.host import Host

TIMEOUT = 2.0
"""Seconds: systemd answers at once, or hangs."""
PROPERTIES = ("Id", "LoadState", "ActiveState", "Result", "NRestarts", "ConditionResult", "ConditionTimestampMonotonic")
MANY_STARTS = 3
"""Once may be a program that updates itself, which waagent does."""


@dataclass(frozen=True)
class UnitRun:
    """One unit at this boot."""

    name: str
    """The one that it goes by: a unit that was asked for by an alias says so."""
    active: str
    """active, inactive, activating, failed ..."""
    result: str = "success"
    """Why it failed: exit-code, timeout, oom-kill ..."""
    restarts: int = 0
    """How often systemd started it again, because it had ended by itself."""
    condition_failed: bool = False
    """It was to be started and was not, because a condition of its unit does not hold."""

    @property
    def failed(self) -> bool:
        """systemd has given it up."""
        return self.active == "failed"

    @property
    def ends_again_and_again(self) -> bool:
        """It is started and ends, time after time."""
        return self.restarts >= MANY_STARTS and not self.failed


def command(names: Sequence[str]) -> tuple[str, ...]:
    """What asks for these units."""
    return ("systemctl", "show", f"--property={','.join(PROPERTIES)}", *names)


def runs(host: Host, names: Sequence[str]) -> tuple[UnitRun, ...]:
    """Those of the units that there are. HostError where systemd cannot be asked."""
    return parse(host.run(command(names), TIMEOUT).stdout)


def parse(output: str) -> tuple[UnitRun, ...]:
    """The blocks of `systemctl show`, one a unit; one that was asked for by two names is told once."""
    blocks = (dict(line.partition("=")[::2] for line in block.splitlines()) for block in output.split("\n\n"))
    found = {block["Id"]: _run(block) for block in blocks if "Id" in block and block.get("LoadState") != "not-found"}
    return tuple(found.values())


def _run(block: dict[str, str]) -> UnitRun:
    restarts, tried = block.get("NRestarts", ""), block.get("ConditionTimestampMonotonic", "0")
    return UnitRun(
        name=block["Id"],
        active=block.get("ActiveState", ""),
        result=block.get("Result", "success"),
        restarts=whole(restarts) or 0,
        condition_failed=block.get("ConditionResult") == "no" and tried not in ("", "0"),
    )
