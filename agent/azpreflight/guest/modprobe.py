"""What modprobe.d makes of a module that the kernel or udev asks for by an alias.

Hardening guides switch modules off in one of three ways, and each stops another thing. Shown with kmod 30 by
`modprobe -n -v` on `udf` and on `fs-udf`, the alias that the kernel asks for when a UDF disc is mounted:

* `install udf /bin/true` runs that instead of loading, whoever asks and also where another module needs it. Patterns
  hold, and the first line for a module wins.
* `blacklist udf` makes modprobe ignore the aliases that the module itself declares. A mount asks by alias, and so does
  udev for a device, so both fail; a module that is asked for by its name or needed by another is loaded. No patterns.
* `alias fs-udf off` sends the alias to a module that does not exist.
* `modprobe.blacklist=udf` on the kernel command line is a blacklist too, and `module_blacklist=udf` keeps the kernel
  itself from taking the module.

Of files of one name in several directories the first directory's counts; all are read in the order of their names
(modprobe.d(5)).
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import bootloader
from azpreflight.host import Host, HostError
from azpreflight.shell import argument
from azpreflight.text import plain

DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
FILE_LIMIT = 256 * 1024
"""Bytes of one file; a hardening guide's has some 2 KiB."""
HIDDEN = "..."
_PROGRAM = re.compile(r"[\w./+-]{1,100}", re.ASCII)
LOADERS = ("modprobe", "insmod", "kmod")
"""An install command that calls one of these loads the module after all."""


@dataclass(frozen=True)
class Rule:
    """One line of modprobe.d that names a module or an alias."""

    kind: str
    """install, blacklist, alias or, on the kernel command line, module_blacklist."""
    name: str
    """With underscores."""
    value: str
    """The program of install, the module of alias, empty for blacklist."""
    path: str
    line: int
    """0: an option of the kernel command line that the file has."""

    @property
    def where(self) -> str:
        """For a message."""
        return f"line {self.line} of {self.path}" if self.line else f"the kernel command line in {self.path}"

    @property
    def text(self) -> str:
        """The line as a person would write it, cut short."""
        return plain(" ".join(filter(None, (self.kind, self.name, self.value))))


def rules(host: Host) -> tuple[Rule, ...]:
    """All rules that hold, in the order in which modprobe reads them; /run is left out of a mounted image."""
    by_name: dict[str, str] = {}
    for directory in DIRECTORIES:
        if not (directory.startswith("/run") and host.root != "/"):
            for name in host.list(directory) or ():
                by_name.setdefault(name, f"{directory}/{name}")
    paths = [by_name[name] for name in sorted(by_name) if name.endswith(".conf")]
    texts = ((path, host.text(path, FILE_LIMIT) or "") for path in paths if not _is_null(host, path))
    return (*(rule for path, text in texts for rule in parse(text, path)), *_on_command_line(host))


def _on_command_line(host: Host) -> Iterator[Rule]:
    """Those of the next boot's; where its file cannot be read there are none, and who asks for the console says so."""
    line = None
    with suppress(HostError):
        line = bootloader.command_line(host)
    for option, kind in (("modprobe.blacklist", "blacklist"), ("module_blacklist", "module_blacklist")):
        values = line.values(option) if line is not None else ()
        for name in (name for value in values for name in value.split(",") if name):
            yield Rule(kind, name.replace("-", "_"), "", line.source if line is not None else "", 0)


def parse(text: str, path: str) -> Iterator[Rule]:
    """The rules of one file; a backslash at the end of a line continues it."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        rule = _rule((pending + line).split(None, 2), path, start)
        pending = ""
        if rule is not None:
            yield rule


def blocking(found: Sequence[Rule], module: str, needs: Sequence[str], alias: Optional[str]) -> Optional[Rule]:
    """The rule that keeps a module from being loaded when it is asked for by an alias of its own; None: no rule does.

    `alias` is its name where it has no pattern, such as fs_udf. `needs` are the modules loaded with it.
    """
    aliases = [rule for rule in found if rule.kind == "alias" and alias is not None and _matches(rule, alias)]
    if aliases and module not in (rule.value for rule in aliases):
        return aliases[0]
    instead = _install(found, alias) if alias is not None and not aliases else None
    if instead is not None:
        return None if _loads(instead.value) else instead
    for rule in found:
        if rule.kind in ("blacklist", "module_blacklist") and rule.name == module:
            return rule
    for name in (module, *needs):
        instead = _install(found, name)
        if instead is not None and not _loads(instead.value):
            return instead
    return None


def comment_out(rule: Rule) -> tuple[str, ...]:
    """The command that switches a line off; none for the kernel command line, which every boot loader has elsewhere.

    Guides of today have `install` and `blacklist` for one module in one file: either alone still blocks it.
    """
    if not rule.line:
        return ()
    name = re.escape(rule.name).replace("_", "[-_]")
    kind = rule.kind if rule.kind == "alias" else "(install|blacklist)"
    expression = rf"s/^[[:space:]]*{kind}[[:space:]]+{name}([[:space:]]|$)/#&/"
    return (f"sed -E -i {shlex.quote(expression)} {argument(rule.path)}",)


def _install(found: Sequence[Rule], name: str) -> Optional[Rule]:
    return next((rule for rule in found if rule.kind == "install" and _matches(rule, name)), None)


def _matches(rule: Rule, name: str) -> bool:
    return fnmatch.fnmatchcase(name, rule.name)


def _loads(command: str) -> bool:
    return any(loader in command for loader in LOADERS)


def _rule(words: Sequence[str], path: str, line: int) -> Optional[Rule]:
    if len(words) < 2 or words[0] not in ("install", "blacklist", "alias"):
        return None
    name, value = words[1].replace("-", "_"), words[2].strip() if len(words) > 2 else ""
    if words[0] != "blacklist" and not value:
        return None
    value = value.replace("-", "_") if words[0] == "alias" else _told(value)
    return Rule(words[0], name, "" if words[0] == "blacklist" else value, path, line)


def _told(command: str) -> str:
    """The program of a command, and whether it loads the module after all. Its arguments may be anything."""
    program, _, arguments = command.partition(" ")
    first = program if _PROGRAM.fullmatch(program) else HIDDEN
    loader = next((f" {loader}" for loader in LOADERS if loader in arguments), "")
    return f"{first} {HIDDEN}{loader}" if arguments.strip() else first


def _is_null(host: Host, path: str) -> bool:
    info = host.info(path, follow=False)
    return info is not None and info.target == "/dev/null"
