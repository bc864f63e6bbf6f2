"""Work of any size for the curves: what is put in place for it, and the process that does it."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Callable, NamedTuple
from xml.etree import ElementTree

from azpreflight.azure.goal_state import PLUGINS_LIMIT
from azpreflight.standin.documents import extensions_config, vm_settings
from azpreflight.standin.extension import HELLO
from tests.agents.cloud import CLOUD
from tests.bench import firewall, offline
from tests.bench.__main__ import WEIGH, weigh
from tests.bench.fleet import measured
from tests.images.disks import Part, converted, disk
from tests.netns import namespaces
from tests.netns.guest import guest
from tests.netns.observe import CHECK
from tests.netns.standin import Fault, standin
from tests.support import truths
from tests.support.boot_logs import content
from tests.support.scratchroot import debian_tree, overlay

PROGRAM = ("-m", "azpreflight")
LOG = "recorded-happy-serial.log.gz"
SMALL_LOG = 20_000
"""Bytes of one of a fleet's logs."""
DISK_MIB = 1536
LAST = "168.63.129.16"


class Cost(NamedTuple):
    """What one run took."""

    cpu_s: float
    peak_mib: float


Runs = Generator[Cost, None, None]
Measure = Callable[[int, Path], Runs]
"""Puts work of this size into place, and runs it as often as it is asked; `Path` is a scratch folder."""


def _again(program: Sequence[str], ends: Sequence[int] = offline.FOUND) -> Runs:
    """The program, run as Python, again and again. RuntimeError for one that does not end as it should."""
    while True:
        _, cpu, peak = offline.weigh(WEIGH, program, ends)
        yield Cost(cpu, peak)


# --- rules --------------------------------------------------------------------------------------------------------


def _of_sets(size: int) -> str:
    """One rule, and a set of so many addresses of which the wire server's is one."""
    addresses = ", ".join([*(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(1, size)), LAST])
    return (
        f"table inet guard {{\nset far {{ type ipv4_addr; elements = {{ {addresses} }} }}\n"
        "chain out { type filter hook output priority 0; policy accept;\n"
        "ip daddr @far tcp dport 80 counter drop\n}\n}\n"
    )


RULES = (*firewall.KINDS, "nft set")


def rules(kind: str, size: int) -> Runs:
    """Loaded into a namespace, dumped and rehearsed; RuntimeError where another rule than the right one is named."""
    sets = kind == "nft set"
    with guest() as vm:
        load = namespaces.inside(vm.name, firewall.KINDS["nft" if sets else kind].load)
        text = _of_sets(size) if sets else firewall.ruleset(kind, size)
        subprocess.run(load, input=text, text=True, check=True, timeout=600)
        program = firewall.Program(namespaces.inside(vm.name, firewall.OURS), 1 if sets else size)
        while True:
            found = firewall.run(program)
            yield Cost(found.cpu_s, found.peak_mib)


# --- the platform -------------------------------------------------------------------------------------------------

PARSE = """
import sys
from azpreflight.azure.goal_state import parse_extensions_config, parse_vm_settings
fabric, settings = (open(path, "rb").read() for path in sys.argv[2:])
found = len(parse_extensions_config(fabric).plugins), len(parse_vm_settings(settings).plugins)
sys.exit(found != (int(sys.argv[1]), int(sys.argv[1])))
"""


def extensions(size: int, place: Path) -> Runs:
    """Both documents of the goal state with so many extensions, each with another name; of many the first are kept."""
    fabric, settings = ElementTree.fromstring(extensions_config(HELLO)), json.loads(vm_settings(HELLO))
    names = [f"{HELLO.name}{number}" for number in range(size)]
    for group in (fabric.find("Plugins"), fabric.find("PluginSettings")):
        assert group is not None
        (one,) = group
        group[:] = [_named(one, name) for name in names]
    (one,) = settings["extensionGoalStates"]
    settings["extensionGoalStates"] = [{**one, "name": name} for name in names]
    (place / "fabric").write_bytes(ElementTree.tostring(fabric))
    (place / "settings").write_text(json.dumps(settings))
    kept = str(min(size, PLUGINS_LIMIT))
    yield from _again(("-c", PARSE, kept, str(place / "fabric"), str(place / "settings")), ends=(0,))


