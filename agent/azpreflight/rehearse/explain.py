"""Why a rehearsal failed: what the files of the image, and those of the VM afterwards, say of what was seen. Pure.

A VM that does not come up shows the first thing that is missing. Which line, unit or file is behind it is what the
checks of files find, on the image as it was and on the disk as the VM left it. So a finding of the rehearsal takes the
first fitting finding of theirs along: its cause, its sentence, its fix. Where none fits, what the console said stands
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Optional

from azpreflight.azure.log_signatures import SIGNATURES
from azpreflight.dataclass import dataclass
from azpreflight.explain import ExplainedLog
from azpreflight.model import Cause, Check, Confidence, Finding, Judge, Report, Result, Run, Severity, Status, Verdict
from azpreflight.rehearse import console
from azpreflight.rehearse.checks_vm import extension_failed
from azpreflight.rehearse.facts import FIRST_BOOT, OTHER_VM, SECOND_BOOT, Booted, Network, RehearsalFacts
from azpreflight.rehearse.probe import CHECKS

FIRMWARE = ("image-partitions", "boot-firmware", "boot-entry")
ROOT = (
    *("boot-entry", "boot-initramfs", "boot-filesystems", "boot-root", "boot-volumes", "image-filesystems"),
    *("boot-drivers", "boot-memory"),
)
MOUNTS = ("gen-fstab", "image-filesystems", "boot-target", "boot-filesystems", "boot-volumes", "boot-memory")
BY_SIGN: Mapping[str, tuple[str, ...]] = {
    "no-boot-device": FIRMWARE,
    "grub-stops": FIRMWARE,
    "no-root": ROOT,
    "initramfs-shell": ROOT,
    "panic": ("boot-memory", *ROOT),
    "device-timeout": MOUNTS,
    "emergency": ("boot-target", *MOUNTS),
    "out-of-memory": ("boot-memory",),
    "disk-full": ("boot-space",),
}
"""Checks of files by what the console said, the likeliest first."""
AGENTS = ("agents-provisioner", "agents-program", "agents-stages", "agents-units", "agents-config", "agents-openssl")
STALE = ("gen-provisioned-sentinel", "logs-vm-identifier", "gen-cloud-init-state", "gen-deprovisioned")
SCARCE = ("out-of-memory", "disk-full")
"""Signs of what everything needs, so that they may stand behind whatever failed."""
EVERYWHERE = ("boot-memory", "boot-space")
"""Checks of the same, for where the console says nothing: a VM without memory crawls before anything is killed."""
STARVED = tuple(
    f"rehearsal-{name}" for name in ("dhcp", "agents", "ready", "login", "extension", "second-boot", "budget")
)
FIREWALL = ("firewall-boot-flows", "firewall-boot-load")
SERVER = ("ssh-start", "ssh-state", "login-sshd", "login-modes", "boot-selinux", *FIREWALL)
ACCOUNT = ("agents-stages", "login-sshd", "login-gates", "login-modes", "login-tools", *AGENTS, *STALE, "boot-selinux")
PASSWORD = ("agents-password", *ACCOUNT)
SUDO = ("login-sudo", "login-modes", "login-tools", *STALE)
BY_CHECK: Mapping[str, tuple[str, ...]] = {
    "rehearsal-boots": (*FIRMWARE, *ROOT, *MOUNTS),
    "rehearsal-console": ("boot-console",),
    "rehearsal-dhcp": ("boot-nic", "gen-network-config", "boot-dhcp-timeout", *FIREWALL),
    "rehearsal-agents": (*AGENTS, *FIREWALL, *STALE),
    "rehearsal-ready": (
        *("media-filesystem", "media-drive", *AGENTS, "login-tools", "agents-password", *STALE, *FIREWALL),
        "agents-cloud-init",
    ),
    "rehearsal-custom-data": ("agents-config",),
    "rehearsal-disk": ("boot-grow", "boot-space", "agents-stages"),
    "rehearsal-extension": ("agents-config", "media-noexec", *AGENTS, *FIREWALL, "boot-netfilter"),
    "rehearsal-second-boot": (*MOUNTS, "boot-root", "gen-network-config", "boot-nic"),
    "rehearsal-identity": ("gen-ssh-host-keys", "gen-machine-id", "gen-random-seed"),
    "rehearsal-budget": ("boot-dhcp-timeout", *AGENTS),
}
"""Checks of files by what failed; those of a login go by what of it failed."""
BY_NETWORK: Mapping[Network, Cause] = {
    Network.NO_EGRESS: Cause.NO_EGRESS,
    Network.DNS_DEAD: Cause.DNS_UNREACHABLE,
    Network.FORCED_TUNNEL: Cause.FORCED_TUNNEL,
    Network.PROXY: Cause.PROXY,
    Network.TLS_INTERCEPTION: Cause.TLS_INTERCEPTION,
}
"""Why an extension fails that the same image installs in an open network."""
IMAGE, CONSOLE = "the image's files", "the serial console"
BY_LOG: Mapping[str, tuple[Cause, ...]] = {
    "rehearsal-boots": (Cause.BOOT_CONFIG,),
    "rehearsal-dhcp": (Cause.NO_NETWORK, Cause.BOOT_CONFIG, Cause.GUEST_FIREWALL),
    "rehearsal-agents": (Cause.NO_PROVISIONING_AGENT, Cause.GUEST_FIREWALL, Cause.NOT_GENERALIZED),
    "rehearsal-ready": (
        *(Cause.PROVISIONING_MEDIA, Cause.AGENT_CONFIG, Cause.NOT_GENERALIZED, Cause.NO_PROVISIONING_AGENT),
        Cause.GUEST_FIREWALL,
    ),
}
"""Causes that a log may show, by what failed: the platform itself is a stand-in, and is there."""
REPAIR = "Repair what the agent reports."
REPORTED: Mapping[Cause, str] = {
    Cause.PROVISIONING_MEDIA: "Let the agent mount the provisioning disc: with udf and iso9660 allowed, and mounted by"
    " nothing else before.",
}
"""Fixes by what the agent reports."""
NAMING = ("ordering-cycle", "device-timeout", "out-of-memory", "disk-full", "waits")
"""Signs that name a culprit by themselves."""
UNREAD = "initramfs-unread"
"""A sign that names one where the root is not found; elsewhere kernels print it of a sound one too."""
OF_DISC = ("rehearsal-login", "rehearsal-custom-data")
"""What depends on the provisioning disc, where the agent goes on without it."""
WEIGHTY = (Severity.ERROR, Severity.WARNING)


@dataclass(frozen=True)
class Explanation:
    """What stands behind a finding of the rehearsal."""

    cause: Cause
    finding: Finding
    check: str
    """The check that found it, or `console`."""
    where: str
    """In the words of the report."""


@dataclass(frozen=True)
class Inspected:
    """What there is to explain a failure with."""

    before: Report
    """On the files of the image."""
    after: Optional[Report] = None
    """On those of the disk as the VM left it; None: nothing failed, or it could not be read."""
    log: Optional[ExplainedLog] = None
    """What the serial console says; None: nothing failed."""


def explanations(facts: RehearsalFacts, inspected: Inspected) -> dict[str, Explanation]:
    """By the id of the check of the rehearsal that failed."""
    found = {}
    first = facts.boot(FIRST_BOOT)
    for check in CHECKS:
        if check.id == "rehearsal-dhcp" and first is not None and "address" in first.milestones:
            continue  # at most IPv6 is missing, which nothing of the image's files explains
        explained = _of_check(check.id, facts, inspected) or _of_log(check.id, inspected.log)
        if explained is not None:
            found[check.id] = explained
    return found


def _of_check(check: str, facts: RehearsalFacts, inspected: Inspected) -> Optional[Explanation]:
    boot = facts.boot(SECOND_BOOT if check == "rehearsal-second-boot" else FIRST_BOOT)
    if boot is None or (check == "rehearsal-extension" and _of_network(facts) is not None):
        return None
    fitting = _of_login(boot) if check == "rehearsal-login" else BY_CHECK.get(check)
    if fitting is None:
        return None
    signs = [sign.id for sign in boot.signs if _is_of_boot(check) or sign.id in SCARCE]
    wanted = [name for sign in _by_weight(signs) for name in BY_SIGN.get(sign, ())]
    said = _of_report(boot) if check == "rehearsal-ready" else None
    if said is not None:
        return _first(_of_cause(said.cause, inspected.before), inspected.before.results, IMAGE) or said
    for names in (wanted, fitting, EVERYWHERE if check in STARVED else ()):
        for report, where in ((inspected.before, IMAGE), (inspected.after, "the disk afterwards")):
            found = _first(names, report.results if report is not None else (), where)
            if found is not None:
                return found
    return _of_console(check, boot)


def _of_login(boot: Booted) -> tuple[str, ...]:
    """By the first thing that the operator missed: a server, the account, its password, its rights, its host name."""
    login = boot.login
    if login.banner_s is None:
        return SERVER
    if not login.key:
        return ACCOUNT if login.password else PASSWORD
    if not login.password:
        return PASSWORD
    return STALE if login.sudo else SUDO


def _of_log(check: str, log: Optional[ExplainedLog]) -> Optional[Explanation]:
    """What `explain-log` makes of the serial console, where it is a cause of such a failure, and more than possible."""
    for cause in log.causes if log is not None else ():
        if cause.cause in BY_LOG.get(check, ()) and cause.confidence is not Confidence.POSSIBLE:
            finding = Finding(cause.severity, cause.summary, cause.fix, cause.commands)
            return Explanation(cause.cause, finding, "console", CONSOLE)
    return None


def _of_report(boot: Booted) -> Optional[Explanation]:
    """What the agent itself told the platform of its failure, as the signatures of the agents' logs know it."""
    last = boot.reports[-1] if boot.reports else None
    found = next((one for one in SIGNATURES if last is not None and one.id == last.signature), None)
    if last is None or found is None or found.cause is None:
        return None
    finding = Finding(Severity.ERROR, last.description, REPORTED.get(found.cause, REPAIR))
    return Explanation(found.cause, finding, found.log, "the agent's own report")


