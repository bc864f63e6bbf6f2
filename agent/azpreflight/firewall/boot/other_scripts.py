"""What of the user's own is run at boot and speaks of a firewall. None of it is ever executed here.

A script may do anything, and to find out by running it is not for a program that only looks. But where it gives a file
of rules to a loader, that file is known, and is rehearsed as if it were loaded last of all.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Optional

from azpreflight.firewall.boot import loaders
from azpreflight.firewall.boot.facts import Hook, Service
from azpreflight.firewall.boot.known_services import OWN_PLUGINS, PLUGINS
from azpreflight.firewall.boot.load_plan import Plan, Reader, Step
from azpreflight.guest.systemd_units import UnitFile
from azpreflight.host import FileKind, Host, HostError
from azpreflight.shell import words

SCRIPTS = (
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/network/if-pre-up.d/*",
    "/etc/network/if-up.d/*",
    "/etc/NetworkManager/dispatcher.d/*",
    "/etc/NetworkManager/dispatcher.d/pre-up.d/*",
    "/etc/networkd-dispatcher/*.d/*",
    "/var/lib/cloud/scripts/per-boot/*",
    "/var/lib/cloud/scripts/per-instance/*",
    "/var/lib/cloud/scripts/per-once/*",
    "/etc/ufw/before.init",
    "/etc/ufw/after.init",
)
"""Run if they are executable."""
SOURCED = (
    "/etc/dhcp/dhclient-enter-hooks.d/*",
    "/etc/dhcp/dhclient-exit-hooks.d/*",
    "/etc/dhcp/dhclient-enter-hooks",
    "/etc/dhcp/dhclient-exit-hooks",
    "/etc/cloud/cloud.cfg",
    "/etc/cloud/cloud.cfg.d/*.cfg",
)
"""Read by what runs them, executable or not."""
_UP = re.compile(r"^[ \t]*(?:pre-up|up|post-up)[ \t]+(.*)$", re.MULTILINE)
_REBOOT = re.compile(r"^[ \t]*@reboot[ \t]+(.*)$", re.MULTILINE)
PARTS = (
    ("/etc/network/interfaces", _UP),
    ("/etc/network/interfaces.d/*", _UP),
    ("/etc/crontab", _REBOOT),
    ("/etc/cron.d/*", _REBOOT),
    ("/var/spool/cron/crontabs/root", _REBOOT),
    ("/var/spool/cron/root", _REBOOT),
)
"""Files of which some lines alone are run at boot, with the part of the line that is. Of the crontabs root's alone:
nobody else may load rules, and anybody may write any text into his own."""
USERS_OWN = ("/etc/", "/usr/local/", "/opt/", "/root/", "/home/", "/srv/", "/var/")
"""Where programs are that no package of the distribution brings."""
SCRIPT_LIMIT = 1 << 20
_TOOL = re.compile(
    r"(?:^|[\s;&|(`/\"'\[,-])((?:ip6?tables(?:-legacy|-nft)?(?:-restore|-apply)?)|nft|ipset|firewall-cmd|ufw|ebtables|arptables)"
    r"(?=[\s\"',]|$)"
)


class Found(NamedTuple):
    """A hook with what it is known to load."""

    hook: Hook
    plan: Plan


def hooks(reader: Reader, units: Sequence[UnitFile]) -> tuple[Found, ...]:
    """All that speak of a firewall's tools. `units` are those that the boot starts and that are no services of a
    distribution's."""
    texts = dict([*_of_units(reader, units), *_parts(reader), *_scripts(reader), *_plugins(reader)])
    return tuple(found for path, text in sorted(texts.items()) if (found := _found(reader, path, text)) is not None)


def _scripts(reader: Reader) -> Iterator[tuple[str, str]]:
    for patterns, only_executable in ((SCRIPTS, True), (SOURCED, False)):
        for path in _paths(reader.image, patterns):
            if not only_executable or _is_executable(reader.image, path):
                yield path, _script(reader, path)


def _paths(image: Host, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from image.glob(pattern)


def _is_executable(image: Host, path: str) -> bool:
    info = image.info(path)
    return info is not None and info.kind is FileKind.FILE and bool(info.mode & 0o111)


def _script(reader: Reader, path: str) -> str:
    """Where a script is expected; nothing where it is a program. What cannot be read is remembered."""
    text = reader.text(path, SCRIPT_LIMIT) or ""
    return "" if "\0" in text else text


def _program(image: Host, path: str) -> str:
    """What a unit starts: nothing where it cannot be read as a script, which most are not."""
    try:
        text = image.text(path, SCRIPT_LIMIT) or ""
    except HostError:
        return ""
    return "" if "\0" in text else text


def _plugins(reader: Reader) -> Iterator[tuple[str, str]]:
    """Of netfilter-persistent, but for those of its own packages."""
    for path in reader.image.glob(f"{PLUGINS}/*"):
        if not path.endswith(OWN_PLUGINS) and _is_executable(reader.image, path):
            yield path, _script(reader, path)


def _parts(reader: Reader) -> Iterator[tuple[str, str]]:
    for pattern, part in PARTS:
        for path in reader.image.glob(pattern):
            yield path, "\n".join(part.findall(_script(reader, path)))


def _of_units(reader: Reader, units: Sequence[UnitFile]) -> Iterator[tuple[str, str]]:
    """Commands of units, and the scripts that they run where those are the user's own."""
    for unit in units:
        yield unit.path, "\n".join(shlex.join(command) for command in unit.commands)
        for word in " ".join(word for command in unit.commands for word in command).split():
            if word.startswith(USERS_OWN):
                yield word, _program(reader.image, word)


def _found(reader: Reader, path: str, text: str) -> Optional[Found]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    tools = dict.fromkeys(tool for line in lines for tool in _TOOL.findall(line))
    if not tools:
        return None
    made = [loaders.step(reader, load) for line in lines for load in loaders.loads_of(_words(line))]
    steps: list[Step] = [step for by_text, _ in made for step in by_text]
    own = [step for _, by_itself in made for step in by_itself]
    files = tuple(dict.fromkeys(line.path for step in steps for line in step.lines if line.path))
    plan = Plan(Service(path, path, True, files), tuple(steps), tuple(own))
    return Found(Hook(path, tuple(tools), files), plan)


def _words(line: str) -> list[str]:
    try:
        return words(line, comments=True)
    except ValueError:
        return line.split()
