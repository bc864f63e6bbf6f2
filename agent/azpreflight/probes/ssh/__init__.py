"""Whether an SSH server runs once a VM has been provisioned: "provisioned, and nobody can log in".

Deprovisioning deletes the host keys, and the agent that provisions makes new ones. cloud-init does so before sshd is
started. waagent does so after everything else has been, and two things go wrong until then, both seen with Debian's
waagent 2.7.3 to 2.16:

* sshd starts without host keys, fails five times in a row, and is given up. waagent makes the keys and asks systemd for
  `try-reload-or-restart`, which leaves alone what has failed.
* On what systemd takes for the first boot of an installation (no /etc/machine-id, or "uninitialized" in it) it applies
  its presets, which enable ssh.socket beside ssh.service. The reload then makes sshd bind a port that the socket holds,
  it exits with 255, and its unit forbids another start after that.

(WALinuxAgent, azurelinuxagent/pa/provision/default.py and common/osutil/debian.py; openssh, ssh.service of Debian;
systemd, machine-id(5) and systemd.preset(5).)
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

from azpreflight.guest import unit_runs
from azpreflight.host import Host, HostError, systemd
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Probe,
    Profile,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.text import plain

WORST_CASE_S = 4.0
"""Seconds: one file on a disk that has died, and systemctl."""
SERVICES = ("ssh.service", "sshd.service")
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
RESTARTS = ("fedora", "mariner", "azurelinux", "photon")
"""Where waagent restarts sshd, as on SUSE. RHEL's `condrestart` and Debian's `try-reload-or-restart` revive nothing."""
OVERRIDE = "/etc/systemd/system/{}.d/host-keys.conf"


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


def judge_start(facts: SshFacts, run: Run) -> Iterator[Verdict]:
    """sshd will run when provisioning is over."""
    agents = run.facts(AgentsFacts)
    if facts.service.state is UnitState.ABSENT:
        yield NotApplicable("no SSH server is installed")
    elif agents is None:
        yield Unknown("the agents could not be inspected")
    elif not facts.will_start:
        yield _never_starts(facts)
    elif agents.provisioner is Provisioner.WAAGENT and facts.service.state is UnitState.ENABLED:
        yield from _judge_with_waagent(facts, agents, run)


def _never_starts(facts: SshFacts) -> Finding:
    """Masked, or wanted by nothing."""
    name = facts.service.name if facts.service.state is UnitState.DISABLED else (*facts.masked, facts.service.name)[0]
    states = f"{name} is {'masked' if name in facts.masked else facts.service.state.value}"
    states += (
        f" and {facts.socket.name} {facts.socket.state.value}" if facts.socket.state is not UnitState.ABSENT else ""
    )
    if facts.masked and name not in facts.masked:
        states += f", {plain(', '.join(facts.masked))} masked"
    unmask = tuple(f"systemctl unmask {one}" for one in facts.masked if one in SERVICES)
    started = next((one for one in facts.masked if one in SERVICES), facts.service.name)
    return Finding(
        Severity.ERROR,
        f"no SSH server starts at the next boot: {states}",
        "Enable the server.",
        (*unmask, f"systemctl enable {started}"),
    )


def _judge_with_waagent(facts: SshFacts, agents: AgentsFacts, run: Run) -> Iterator[Finding]:
    config = agents.waagent.config
    regenerates = config is not None and config.regenerate_ssh_host_keys
    absent = not facts.host_keys or (run.stage is Stage.BUILD and regenerates)
    made = facts.makes_keys or (facts.makes_keys_at_first_boot and facts.first_boot)
    if absent and not made and not (regenerates and _restarts(agents)):
        late = (
            "and waagent makes them too late and revives no failed service" if regenerates else "and nobody makes them"
        )
        yield _dies(facts, f"{facts.service.name} starts without host keys, {late}: nobody can log in to a VM")
    elif regenerates and agents.distribution.id == "debian" and _socket_will_listen(facts):
        yield _dies(
            facts,
            f"{facts.socket.name} and {facts.service.name} both start, and waagent's reload makes sshd exit: "
            "nobody can log in to a VM",
        )


def _restarts(agents: AgentsFacts) -> bool:
    return agents.distribution.id in RESTARTS or agents.distribution.of("suse", "sles")


def _socket_will_listen(facts: SshFacts) -> bool:
    preset = facts.socket.state is UnitState.DISABLED and facts.first_boot and facts.socket_preset
    return facts.socket.state is UnitState.ENABLED or preset


def _dies(facts: SshFacts, message: str) -> Finding:
    directory, _, _ = OVERRIDE.format(facts.service.name).rpartition("/")
    lines = "[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n"
    socket = (
        (f"ln -sf /dev/null /etc/systemd/system/{facts.socket.name}",)
        if facts.socket.state is not UnitState.ABSENT
        else ()
    )
    return Finding(
        Severity.ERROR,
        message,
        "Have sshd make missing host keys itself, and let no socket hold its port.",
        (f"mkdir -p {directory}", f"printf '{lines}' > {directory}/host-keys.conf", *socket),
        confidence=Confidence.LIKELY,
        confidence_reason="seen with waagent 2.7.3 to 2.16 on Debian 12, 13 and sid; something else may restart sshd",
    )


def judge_state(facts: SshFacts, run: Run) -> Iterator[Verdict]:
    """sshd has not failed."""
    if facts.service.state is UnitState.ABSENT:
        yield NotApplicable("no SSH server is installed")
    elif facts.state_error is not None:
        yield Unknown(facts.state_error)
    elif facts.state is None:
        yield Unknown(f"systemd says nothing of {facts.service.name}")
    elif facts.state == "failed":
        keys = "host keys are there now" if facts.host_keys else "there is no host key"
        yield Finding(
            Severity.ERROR,
            f"{facts.service.name} is {plain(facts.state)}, {keys}: nobody can log in",
            "Start it again, and fix the image.",
            (f"systemctl restart {facts.service.name}", f"journalctl --unit {facts.service.name} --boot --no-pager"),
        )


PROBE = Probe(
    name="ssh",
    facts=SshFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        Check(
            "ssh-start",
            "an SSH server will start after provisioning",
            judge_start,
            Severity.ERROR,
            cause=Cause.BOOT_CONFIG,
            stages=(Stage.BUILD, Stage.CAPTURE),
            profiles=(Profile.GENERALIZED,),
            offline=True,
        ),
        Check(
            "ssh-state",
            "the SSH server has not failed",
            judge_state,
            Severity.ERROR,
            cause=Cause.BOOT_CONFIG,
            stages=(Stage.FIRSTBOOT,),
        ),
    ),
)
