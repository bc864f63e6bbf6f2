"""Collecting the facts."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from azpreflight.guest import unit_runs
from azpreflight.host import Host, HostError, systemd
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import (
    Run,
    Stage,
)
from azpreflight.probes.ssh.facts import SERVICES, SshFacts

SOCKETS = ("ssh.socket", "sshd.socket")
OTHERS = ("dropbear.service", "dropbear.socket", "tinysshd.socket")
"""Servers other than OpenSSH that distributions have."""
KEYS = "/etc/ssh/ssh_host_*_key"
MACHINE_ID = "/etc/machine-id"
PRESETS = (
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
)
UNIT_LIMIT = 64 * 1024
"""Bytes of a unit or preset file; none has 4 KiB."""
MAKES_KEYS = re.compile(r"ssh-?keygen|keygen|gen-keys|host-?keys", re.IGNORECASE)
"""What units and commands that make host keys are called: sshd-keygen@rsa.service, sshd-gen-keys-start."""


def gather(host: Host, run: Run) -> SshFacts:
    """Units, their drop-ins, keys and machine id; at first boot the state too."""
    service, socket = systemd.best(host, SERVICES), systemd.best(host, SOCKETS)
    always, at_first = _key_makers(host, service)
    state, error = _state(host, run, service)
    machine_id, presets = host.text(MACHINE_ID), _presets(host)
    units = [systemd.unit(host, name) for name in (*SERVICES, *SOCKETS)]
    return SshFacts(
        service=service,
        socket=socket,
        host_keys=any((info := host.info(key)) is not None and info.size > 0 for key in host.glob(KEYS)),
        makes_keys=always,
        makes_keys_at_first_boot=at_first,
        first_boot=machine_id is None or machine_id.strip() == "uninitialized",
        socket_preset=enabled_by_preset(presets, socket.name),
        service_preset=enabled_by_preset(presets, service.name),
        masked=tuple(one.name for one in units if one.state is UnitState.MASKED),
        others=tuple(name for name in OTHERS if systemd.unit(host, name).state is UnitState.ENABLED),
        state=state,
        state_error=error,
    )


def enabled_by_preset(texts: Sequence[str], unit: str) -> bool:
    """What the first line that matches says; without one a unit is enabled (systemd.preset(5))."""
    rows = (line.split() for text in texts for line in text.splitlines())
    words = (row for row in rows if len(row) >= 2 and row[0] in ("enable", "disable"))
    return next((row[0] == "enable" for row in words if fnmatch.fnmatchcase(unit, row[1])), True)


def _presets(host: Host) -> list[str]:
    by_name: dict[str, str] = {}
    for directory in PRESETS:
        for name in host.list(directory) or ():
            by_name.setdefault(name, f"{directory}/{name}")
    paths = [by_name[name] for name in sorted(by_name) if name.endswith(".preset")]
    return [host.text(path, UNIT_LIMIT) or "" for path in paths]


def _key_makers(host: Host, service: Unit) -> tuple[bool, bool]:
    """Whether missing keys are made before the service starts: always, and at systemd's first boot."""
    names = {service.name, *(name for name in SERVICES if service.path is not None)}
    texts = [systemd.text(host, replace(service, name=name)) for name in sorted(names)]
    if any(MAKES_KEYS.search(line) for text in texts for line in re.findall(r"^ExecStartPre=.*$", text, re.MULTILINE)):
        return True, True
    pulled = {word for text in texts for line in _wants(text) for word in line.split() if MAKES_KEYS.search(word)}
    links = (path for name in names for base in systemd.UNIT_PATHS for path in host.glob(f"{base}/{name}.wants/*"))
    pulled |= {name for name in (path.rpartition("/")[2] for path in links) if MAKES_KEYS.search(name)}
    conditions = ["ConditionFirstBoot=yes" in _unit_text(host, name) for name in sorted(pulled)]
    return not all(conditions), bool(conditions)


def _wants(text: str) -> list[str]:
    return re.findall(r"^(?:Wants|Requires)=(.*)$", text, re.MULTILINE)


def _unit_text(host: Host, name: str) -> str:
    """The file of a unit, or of the template that it is an instance of."""
    unit = systemd.best(host, (name, re.sub(r"@[^.]*", "@", name)))
    return systemd.text(host, unit)


def _state(host: Host, run: Run, service: Unit) -> tuple[Optional[str], Optional[str]]:
    if run.stage is not Stage.FIRSTBOOT or run.offline or service.state is UnitState.ABSENT:
        return None, None
    try:
        found = unit_runs.runs(host, (service.name,))
        return (found[0].active or None if found else None), None
    except HostError as error:
        return None, str(error)
