"""Whether the units on the way do what they are enabled for: the program that each starts is there, and no condition
keeps systemd from starting it.

A unit whose condition fails is skipped without an error, and one whose program is gone fails where nobody reads it;
both are enabled all the same (systemd.unit(5), "Conditions and asserts"; systemd.exec(5), status 203). A generator or
a kernel option may leave units out too (systemd.generator(7); systemd-debug-generator(8)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import boot_jobs, bootloader, package_database
from azpreflight.host import FileKind, Host, systemd
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import Finding, Run, Severity, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.startup.check import check
from azpreflight.probes.startup.nic import MANAGERS
from azpreflight.probes.startup.target import NEEDED
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain

WAAGENT = ("waagent.service", "walinuxagent.service")
AGENTS = (
    *("cloud-init-local.service", "cloud-init-main.service", "cloud-init.service", "cloud-init-network.service"),
    *("cloud-config.service", "cloud-final.service", "azure-init.service"),
)
LOGIN = ("ssh.service", "sshd.service", "ssh.socket", "sshd.socket")
WATCHED = (*WAAGENT, *AGENTS, *LOGIN, *MANAGERS)
"""Units without which a VM is not provisioned, reached or logged into."""
STARTS = ("ExecStart", "ExecStartPre")
VOLATILE = ("/run/", "/var/run/", "/proc/", "/sys/", "/dev/", "/var/lib/waagent/", "/var/lib/cloud/")
"""What is made at boot or by the agents, so that nothing is told of it from an image."""
ELSEWHERE = ("/etc/cloud/cloud-init.disabled",)
"""Judged with who provisions."""
VIRTUAL = ("yes", "true", "1", "vm", "microsoft")
"""What ConditionVirtualization= calls a VM on Azure (systemd.unit(5))."""
GENERATORS = ("/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators")
GENERATOR = "cloud-init-generator"


@dataclass(frozen=True)
class Fault:
    """Why a unit that is enabled does not run."""

    unit: str
    what: str
    path: str
    line: int
    key: str = ""
    in_the_way: Optional[str] = None
    """A file that must not be there, and is."""


@dataclass(frozen=True)
class UnitFacts:
    """Of the units that the next boot is to start."""

    faults: tuple[Fault, ...] = ()
    masked_by_option: tuple[str, ...] = ()
    """Units that systemd.mask= on the kernel command line leaves out."""
    source: str = ""
    """The file that the command line is of."""
    unreached: tuple[str, ...] = ()
    """Agents that are wanted by a target which default.target does not lead to."""
    generator: Optional[str] = None
    """The link to /dev/null that switches cloud-init's generator off."""


def look(host: Host, run: Run) -> UnitFacts:
    """Unit files with their drop-ins, and the command line of the next boot."""
    line = bootloader.command_line(host)
    options = line.options if line is not None else ()
    units = [systemd.unit(host, name) for name in WATCHED]
    enabled = {one.name for one in units if one.state is UnitState.ENABLED}
    by_socket = {f"{name.partition('.')[0]}.service" for name in enabled if name.endswith(".socket")}
    whole = package_database.is_whole(host)
    started = [one for one in units if one.name in enabled | by_socket and one.path is not None]
    first: dict[tuple[str, str], Fault] = {}
    for fault in (fault for one in started for fault in _faults(host, one, options)):
        if fault.key in STARTS and not whole and not fault.path.startswith("/etc/"):
            continue  # a program that is not there may have been left out of such a tree
        first.setdefault((fault.unit, fault.what), fault)
    generators = (f"{place}/{GENERATOR}" for place in GENERATORS)
    known = {*WATCHED, *NEEDED}
    masked = (option.partition("=")[2] for option in options if option.startswith("systemd.mask="))
    return UnitFacts(
        faults=tuple(first.values()),
        masked_by_option=tuple(name for name in masked if name in known),
        source=line.source if line is not None else "",
        unreached=tuple(_unreached(host, {one.name for one in started})),
        generator=next((path for path in generators if _is_masked(host, path)), None),
    )


def _unreached(host: Host, enabled: set[str]) -> Iterator[str]:
    agents = [name for name in (*WAAGENT, "azure-init.service") if name in enabled]
    jobs = boot_jobs.jobs(host) if agents else None
    if jobs is not None:
        yield from (name for name in agents if name not in jobs.units)


def _is_masked(host: Host, path: str) -> bool:
    info = host.info(path, follow=False)
    return info is not None and systemd.is_masked(info)


def _faults(host: Host, unit: Unit, options: tuple[str, ...]) -> Iterator[Fault]:
    """Settings add up over the files, and an empty value takes back those before it."""
    settings: dict[str, list[tuple[str, str, int]]] = {}
    for path in (unit.path, *systemd.drop_ins(host, unit.name)):
        for number, line in enumerate((host.text(path or "", systemd.TEXT_LIMIT) or "").splitlines(), 1):
            key, equals, value = (part.strip() for part in line.partition("="))
            if equals and not value and key.startswith("Condition"):
                settings = {name: found for name, found in settings.items() if not name.startswith("Condition")}
            elif equals and not value:
                settings.pop(key, None)
            elif equals and path is not None:
                settings.setdefault(key, []).append((value, path, number))
    for key, found in settings.items():
        for value, path, number in found:
            yield from _fault(host, unit.name, key, value, options, (path, number))


