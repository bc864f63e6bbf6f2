"""Disks that are much larger than what is written on them, and than the room for temporary files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.images.disks import converted, disk
from tests.images.looking import looked, statuses, two_parts

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("images")]

SIZE = 4 << 40
"""Bytes of the disk; a few megabytes are written on it."""


def test_a_qcow2_takes_the_room_of_what_is_on_it(place: Path) -> None:
    """It is unpacked where its whole size would not fit."""
    raw = disk(place / "disk.img", two_parts(place))
    os.truncate(raw, SIZE)
    found = statuses(looked(converted(raw, "qcow2")))
    assert (found["image-filesystems"], found["gen-provisioned-sentinel"]) == ("pass", "fail")
