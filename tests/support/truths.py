"""Logs of machines with a known truth: as many as are wanted, made the same from the same number.

A console log is kernel and systemd lines, then what azpreflight prints. Which machine has what is decided by its number
alone, so that a test can count it without reading a log.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Optional

from azpreflight.model import Cause, CauseEntry, Confidence, Readiness, Report, Result, Severity, Status
from azpreflight.render import serial
from tests.fuzz import damage
from tests.support.reports import BROKEN, READY, RUN, result

REGIONS = ("westeurope", "northeurope", "japaneast")
SIZES = ("Standard_B2s", "Standard_D4s_v5", "Standard_NC6")
IMAGES = (
    ("Debian", "debian-12", "12-gen2"),
    ("canonical", "ubuntu-24_04-lts", "server"),
    ("redhat", "rhel", "9-lvm-gen2"),
)
CHECKS = 90
"""Results of a report, as the program has."""


@dataclass(frozen=True)
class Truth:
    """What a machine is, and what is wrong with it."""

    number: int
    name: str
    vm_id: str
    subnet: str
    region: str
    size: str
    image: str
    version: str
    agent: str
    causes: tuple[Cause, ...]
    """Errors, the first first; none: it is ready."""
    report: bool = True
    """False: its log ends before there is one."""


def truth(number: int) -> Truth:
    """Of ten machines: one in the subnet of a dead name server, one with a firewall, some with both, one silent."""
    kind = number % 20
    dead = kind in (3, 13)
    rule = kind in (7, 13)
    publisher, offer, sku = IMAGES[number // 7 % 3]
    return Truth(
        number,
        f"vm{number:06}",
        f"00000000-0000-4000-8000-{number:012x}",
        "10.9.0.0/24" if dead else f"10.{number % 5}.0.0/24",
        REGIONS[number // 3 % 3],
        SIZES[number // 5 % 3],
        f"{publisher}:{offer}:{sku}",
        f"1.{number // 100 % 4}.0",
        "2.9.1.1" if number % 4 else "2.11.1.4",
        ((Cause.DNS_UNREACHABLE,) if dead else ()) + ((Cause.GUEST_FIREWALL,) if rule else ()),
        kind != 19,
    )


def _cause(word: Cause, number: int) -> CauseEntry:
    """Each machine measures something else, and is fixed by other commands."""
    address = f"10.9.{number % 250}.4"
    if word is Cause.DNS_UNREACHABLE:
        words = (
            "dns-servers",
            f"no DNS server answers: {address}",
            f"Replace {address}.",
            f"resolvectl dns eth0 {address}",
        )
    else:
        rule = number % 9 + 1
        words = (
            "firewall-dns",
            f"rule {rule} of OUTPUT drops udp {address}:53",
            "Delete it.",
            f"iptables -D OUTPUT {rule}",
        )
    check, summary, fix, command = words
    return CauseEntry(word, check, Severity.ERROR, Confidence.CERTAIN, "seen", summary, fix, (command,), ())


@cache
def _results() -> tuple[Result, ...]:
    return tuple(result(f"check-{number:02}", Status.PASS) for number in range(CHECKS))


def report(number: int) -> Report:
    """What the machine of this number reports."""
    one = truth(number)
    publisher, offer, sku = one.image.split(":")
    instance = {
        "location": one.region,
        "vm_size": one.size,
        "publisher": publisher,
        "offer": offer,
        "sku": sku,
        "version": one.version,
        "subnets": [one.subnet],
    }
    facts: Mapping[str, Any] = {
        "platform": {"metadata": {"instance": instance}},
        "agents": {"waagent": {"version": one.agent}},
        "rules": {"dump": random.Random(number).randbytes(6000).hex()},
    }
    failed = tuple(result(f"failed-{word.value}", Status.FAIL, *BROKEN.results[0].findings) for word in one.causes)
    return replace(
        READY,
        run=replace(RUN, vm_id=one.vm_id, started_at=f"2026-11-22T17:{number % 60:02}:00Z"),
        verdict=Readiness.NOT_READY if one.causes else Readiness.READY,
        causes=tuple(_cause(word, number) for word in one.causes),
        results=(*_results(), *failed),
        facts=facts,
    )


@cache
def _boot() -> bytes:
    """A real boot of a real machine, without a report."""
    return damage.recorded("boot-cloud-init")


def log(number: int, size: Optional[int] = None) -> bytes:
    """The console log of this machine, of 30 to 300 kB, or of `size` bytes where the report leaves room for that."""
    end = serial.render(report(number)).encode("ascii") if truth(number).report else b""
    wanted = size or random.Random(number).randint(30_000, 300_000)
    room = max(wanted - len(end), 0)
    boot = _boot()
    return (boot * (room // len(boot) + 1))[:room] + b"\n" + end


def write(folder: Path, count: int, size: Optional[int] = None) -> Iterator[Path]:
    """The logs of so many machines, some hundreds a directory."""
    for number in range(count):
        place = folder / f"{number // 500:04}" / f"{truth(number).name}.log"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(log(number, size))
        yield place