def _fault(
    host: Host, name: str, key: str, value: str, options: tuple[str, ...], place: tuple[str, int]
) -> Iterator[Fault]:
    if key in STARTS:
        program = (value.split() or [""])[0].lstrip("@:+!")
        told = program.startswith("/") and not program.startswith(VOLATILE) and not set(program) & set("$%")
        if told and host.info(program) is None:
            yield Fault(name, f"starts {program}, which is not there", *place, key)
        return
    judge = CONDITIONS.get(key.replace("Assert", "Condition"))
    if judge is None or value.startswith("|"):
        return
    negated, wanted = value.startswith("!"), value.lstrip("!").strip()
    if not wanted.startswith("/") and key.endswith(("Exists", "Executable", "Empty", "Directory")):
        return
    if wanted.startswith(VOLATILE) or wanted in ELSEWHERE or "%" in wanted:
        return
    if judge(host, wanted, options) == negated:
        in_the_way = wanted if negated and wanted.startswith("/etc/") else None
        yield Fault(name, f"is skipped, because {key}={value} does not hold", *place, key, in_the_way)


def _is_full(host: Host, path: str) -> bool:
    info = host.info(path)
    return info is not None and info.kind is FileKind.FILE and info.size > 0


def _is_directory(host: Host, path: str) -> bool:
    info = host.info(path)
    return info is not None and info.kind is FileKind.DIRECTORY


Holds = Callable[[Host, str, "tuple[str, ...]"], bool]
CONDITIONS: Mapping[str, Holds] = {
    "ConditionPathExists": lambda host, value, _: host.info(value) is not None,
    "ConditionPathIsDirectory": lambda host, value, _: _is_directory(host, value),
    "ConditionFileNotEmpty": lambda host, value, _: _is_full(host, value),
    "ConditionFileIsExecutable": lambda host, value, _: host.info(value) is not None,
    "ConditionDirectoryNotEmpty": lambda host, value, _: bool(host.list(value)),
    "ConditionVirtualization": lambda host, value, _: value.lower() in VIRTUAL,
    "ConditionKernelCommandLine": lambda host, value, options: any(
        option == value or option.partition("=")[0] == value for option in options
    ),
}
"""Those that a VM on Azure decides as its image has it; of others nothing is said."""


def judge(facts: UnitFacts, run: Run) -> Iterator[Verdict]:
    """Every such unit that is enabled runs."""
    for fault in facts.faults:
        yield Finding(
            _severity(fault.unit, run),
            f"{fault.unit} is enabled and does not run: it {plain(fault.what, 160)}"
            f" (line {fault.line} of {plain(fault.path)})",
            "Remove what is in the way, or correct the line.",
            _commands(fault),
        )
    for name in facts.unreached:
        yield Finding(
            _severity(name, run),
            f"{name} is enabled for a target that default.target does not lead to, and does not start",
            "Have multi-user.target want it.",
            (f"systemctl add-wants multi-user.target {name}",),
        )
    for name in facts.masked_by_option:
        yield Finding(
            _severity(name, run),
            f"systemd.mask={name} on the kernel command line ({plain(facts.source)}) keeps that unit from running",
            "Remove the option from the boot loader's defaults and entries.",
            (f"grep -rn systemd.mask={name} /etc/default/grub /etc/kernel/cmdline",),
        )
    if facts.generator is not None and _provisioner(run) is Provisioner.CLOUD_INIT:
        yield Finding(
            Severity.ERROR,
            f"cloud-init's generator is switched off by {facts.generator}: nothing starts cloud-init.target",
            "Remove the link.",
            (f"rm -f {facts.generator}",),
        )


def _provisioner(run: Run) -> Optional[Provisioner]:
    agents = run.facts(AgentsFacts)
    return agents.provisioner if agents is not None else None


def _severity(unit: str, run: Run) -> Severity:
    """Of an agent that only handles extensions a VM is provisioned without."""
    who = _provisioner(run)
    idle = (unit in WAAGENT and who is not Provisioner.WAAGENT) or (
        unit.startswith("cloud-") and who is not Provisioner.CLOUD_INIT
    )
    return Severity.WARNING if idle else Severity.ERROR


def _commands(fault: Fault) -> tuple[str, ...]:
    if fault.in_the_way is not None:
        return (f"rm -f {files([fault.in_the_way])}",)
    if not fault.path.startswith("/etc/"):
        return ()
    if fault.key in STARTS:  # what a drop-in puts in its place goes with the line that takes the package's back
        dropped_in = fault.path.endswith(".conf")
        return (f"sed -i '/^{fault.key}=/s/^/# /' {files([fault.path])}",) if dropped_in else ()
    return (f"sed -i '{fault.line}s/^/# /' {files([fault.path])}",)


CHECKS = (
    check(
        "boot-units",
        "the units of agents, network and SSH that are enabled have their programs and no unmet condition",
        part("units", judge),
    ),
)
