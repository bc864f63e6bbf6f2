"""What an operator finds: the login, custom data, the extension, the second boot, and another VM of the image. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.model import Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.rehearse.checks_boot import NETWORK_WORDS, came_up, evidence, unexplained
from azpreflight.rehearse.console import DISC_MISSED
from azpreflight.rehearse.facts import FIRST_BOOT, OTHER_VM, SECOND_BOOT, Booted, RehearsalFacts

WARNING = Severity.WARNING
SUCCESS = "success"
ROOM_MIB = 100
"""Agents keep a log of 10 MiB and packages of extensions, of which one takes tens of MiB."""
NOT_IN = "Find in the log of the SSH server why it refuses, and fix that in the image."


def judge_login(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """The operator gets in: by key, by password, with sudo, on the machine of the name that was asked for."""
    login = boot.login
    if "ready" not in boot.milestones:
        yield Unknown("the platform received no Ready, so that no user is due yet")
        return
    if login.banner_s is None:
        yield unexplained(
            f"no SSH server answered within {boot.took_s:.0f} s",
            "Let the SSH server start on a new VM, after its host keys exist.",
            evidence(boot, "unit-failed"),
        )
        return
    said = {"client": login.error} if login.error else {}
    shut = [what for what, opens in (("key", login.key), ("password", login.password)) if not opens]
    late = _disc_late(boot)
    if shut == ["password"] and late:
        yield Unknown(late)
        shut = []
    if shut:
        what = f"operator's {' and '.join(shut)} {'do' if len(shut) > 1 else 'does'}"
        yield unexplained(f"the {what} not open the new user's account", NOT_IN, said)
    if login.key and not login.sudo:
        yield unexplained("the new user cannot become root by sudo", "Let sudo trust the new user.", said)
    if login.host_name is not None and login.host_name.partition(".")[0] != boot.host_name:
        yield unexplained(
            f"the VM is called {login.host_name}, and the operator asked for {boot.host_name}",
            "Deprovision the image, so that the agent provisions every VM of it.",
            said,
        )


def _disc_late(boot: Booted) -> str:
    """Why nothing of the provisioning disc may be in the VM, although the image does all right; empty where it is.

    The drive is behind a controller that no VM on Azure has, and an emulated machine may find it only after cloud-init
    has looked for it, which does not look again and goes by the metadata service.
    """
    missed = next((sign.at_s for sign in boot.signs if sign.id == DISC_MISSED), None)
    there = boot.milestones.get("disc")
    if missed is None or there is None or there < missed:
        return ""
    return (
        f"the emulated drive of the provisioning disc was found after {there:.0f} s, when cloud-init had looked for it"
        f" after {missed:.0f} s and no more: what the disc alone has, such as the password, did not arrive"
    )


def judge_custom_data(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """The operator's custom data is in the VM."""
    if boot.login.custom_data is None:
        yield Unknown("nobody could log in to look for it")
    elif not boot.login.custom_data and _disc_late(boot):
        yield Unknown(_disc_late(boot))
    elif not boot.login.custom_data:
        yield Finding(
            WARNING,
            "the custom data is nowhere in the VM: neither cloud-init's user-data nor waagent's CustomData has it",
            "Let cloud-init provision the VM, or set Provisioning.DecodeCustomData=y in waagent.conf.",
        )


def judge_disk(boot: Booted, facts: RehearsalFacts) -> Iterator[Verdict]:
    """The root filesystem has room, and takes the disk that the VM was given."""
    size, free, plan = boot.login.root_mib, boot.login.free_mib, facts.plan
    if size is None or free is None:
        yield Unknown("nobody could log in to look for it")
        return
    if free < ROOM_MIB:
        yield unexplained(
            f"{free} MiB of {size} MiB are left on the root filesystem after the first boot",
            "Leave more room on the image's root filesystem, or let nothing fill it at first boot.",
            evidence(boot, "disk-full"),
        )
    if plan.disk_mib is not None and size <= plan.image_mib:
        yield Finding(
            WARNING,
            f"the root filesystem has {size} MiB on a disk of {plan.disk_mib} MiB: nothing enlarged it",
            "Let cloud-init's growpart, or systemd-repart, enlarge the root at boot.",
        )


