"""What seal plans and what it finds afterwards: packages' own files, too many files, and what must still be there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.host import Completed, HostError
from azpreflight.host.removable import Verb
from azpreflight.seal import ownership, standing
from azpreflight.seal.cleanup import Change
from azpreflight.seal.ownership import DPKG, DPKG_STATUS, RPM, Owned
from azpreflight.seal.plan import MOST_ASKED, MOST_CHANGES, MOST_ENTRIES, plan
from tests.support.fakes import FakeHost

SLICE = "/lib/systemd/system/azure.slice"
LOG = "/var/log/azure/ext"
SEED = "/var/lib/systemd/random-seed"


def dpkg(*paths: str, answer: str, status: int = 1) -> FakeHost:
    """A Debian that is asked for these names."""
    return FakeHost(files={DPKG_STATUS: "x"}, programs={(*DPKG, *paths): Completed(status, answer, "")})


def test_dpkg_is_asked_by_both_names_of_a_merged_usr() -> None:
    """The list of files has the older name on some, the newer on others; stars in a name are no pattern."""
    names = (SLICE, f"/usr{SLICE}")
    for answered in names:
        host = dpkg(*names, answer=f"walinuxagent, other: {answered}\n")
        assert ownership.owned(host, [SLICE]) == Owned({SLICE: "walinuxagent, other"})
    starred = dpkg(r"/var/log/azure/\*", r"/usr/var/log/azure/\*", answer="base: /var/log/azure/x\n")
    assert ownership.owned(starred, ["/var/log/azure/*"]) == Owned({})
    assert dict(ownership.dpkg_rows("a: /x: y\nnothing\ndiversion by a from: /z\n")) == {
        "/x: y": "a",
        "/z": "diversion by a from",
    }


def test_rpm_knows_names_that_are_not_its_files() -> None:
    """A %ghost was made by the machine; its exit status counts paths that nobody owns."""
    answer = f"systemd\t{SEED}\tg\nWALinuxAgent\t{SLICE}\t\nfile {LOG} is not owned by any package\n"
    asked = (SEED, SLICE, LOG)
    host = FakeHost(files={"/var/lib/rpm/rpmdb.sqlite": "x"}, programs={(*RPM, *asked): Completed(1, answer, "")})
    assert ownership.owned(host, asked) == Owned({SLICE: "WALinuxAgent"})


@pytest.mark.parametrize("files", [{}, {DPKG_STATUS: "x"}, {"/usr/lib/sysimage/rpm/Packages.db": "x"}])
def test_packages_that_cannot_be_asked(files: dict[str, Any]) -> None:
    """What they may have put there stays; what only a machine makes goes."""
    found = ownership.owned(FakeHost(files=files), [SLICE, SEED])
    assert found.error is not None
    changes = [Change(Verb.REMOVE, path) for path in (SLICE, SEED)]
    made = plan(changes, ("/",), found, {})
    assert made.changes == (changes[1],)
    (line,) = made.kept
    assert line.startswith(f"keep {SLICE}: cannot tell whether a package owns it: ")


def test_a_directory_stays_for_one_file_of_a_package() -> None:
    """And for one whose name cannot be asked for."""
    change = Change(Verb.REMOVE, LOG)
    assert plan([change], (), Owned({}), {LOG: (f"{LOG}/a",)}).changes == (change,)
    assert plan([change], (), Owned({f"{LOG}/a": "extension"}), {LOG: (f"{LOG}/a",)}).kept == (
        f"keep {LOG}: it belongs to the package extension",
    )
    assert plan([change], (), Owned({}), {LOG: (f"{LOG}/a\n",)}).changes == ()
    assert plan([change], (), Owned({}), {LOG: tuple(f"{LOG}/{one}" for one in range(MOST_ASKED + 1))}).changes == ()


def test_mounts_and_hostile_paths_are_kept_with_the_reason() -> None:
    """One line, printable, for each."""
    paths = (LOG, "/etc", "/var/log/azure/\x1b[2J/..")
    made = plan([Change(Verb.REMOVE, path) for path in paths], (f"{LOG}/disc",), Owned({}), {})
    assert made.changes == ()
    assert made.kept == (
        f"keep {LOG}: {LOG}/disc is mounted in it",
        "keep /etc: not one of the places where azpreflight may remove anything",
        "keep /var/log/azure/\\x1b[2J/..: not an absolute path without . and ..",
    )


def test_so_much_cannot_be_right() -> None:
    """By names, and by what is in directories."""
    journal = "/var/log/journal/a"
    some = [Change(Verb.REMOVE, f"/var/log/journal/{number}") for number in range(MOST_CHANGES + 1)]
    assert plan(some[:-1], (), Owned({}), {}).objection is None
    assert (plan(some, (), Owned({}), {}).objection or "").startswith(f"{MOST_CHANGES + 1} paths")
    inside = {journal: tuple(map(str, range(MOST_ENTRIES)))}
    assert plan([Change(Verb.REMOVE, journal)], (), Owned({}), inside).objection is not None


# --- what must still be there -------------------------------------------------------------------------------------

MACHINE: dict[str, Any] = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n"
    "daemon:x:1:1::/:/bin/false\n"
    "azureuser:x:1000:1000::/home/azureuser:/bin/sh\n",
    "/etc/shadow": "root:*:1::::::\ndaemon:*:1::::::\nazureuser:*:1::::::\n",
    "/etc/shadow-": "x",
    "/etc/resolv.conf": "x",
    "/etc/fstab": "x",
    "/boot/vmlinuz-6.1": "kernel",
    "/boot/grub/grub.cfg": "menu",
    "/usr/sbin/sshd": "sshd",
    "/usr/bin/dpkg": "dpkg",
    "/usr/bin/something": "x",
    "/home/azureuser/x": "x",
    "/home/other/x": "x",
}
WHOLE = standing.look(FakeHost(files=MACHINE))


def lost(*gone: str, **changed: str) -> list[str]:
    """What is found missing without these files, or with others."""
    files = {path: text for path, text in MACHINE.items() if path not in gone}
    files.update({f"/{name.replace('__', '/')}": text for name, text in changed.items()})
    return list(standing.lost(WHOLE, standing.look(FakeHost(files=files)), "azureuser"))


def test_a_sealed_machine_has_lost_nothing() -> None:
    """The user, with the home, and what is removed on purpose."""
    passwd = MACHINE["/etc/passwd"].replace("azureuser:x:1000:1000::/home/azureuser:/bin/sh\n", "")
    assert lost("/etc/shadow-", "/etc/resolv.conf", "/home/azureuser/x", etc__passwd=passwd, etc__fstab="other") == []


@pytest.mark.parametrize("path", ["/boot/vmlinuz-6.1", "/boot/grub/grub.cfg", "/usr/sbin/sshd", "/usr/bin/dpkg"])
def test_what_a_machine_boots_and_runs_with(path: str) -> None:
    """Gone, or empty."""
    assert f"{path} has gone" in lost(path)
    assert [line for line in lost(**{path[1:].replace("/", "__"): ""}) if line.startswith(f"{path} has changed")] != []


def test_other_names_and_accounts() -> None:
    """A program, another's home, a system account, root in each of the two files."""
    assert lost("/usr/bin/something") == ["/usr/bin/something has gone"]
    assert lost("/home/other/x") == ["/home/other has gone"]
    accounts = MACHINE["/etc/passwd"]
    daemon = "daemon:x:1:1::/:/bin/false\n"
    assert lost(etc__passwd=accounts.replace(daemon, "")) == ["accounts of the system have gone: daemon"]
    no_root = "root has no account in /etc/passwd and /etc/shadow any more"
    assert no_root in lost(etc__passwd=accounts.replace("root:x:0:", "root:x:7:"))
    assert no_root in lost(etc__shadow="daemon:*:1::::::\n")
    assert replace(WHOLE, root=True) == WHOLE


def test_accounts_that_cannot_be_read() -> None:
    """Nothing can be compared."""
    with pytest.raises(HostError):
        standing.look(FakeHost(files={"/etc/passwd": b"x" * 300_000}))
