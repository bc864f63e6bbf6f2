"""The logs of waagent and cloud-init: what the agents themselves said.

They are witnesses. An agent that waits for a wire server behind a firewall rule says "timed out", and nothing of the
rule. So their lines are shown as evidence beside the cause that another probe finds. One line is a cause by itself:
waagent that finds its sentinel from another VM skips provisioning, rewrites the sentinel and reports Ready, so that
this line is all that lasts of an image that was not generalised (WALinuxAgent pa/provision/default.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from azpreflight.azure import log_evidence
from azpreflight.azure.log_signatures import (
    AZURE_INIT,
    CHANGED_IDENTIFIER,
    CLOUD_INIT,
    DS_IDENTIFY,
    PROXY_AGENT,
    SIGNATURES,
    WAAGENT,
)
from azpreflight.guest import writers
from azpreflight.host import Host, HostError
from azpreflight.model import Cause, Check, Confidence, Finding, Probe, Profile, Run, Severity, Stage, Unknown, Verdict

PATHS = {
    WAAGENT: "/var/log/waagent.log",
    CLOUD_INIT: "/var/log/cloud-init.log",
    AZURE_INIT: "/var/log/azure-init.log",
}
"""waagent's path is fixed in its code, whatever its configuration says; cloud-init's is the one of every package, and
azure-init's its default (libazureinit/src/config.rs)."""
EVERY = {
    **PATHS,
    DS_IDENTIFY: "/run/cloud-init/ds-identify.log",
    PROXY_AGENT: "/var/log/azure-proxy-agent/ProxyAgent.log",
}
"""The same, what decided at boot whether cloud-init runs at all (cloud-init, tools/ds-identify), and the Guest Proxy
Agent, which is between the agents and the platform where it is installed (proxy_agent/src/service.rs)."""
TAIL = 1 << 20
"""Bytes read from the end: a first boot writes about 20 KiB (waagent) and 120 KiB (cloud-init)."""
LINES = 20_000
"""Lines that are searched, the last ones; a first boot has some 1,500."""


@dataclass(frozen=True)
class Sighting:
    """One signature in a log."""

    id: str
    log: str
    count: int
    last: str
    """The last line that matched, in known words and typed values (`evidence.shown`)."""


@dataclass(frozen=True)
class LogsFacts:
    """What the agents' logs say."""

    sightings: tuple[Sighting, ...]
    """In the order of their last line."""
    missing: tuple[str, ...]
    """Logs that do not exist."""
    unreadable: tuple[str, ...]
    """Why a log that exists could not be read."""


def gather(host: Host, run: Run) -> LogsFacts:
    """Read the end of every log."""
    sightings: tuple[Sighting, ...] = ()
    missing, unreadable = [], []
    for log, path in EVERY.items():
        try:
            text = host.tail(path, TAIL)
            why = writers.others(host, path)
        except HostError as error:
            unreadable.append(str(error))
            continue
        if why is not None:
            unreadable.append(writers.not_believed(path, why))
            continue
        if text is None:
            missing.append(path)
            continue
        sightings += parse(text, log)
    return LogsFacts(sightings, tuple(missing), tuple(unreadable))


def parse(text: str, log: str) -> tuple[Sighting, ...]:
    """The signatures in the text of one log."""
    signatures = [signature for signature in SIGNATURES if signature.log == log]
    seen: dict[str, tuple[int, str]] = {}
    for line in (whole[: log_evidence.LINE] for whole in text.splitlines()[-LINES:]):
        for signature in signatures:
            if signature.pattern.search(line):
                count, _ = seen.pop(signature.id, (0, ""))
                seen[signature.id] = count + 1, line
    return tuple(Sighting(name, log, count, log_evidence.shown(last)) for name, (count, last) in seen.items())


def sighting(facts: LogsFacts, signature: str) -> Optional[Sighting]:
    """What was seen of one signature."""
    return next((seen for seen in facts.sightings if seen.id == signature), None)


def witness(facts: LogsFacts) -> Iterator[tuple[Cause, str]]:
    """The lines that are evidence of a cause, oldest first."""
    causes = {signature.id: signature.cause for signature in SIGNATURES}
    for seen in facts.sightings:
        cause = causes.get(seen.id)
        if cause is not None:
            times = f" ({seen.count} times)" if seen.count > 1 else ""
            yield cause, f"{EVERY.get(seen.log, seen.log)}: {seen.last}{times}"


def judge_identifier(facts: LogsFacts, run: Run) -> Iterator[Verdict]:
    """waagent says itself that its sentinel is another VM's."""
    seen = sighting(facts, CHANGED_IDENTIFIER)
    if seen is not None:
        yield Finding(
            severity=Severity.ERROR,
            message="waagent found itself provisioned as another VM and skipped provisioning:"
            " the image was not generalised",
            fix="Deprovision the source VM with `waagent -force -deprovision+user` right before capture, capture"
            " again, and create the VM from the new image; this one keeps the source's users, keys and host name.",
            evidence={"line": seen.last},
            confidence=Confidence.LIKELY,
            confidence_reason="the agent's own log says so; a VM that the platform gave another identifier"
            " would write the same",
        )
        return
    for reason in facts.unreadable:
        yield Unknown(reason)


WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="logs",
    facts=LogsFacts,
    gather=gather,
    witness=witness,
    checks=(
        Check(
            "logs-vm-identifier",
            "waagent did not skip provisioning as already done",
            judge_identifier,
            Severity.ERROR,
            cause=Cause.NOT_GENERALIZED,
            stages=(Stage.FIRSTBOOT,),
            offline=True,
            profiles=(Profile.GENERALIZED,),
        ),
    ),
)
