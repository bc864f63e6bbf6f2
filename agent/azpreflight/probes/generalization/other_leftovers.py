"""What else is left of the build VM: system logs, the hypervisor's mailbox, units of the agent, crontabs, swap.

None of it stops a VM. Logs tell who came in and from where, a swap file has pages of the build VM's memory, and the
key-value pools still hold its provisioning report (cloud-init, cloudinit/reporting/handlers.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.guest.passwords import entries
from azpreflight.host import FileKind, Host, HostError
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.agents.facts import WAAGENT_UNITS
from azpreflight.probes.generalization.check import NOTE, WARNING, check
from azpreflight.probes.generalization.leftover import config_of, filled, leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import count, files, several

LOGS = ("syslog", "messages", "auth.log", "secure", "audit/audit.log", "wtmp", "btmp", "lastlog", "wtmp.db")
SWAP = ("/swapfile", "/swap.img", "/mnt/swapfile", "/mnt/resource/swapfile")
UNITS = (
    "/etc/systemd/system/*.wants/*-network-setup.service",
    "/lib/systemd/system/azure.slice",
    "/lib/systemd/system/azure-vmextensions*.slice",
    "/etc/systemd/system/azure-vmextensions*.slice",
    "/lib/systemd/system/azure-walinuxagent-logcollector.slice",
    *(
        f"/lib/systemd/system/{unit}.d/{name}"
        for unit in WAAGENT_UNITS
        for name in ("10-Slice.conf", "11-CPUAccounting.conf", "12-CPUQuota.conf", "13-MemoryAccounting.conf")
    ),
)
"""What waagent writes while it runs, and again where it still needs it (WALinuxAgent, ga/cgroupconfigurator.py)."""
DPKG = "/var/lib/dpkg/info"
OF_PACKAGES = tuple(
    f"/var/log/{name}"
    for name in (
        "apt/",
        "dpkg.log",
        "alternatives.log",
        "bootstrap.log",
        "dnf",
        "yum",
        "zypp",
        "hawkey",
        "tdnf",
        "fontconfig",
    )
)
"""What package managers write while an image is made: what is installed, which the image tells anyway."""
OF_OTHERS = ("/var/log/journal", "/var/log/waagent", "/var/log/azure/", "/var/log/cloud-init", "/var/log/azpreflight")
MEMORY = ("/var/lib/NetworkManager/seen-bssids", "/var/lib/NetworkManager/timestamps")
SSHD = ("/etc/ssh/sshd_config.d/50-cloud-init.conf", "/etc/ssh/sshd_config.d/50-azure-init.conf")


@dataclass(frozen=True)
class LitterFacts:
    """Paths of what is left."""

    other_logs: tuple[str, ...] = ()
    """Other files below /var/log; those of the agents are judged apart, and those of package managers are none."""

    logs: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    """Directories of the journal, which are named by the machine id."""
    pools: tuple[str, ...] = ()
    """Key-value pools with something in them."""
    units: tuple[str, ...] = ()
    crontabs: tuple[str, ...] = ()
    """Those of users that are in passwd no more."""
    swap: tuple[str, ...] = ()
    sshd: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    """What NetworkManager remembers of its connections."""


def look(host: Host, run: Run) -> LitterFacts:
    """Names only. HostError without root."""
    users = {entry.name for entry in entries(host.text("/etc/passwd", SMALL) or "")}
    tabs = matching(host, ("/var/spool/cron/crontabs/*", "/var/spool/cron/*"))
    swap = (f"{config_of(run).resource_disk_mount_point}/swapfile", *SWAP)
    return LitterFacts(
        logs=tuple(path for path in filled(host, [f"/var/log/{name}" for name in LOGS]) if _says(host, path)),
        other_logs=_others(host),
        journals=tuple(path for path in host.glob("/var/log/journal/*") if host.list(path))[:KEPT],
        pools=filled(host, matching(host, ("/var/lib/hyperv/.kvp_pool_[0-4]",))),
        units=tuple(path for path in matching(host, UNITS) if _left(host, path) and not packaged(host, path))[:KEPT],
        crontabs=tuple(path for path in filled(host, tabs) if path.rpartition("/")[2] not in users)[:KEPT],
        swap=filled(host, tuple(dict.fromkeys(swap))),
        sshd=filled(host, SSHD),
        memory=filled(host, MEMORY),
    )


def _others(host: Host) -> tuple[str, ...]:
    """Three levels deep; journals, logs of package managers, and what is named elsewhere are left out, but not the
    rotated files of what is."""
    named = {f"/var/log/{name}" for name in LOGS}
    paths = filled(host, matching(host, [f"/var/log/{depth}" for depth in ("*", "*/*", "*/*/*")]))
    return tuple(
        path
        for path in paths
        if path not in named and not path.startswith((*OF_OTHERS, *OF_PACKAGES)) and _is_log(host, path)
    )


def _is_log(host: Host, path: str) -> bool:
    """A file with something in it; a link such as README leads to what a package owns, and is not to be emptied."""
    info = host.info(path, follow=False)
    return info is not None and info.kind is FileKind.FILE and _says(host, path)


def packaged(host: Host, path: str) -> bool:
    """A package owns the file, or may own it: rpm's database is not read, and below /usr it owns everything."""
    if path.startswith("/etc/"):
        return False
    lists = [text for found in host.glob(f"{DPKG}/wa*agent*.list") if (text := host.text(found, SMALL))]
    if host.info(DPKG) is None:
        return True
    names = {path, f"/usr{path}"}
    return any(names & set(text.splitlines()) for text in lists)


