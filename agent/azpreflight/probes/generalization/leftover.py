"""What the parts of the generalisation probe share: how bad a leftover is at which stage, and who would clean it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from azpreflight.guest.os_release import Distribution
from azpreflight.guest.waagent_conf import WaagentConfig
from azpreflight.host import FileKind, Host
from azpreflight.model import Confidence, Finding, Profile, Run, Severity, Stage
from azpreflight.probes.agents.facts import AgentsFacts, CloudInitFacts, Provisioner, WaagentFacts

DEPROVISION = "waagent -force -deprovision+user"
"""Its exit status is 0 whatever happens (WALinuxAgent, azurelinuxagent/agent.py), so only its effects count."""
CLEAN = "cloud-init clean --logs --seed"

NO_AGENTS = AgentsFacts(WaagentFacts(), CloudInitFacts(), Provisioner.UNKNOWN, Distribution())


def agents_of(run: Run) -> AgentsFacts:
    """The facts of the agents; where that probe could not look, none is known and nothing is cleaned."""
    return run.facts(AgentsFacts) or NO_AGENTS


def config_of(run: Run) -> WaagentConfig:
    """waagent's configuration, or its defaults."""
    return agents_of(run).waagent.config or WaagentConfig()


def deprovisions(run: Run) -> bool:
    """waagent is there to be run with -deprovision, and the image is to be generalised."""
    return agents_of(run).waagent.installed and run.profile is Profile.GENERALIZED


def leftover(
    run: Run,
    severity: Severity,
    message: str,
    fix: str,
    commands: Sequence[str],
    *,
    cleaned: bool,
    evidence: Optional[Mapping[str, str]] = None,
    unless: Optional[str] = None,
) -> Finding:
    """A finding on something of this machine that would go into the image.

    `cleaned` says that waagent's deprovisioning removes it: while the machine is still being built that makes it a
    note, and the command is that one. `unless` is what else it may be; it makes the finding a likely one.
    """
    cleaned = cleaned and deprovisions(run)
    at_build = Severity.NOTE if cleaned and run.stage is Stage.BUILD else severity
    return Finding(
        at_build,
        message,
        fix,
        (DEPROVISION,) if cleaned else tuple(commands),
        evidence or {},
        confidence=Confidence.LIKELY if unless else Confidence.CERTAIN,
        confidence_reason=unless or "seen directly",
    )


def filled(host: Host, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of these paths that are regular files with something in them."""
    return tuple(path for path in paths if _filled(host, path))


def _filled(host: Host, path: str) -> bool:
    info = host.info(path)
    return info is not None and info.kind is FileKind.FILE and info.size > 0


def matching(host: Host, patterns: Sequence[str]) -> tuple[str, ...]:
    """Every path that one of the patterns matches, sorted, each once."""
    return tuple(sorted({path for pattern in patterns for path in host.glob(pattern)}))
