"""Which extensions the image's own policy file keeps from running. Pure.

waagent takes /etc/waagent_policy.json into account from 2.16 on, wherever it comes from. A file that lay in an image
for years is then in force, without a word, when the agent has updated itself (WALinuxAgent,
azurelinuxagent/ga/policy/policy_engine.py, ga/exthandlers.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.azure import endpoints
from azpreflight.azure.agent_versions import ENFORCES_POLICY
from azpreflight.azure.extension_policy import Policy
from azpreflight.guest.waagent_conf import WaagentConfig
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, WaagentFacts
from azpreflight.probes.platform.facts import PlatformFacts
from azpreflight.shell import argument
from azpreflight.text import plain, several


def judge(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """The policy file, if there is one and the agent takes it, lets the extensions of this VM run."""
    waagent = facts.waagent
    if not waagent.installed:
        yield NotApplicable("waagent is not installed")
    elif waagent.policy_error is not None:
        yield Unknown(waagent.policy_error)
    elif waagent.policy is None:
        yield NotApplicable(f"there is no {plain(_path(waagent))}, so every extension may run")
    elif not waagent.policy_in_force and not waagent.policy_comes:
        yield NotApplicable(f"waagent {plain(waagent.version or '')} does not read {plain(_path(waagent))}")
    else:
        yield from _judge(waagent, waagent.policy, wanted(run))


def wanted(run: Run) -> Optional[tuple[str, ...]]:
    """The extensions of this VM, and those that are asked about; None where neither is known."""
    platform = run.facts(PlatformFacts)
    goal = platform.wanted if platform is not None else None
    named = [plugin.name for plugin in goal.plugins if plugin.state == "enabled"] if goal is not None else []
    every = tuple(dict.fromkeys((*named, *map(_full_name, run.extensions))))
    return every if every or goal is not None else None


def _full_name(extension: str) -> str:
    """With its publisher, where the catalogue knows it by its type alone."""
    entry = endpoints.known(extension)
    return extension if entry is None else entry.name


def _path(waagent: WaagentFacts) -> str:
    return (waagent.config or WaagentConfig()).policy_path


def _judge(waagent: WaagentFacts, policy: Policy, extensions: Optional[Sequence[str]]) -> Iterator[Finding]:
    path = plain(_path(waagent))
    if policy.fault is not None:
        yield _found(
            waagent,
            Severity.ERROR,
            f"{path} is no policy that waagent takes ({policy.fault}): it refuses every extension",
            "Correct the file, or remove it where no policy is meant.",
        )
        return
    kept_out = [name for name in extensions or () if policy.refuses(name)]
    if kept_out:
        yield _found(
            waagent,
            Severity.ERROR,
            f"{path} does not list {several(kept_out)}: waagent refuses what is not listed",
            "Add the extensions to `extensions` in the file, or remove them from the VM.",
        )
    elif policy.listed_only and extensions is None:
        listed = several(policy.listed) if policy.listed else "none"
        yield _found(
            waagent,
            Severity.NOTE,
            f"{path} lets only extensions run that it lists: {listed}",
            "Leave it where that is meant; else remove allowListedExtensionsOnly from the file.",
        )
    if policy.wants_signatures:
        yield _found(
            waagent,
            Severity.WARNING,
            f"{path} demands signatures: on a VM that is not a confidential one waagent refuses every extension, and on"
            " a confidential one those that are not signed",
            "Take signatureRequired out of the file unless all VMs of this image are confidential ones.",
            "a VM of the image may be a confidential one",
        )


def _found(waagent: WaagentFacts, severity: Severity, message: str, fix: str, unless: Optional[str] = None) -> Finding:
    later = not waagent.policy_in_force
    version = waagent.versions.handler
    when = f" from {ENFORCES_POLICY.first} on, to which waagent {plain(version or '')} updates itself".replace(
        "  ", " "
    )
    return Finding(
        min(severity, Severity.WARNING, key=lambda one: one.rank) if later else severity,
        message + (when if later else ""),
        fix,
        (f"cat {argument(_path(waagent))}",),
        {"handler": plain(version or "unknown")},
        confidence=Confidence.LIKELY if later or unless else Confidence.CERTAIN,
        confidence_reason=unless or ("an update may be kept from it" if later else "seen directly"),
    )


CHECKS = (
    Check(
        "agents-policy",
        "waagent's policy file lets this VM's extensions run",
        judge,
        Severity.ERROR,
        cause=Cause.AGENT_CONFIG,
        reads=("platform",),
        offline=True,
    ),
)
