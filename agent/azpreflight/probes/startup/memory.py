"""Settings of the kernel that were made for a VM of one size and stop one of another, or that let no driver load.

Huge pages are taken before anything else runs: on a smaller VM nothing is left, and the boot ends in out-of-memory
kills (Microsoft Learn, "Linux VM fails to boot because of incorrect hugepages configuration"; sysctl.d(5)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Optional

from azpreflight.dataclass import dataclass
from azpreflight.foreign import whole
from azpreflight.guest import bootloader
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, Run, Severity, Verdict
from azpreflight.probes.startup.check import check
from azpreflight.probes.subjects import part
from azpreflight.text import files, plain

DIRECTORIES = ("/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
LAST = "/etc/sysctl.conf"
HUGE_MIB = {"": 2, "2M": 2, "2048K": 2, "1G": 1024, "1024M": 1024, "1048576K": 1024}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
NO_MODULES = "kernel.modules_disabled"
HALF = 50
"""Percent of the memory that programs may promise themselves, unless vm.overcommit_ratio says otherwise (Linux,
admin-guide/sysctl/vm)."""
CRASH = re.compile(r"crashkernel=(\d{1,9})([KMG]?)(?:[,@].{0,40})?", re.IGNORECASE)
LIMIT_MIB = 512
"""Of the smallest sizes, with 1 GiB, half: what is taken beyond is missed there."""


@dataclass(frozen=True)
class Value:
    """A setting, and where it is made."""

    value: str
    path: str
    line: int = 0


@dataclass(frozen=True)
class MemoryFacts:
    """What decides about memory, the last of each key."""

    sysctl: Mapping[str, Value] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    """Of the kernel's command line: hugepages, mem and their like, in order."""
    source: str = ""


def look(host: Host, run: Run) -> MemoryFacts:
    """sysctl.d in its order, then the command line of the next boot."""
    by_name: dict[str, str] = {}
    for directory in DIRECTORIES:
        for name in host.list(directory) or ():
            by_name.setdefault(name, f"{directory}/{name}")
    paths = [by_name[name] for name in sorted(by_name) if name.endswith(".conf")]
    values: dict[str, Value] = {}
    for path in (*paths, LAST):
        info = host.info(path, follow=False)
        if info is not None and info.target != "/dev/null":
            values.update(parse(host.text(path, SMALL) or "", path))
    line = bootloader.command_line(host)
    kept = (
        [
            option
            for option in line.options
            if option.startswith(("hugepages", "default_hugepagesz", "mem=", "crashkernel="))
        ]
        if line
        else []
    )
    return MemoryFacts(
        {key: value for key, value in values.items() if key.startswith("vm.") or key == NO_MODULES},
        tuple(kept),
        line.source if line is not None else "",
    )


def parse(text: str, path: str) -> dict[str, Value]:
    """key = value, with dots or slashes in the key, the last of each (sysctl.d(5))."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, equals, value = line.strip().lstrip("-").partition("=")
        if equals and not key.startswith(("#", ";")):
            found[key.strip().replace("/", ".")] = Value(value.strip(), path, number)
    return found


def judge(facts: MemoryFacts, run: Run) -> Iterator[Verdict]:
    """Nothing takes more memory than the smallest VM has."""
    pages = facts.sysctl.get("vm.nr_hugepages")
    if pages is not None and (number := whole(pages.value)) is not None:
        size = HUGE_MIB.get(_default_size(facts.options), 2)
        yield from _taken(number * size, f"vm.nr_hugepages={number}", pages)
    yield from _on_command_line(facts)
    kept = facts.sysctl.get("vm.min_free_kbytes")
    if kept is not None and (number := whole(kept.value)) is not None:
        yield from _taken(number >> 10, f"vm.min_free_kbytes={number}", kept)
    strict = facts.sysctl.get("vm.overcommit_memory")
    if strict is not None and strict.value == "2" and "vm.overcommit_kbytes" in facts.sysctl:
        yield _found(f"vm.overcommit_kbytes with vm.overcommit_memory=2 ({strict.path}) is for one size of VM", strict)
    elif strict is not None and strict.value == "2" and (ratio := _ratio(facts)) < HALF:
        message = f"vm.overcommit_memory=2 with vm.overcommit_ratio={ratio} ({strict.path}) leaves programs {ratio} %"
        yield _found(f"{message} of the memory: agents on a small VM cannot start", strict)
    fixed = facts.sysctl.get(NO_MODULES)
    if fixed is not None and fixed.value == "1":
        yield replace(
            _found(
                f"{NO_MODULES}=1 ({fixed.path}) lets no driver load after it: not those of the provisioning disc, of"
                " accelerated networking and of the agent's firewall rules",
                fixed,
                Severity.ERROR,
            ),
            confidence_reason="what is loaded or built in before it is enough for some VMs",
        )
    panics = facts.sysctl.get("vm.panic_on_oom")
    if panics is not None and panics.value in ("1", "2"):
        yield _found(
            f"vm.panic_on_oom={panics.value} ({panics.path}): a VM that runs out of memory stops", panics, Severity.NOTE
        )


def _ratio(facts: MemoryFacts) -> int:
    value = facts.sysctl.get("vm.overcommit_ratio")
    number = whole(value.value) if value is not None else None
    return HALF if number is None else number


def _default_size(options: tuple[str, ...]) -> str:
    return next((option.partition("=")[2] for option in options if option.startswith("default_hugepagesz=")), "")


def _on_command_line(facts: MemoryFacts) -> Iterator[Verdict]:
    size, total = _default_size(facts.options), 0
    for option in facts.options:
        key, _, value = option.partition("=")
        if key == "hugepagesz":
            size = value
        elif key == "hugepages":
            total += (whole(value) or 0) * HUGE_MIB.get(size, 2)
    if total:
        yield from _taken(total, "hugepages= on the kernel command line", Value("", facts.source))
    for option in facts.options:
        crash = CRASH.fullmatch(option)
        if crash is not None:
            mib = int(crash.group(1)) * UNITS[crash.group(2).upper()] >> 20
            yield from _taken(mib, f"{plain(option, 40)} on the kernel command line", Value("", facts.source))
    limit = next((option for option in facts.options if re.fullmatch(r"mem=\d{1,9}[KMGkmg]?", option)), None)
    if limit is not None:
        yield _found(
            f"{limit} on the kernel command line ({facts.source}) limits every VM to that", Value("", facts.source)
        )


def _taken(mib: int, what: str, value: Value) -> Iterator[Finding]:
    if mib > LIMIT_MIB:
        yield _found(f"{what} ({plain(value.path)}) takes {mib} MiB: a smaller VM has too little left to start", value)


def _found(message: str, value: Value, severity: Severity = Severity.WARNING) -> Finding:
    command: Optional[str] = f"sed -i '{value.line}s/^/# /' {files([value.path])}" if value.line else None
    return Finding(
        severity,
        message,
        "Remove the setting from the image, and make it on the VMs that need it.",
        (command,) if command else ("grep -n GRUB_CMDLINE_LINUX /etc/default/grub",),
        confidence=Confidence.LIKELY,
        confidence_reason="all VMs may be of sizes that have the memory",
    )


CHECKS = (
    check(
        "boot-memory",
        "no setting of the kernel is made for one size of VM or keeps drivers from loading",
        part("memory", judge),
        Severity.ERROR,
    ),
)
