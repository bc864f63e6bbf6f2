"""The kernel command line of the next boot, as the boot loader's files have it.

What runs now was started by the command line of yesterday; what is captured starts with the one that is written down.
grub.cfg has it on its `linux` lines, the Boot Loader Specification in one file for each entry, with variables that GRUB
keeps elsewhere. Where /boot is not there, /etc/default/grub says what it would be made of.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.guest import unified
from azpreflight.guest.kernels import version_key
from azpreflight.guest.shell_variables import expanded
from azpreflight.host import Host

GRUB = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/*/grub.cfg")
ENTRIES = ("/boot/loader/entries/*.conf", "/boot/efi/loader/entries/*.conf", "/efi/loader/entries/*.conf")
LOADER_CONF = ("/boot/loader/loader.conf", "/boot/efi/loader/loader.conf", "/efi/loader/loader.conf")
GRUBENV = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
DEFAULTS = "/etc/default/grub"
RUNNING = "/proc/cmdline"
LIMIT = 512 * 1024
"""Bytes of grub.cfg; with ten kernels it has some 30 KiB."""
_SHOWN = """
root rootfstype rootflags rootdelay rootwait ro rw console earlyprintk earlycon net.ifnames biosdevname
modprobe.blacklist module_blacklist ip quiet splash init cloud-init cloud-config systemd.unit
systemd.mask selinux apparmor audit fips ipv6.disable crashkernel nomodeset nvme_core.io_timeout mitigations panic
resume noresume rd.driver.pre rd.driver.blacklist rd.lvm.lv rd.lvm.vg rd.luks.uuid rd.break single rescue emergency
recovery acpi pci scsi_mod.use_blk_mq elevator ipv6.disable_ipv6 systemd.journald.forward_to_console systemd.log_level
loglevel systemd.show_status consoleblank vga nosplash 1 S security cgroup_enable systemd.unified_cgroup_hierarchy
"""
SHOWN = frozenset(_SHOWN.split())
"""Options whose values say how a system starts; of all others, which any program may invent, only the name is told."""
VALUE = re.compile(
    r"[\w.,:+-]{0,80}|(?:UUID|LABEL|PARTUUID|PARTLABEL)=[\w.-]{1,80}|/[\w./-]{0,80}|[\w.-]{1,80}/[\w.-]{1,80}", re.ASCII
)
"""Numbers, words, addresses, devices, paths, and volumes by their group. Not the address of a web server, nor what
stands behind a ?, a ; or an @."""
HIDDEN = "..."
RESCUE = ("single", "rescue", "emergency", "recovery", "systemd.unit=rescue.target")
_NAME = re.compile(r"[a-zA-Z][\w.-]{0,39}", re.ASCII)
MAX_FILES = 50
"""Entries that are read; one a kernel."""
_KERNELOPTS = re.compile(r"^[ \t]*(?:set[ \t]+)?(?:default_)?(kernelopts)=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class CommandLine:
    """What a kernel is started with."""

    source: str
    """The file that says so."""
    options: tuple[str, ...]
    """In order; of a key that is given twice, such as console=, the kernel takes both or the last."""

    def values(self, key: str) -> tuple[str, ...]:
        """All values of an option, in order."""
        return tuple(option.partition("=")[2] for option in self.options if option.startswith(f"{key}="))

    def shown(self) -> CommandLine:
        """The same as a report may have it: an option may be a password, a key, or an address that has one."""
        return CommandLine(self.source, tuple(map(shown_option, self.options)))


def shown_option(option: str) -> str:
    """The option if its name is known and its value is plain, else its name. A word without a value may be the end of a
    value with blanks in it, and one with = at its end that of a key in base64."""
    name, _, value = option.partition("=")
    if name in SHOWN:
        return option if VALUE.fullmatch(value) else f"{name}={HIDDEN}"
    return f"{name}={HIDDEN}" if value.strip("=") and _NAME.fullmatch(name) else HIDDEN


def command_line(host: Host) -> Optional[CommandLine]:
    """Of the entry that starts by itself, else of /etc/default/grub, else of the running kernel; None if none is found.

    Raises HostError where a file cannot be read.
    """
    for path in (path for pattern in GRUB for path in host.glob(pattern)):
        options = next(of_grub(host.text(path, LIMIT) or ""), None)
        if options is not None:
            return CommandLine(path, options)
    return _of_entries(host) or _of_unified(host) or _of_defaults(host) or _running(host)


def of_grub(text: str) -> Iterator[tuple[str, ...]]:
    """The options of each `linux` line of grub.cfg, rescue entries left out, in order: the first is the default."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in ("linux", "linux16", "linuxefi") and not set(words) & set(RESCUE):
            yield tuple(word.strip("\"'") for word in words[2:] if not word.startswith("$"))