def _says(host: Host, path: str) -> bool:
    """lastlog and its like have a place for every user, and only zeros for those who never came (lastlog(8))."""
    if not path.endswith(("/lastlog", "/faillog", "/tallylog")):
        return True
    try:
        return bool((host.read(path, SMALL) or b"").strip(b"\0"))
    except HostError:
        return True


def _left(host: Host, path: str) -> bool:
    """A unit file, or a link to one that is gone."""
    info = host.info(path, follow=False)
    return info is not None and (info.kind is FileKind.FILE or host.info(path) is None)


def judge_logs(facts: LitterFacts, run: Run) -> Iterator[Verdict]:
    """No log of this machine goes into the image."""
    if facts.logs:
        command = f"truncate --size 0 {files(facts.logs)}"
        yield _found(run, Severity.WARNING, f"logs of this machine: {several(facts.logs)}", command)
    if facts.other_logs:
        message = f"{count(len(facts.other_logs), 'other file')} of /var/log: {several(facts.other_logs[:KEPT])}"
        command = f"truncate --size 0 {files(facts.other_logs[:KEPT])}"
        yield _found(run, Severity.NOTE, message, command)
    if facts.journals:
        message = f"{count(len(facts.journals), 'journal')} of this machine: {several(facts.journals)}"
        yield _found(run, Severity.WARNING, message, f"rm -rf {files(facts.journals)}")


def judge_litter(facts: LitterFacts, run: Run) -> Iterator[Verdict]:
    """Nothing else of this machine goes into the image."""
    for paths, what in (
        (facts.pools, "the hypervisor's key-value pools still have entries of this VM"),
        (facts.units, "units and drop-ins that waagent made on this VM"),
        (facts.crontabs, "crontabs of users that are gone"),
        (facts.swap, "a swap file, with pages of this machine's memory"),
        (facts.sshd, "settings of sshd that an agent made for this VM"),
        (facts.memory, "what NetworkManager remembers of this VM's connections"),
    ):
        if paths:
            command = f"truncate --size 0 {files(paths)}" if paths is facts.pools else f"rm -f {files(paths)}"
            yield _found(run, Severity.NOTE, f"{what}: {several(paths)}", command)


def _found(run: Run, severity: Severity, message: str, command: str) -> Verdict:
    return leftover(run, severity, message, "Delete it as one of the last steps.", (command,), cleaned=False)


CHECKS = (
    check("gen-system-logs", "no log of this machine is left", part("litter", judge_logs), WARNING),
    check("gen-litter", "no other machine-specific file is left", part("litter", judge_litter), NOTE),
)
