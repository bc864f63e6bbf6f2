"""Whether the agents can run at all, and what waagent's version is known for. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.agent_versions import OLDEST_SUPPORTED, UPDATE_CHECK_S, Versions, number
from azpreflight.dataclass import dataclass
from azpreflight.guest import os_release, waagent_conf
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.egress.facts import EgressFacts, host_of
from azpreflight.shell import argument
from azpreflight.text import plain, several

ELSEWHERE = "told from files; Python may be set up to look elsewhere"


def judge_program(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """The agents' interpreters are there, and have what they import."""
    if facts.cloud_init_provisions:
        yield from _judge_cloud_init(facts)
    program = facts.waagent.program
    if not facts.waagent.installed and not facts.cloud_init_provisions:
        yield NotApplicable("waagent is not installed")
    elif not facts.waagent.installed:
        return
    elif program.interpreter is None:
        yield Unknown("waagent names no interpreter")
    elif not program.interpreter_found:
        yield _cannot_start(facts, f"its interpreter {plain(program.interpreter)} is not there")
    elif program.python is not None and program.package is None:
        yield _cannot_start(facts, f"Python {program.python} does not find its modules (azurelinuxagent)")
    elif program.missing:
        yield _cannot_start(facts, f"Python {program.python} has no {several(program.missing)}")
    elif program.lacks_tostring and facts.provisioner in (Provisioner.WAAGENT, Provisioner.BOTH):
        yield _cannot_provision(facts)


def _judge_cloud_init(facts: AgentsFacts) -> Iterator[Finding]:
    """Told of the system's own Python alone: one of a virtual environment looks elsewhere."""
    program = facts.cloud_init.program
    if program.interpreter is None or not program.interpreter.startswith(("/usr/bin/", "/bin/", "/usr/libexec/")):
        return
    shown = plain(program.interpreter)
    if not program.interpreter_found:
        reason = f"its interpreter {shown} is not there"
    elif program.python is not None and program.package is None:
        reason = f"{shown} is Python {program.python}, which does not find its modules (cloudinit)"
    elif program.missing:
        reason = f"Python {program.python} has no {several(program.missing)}, which it imports"
    else:
        return
    yield Finding(
        Severity.ERROR,
        f"cloud-init cannot start: {reason}; a VM is not provisioned",
        "Make it the distribution's own Python again, or install cloud-init for this one.",
        (f"readlink -f {argument(program.interpreter)}", "cloud-init --version"),
        confidence=Confidence.LIKELY,
        confidence_reason=ELSEWHERE,
    )


def _cannot_start(facts: AgentsFacts, reason: str) -> Finding:
    provisions = facts.provisioner in (Provisioner.WAAGENT, Provisioner.BOTH)
    consequence = "a VM is not provisioned" if provisions else "extensions of a VM will never run"
    return Finding(
        Severity.ERROR if provisions else Severity.WARNING,
        f"waagent cannot start: {reason}; {consequence}",
        "Install the distribution's agent for its own Python.",
        (os_release.install_command(facts.distribution, "waagent"), "waagent -version"),
        confidence=Confidence.LIKELY,
        confidence_reason=ELSEWHERE,
    )


def _cannot_provision(facts: AgentsFacts) -> Finding:
    """Extensions do not need it, so that the agent does beside cloud-init."""
    waagent = facts.waagent
    return Finding(
        Severity.ERROR,
        f"waagent {plain(waagent.version or '')} cannot provision with Python {waagent.program.python}: it calls"
        " array.tostring, which is gone there; a VM never reports Ready",
        "Let cloud-init provision, or install a newer agent.",
        (
            os_release.install_command(facts.distribution, "cloud-init"),
            waagent_conf.set_key(waagent.config_path, "Provisioning.Agent", "auto"),
        ),
    )


