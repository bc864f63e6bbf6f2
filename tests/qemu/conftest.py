"""What the first boots share: the package, its images, and a machine that came up well, to go on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable

import pytest

from tests.netns.certificates import certificates
from tests.qemu.boot import Boot, Saved, boot
from tests.qemu.image import RIGHT, Image, Recipe, build
from tests.qemu.watching import BOOT_TIMEOUT, Told, reported, until
from tests.support.built import deb_of_the_run
from tests.support.needs import hold_back
from tests.support.scratchroot import CannotBuild

REPORT = "/var/lib/azpreflight/report.json"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Image]:
    """Images by recipe, with the package built from this tree."""
    deb = deb_of_the_run(tmp_path_factory)

    def made(recipe: Recipe) -> Image:
        try:
            return build(recipe, certificates()["authority"], deb)
        except CannotBuild as error:
            hold_back(error)

    return made


@dataclass(frozen=True)
class Healthy:
    """A first boot that went well, and where it was stopped."""

    first: Told
    """The first verdict."""
    newest: Mapping[str, Any]
    """The newest report of the serial log when azpreflight had ended."""
    kept: Mapping[str, Any]
    """The report in the VM."""
    shell: list[str]
    """Host name, user and the state of sshd."""
    saved: Saved


@pytest.fixture(scope="session")
def healthy(images: Callable[[Recipe], Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healthy]:
    """A machine that waagent has provisioned and azpreflight has watched to the end."""
    folder, image = tmp_path_factory.mktemp("saved"), images(RIGHT)
    state, disk = folder / "state", folder / "disk.qcow2"
    with boot(image, Boot()) as machine:
        first = reported(machine, "ready")
        machine.wait_for_agent(BOOT_TIMEOUT)
        until(machine, "systemctl is-active azpreflight.service", "inactive")
        kept = json.loads(machine.run(f"cat {REPORT}").output)
        newest = reported(machine, "ready").document
        shell = machine.run("hostname; id -un newuser; systemctl is-active ssh").output.split()
        machine.run("systemctl stop walinuxagent; sync")
        machine.save(state)
        shutil.copy(machine.disk, disk)
    yield Healthy(first, newest, kept, shell, Saved(image, state, disk))
    shutil.rmtree(folder)
