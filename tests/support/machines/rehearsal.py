"""Rehearsals as literals: a healthy one, and a broken one for each check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from azpreflight.rehearse.facts import (
    FIRST_BOOT,
    OTHER_VM,
    SECOND_BOOT,
    TRIALS,
    Adapter,
    Booted,
    Controller,
    HealthReport,
    Login,
    Network,
    Plan,
    RehearsalFacts,
    Sign,
    Traffic,
)

PLAN = Plan(
    generation=2,
    generation_reason="the disk has an EFI system partition",
    disk=Controller("nvme", "6.1.0-50-cloud-amd64 has nvme when it looks for its root filesystem"),
    nic=Adapter("virtio_net", "6.1.0-50-cloud-amd64 has virtio_pci, virtio_net"),
    accelerator_reason="there is no /dev/kvm",
    image_mib=2067,
    trials=TRIALS,
)
KEYS, OTHER_KEYS = ("SHA256:" + "a" * 43,), ("SHA256:" + "b" * 43,)
LOGIN = Login(
    banner_s=47.0,
    key=True,
    password=True,
    sudo=True,
    host_name="newvm",
    host_keys=KEYS,
    machine_id="0" * 32,
    custom_data=True,
    extension="success",
    root_mib=1967,
    free_mib=912,
)
MILESTONES = {
    "loader": 2.1,
    "kernel": 5.7,
    "init": 15.8,
    "address": 40.1,
    "prompt": 44.7,
    "ssh": 47.0,
    "platform": 49.8,
    "ready": 72.6,
}
FIRST = Booted(
    FIRST_BOOT,
    "done",
    95.0,
    MILESTONES,
    console_bytes=53422,
    asked={"wire": Traffic(32, 49.8), "hostgaplugin": Traffic(14, 57.3), "dhcp": Traffic(2, 38.0)},
    reports=(HealthReport("NotReady", "waagent 2.7.3.0", 57.8), HealthReport("Ready", "waagent 2.7.3.0", 72.6)),
    extension="direct",
    extension_state="success",
    login=LOGIN,
    host_name="newvm",
    memory_mib=1248,
)
SECOND = replace(FIRST, name=SECOND_BOOT, extension_state=None, reports=())
OTHER = replace(
    FIRST,
    name=OTHER_VM,
    network=Network.NO_EGRESS,
    extension="hostgaplugin",
    login=replace(LOGIN, host_keys=OTHER_KEYS, machine_id="1" * 32, host_name="othervm"),
    host_name="othervm",
)
HEALTHY = RehearsalFacts(PLAN, (FIRST, SECOND, OTHER))


def first(**changes: Any) -> RehearsalFacts:
    """The healthy rehearsal with another first boot."""
    return replace(HEALTHY, boots=(replace(FIRST, **changes), SECOND, OTHER))


def until(milestone: str, **changes: Any) -> RehearsalFacts:
    """Only a first boot, which came to this milestone and no further."""
    names = list(MILESTONES)
    reached = {name: MILESTONES[name] for name in names[: names.index(milestone) + 1]}
    nothing = {"reports": (), "extension": None, "extension_state": None, "login": Login(), "ended": "silent"}
    return RehearsalFacts(PLAN, (replace(FIRST, milestones=reached, **{**nothing, **changes}),))


def with_boots(*boots: Booted) -> RehearsalFacts:
    """A rehearsal of these boots."""
    return replace(HEALTHY, boots=boots)


NO_ROOT = Sign("no-root", "ALERT!  LABEL=cloudimg-rootfs does not exist.  Dropping to a shell!", 41.0)
EMERGENCY = Sign("emergency", "You are in emergency mode. After logging in, type 'journalctl -xb' to view", 131.0)
BROKEN: Mapping[str, RehearsalFacts] = {
    "rehearsal-devices": replace(
        HEALTHY, plan=replace(PLAN, disk=Controller("virtio_blk", "no initramfs of 6.1.0-50 was found", known=False))
    ),
    "rehearsal-boots": until("kernel", signs=(NO_ROOT,)),
    "rehearsal-console": first(
        milestones={name: at for name, at in MILESTONES.items() if name not in ("kernel", "init", "prompt")},
        console_bytes=212,
    ),
    "rehearsal-dhcp": until("init", took_s=171.0),
    "rehearsal-agents": until("prompt", took_s=190.0),
    "rehearsal-ready": until("platform", took_s=240.0, reports=(HealthReport("NotReady", "waagent 2.7.3.0", 57.8),)),
    "rehearsal-login": first(
        login=replace(
            LOGIN, key=False, password=False, error="newuser@10.0.0.4: Permission denied (publickey,password)."
        )
    ),
    "rehearsal-custom-data": first(login=replace(LOGIN, custom_data=False)),
    "rehearsal-disk": first(login=replace(LOGIN, free_mib=0)),
    "rehearsal-extension": with_boots(
        FIRST, replace(OTHER, extension=None, extension_state="error", login=replace(OTHER.login, extension=None))
    ),
    "rehearsal-second-boot": with_boots(
        FIRST, replace(SECOND, milestones={"kernel": 5.0, "init": 15.0}, signs=(EMERGENCY,), login=Login())
    ),
    "rehearsal-identity": with_boots(FIRST, replace(OTHER, login=replace(OTHER.login, host_keys=KEYS))),
    "rehearsal-budget": first(milestones={**MILESTONES, "platform": 841.0, "ready": 880.0}),
}
"""By the id of the check that fails."""
