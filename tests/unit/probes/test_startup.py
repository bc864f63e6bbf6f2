"""Whether a boot comes to its agents: entry, file systems, memory, LVM, target, NIC and labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.host.local import LocalHost
from azpreflight.model import Run, Stage
from azpreflight.probes import agents
from tests.support import fixing as mending
from tests.support.fakes import Denied, Fifo, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.startup import (
    BROKEN,
    DEVICES,
    DISABLED,
    ENFORCING,
    FILES,
    GRUB,
    HEALTHY,
    LABELS,
    LVM,
    ONE_DISK,
    PROBE,
    RUN,
    STORE,
    UNIT,
    grub,
    host,
    severities,
)


@pytest.mark.parametrize("run", [RUN, replace(RUN, root="/mnt"), replace(RUN, stage=Stage.BUILD)])
def test_a_healthy_image_passes(run: Run) -> None:
    """At every stage before the first boot, and mounted."""
    found = statuses(judged(replace(HEALTHY[0], root=run.root), run, agents.PROBE, PROBE))
    assert {found[check.id] for check in PROBE.checks} == {"pass", "notapplicable"}


@pytest.mark.parametrize("check", BROKEN)
def test_each_check_speaks(check: str) -> None:
    """On its own broken image, and it alone."""
    found = statuses(judged(*BROKEN[check], agents.PROBE, PROBE))
    assert [one.id for one in PROBE.checks if found[one.id] == "fail"] == [check]


def test_what_cannot_be_read_is_unknown() -> None:
    """One file takes no other subject along."""
    found = by_check(judged(host({GRUB: Denied()}), RUN, agents.PROBE, PROBE))
    assert (found["boot-entry"].status.value, found["boot-target"].status.value) == ("unknown", "pass")


def test_a_container_has_no_boot() -> None:
    """Nothing is asked of it."""
    bare = [path for path in FILES if path.startswith(("/boot/", "/lib/modules/"))]
    found = statuses(judged(host({}, *bare), RUN, agents.PROBE, PROBE))
    assert (found["boot-entry"], found["boot-filesystems"], found["boot-nic"]) == ("notapplicable",) * 3


# --- target, NIC --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"/etc/systemd/system/default.target": Link("/lib/systemd/system/emergency.target")}, ["error"]),
        ({"/etc/systemd/system/default.target": Link("/lib/systemd/system/gone.target")}, ["error"]),
        ({"/etc/systemd/system/default.target": Link("/dev/null")}, ["error"]),
        ({"/etc/systemd/system/default.target": Link("/lib/systemd/system/multi-user.target")}, []),
        ({"/etc/systemd/system/multi-user.target": Link("/dev/null")}, ["error"]),
        ({"/etc/systemd/system/systemd-user-sessions.service": Link("/dev/null")}, ["error"]),
        ({"/etc/systemd/system/apt-daily.timer": Link("/dev/null")}, []),
    ],
)
def test_target(changes: dict[str, Any], expected: list[str]) -> None:
    """Where a boot goes, and what it needs on the way."""
    assert severities(host({"/dev/null": Fifo(), **changes}), "boot-target") == expected


ETC = "/etc/systemd/system/{}"


def own(unit: str, by: str = "multi-user.target", name: str = "own.service") -> dict[str, Any]:
    """A service of one's own, enabled."""
    return {ETC.format(name): f"[Unit]\n{unit}\n", ETC.format(f"{by}.wants/{name}"): Link(ETC.format(name))}


PACKAGED = {
    "/usr/lib/systemd/system/a.service": "[Unit]\nBefore=basic.target\n",
    ETC.format("multi-user.target.wants/a.service"): Link("/usr/lib/systemd/system/a.service"),
}


