"""What speaks against sealing this machine now; nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Optional

from azpreflight.guest import passwords
from azpreflight.guest.limits import SMALL
from azpreflight.host import FileKind, Host, HostError, mutations, removal
from azpreflight.model import Report, Severity, Status
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.generalization.accounts import PASSWD
from azpreflight.seal import account, settings
from azpreflight.seal.inspection import Prepared
from azpreflight.text import printable

PACKAGE_LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/.rpm.lock",
)
"""Files that dpkg, apt and rpm hold a lock on while they change the system."""
ACCOUNTS_LOCK = "/etc/.pwd.lock"
"""What vipw, passwd, useradd and the like hold while they change the accounts; userdel gives up after 15 seconds."""
STATUS_TIMEOUT = 20.0
"""Seconds for `cloud-init status`, which takes half a second; on a busy machine some more."""
IMAGE = ("generalization", "agents")
"""Probes that must have been able to look: what others cannot decide here, such as the network, another VM decides."""
SELF_MENDED = ("gen-cloud-init-state", "gen-azpreflight", "gen-deprovisioned")
"""Checks whose findings `cloud-init clean`, deprovisioning and the removal of our own traces take care of."""


def busy(host: Host, agents: Optional[AgentsFacts]) -> Iterator[str]:
    """Reasons to come back later."""
    if not host.privileged:
        yield "only root can seal a machine"
        return
    if agents is None:
        yield "the agents of this machine could not be inspected"
        return
    if not agents.waagent.installed and not agents.cloud_init.installed:
        yield "neither waagent nor cloud-init is installed, so that nothing can be deprovisioned"
    for path in PACKAGE_LOCKS:
        yield from _held(path, "a package manager is at work")
    yield from _held(ACCOUNTS_LOCK, "the accounts are being changed by another program")
    if agents.cloud_init.installed and _cloud_init_runs(host):
        yield "cloud-init is still running"


def _held(path: str, who: str) -> Iterator[str]:
    """Another process holds this lock; or nobody can take it, as on a filesystem that is read-only."""
    try:
        if mutations.locked_by_another(path):
            yield f"{who} (it holds {path})"
    except HostError as error:
        yield str(error)


def _cloud_init_runs(host: Host) -> bool:
    """As it says itself; one that cannot tell is not running."""
    try:
        return "status: running" in host.run(("cloud-init", "status"), STATUS_TIMEOUT).stdout
    except HostError:
        return False


def harm(host: Host, prepared: Prepared) -> Iterator[str]:
    """What deprovisioning would destroy besides what it is for: directories of the system, accounts of the system."""
    try:
        mounts = removal.mount_points()
        agents = prepared.agents
        if agents is not None and agents.waagent.installed and agents.waagent.config is not None:
            config = agents.waagent.config
            links = tuple(path for path in settings.emptied(config) if is_link(host, path))
            yield from settings.objections(config, agents.waagent.config_path, links, mounts)
        if agents is not None and agents.cloud_init.installed:
            links = (settings.CLOUD,) if is_link(host, settings.CLOUD) else ()
            yield from settings.cloud_objections(_cloud_files(host), links, mounts)
        library = prepared.facts.library
        if library is not None and library.user_unclear is not None:
            yield f"cannot tell whom waagent would delete: {library.user_unclear}; {account.FIX}"
        if prepared.user is not None:
            refused = account.refusal(prepared.user, accounts(host, prepared.user, mounts))
            yield from () if refused is None else (refused,)
    except HostError as error:
        yield str(error)


def _cloud_files(host: Host) -> Iterator[tuple[str, str]]:
    """cloud-init's configuration files with their text. HostError for one that cannot be read."""
    for pattern in ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/*.cfg"):
        yield from ((path, host.text(path, SMALL) or "") for path in host.glob(pattern))


def is_link(host: Host, path: str) -> bool:
    """The path itself is a link; a relative path is none."""
    info = host.info(path, follow=False) if path.startswith("/") else None
    return info is not None and info.kind is FileKind.LINK


def accounts(host: Host, user: str, mounts: tuple[str, ...]) -> account.Accounts:
    """What decides whether this user may be deleted. HostError where it cannot be read."""
    entries = passwords.entries(host.text(PASSWD, SMALL) or "")
    login_defs = host.text("/etc/login.defs", SMALL) or ""
    homes = (entry.home for entry in entries if entry.name == user and entry.home.startswith("/"))
    return account.Accounts(
        entries=entries,
        first_uid=passwords.first_uid(login_defs),
        last_uid=passwords.last_uid(login_defs),
        home=next((host.info(home, follow=False) for home in homes), None),
        mounts=mounts,
    )


def objections(report: Report, fail_on: Severity, mended: Sequence[str] = ()) -> Iterator[str]:
    """Findings at or above `fail_on`, and what could not be decided about the image itself; not those `fixed`."""
    for result in report.results:
        if result.check in mended:
            continue
        if result.probe in IMAGE and result.status is Status.UNKNOWN and result.severity is Severity.ERROR:
            yield f"{result.check} could not be decided: {printable(result.reason or '')}"
        for finding in result.findings:
            if finding.severity.rank >= fail_on.rank:
                yield f"{finding.severity.value} {result.check}: {finding.message}; {finding.fix}"