def judge_version(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """The agent is one that Azure supports, and its unit is the one that is enabled."""
    waagent = facts.waagent
    if not waagent.installed:
        yield NotApplicable("waagent is not installed")
        return
    if waagent.version is not None and number(waagent.version) < number(OLDEST_SUPPORTED):
        yield _too_old(facts)
    if waagent.program.hides_errors and run.stage is not Stage.FIRSTBOOT:  # it breaks nothing in a VM that runs
        yield Finding(
            Severity.NOTE,
            f"waagent {plain(waagent.version or '')} on Python {waagent.program.python} hides its errors: a failure "
            "ends in TypeError (etype), and the cause is in the trace alone",
            "Look for the last exception before TypeError in waagent.log, or install a newer agent.",
        )
    yield from _judge_features(waagent.versions, run)
    for name in waagent.strays:
        yield Finding(
            Severity.WARNING,
            f"{name} is enabled and there is no such unit; the agent's unit is {waagent.unit.name}",
            "Enable the unit by its own name.",
            (f"systemctl disable {name}", f"systemctl enable {waagent.unit.name}"),
        )


def _too_old(facts: AgentsFacts) -> Finding:
    """Debian 11 has no newer one than 2.2.47, so that the package manager alone may not help."""
    waagent = facts.waagent
    message = f"waagent {plain(waagent.version or '')} is older than {OLDEST_SUPPORTED}, the oldest that Azure supports"
    if waagent.config is not None and waagent.config.auto_update:
        return Finding(
            Severity.NOTE,
            f"{message}: it has to update itself before extensions run",
            "Install a newer agent where the distribution has one; else leave AutoUpdate on, and the way to it open.",
        )
    newer = os_release.install_command(facts.distribution, "waagent")
    return Finding(
        Severity.WARNING,
        message,
        "Install a newer agent, and let it update itself where the distribution has none.",
        (newer, waagent_conf.set_key(waagent.config_path, "AutoUpdate.Enabled", "y")),
    )


def _judge_features(versions: Versions, run: Run) -> Iterator[Finding]:
    """What the version at work lacks: for the makers of an image, and in a VM where a newer one is kept from it."""
    update = _update(versions, run)
    if not versions.lacks or (run.stage is Stage.FIRSTBOOT and not update.kept_out):
        return
    lacking = several([f"{feature.what} (from {feature.first} on)" for feature in versions.lacks], limit=400)
    yield Finding(
        Severity.NOTE,
        f"waagent {plain(versions.handler or '')} lacks what newer versions have: {lacking}; {update.said}",
        update.fix,
        evidence={"installed": plain(versions.installed or "unknown"), "handler": plain(versions.handler or "unknown")},
    )


@dataclass(frozen=True)
class _Update:
    """Whether a newer handler will come."""

    said: str
    fix: str
    kept_out: bool = False
    """It would, and nothing lets it through."""


def _update(versions: Versions, run: Run) -> _Update:
    """By the settings, and by the way to the releases that the goal state names."""
    newer = "Install a newer agent where one of these is needed."
    if not versions.updates:
        return _Update("AutoUpdate is off in waagent.conf, so it stays as it is", newer)
    egress = run.facts(EgressFacts)
    releases = next((package for package in egress.packages if package.agent), None) if egress is not None else None
    hours = f"{UPDATE_CHECK_S / 3600:.0f} h"
    if releases is None:
        said = f"it looks for a newer release every {hours}, where the VM's goal state says"
        return _Update(said, "Nothing, unless one of these is needed before the first update.")
    hosts = several(list(dict.fromkeys(host_of(answer.url) for answer in releases.manifests)))
    if releases.open:
        return _Update(f"it updates itself from {hosts}, and that way is open", "Nothing; the update comes.")
    if releases.relayed:
        said = f"it updates itself by the HostGAPlugin, as {hosts} cannot be reached"
        return _Update(said, "Nothing; the update comes.")
    said = f"it updates itself from {hosts}, and neither that way nor the HostGAPlugin delivers"
    return _Update(said, f"{newer[:-1]}, or open the way, see egress-packages.", True)


CHECKS = (
    Check(
        "agents-program",
        "the agents' Python and modules are complete",
        judge_program,
        Severity.ERROR,
        cause=Cause.NO_PROVISIONING_AGENT,
        offline=True,
    ),
    Check(
        "agents-version",
        "waagent is a supported version",
        judge_version,
        Severity.WARNING,
        cause=Cause.AGENT_CONFIG,
        reads=("egress",),
        offline=True,
    ),
)