def of_entry(text: str, known: Mapping[str, str]) -> Optional[tuple[str, ...]]:
    """The options of an entry of the Boot Loader Specification; None if it has none."""
    lines = re.findall(r"^options[ \t]+(.*)$", text, re.MULTILINE)
    words = [word for line in lines for word in expanded(line, known).split()]
    return tuple(words) if words else None


def of_defaults(texts: list[str]) -> tuple[str, ...]:
    """What grub-mkconfig makes of /etc/default/grub and the files that come after it."""
    values: dict[str, str] = {}
    for line in (line for text in texts for line in text.splitlines()):
        match = re.match(r"\s*(?:export\s+)?(GRUB_CMDLINE_LINUX(?:_DEFAULT)?)=(.*)$", line)
        if match is not None:
            values[match.group(1)] = expanded(match.group(2).strip().strip("\"'"), values)
    return tuple(" ".join(values.get(f"GRUB_CMDLINE_LINUX{part}", "") for part in ("", "_DEFAULT")).split())


def _of_entries(host: Host) -> Optional[CommandLine]:
    chosen = chosen_entry(host)
    if chosen is None:
        return None
    options = of_entry(host.text(chosen, LIMIT) or "", variables(host))
    return CommandLine(chosen, options) if options is not None else None


def _of_unified(host: Host) -> Optional[CommandLine]:
    path = unified.newest(host)
    options = unified.options(host, path) if path is not None else ()
    return CommandLine(path, options) if path is not None and options else None


def chosen_entry(host: Host) -> Optional[str]:
    """The file of the Boot Loader Specification that starts by itself; None where there is none."""
    paths = [path for pattern in ENTRIES for path in host.glob(pattern) if "rescue" not in path][:MAX_FILES]
    if not paths:
        return None
    saved = _saved_entry(host) or _default_of_systemd_boot(host, paths)
    return next((path for path in paths if path.rpartition("/")[2] == f"{saved}.conf"), max(paths, key=version_key))


def _default_of_systemd_boot(host: Host, paths: list[str]) -> Optional[str]:
    """The last by name that fits the pattern of loader.conf (loader.conf(5)); None where it has none, or @saved."""
    texts = (host.text(path, LIMIT) or "" for path in LOADER_CONF)
    patterns = [
        line.split()[1]
        for text in texts
        for line in text.splitlines()
        if line.split()[:1] == ["default"] and len(line.split()) > 1
    ]
    names = [path.rpartition("/")[2] for path in sorted(paths, key=version_key)]
    fitting = [name for name in names if patterns and fnmatch.fnmatchcase(name.lower(), _with_suffix(patterns[-1]))]
    return fitting[-1].removesuffix(".conf") if fitting else None


def _with_suffix(pattern: str) -> str:
    return pattern.lower() if pattern.endswith((".conf", "*")) else f"{pattern.lower()}.conf"


def _saved_entry(host: Host) -> Optional[str]:
    """The entry that GRUB's environment names, if grub.cfg goes by it: that of the last kernel that was installed, or
    of grubby --set-default. Else the last by name counts, and names begin with a machine id (grub2, blscfg.c)."""
    configs = [text for text in (host.text(path, LIMIT) for path in GRUB[:2]) if text]
    if configs and not any('default="${saved_entry}"' in text for text in configs):
        return None
    found = (re.search(r"^saved_entry=(\S+)$", host.text(path, LIMIT) or "", re.MULTILINE) for path in GRUBENV)
    return next((match.group(1) for match in found if match is not None), None)


def variables(host: Host) -> dict[str, str]:
    """kernelopts, which entries of RHEL 8 refer to: in GRUB's environment, or in grub.cfg."""
    found: dict[str, str] = {}
    for path in (*GRUB[:2], *GRUBENV):
        text = host.text(path, LIMIT) or ""
        for name, value in _KERNELOPTS.findall(text):
            found[name] = value.strip().strip("\"'")
    return found


def _of_defaults(host: Host) -> Optional[CommandLine]:
    paths = (DEFAULTS, *host.glob(f"{DEFAULTS}.d/*.cfg"))[:MAX_FILES]
    texts = [text for text in (host.text(path, LIMIT) for path in paths) if text is not None]
    return CommandLine(DEFAULTS, of_defaults(texts)) if texts else None


def _running(host: Host) -> Optional[CommandLine]:
    text = host.text(RUNNING) if host.root == "/" else None
    return CommandLine(RUNNING, tuple(text.split())) if text else None
