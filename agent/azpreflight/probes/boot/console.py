"""The serial console, which is all that anybody sees of a VM on Azure.

Boot diagnostics and the serial console of the portal show the first serial port: ttyS0, and ttyAMA0 on ARM64. The
kernel writes to every `console=`, and /dev/console, to which systemd and the agents write, is the last of them. Without
a serial one the log of a VM that does not start is empty (Linux, Documentation/admin-guide/serial-console.rst).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest import bootloader, kernels
from azpreflight.guest.bootloader import CommandLine
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import UnitState
from azpreflight.model import Finding, NotApplicable, Platform, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.boot.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import plain, several

BAUD = "115200"
"""What Microsoft's images and the portal's console use; the kernel's own default is 9600, which does as well, because
the port is virtual."""

SHOWS_ERRORS = 4
"""The lowest loglevel with which the kernel's errors are shown (kernel-parameters)."""
LONGEST_DELAY = 300
"""Seconds of rootdelay, as Microsoft's pages on images have it."""
NO = ("0", "no", "false", "off")
WITHOUT_GRUBBY = ("suse", "sles", "opensuse", "azurelinux", "mariner")
"""Their boot loader is changed by /etc/default/grub, which is a piece of shell."""


@dataclass(frozen=True)
class ConsoleFacts:
    """Where the kernel writes, and who answers there."""

    port: str
    """ttyS0 or ttyAMA0."""
    line: Optional[CommandLine] = None
    """None: no boot loader was found."""
    getty_masked: bool = False
    """systemd starts no login on the port."""
    kernel: bool = True
    """A kernel is installed, for which there must be a boot loader."""


def look(host: Host, run: Run) -> ConsoleFacts:
    """The command line of the next boot, and the unit of the login."""
    port = "ttyAMA0" if kernels.is_arm(host) else "ttyS0"
    units = (f"serial-getty@{port}.service", "serial-getty@.service")
    masked = any(systemd.unit(host, name).state is UnitState.MASKED for name in units)
    line = bootloader.command_line(host)
    return ConsoleFacts(port, line.shown() if line is not None else None, masked, kernels.is_there(host))


def no_command_line(kernel: bool, run: Run) -> Verdict:
    """What to say where no boot loader was found: a container, or a tree for tests, has no kernel either."""
    if not kernel:
        return NotApplicable("neither a kernel nor a boot loader is installed here")
    if run.offline or run.platform is Platform.AZURE:
        return Unknown("no boot loader's configuration was found; its partition may not be mounted")
    return NotApplicable("no boot loader is installed here, and this is not Azure")


def judge(facts: ConsoleFacts, run: Run) -> Iterator[Verdict]:
    """The serial port is a console, and the last of them."""
    if facts.line is None:
        yield no_command_line(facts.kernel, run)
        return
    consoles, source = facts.line.values("console"), facts.line.source
    names = [console.partition(",")[0] for console in consoles]
    if facts.port not in names:
        yield Finding(
            Severity.WARNING,
            f"no console={facts.port} in {source}: boot diagnostics of a VM stay empty",
            "Make the serial port the last console.",
            tuple(_fix_commands(facts.port, run)),
        )
    elif names[-1] != facts.port:
        yield Finding(
            Severity.WARNING,
            f"console={plain(names[-1])} comes after console={facts.port} in {source}: systemd and the agents write "
            "where nobody reads",
            "Make the serial port the last console.",
            tuple(_fix_commands(facts.port, run)),
        )
    yield from _judge_details(facts, consoles)
    yield from _judge_silence(facts.line)


def _judge_details(facts: ConsoleFacts, consoles: tuple[str, ...]) -> Iterator[Finding]:
    for console in consoles:
        name, _, options = console.partition(",")
        if name == facts.port and options and not options.startswith(BAUD):
            message = f"console={plain(console)} asks for another speed than {BAUD}, which Azure's consoles use"
            yield Finding(Severity.NOTE, message, f"Use {BAUD}.")
    if facts.getty_masked:
        yield Finding(
            Severity.NOTE,
            f"the login on {facts.port} is masked: the serial console of the portal shows, and takes nothing",
            "Unmask it, unless that is meant.",
            (f"systemctl unmask serial-getty@.service serial-getty@{facts.port}.service",),
        )


def _judge_silence(line: CommandLine) -> Iterator[Finding]:
    """Options that keep what matters off the console, or spend the time of a boot there."""
    levels = [whole(value) for value in line.values("loglevel")]
    silent = [f"loglevel={level}" for level in levels[-1:] if level is not None and level < SHOWS_ERRORS]
    silent += [option for option in line.options if option == "quiet"][:1]
    silent += [f"systemd.show_status={value}" for value in line.values("systemd.show_status") if value in NO]
    if silent:
        message = f"{several(silent)} in {line.source}: boot diagnostics of a VM that fails show little"
        yield Finding(Severity.NOTE, message, "Remove the option, so that the log says what failed.")
    delays = [delay for delay in map(whole, line.values("rootdelay")) if delay is not None and delay > LONGEST_DELAY]
    if delays:
        message = (
            f"rootdelay={delays[-1]} in {line.source}: a boot may wait longer for its disk than Azure waits for it"
        )
        yield Finding(Severity.NOTE, message, f"Use {LONGEST_DELAY} at most.")


def _fix_commands(port: str, run: Run) -> Iterator[str]:
    agents = run.facts(AgentsFacts)
    setting = f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT console=tty0 console={port},{BAUD}"'
    if agents is not None and agents.distribution.of("debian", "ubuntu"):
        yield "mkdir -p /etc/default/grub.d"
        yield f"echo '{setting}' > /etc/default/grub.d/99-console.cfg"
        yield "update-grub"
    elif agents is not None and agents.distribution.of(*WITHOUT_GRUBBY):
        yield f"echo '{setting}' >> /etc/default/grub"
        yield "grub2-mkconfig -o /boot/grub2/grub.cfg"
    else:
        yield "grubby --update-kernel=ALL --remove-args=console"
        yield f"grubby --update-kernel=ALL --args='console=tty0 console={port},{BAUD}'"


CHECKS = (
    check(
        "boot-console",
        "the serial port is the primary console",
        part("console", judge),
        Severity.WARNING,
    ),
)