def extension_failed(boot: Booted) -> bool:
    """The VM was provisioned, and the extension did not report success."""
    return "ready" in boot.milestones and SUCCESS not in (boot.extension_state, boot.login.extension)


def judge_extension(facts: RehearsalFacts, run: Run) -> Iterator[Verdict]:
    """An extension is installed, in each network that was tried."""
    boots = [boot for boot in facts.boots if boot.name in (FIRST_BOOT, OTHER_VM) and "ready" in boot.milestones]
    if not boots:
        yield Unknown(facts.error or "the platform received no Ready")
    for boot in boots:
        if not extension_failed(boot):
            continue
        if "hostgaplugin" not in boot.asked:
            yield Finding(
                WARNING,
                f"{boot.name}: no agent asked for extensions: waagent is not there, or does not run",
                "Install and enable waagent, where a VM shall have extensions.",
            )
            continue
        fetched = f"its package came ({boot.extension})" if boot.extension else "nobody fetched its package"
        state = boot.extension_state or boot.login.extension
        yield unexplained(
            f"{boot.name}, in {NETWORK_WORDS[boot.network]}: the extension "
            + (f"ended as {state}" if state else f"reported nothing within {boot.took_s:.0f} s; {fetched}"),
            "Let waagent run with Extensions.Enabled=y, on a filesystem where it may run programs.",
            evidence(boot, "disk-full", "unit-failed"),
        )


def judge_second_boot(facts: RehearsalFacts, run: Run) -> Iterator[Verdict]:
    """The VM comes up again, without its disc, with another disk and another NIC address."""
    boot = facts.boot(SECOND_BOOT)
    if boot is None:
        yield _not_tried(facts, SECOND_BOOT)
    elif not came_up(boot):
        yield unexplained(
            f"the VM did not come up a second time, without its provisioning disc and with one more disk: "
            f"{boot.signs[0].text if boot.signs else boot.ended}",
            "Let fstab and the kernel's options name filesystems by UUID, and nothing that a later boot lacks.",
            evidence=evidence(boot),
        )
    elif boot.login.banner_s is None or not boot.login.key:
        what = "no SSH server answered" if boot.login.banner_s is None else "the operator's key no longer opens it"
        yield unexplained(
            f"after a second boot with another NIC address {what}",
            "Tie the network to no MAC address, and let services start without the provisioning disc.",
            evidence=evidence(boot, "unit-failed", "device-timeout", "waits"),
        )
    else:
        yield from _again(facts, boot)


def _again(facts: RehearsalFacts, boot: Booted) -> Iterator[Verdict]:
    """What must be the same at every boot of one VM."""
    first = facts.boot(FIRST_BOOT)
    if first is not None and first.login.host_keys and not set(first.login.host_keys) & set(boot.login.host_keys):
        yield Finding(
            WARNING,
            "the second boot has other SSH host keys than the first",
            "Make host keys once, at first boot; clients refuse a server whose keys change.",
        )


def judge_identity(facts: RehearsalFacts, run: Run) -> Iterator[Verdict]:
    """Two VMs of the image are two machines."""
    first, other = facts.boot(FIRST_BOOT), facts.boot(OTHER_VM)
    if first is None or other is None:
        yield _not_tried(facts, OTHER_VM)
        return
    shared = sorted(set(first.login.host_keys) & set(other.login.host_keys))
    if shared:
        yield Finding(
            WARNING,
            f"two VMs of this image have the same SSH host keys ({shared[0]})",
            "Delete the host keys before capture, so that every VM generates its own.",
            ("rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub",),
        )
    if first.login.machine_id is not None and first.login.machine_id == other.login.machine_id:
        yield Finding(
            WARNING,
            f"two VMs of this image have the machine-id {first.login.machine_id}",
            "Empty the machine-id before capture, so that every VM generates its own.",
            ("truncate -s 0 /etc/machine-id",),
        )
    if not first.login.host_keys or not other.login.host_keys or other.login.machine_id is None:
        yield Unknown("nobody could log in to both VMs")


def _not_tried(facts: RehearsalFacts, trial: str) -> Verdict:
    first = facts.boot(FIRST_BOOT)
    if trial not in facts.plan.trials:
        return NotApplicable(f"the {trial} was not asked for")
    if facts.error is not None or first is None:
        return Unknown(facts.error or "the image was not booted")
    return Unknown(f"no {trial} is of use: the first one did not come to a login")
