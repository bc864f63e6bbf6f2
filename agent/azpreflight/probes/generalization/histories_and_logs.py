"""What was done on the build VM, and what its agents wrote about it: shell histories and logs.

A history has commands with passwords in them; the agents' logs have names, the subscription, and what extensions did.
Deprovisioning deletes root's .bash_history and waagent.log and leaves every other history, and every rotated log
(WALinuxAgent, azurelinuxagent/pa/deprovision/default.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from azpreflight.azure.agent_versions import CLEANS_ROTATED_LOGS
from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT
from azpreflight.host import Host
from azpreflight.host.removable import AGENT_LOGS, is_directory_of
from azpreflight.model import Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import CloudInitFacts
from azpreflight.probes.generalization.check import WARNING, check
from azpreflight.probes.generalization.leftover import CLEAN, agents_of, config_of, filled, leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, plain, several

ROOT_HISTORY = "/root/.bash_history"
WAAGENT_LOG = "/var/log/waagent.log"
"""Fixed in the agent (azurelinuxagent/common/conf.py)."""
HISTORIES = (".*_history", ".*_hist", ".histfile", ".lesshst", ".viminfo", ".python_history")


@dataclass(frozen=True)
class TraceFacts:
    """Files with something in them."""

    root_history: bool = False
    histories: tuple[str, ...] = ()
    """All others, in /root and /home."""
    agent_logs: tuple[str, ...] = ()
    """waagent.log, and what is in the extensions' log directory: deprovisioning deletes these."""
    rotated_logs: tuple[str, ...] = ()
    """waagent.log.1 and older ones, which it leaves."""
    cloud_init_logs: tuple[str, ...] = ()


def look(host: Host, run: Run) -> TraceFacts:
    """Names only. HostError without root."""
    patterns = [f"{home}/{name}" for home in ("/root", "/home/*") for name in HISTORIES]
    histories = filled(host, matching(host, patterns))
    log_dir = config_of(run).extension_log_dir
    extensions = (f"{log_dir}/*",) if is_directory_of(log_dir, AGENT_LOGS) else ()
    return TraceFacts(
        root_history=ROOT_HISTORY in histories,
        histories=tuple(path for path in histories if path != ROOT_HISTORY)[:KEPT],
        agent_logs=(*filled(host, (WAAGENT_LOG,)), *matching(host, extensions))[:KEPT],
        rotated_logs=filled(host, matching(host, (f"{WAAGENT_LOG}[.-]*",)))[:KEPT],
        cloud_init_logs=filled(host, matching(host, ("/var/log/cloud-init*.log*",)))[:KEPT],
    )


def judge_history(facts: TraceFacts, run: Run) -> Iterator[Verdict]:
    """No shell history of this machine goes into the image."""
    ours = (ROOT_HISTORY,) if facts.root_history else ()
    for paths, cleaned in ((ours, True), (facts.histories, False)):
        if paths:
            message = f"{count(len(paths), 'history file')} of this machine: {several(paths)}"
            yield _found(run, message, paths, cleaned=cleaned)


def judge_logs(facts: TraceFacts, run: Run) -> Iterator[Verdict]:
    """No log of the agents goes into the image."""
    log_dir = config_of(run).extension_log_dir
    if log_dir and not is_directory_of(log_dir, AGENT_LOGS):
        yield Unknown(f"Extension.LogDir={plain(log_dir)} in waagent.conf is no directory for its logs alone")
    for paths, cleaned in ((facts.agent_logs, True), (facts.rotated_logs, False)):
        if paths:
            yield _found(run, f"waagent's logs of this machine: {several(paths)}", paths, cleaned=cleaned)
    if facts.cloud_init_logs:
        paths = facts.cloud_init_logs
        commands = tuple(_commands(paths, agents_of(run).cloud_init))
        message = f"cloud-init's logs of this machine: {several(paths)}"
        yield leftover(run, Severity.WARNING, message, "Delete them.", commands, cleaned=False)


def _commands(paths: Sequence[str], cloud_init: CloudInitFacts) -> Iterator[str]:
    """Its own, and what that one leaves in this version."""
    if cloud_init.installed:
        yield CLEAN
    kept = not cloud_init.installed or CLEANS_ROTATED_LOGS.holds(cloud_init.version) is not True
    left = [path for path in paths if kept and (not cloud_init.installed or not path.endswith(".log"))]
    if left:
        yield f"rm -f {files(left)}"


def _found(run: Run, message: str, paths: tuple[str, ...], *, cleaned: bool) -> Verdict:
    command = f"rm -rf {files(paths)}"
    return leftover(run, Severity.WARNING, message, "Delete them.", (command,), cleaned=cleaned)


CHECKS = (
    check("gen-shell-history", "no shell history is left", part("traces", judge_history), WARNING),
    check("gen-agent-logs", "no log of the agents is left", part("traces", judge_logs), WARNING),
)