def _of_cause(cause: Cause, report: Report) -> list[str]:
    return [result.check for result in report.results if result.cause is cause]


def _is_of_boot(check: str) -> bool:
    return check in ("rehearsal-boots", "rehearsal-second-boot")


def _by_weight(signs: Iterable[str]) -> list[str]:
    """In the order in which signatures explain."""
    order = [one.id for one in console.SIGNATURES]
    return sorted(set(signs), key=order.index)


def _first(order: Iterable[str], results: Iterable[Result], where: str) -> Optional[Explanation]:
    failed = {result.check: result for result in results if result.status is Status.FAIL}
    for severity in WEIGHTY:
        for name in order:
            result = failed.get(name)
            finding = next((one for one in result.findings if one.severity is severity), None) if result else None
            if result is not None and finding is not None and result.cause is not None:
                return Explanation(result.cause, finding, name, where)
    return None


def _of_console(check: str, boot: Booted) -> Optional[Explanation]:
    """Only of what names a culprit by itself."""
    by_id = {sign.id: sign for sign in reversed(boot.signs)}
    first: tuple[str, ...] = ()
    if _is_of_boot(check) and not {"no-root", "panic"}.isdisjoint(by_id):
        first = (UNREAD,)
    elif check in OF_DISC:
        first = (console.DISC_MISSED,)
    usual = () if check in ("rehearsal-console", "rehearsal-identity", "rehearsal-custom-data") else NAMING
    named = next((id for id in (*first, *usual) if id in by_id), None)
    if named is None:
        return None
    signature = console.signature(named)
    if signature.cause is None:
        return None
    finding = Finding(Severity.ERROR, by_id[named].text, signature.fix)
    return Explanation(signature.cause, finding, "console", CONSOLE)


