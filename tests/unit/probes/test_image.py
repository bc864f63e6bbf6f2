"""The file of a disk image: footer, size, partitions, filesystems, and whether it was unmounted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.host.disk.types import Attached, Footer, Format, Table
from azpreflight.model import Severity
from azpreflight.probes import image
from azpreflight.probes.image.checks import BIOS_BOOT, GIB, MIB
from tests.support.fakes import FakeHost
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.image import BOOT, BROKEN, DISK, ESP, ROOT, RUN, SIZE, host, layout

PROBE = image.PROBE


def said(on: FakeHost, check: str) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.message) for finding in findings(judged(on, RUN, PROBE), check)]


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks_alone(check: str) -> None:
    """Every check fails on its own broken disk, and it alone."""
    found = statuses(judged(BROKEN[check], RUN, PROBE))
    assert [one for one, status in found.items() if status == "fail"] == [check]


def test_without_a_file_nothing_is_asked() -> None:
    """On the running system, or on a tree, the five do not apply."""
    assert set(statuses(judged(FakeHost(), replace(RUN, root="/"), PROBE)).values()) == {"notapplicable"}


def test_the_commands_of_a_disk_are_not_run_inside_it() -> None:
    """They are for the machine that has the file."""
    finding = findings(judged(BROKEN["image-vhd-footer"], RUN, PROBE), "image-vhd-footer")[0]
    assert finding.commands == (
        "qemu-img convert -f vpc -O vpc -o subformat=fixed,force_size /srv/disk.vhd /srv/disk.vhd.fixed.vhd",
    )


# --- footer and size ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": Format.RAW, "footer": None}, "it is named .vhd, and its last 512 bytes are no footer"),
        ({"footer": Footer(2, SIZE, intact=False)}, "the checksum of its footer is wrong"),
        ({"footer": Footer(2, SIZE - MIB, intact=True)}, f"its footer speaks of {SIZE - MIB} bytes"),
    ],
)
def test_what_is_no_whole_fixed_vhd(changes: dict[str, Any], words: str) -> None:
    """Cut off, damaged, or of another size than it says."""
    ((severity, message),) = said(host(**changes), "image-vhd-footer")
    assert (severity, message.startswith(words)) == (Severity.ERROR, True)


@pytest.mark.parametrize("form", [Format.RAW, Format.QCOW2])
def test_what_is_no_vhd_yet_has_no_footer(form: Format) -> None:
    """A raw disk or a qcow2 is converted before it is uploaded; its size matters already, and is easily fixed."""
    on = host(path="/srv/disk.img", format=form, footer=None, size=SIZE + 512)
    found = statuses(judged(on, RUN, PROBE))
    assert (found["image-vhd-footer"], found["image-size"]) == ("notapplicable", "fail")
    ((severity, _),) = said(on, "image-size")
    assert severity is Severity.WARNING
    commands = findings(judged(on, RUN, PROBE), "image-size")[0].commands
    assert f"qemu-img resize -f raw /srv/disk.img{'' if form is Format.RAW else '.raw'} {SIZE + MIB}" in commands


def test_a_disk_may_be_too_large() -> None:
    """4095 GiB is the limit of an OS disk."""
    assert said(host(size=4095 * GIB), "image-size") == []
    assert said(host(size=4096 * GIB), "image-size") == [
        (Severity.ERROR, "the disk has 4096 GiB, and an OS disk of Azure has at most 4095")
    ]


# --- partitions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"volumes": (replace(ESP, role=BIOS_BOOT), ROOT)},
        {"table": Table.MBR, "volumes": (replace(ESP, role="ef"), ROOT)},
        {"table": Table.MBR, "volumes": (ROOT,), "boot_code": True},
    ],
)
def test_every_way_of_starting_is_known(changes: dict[str, Any]) -> None:
    """An EFI system partition, a BIOS boot partition, or boot code in the first sector."""
    assert said(host(layout=layout(**changes)), "image-partitions") == []


def test_a_damaged_table() -> None:
    """With its copy it is a warning; without one nothing is known of the partitions."""
    damage = "the GPT in sector 1 is damaged: the header's checksum is wrong"
    ((severity, message),) = said(host(layout=layout(damage=damage)), "image-partitions")
    assert (severity, message) == (Severity.WARNING, f"{damage}; its copy was read")
    ((severity, message),) = said(host(layout=layout(damage=damage, volumes=())), "image-partitions")
    assert (severity, message) == (Severity.ERROR, f"{damage}; nothing is known of its partitions")


# --- filesystems --------------------------------------------------------------------------------------------------


def test_a_disk_that_is_not_opened_is_unknown() -> None:
    """What could not be inspected is neither well nor wrong; footer and size are known all the same."""
    found = by_check(judged(host(layout=None, root=None, attached=(), error="it is encrypted"), RUN, PROBE))
    reasons = {name: (result.status.value, result.reason) for name, result in found.items()}
    assert reasons == {
        "image-vhd-footer": ("pass", None),
        "image-size": ("pass", None),
        "image-partitions": ("unknown", "it is encrypted"),
        "image-filesystems": ("unknown", "it is encrypted"),
        "image-unmounted": ("unknown", "it is encrypted"),
    }


def test_a_filesystem_that_is_not_mounted() -> None:
    """One on this disk is unknown; a missing one with nofail is nobody's business."""
    closed = Attached("/var", "UUID=1", optional=False, volume="partition 2", error="it is encrypted (LUKS)")
    found = by_check(judged(host(attached=(closed,)), RUN, PROBE))["image-filesystems"]
    assert (found.status.value, found.reason) == (
        "unknown",
        "fstab: UUID=1 on /var: it is encrypted (LUKS); nothing there was inspected",
    )
    absent = Attached("/srv", "UUID=1", optional=True)
    assert statuses(judged(host(attached=(absent,)), RUN, PROBE))["image-filesystems"] == "pass"


def test_what_is_not_known_is_closed_to_the_checks() -> None:
    """All that is missing but the EFI system partition, of which no check depends."""
    places = [replace(BOOT, place=place, error="no") for place in ("/var", "/boot/efi")]
    absent = [Attached("/usr", "UUID=1", optional=False), Attached("/srv", "UUID=2", optional=True)]
    assert replace(DISK, attached=(*places, *absent)).closed == {"/var", "/usr"}
