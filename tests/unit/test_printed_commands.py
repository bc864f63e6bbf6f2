"""Every program that a finding has somebody run: which test runs it in the state of the finding, or why none does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.examples import CHECKS, on_broken

TESTS = Path(__file__).parents[1]
FIXING = "unit/probes/{}.py::test_a_fix_that_is_printed_fixes"
IN_A_TREE = "agents/test_printed_commands.py::test_the_commands_fix_the_state"
RUN_BY = {
    **dict.fromkeys(("sed", "printf"), FIXING.format("test_login")),
    **dict.fromkeys(("cp",), FIXING.format("test_startup")),
    **dict.fromkeys(("rm", "mkdir"), FIXING.format("test_startup_further")),
    **dict.fromkeys(("chmod", "chown", "sshd", "systemctl", "userdel", "update-initramfs"), IN_A_TREE),
    "groupdel": "agents/test_login_names.py::test_taken_names_are_freed",
    "waagent": "agents/test_deprovision.py::test_",
}
"""By program, a test that runs it as it is printed, and finds the check well afterwards."""
LOOKS = "it inspects, and changes nothing"
RUNNING = "it speaks to a machine that runs, with its network"
NOT_RUN = {
    **dict.fromkeys(("cat", "date", "du", "findmnt", "getent", "grep", "journalctl", "iptables-legacy-save"), LOOKS),
    **dict.fromkeys(("ip", "iptables-legacy"), RUNNING),
    "apt-get": "it fetches packages from an archive",
    "cloud-init": "with `clean` it is run by the tests of deprovisioning; with `status` it inspects",
    "echo": "it appends a line for the next boot's kernel or for dracut, which no tree here has",
    "grub-install": "it writes a boot loader onto a disk",
    "ln": "a link to a unit, which the tests of units write themselves",
    "qemu-img": "it converts a disk of the operator's, not in the guest",
    "touch": "it has the first boot label every file, and no kernel here has SELinux",
    "truncate": "it empties a file; seal does the same and is tested for it",
    "update-ca-certificates": "it follows a package that is fetched from an archive",
    "ufw": "it speaks to the kernel's rules, of the machine that it runs on",
    "update-grub": "it makes entries for the disk that it runs on",
}
"""By program, why no test runs it."""


def printed() -> dict[str, list[str]]:
    """Every command of the checks' own broken machines, by program."""
    found: dict[str, list[str]] = {}
    for check in CHECKS:
        for command in (command for finding in on_broken(check).findings for command in finding.commands):
            found.setdefault(command.split()[0], []).append(command)
    return found


def test_every_program_is_accounted_for() -> None:
    """A new one needs a test in its state, or a reason."""
    assert set(printed()) - set(RUN_BY) - set(NOT_RUN) == set()
    assert set(RUN_BY) & set(NOT_RUN) == set()
    assert (set(RUN_BY) | set(NOT_RUN)) - set(printed()) == set()


@pytest.mark.parametrize("place", sorted(set(RUN_BY.values())))
def test_the_tests_exist(place: str) -> None:
    """By their names."""
    file, _, name = place.partition("::")
    assert re.search(rf"^def {name}", (TESTS / file).read_text(), re.MULTILINE)