def explained(judge: Judge, explanation: Explanation) -> Judge:
    """The judge, whose findings name what is behind them."""

    def judge_with_cause(facts: Any, run: Run) -> Iterator[Verdict]:
        for verdict in judge(facts, run):
            yield _joined(verdict, explanation) if isinstance(verdict, Finding) else verdict

    return judge_with_cause


def _joined(finding: Finding, explanation: Explanation) -> Finding:
    behind = explanation.finding
    said = "" if behind.message in finding.message else f"; {explanation.check}: {behind.message}"
    return replace(
        finding,
        message=finding.message + said,
        fix=behind.fix,
        commands=behind.commands,
        evidence={**finding.evidence, **behind.evidence},
        confidence=Confidence.LIKELY,
        confidence_reason=f"it failed in the rehearsal; why is taken from {explanation.where}",
    )


def causes(found: Mapping[str, Explanation], facts: RehearsalFacts) -> dict[str, Cause]:
    """By the id of the check; an extension that fails in a network that is not open fails because of that."""
    words = {check: explanation.cause for check, explanation in found.items()}
    network = _of_network(facts)
    return words if network is None else {**words, "rehearsal-extension": network}


def _of_network(facts: RehearsalFacts) -> Optional[Cause]:
    """The cause that a network is, where an extension failed there and in no open one."""
    tried = [boot for boot in facts.boots if boot.name in (FIRST_BOOT, OTHER_VM)]
    failed = [boot.network for boot in tried if extension_failed(boot)]
    return BY_NETWORK.get(failed[0]) if failed and Network.OPEN not in failed else None


def judges(found: Mapping[str, Explanation]) -> dict[str, Judge]:
    """By the id of the check."""
    by_id: Mapping[str, Check] = {check.id: check for check in CHECKS}
    return {check: explained(by_id[check].judge, explanation) for check, explanation in found.items()}
