"""What still ties an image to the machine that it was made from.

The first cause of failed provisioning: an image that was not deprovisioned, or only half. `waagent -deprovision+user`
exits 0 when it fails, leaves out what follows a failing step, and never touches much that makes a machine this machine.
So its effects are inspected, one by one, and each leftover is judged by what it does to the next VM: with this
distribution, and with the agent that would provision it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from azpreflight.model import (
    ALL_PROFILES,
    ALL_STAGES,
    Cause,
    Check,
    Judge,
    Probe,
    Profile,
    Run,
    Severity,
    Stage,
    Unknown,
    Verdict,
)
from azpreflight.probes.generalization import (
    accounts,
    cloud_init_state,
    credentials,
    deprovision_state,
    dumps,
    enrolment,
    histories_and_logs,
    hostkeys,
    image_age,
    keyfiles,
    leases,
    machine_identity,
    mounts,
    network,
    other_leftovers,
    own_files,
    provisioned_marker,
    resolver,
    sudoers,
    waagent_state,
)
from azpreflight.probes.generalization.facts import GeneralizationFacts, gather

__all__ = ["PROBE", "GeneralizationFacts"]


def part(name: str, judge: Callable[[Any, Run], Iterator[Verdict]]) -> Judge:
    """The judge of one subject as a judge of the whole."""

    def judge_part(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
        subject = getattr(facts, name)
        if subject is None:
            yield Unknown(facts.errors.get(name, f"{name} was not inspected"))
        else:
            yield from judge(subject, run)

    return judge_part


def judge_users(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """The accounts, with the one name that deprovisioning knows."""
    user = facts.library.user if facts.library is not None else None
    yield from part("accounts", lambda found, asked: accounts.judge_users(found, user, asked))(facts, run)


def judge_sudoers(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
    """The rules for sudo, with the one name that deprovisioning knows."""
    user = facts.library.user if facts.library is not None else None
    yield from part("sudoers", lambda found, asked: sudoers.judge(found, user, asked))(facts, run)


def by_age(before: Judge, after: Judge) -> Judge:
    """What is in the image is judged by `before`; what a VM that has started has, by its age."""

    def judge_by_age(facts: GeneralizationFacts, run: Run) -> Iterator[Verdict]:
        yield from (after if run.stage is Stage.FIRSTBOOT else before)(facts, run)

    return judge_by_age


BEFORE_FIRST_BOOT = (Stage.BUILD, Stage.CAPTURE)
"""A VM that has started has keys, users, ids and logs of its own, and nothing tells them from the image's."""


def _check(
    name: str,
    title: str,
    judge: Judge,
    severity: Severity,
    *,
    stages: tuple[Stage, ...] = BEFORE_FIRST_BOOT,
    profiles: tuple[Profile, ...] = (Profile.GENERALIZED,),
    cause: Cause = Cause.NOT_GENERALIZED,
    reads: tuple[str, ...] = (),
) -> Check:
    return Check(
        name,
        title,
        judge,
        severity,
        cause=cause,
        reads=reads,
        stages=stages,
        profiles=profiles,
        offline=True,
    )


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

WORST_CASE_S = 2.0
"""Seconds: files answer at once, unless a mount hangs, which costs the host's deadline for one call."""

PROBE = Probe(
    name="generalization",
    facts=GeneralizationFacts,
    gather=gather,
    needs=("agents",),
    checks=(
        _check(
            "gen-deprovisioned",
            "deprovisioning completed",
            deprovision_state.judge,
            ERROR,
            stages=(Stage.CAPTURE,),
        ),
        _check(
            "gen-provisioned-sentinel",
            "waagent has no marker of an already provisioned VM",
            part("sentinel", provisioned_marker.judge),
            ERROR,
            stages=ALL_STAGES,
            profiles=ALL_PROFILES,
            reads=("platform",),
        ),
        _check(
            "gen-waagent-library",
            "waagent's state directory holds nothing of this VM",
            part("library", waagent_state.judge),
            ERROR,
            stages=ALL_STAGES,
            profiles=ALL_PROFILES,
        ),
        _check(
            "gen-cloud-init-state",
            "cloud-init will detect a new instance",
            part("cloud_state", cloud_init_state.judge),
            ERROR,
            stages=ALL_STAGES,
        ),
        _check("gen-users", "no user account of this machine can log in", judge_users, ERROR),
        _check(
            "gen-root-password",
            "root has no usable password",
            part("accounts", accounts.judge_root_password),
            ERROR,
        ),
        _check(
            "gen-password-backup",
            "no password hash is left in backups or installer files",
            part("accounts", accounts.judge_backup),
            WARNING,
        ),
        _check(
            "gen-authorized-keys",
            "no authorized SSH key for root or in an orphaned home directory",
            part("key_files", keyfiles.judge_authorized),
            ERROR,
        ),
        _check(
            "gen-private-keys",
            "no private SSH key is left in a home directory",
            part("key_files", keyfiles.judge_private),
            ERROR,
        ),
        _check(
            "gen-credentials",
            "no credential of the kinds known here, and no private key, is in a home",
            part("credentials", credentials.judge),
            WARNING,
        ),
        _check("gen-crash-dumps", "no dump of this machine's memory is left", part("dumps", dumps.judge), WARNING),
        _check("gen-sudoers", "no sudo rule of the agents names a user of this machine", judge_sudoers, WARNING),
        _check(
            "gen-ssh-host-keys",
            "new VMs get their own SSH host keys",
            by_age(part("host_keys", hostkeys.judge), image_age.judge_host_keys),
            ERROR,
            stages=ALL_STAGES,
        ),
        _check(
            "gen-resolv-conf",
            "resolv.conf contains no name server of this network",
            part("resolver", resolver.judge),
            WARNING,
        ),
        _check("gen-dhcp-leases", "no DHCP lease is left", part("leases", leases.judge), NOTE),
        _check(
            "gen-machine-id",
            "every new VM generates its own machine-id",
            by_age(part("identity", machine_identity.judge_machine_id), image_age.judge_machine_id),
            WARNING,
            stages=ALL_STAGES,
        ),
        _check(
            "gen-random-seed",
            "no random seed or machine-generated key is left",
            part("identity", machine_identity.judge_random_seed),
            WARNING,
        ),
        _check(
            "gen-hostname",
            "this machine's host name is not in the image",
            part("identity", machine_identity.judge_host_name),
            NOTE,
        ),
        _check(
            "gen-shell-history", "no shell history is left", part("traces", histories_and_logs.judge_history), WARNING
        ),
        _check(
            "gen-agent-logs", "no log of the agents is left", part("traces", histories_and_logs.judge_logs), WARNING
        ),
        _check(
            "gen-system-logs", "no log of this machine is left", part("litter", other_leftovers.judge_logs), WARNING
        ),
        _check(
            "gen-network-config",
            "network configuration is not tied to this machine's NIC or address",
            part("network", network.judge),
            ERROR,
        ),
        _check(
            "gen-enrolment",
            "no domain, subscription or management enrolment is in the image",
            part("enrolment", enrolment.judge),
            ERROR,
        ),
        _check(
            "gen-fstab",
            "every filesystem that fstab requires is on the captured disk",
            part("mounts", mounts.judge),
            ERROR,
            profiles=ALL_PROFILES,
            cause=Cause.BOOT_CONFIG,
        ),
        _check(
            "gen-litter", "no other machine-specific file is left", part("litter", other_leftovers.judge_litter), NOTE
        ),
        _check("gen-azpreflight", "no azpreflight report is left", part("own", own_files.judge), NOTE),
    ),
)
