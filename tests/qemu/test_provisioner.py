"""Who provisions: what azpreflight says of an image, before capture and at first boot, and what the real agents do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

import pytest

from tests.qemu.boot import Boot, boot
from tests.qemu.image import Image, Recipe
from tests.qemu.watching import BOOT_TIMEOUT, causes, errors, reported, until

pytestmark = [pytest.mark.root, pytest.mark.emulator]

DEBIAN_12, DEBIAN_13 = pytest.mark.xdist_group("debian-12"), pytest.mark.xdist_group("debian-13")
BOTH = ("waagent", "cloud-init")
NOBODY = "no-provisioning-agent"
WAITS = "Waiting for cloud-init to copy ovf-env.xml"
"""What waagent writes, and does for half an hour."""


@dataclass(frozen=True)
class Case:
    """An image as its agents' packages leave it, and the right answer."""

    recipe: Recipe
    cause: Optional[str] = None
    """What keeps it from being ready, before capture and at first boot; None: nothing."""


CASES = [
    pytest.param(Case(Recipe("bookworm", BOTH, None)), marks=DEBIAN_12, id="debian-12-both"),
    pytest.param(Case(Recipe("trixie", BOTH, None)), marks=DEBIAN_13, id="debian-13-both"),
    pytest.param(Case(Recipe("trixie", ("cloud-init",), None)), marks=DEBIAN_13, id="debian-13-cloud-init"),
    pytest.param(Case(Recipe("trixie", ("waagent",), None), NOBODY), marks=DEBIAN_13, id="debian-13-waagent"),
    pytest.param(Case(Recipe("trixie", (), None), NOBODY), marks=DEBIAN_13, id="debian-13-neither"),
]


@pytest.mark.parametrize("case", CASES)
def test_who_provisions(
    case: Case,
    images: Callable[[Recipe], Image],
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
) -> None:
    """As installed by Debian: cloud-init provisions; waagent alone waits for it without success; else nobody does."""
    image = images(case.recipe)
    assert bool(errors(image.captured)) is bool(case.cause) and case.cause in (None, *causes(image.captured))
    with boot(image, Boot()) as machine:
        told = reported(machine, "not-ready" if case.cause else "ready", case.cause)
        machine.wait_for_agent(BOOT_TIMEOUT)
        if case.cause is None:
            until(machine, "id -un newuser", "newuser")
            until(machine, "hostname", "newvm")
        elif case.recipe.agents:
            until(machine, f"grep -o -m1 '{WAITS}' /var/log/waagent.log", WAITS)
        assert machine.run("id newuser").status == (0 if case.cause is None else 1)
    name = request.node.callspec.id
    record_property("measured", f"boots: {name}: {told.document['verdict']} {told.when}")


@DEBIAN_13
def test_sshd_is_dead_where_waagent_makes_its_keys(images: Callable[[Recipe], Image]) -> None:
    """Provisioned, and nobody can log in: said before capture, and at first boot of the VM that is reported Ready."""
    image = images(Recipe("trixie"))
    assert errors(image.captured) == ["ssh-start"]
    with boot(image, Boot()) as machine:
        machine.wait_for_agent(BOOT_TIMEOUT)
        until(machine, "test -s /var/lib/waagent/provisioned && id -un newuser", "newuser")
        told = reported(machine, "not-ready", "boot-config")
        assert machine.run("systemctl is-failed ssh.service").output.strip() == "failed"
        assert machine.run("ls /etc/ssh/ssh_host_*_key").status == 0
    (finding,) = told.findings("ssh-state")
    assert "nobody can log in" in finding["message"]


@DEBIAN_13
def test_dhcp_names_no_dns_server(images: Callable[[Recipe], Image]) -> None:
    """systemd-resolved refuses every question then, and is not to blame."""
    with boot(images(Recipe("trixie")), Boot(dns="")) as machine:
        told = reported(machine, "not-ready")
        machine.wait_for_agent(BOOT_TIMEOUT)
        assert "No DNS servers known" in machine.run("cat /run/systemd/resolve/resolv.conf").output
    assert set(told.causes) - {"boot-config"} == {"dns-unreachable"}  # a unit that fails for want of names may be later
    (finding,) = told.findings("dns-resolv-conf")
    assert finding["message"].endswith("which has no DNS server to ask; DHCP names none")