def announced(size: int, place: Path) -> Runs:
    """A first boot in the stand-in that is told of so many extensions by name."""
    names = [word for number in range(size) for word in ("--extension", f"{HELLO.name}{number}")]
    with standin() as platform:
        while True:
            found = weigh(platform.vm, (*PROGRAM, *CHECK, "firstboot", *names), healthy=False)
            yield Cost(found.cpu_s, found.peak_mib)


def _named(plugin: ElementTree.Element, name: str) -> ElementTree.Element:
    other = copy.deepcopy(plugin)
    other.set("name", name)
    return other


def dns(size: int, place: Path) -> Runs:
    """A first boot in the stand-in, with so many servers in resolv.conf, of which glibc takes the first three."""
    addresses = [f"10.0.0.{50 + number}" for number in range(size)]
    lines = "".join(f"nameserver {address}\n" for address in addresses)
    fault = Fault(dns=dict.fromkeys(addresses, "answers"), files={"/etc/resolv.conf": lines})
    with standin(fault) as platform:
        while True:
            found = weigh(platform.vm, (*PROGRAM, *CHECK, "firstboot"), healthy=False)
            yield Cost(found.cpu_s, found.peak_mib)


# --- trees and disks ----------------------------------------------------------------------------------------------


def users(size: int, place: Path) -> Runs:
    """Each with a password, a home and a key in it."""
    with overlay(debian_tree("bookworm", CLOUD)) as tree:
        with (tree / "etc/passwd").open("a") as passwd, (tree / "etc/shadow").open("a") as shadow:
            for number in range(size):
                passwd.write(f"user{number}:x:{2000 + number}:100::/home/user{number}:/bin/bash\n")
                shadow.write(f"user{number}:$6$salt$hash:19000:0:99999:7:::\n")
                keys = tree / f"home/user{number}/.ssh"
                keys.mkdir(parents=True)
                (keys / "authorized_keys").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI x\n")
        yield from _again((*PROGRAM, "check", "--root", str(tree)))


def kernels(size: int, place: Path) -> Runs:
    """Each with an initramfs and modules of its own: those of the tree under further names."""
    with overlay(debian_tree("bookworm", CLOUD)) as tree:
        (modules,) = (tree / "usr/lib/modules").iterdir()
        release = modules.name
        for number in range(1, size):
            other = f"6.0.{number}-amd64"
            for name in ("vmlinuz", "initrd.img", "config", "System.map"):
                os.link(tree / f"boot/{name}-{release}", tree / f"boot/{name}-{other}")
            (tree / f"usr/lib/modules/{other}").mkdir()
            for file in modules.glob("modules.*"):
                shutil.copy(file, tree / f"usr/lib/modules/{other}")
            (tree / f"usr/lib/modules/{other}/kernel").symlink_to(f"../{release}/kernel")
        yield from _again((*PROGRAM, "check", "--root", str(tree)))


def image(size: int, place: Path, form: str = "raw") -> Runs:
    """A Debian's disk that was made larger, as for a VM; nothing is written where it was enlarged."""
    raw = disk(place / "disk.raw", [Part(DISK_MIB, debian_tree("bookworm", CLOUD))])
    os.truncate(raw, size << 30)
    subprocess.run(
        ["sfdisk", "--quiet", "--relocate", "gpt-bak-std", str(raw)], check=True, capture_output=True, timeout=60
    )
    yield from _again((*PROGRAM, "image", str(converted(raw, form))))


def qcow2(size: int, place: Path) -> Runs:
    """The same, converted."""
    yield from image(size, place, "qcow2")


# --- logs ---------------------------------------------------------------------------------------------------------


def explained(size: int, place: Path) -> Runs:
    """One log of so many megabytes: a boot's, again and again."""
    boot, log = content(LOG), place / "serial.log"
    with log.open("wb") as file:
        for _ in range(size * 1_000_000 // len(boot) + 1):
            file.write(boot)
    yield from _again((*PROGRAM, "explain-log", str(log)))


def fleet(size: int, place: Path) -> Runs:
    """So many logs whose truth is known, read by one process."""
    for _ in truths.write(place / "logs", size, SMALL_LOG):
        pass
    while True:
        found = measured(place / "logs", place / "out", "--jobs", "1")
        yield Cost(found.cpu_s, found.peak_mib)