def data(options: str) -> dict[str, Any]:
    """A data disk in fstab."""
    return {"/etc/fstab": f"UUID=1a2b / ext4 defaults 0 1\nLABEL=data /data ext4 nofail{options} 0 0\n"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (own("Before=sysinit.target"), ["warning"]),
        (own("Before=sysinit.target\nDefaultDependencies=no"), []),
        (own("Before=local-fs.target"), ["error"]),
        (own("", "sockets.target"), ["error"]),
        (own("", "sysinit.target"), []),
        (own("After=multi-user.target", "sysinit.target"), []),
        (own("After=multi-user.target"), []),
        ({ETC.format("sysinit.target.d/a.conf"): "[Unit]\nAfter=systemd-networkd.service\n"}, ["error"]),
        ({ETC.format("systemd-networkd.service.d/a.conf"): "[Unit]\nBefore=sysinit.target\n"}, ["error"]),
        ({ETC.format("gone.service.d/a.conf"): "[Unit]\nBefore=sysinit.target\n"}, []),
        ({**own("Before=sysinit.target"), ETC.format("own.service"): Link("/dev/null"), "/dev/null": Fifo()}, []),
        ({**own("After=b.service"), **own("After=own.service", name="b.service")}, ["warning"]),
        (own("Before=alias.target") | {ETC.format("alias.target"): Link(UNIT.format("sysinit.target"))}, ["warning"]),
        ({**own("Before=basic.target", "timers.target", "own.timer"), **own("Wants=timers.target")}, []),
        (own("Before=sysinit.target", "sysinit.target", "own.timer"), ["warning"]),
        (own("Before=local-fs.target\nAfter=network-online.target", "local-fs.target", "data.mount"), []),
        ({**data(",x-systemd.requires=own.service"), **own("")}, []),
        ({**data(",x-systemd.requires=own.service"), **own("Before=sysinit.target")}, ["warning"]),
        ({"/etc/fstab": "LABEL=data /data ext4 x-systemd.requires=own.service 0 0\n", **own("")}, ["error"]),
        ({"/etc/fstab": "LABEL=data /data ext4 _netdev,x-systemd.requires=own.service 0 0\n", **own("")}, []),
        (own("RequiresMountsFor=/data/x") | data(""), []),
        (own("DefaultDependencies=no\nAfter=own@x.service\nBefore=own@x.service", name="own@x.service"), []),
    ],
)
def test_order(changes: dict[str, Any], expected: list[str]) -> None:
    """Lines, drop-ins, links, fstab and what systemd adds; a unit that is not started delays nobody."""
    assert severities(host(changes), "boot-order") == expected


# --- SELinux ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "labels", "status"),
    [
        (ENFORCING, LABELS, "pass"),
        (ENFORCING, {**LABELS, "/etc/passwd": ""}, "error"),
        (ENFORCING, {**LABELS, "/etc/passwd": "unconfined_u:object_r:user_tmp_t:s0"}, "error"),
        (ENFORCING, {}, "unknown"),
        ({**ENFORCING, "/.autorelabel": ""}, {}, "note"),
        ({**ENFORCING, **grub("root=UUID=1a2b selinux=0")}, {}, "notapplicable"),
        ({**ENFORCING, "/etc/selinux/config": "SELINUX=permissive\n"}, {}, "notapplicable"),
    ],
)
def test_selinux(changes: dict[str, Any], labels: dict[str, str], status: str) -> None:
    """Labels of what a boot and a login need; where none is seen, nothing is said."""
    there = {path: "system_u:object_r:etc_t:s0" for path in host(changes).files if path.startswith(("/etc", "/usr"))}
    parents = {parent.as_posix() for path in host(changes).files for parent in Path(path).parents}
    everything = {**dict.fromkeys(parents, LABELS["/"]), **there, **labels} if labels else {}
    result = by_check(judged(host(changes, labels=everything), RUN, agents.PROBE, PROBE))["boot-selinux"]
    assert status == (result.findings[0].severity.value if result.findings else result.status.value)


def test_a_label_is_read_from_the_file(tmp_path: Path) -> None:
    """A file without one has none."""
    (tmp_path / "a").write_text("")
    assert LocalHost(str(tmp_path)).label("/a") is None
    assert LocalHost(str(tmp_path)).label("/b") is None


# --- fixes --------------------------------------------------------------------------------------------------------

FIXED: dict[str, tuple[str, dict[str, Any]]] = {
    "a blocked file system": (
        "boot-filesystems",
        {"/etc/modprobe.d/a.conf": "install vfat /bin/true\nblacklist vfat\n"},
    ),
    "huge pages": ("boot-memory", {"/etc/sysctl.d/a.conf": "# a\nvm.nr_hugepages = 49152\n"}),
    "a list of LVM": ("boot-volumes", {**LVM, DEVICES: ONE_DISK}),
    "a filter of LVM": ("boot-volumes", {**LVM, "/etc/lvm/lvm.conf": 'filter = [ "a|/dev/vda|", "r|.*|" ]\n'}),
    "a network that is switched off": ("boot-nic", DISABLED),
    "no name server is asked": ("boot-names", {"/etc/nsswitch.conf": "hosts: files [NOTFOUND=return] dns\n"}),
    "names that are pinned": (
        "boot-names",
        {"/etc/hosts": f"127.0.0.1 localhost\n20.1.1.1 {STORE}\n20.1.1.2 {STORE}\n"},
    ),
    "a unit before its own start": ("boot-order", own("Before=sysinit.target local-fs.target")),
    "an early link": ("boot-order", own("", "sockets.target")),
    "a unit of a package": ("boot-order", PACKAGED),
    "a disk with a key": ("boot-entry", {"/etc/crypttab": "data UUID=77\nmore UUID=78 none luks\n"}),
}


@pytest.mark.parametrize("state", FIXED)
def test_a_fix_that_is_printed_fixes(state: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and the check passes there."""
    check, changes = FIXED[state]
    mending.write(tmp_path, host(changes).files)
    found = findings(mending.report(tmp_path, RUN, agents.PROBE, PROBE), check)
    assert found
    for finding in found:
        mending.run(tmp_path, finding)
    assert not findings(mending.report(tmp_path, RUN, agents.PROBE, PROBE), check)
