"""Judging the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.host.systemd import UnitState
from azpreflight.model import (
    Cause,
    Check,
    Confidence,
    Finding,
    NotApplicable,
    Profile,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.ssh.facts import SERVICES, SshFacts
from azpreflight.text import plain

RESTARTS = ("fedora", "mariner", "azurelinux", "photon")
"""Where waagent restarts sshd, as on SUSE. RHEL's `condrestart` and Debian's `try-reload-or-restart` revive nothing."""
OVERRIDE = "/etc/systemd/system/{}.d/host-keys.conf"


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


CHECKS = (
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
)
