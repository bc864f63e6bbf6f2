"""What stands behind a failed rehearsal: which check of the files, or which line of the console."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.explain import explain
from azpreflight.model import (
    Cause,
    Confidence,
    Finding,
    Readiness,
    Report,
    Result,
    Run,
    Severity,
    Snapshot,
    Stage,
    Status,
)
from azpreflight.rehearse import reporting
from azpreflight.rehearse.console import DISC_MISSED
from azpreflight.rehearse.explain import Inspected
from azpreflight.rehearse.facts import HealthReport, Login, Network, RehearsalFacts, Sign, Traffic
from tests.support.fakes import FakeHost
from tests.support.machines.rehearsal import (
    BROKEN,
    EMERGENCY,
    FIRST,
    HEALTHY,
    LOGIN,
    MILESTONES,
    OTHER,
    PLAN,
    SECOND,
    first,
    until,
    with_boots,
)

IMAGE: Snapshot = gather(FakeHost(), [], Run(stage=Stage.CAPTURE, root="/images/disk.vhd"))
NOTHING = assess(IMAGE, [])


def files(*found: tuple[str, Cause, Severity]) -> Report:
    """A report on files in which these checks failed."""
    results = [
        Result(
            check,
            "",
            "",
            Status.FAIL,
            severity,
            cause,
            (),
            None,
            0.0,
            (Finding(severity, f"{check} speaks", "Do.", ("do",)),),
        )
        for check, cause, severity in found
    ]
    return replace(NOTHING, results=tuple(results))


def reported(
    facts: RehearsalFacts, before: Report = NOTHING, after: Optional[Report] = None, said: bytes = b""
) -> Report:
    """The report on a rehearsal."""
    return reporting.report(IMAGE, facts, Inspected(before, after, explain("serial", (said,))), 100.0)


FSTAB = ("gen-fstab", Cause.BOOT_CONFIG, Severity.ERROR)
SSHD = ("login-sshd", Cause.BOOT_CONFIG, Severity.ERROR)
MASKED = ("agents-provisioner", Cause.NO_PROVISIONING_AGENT, Severity.ERROR)
RULE = ("firewall-boot-flows", Cause.GUEST_FIREWALL, Severity.ERROR)
MEDIA = ("media-filesystem", Cause.PROVISIONING_MEDIA, Severity.ERROR)
TARGET = ("boot-target", Cause.BOOT_CONFIG, Severity.ERROR)


@pytest.mark.parametrize(
    ("facts", "before", "cause", "check"),
    [
        (until("init", signs=(EMERGENCY,)), files(FSTAB, SSHD), Cause.BOOT_CONFIG, "gen-fstab"),
        (until("init", signs=(EMERGENCY,)), files(FSTAB, TARGET), Cause.BOOT_CONFIG, "boot-target"),
        (BROKEN["rehearsal-agents"], files(MASKED, FSTAB), Cause.NO_PROVISIONING_AGENT, "agents-provisioner"),
        (BROKEN["rehearsal-agents"], files(RULE), Cause.GUEST_FIREWALL, "firewall-boot-flows"),
        (BROKEN["rehearsal-ready"], files(MEDIA), Cause.PROVISIONING_MEDIA, "media-filesystem"),
        (BROKEN["rehearsal-login"], files(SSHD, MEDIA), Cause.BOOT_CONFIG, "login-sshd"),
    ],
)
def test_the_files_explain_what_was_seen(facts: RehearsalFacts, before: Report, cause: Cause, check: str) -> None:
    """One cause, with the fix and the commands of the check that fits, and it is likely."""
    report = reported(facts, before)
    (entry,) = report.causes
    assert (report.verdict, entry.cause, entry.confidence) == (Readiness.NOT_READY, cause, Confidence.LIKELY)
    assert f"{check}: {check} speaks" in entry.summary
    assert entry.commands == ("do",)


LOGIN_CHECKS = files(
    *((name, Cause.BOOT_CONFIG, Severity.ERROR) for name in ("login-sudo", "login-sshd", "ssh-start")),
    ("agents-password", Cause.AGENT_CONFIG, Severity.ERROR),
    ("gen-deprovisioned", Cause.NOT_GENERALIZED, Severity.ERROR),
)


@pytest.mark.parametrize(
    ("login", "check"),
    [
        (Login(), "ssh-start"),
        (replace(LOGIN, key=False), "login-sshd"),
        (replace(LOGIN, password=False), "agents-password"),
        (replace(LOGIN, sudo=False), "login-sudo"),
        (replace(LOGIN, host_name="template"), "gen-deprovisioned"),
    ],
)
def test_a_login_is_explained_by_what_of_it_failed(login: Login, check: str) -> None:
    """A rule of sudo keeps nobody from logging in, and the server's settings nobody from becoming root."""
    (entry, *_) = reported(first(login=login), LOGIN_CHECKS).causes
    assert f"{check}: {check} speaks" in entry.summary


def test_what_everything_needs_explains_whatever_failed() -> None:
    """No agent speaks where memory has run out; a file that is about the agent is not to blame."""
    killed = Sign("out-of-memory", "Out of memory: Killed process 312", 30.0)
    memory = ("boot-memory", Cause.BOOT_CONFIG, Severity.WARNING)
    (entry,) = reported(until("prompt", signs=(killed,)), files(MASKED, memory)).causes
    assert "boot-memory speaks" in entry.summary
    (entry,) = reported(until("prompt"), files(MASKED, memory)).causes
    assert "boot-memory" not in entry.summary


def test_an_initramfs_that_cannot_be_unpacked_is_named_where_the_root_is_missing() -> None:
    """Some kernels print the line of a sound one too, so that it explains nothing else."""
    unread = Sign("initramfs-unread", "Initramfs unpacking failed: Decoding failed", 3.0)
    panic = Sign("no-root", "VFS: Cannot open root device", 5.0)
    (entry,) = reported(until("kernel", signs=(unread, panic))).causes
    assert "console: Initramfs unpacking failed: Decoding failed" in entry.summary
    assert "Rebuild the initramfs" in entry.fix
    (entry,) = reported(until("prompt", signs=(unread,))).causes
    assert "unpacking" not in entry.summary


def test_a_vm_without_memory_crawls_and_says_nothing() -> None:
    """What the console shows to be waiting is not to blame then."""
    waits = Sign("waits", "ssh.service was being started and had not ended", 410.5)
    memory = ("boot-memory", Cause.BOOT_CONFIG, Severity.WARNING)
    (entry,) = reported(until("prompt", signs=(waits,)), files(memory)).causes
    assert "boot-memory speaks" in entry.summary


def test_the_console_explains_where_files_do_not() -> None:
    """A cycle that systemd breaks is in no file alone."""
    cycle = Sign("ordering-cycle", "systemd[1]: multi-user.target: Found ordering cycle on ssh.service/start", 12.0)
    report = reported(
        replace(BROKEN["rehearsal-agents"], boots=(replace(BROKEN["rehearsal-agents"].boots[0], signs=(cycle,)),))
    )
    (entry,) = report.causes
    assert entry.cause is Cause.BOOT_CONFIG
    assert "Found ordering cycle on ssh.service/start" in entry.summary


def test_the_console_is_read_as_any_log_is() -> None:
    """An emergency shell after a mount that failed is what `explain-log` knows; the failing mount's words are its."""
    said = (
        b"[    0.000000] Linux version 6.1.0-50-cloud-amd64 (debian)\r\nWelcome to Debian GNU/Linux 12 (bookworm)!\r\n"
        b"[FAILED] Failed to mount data.mount - /data.\r\n[DEPEND] Dependency failed for local-fs.target - Local File"
        b" Systems.\r\nYou are in emergency mode. After logging in, type journalctl\r\n"
    )
    (entry,) = reported(until("init", signs=(EMERGENCY,)), said=said).causes
    assert (entry.cause, entry.confidence) == (Cause.BOOT_CONFIG, Confidence.LIKELY)
    assert "the serial console" in entry.confidence_reason


def test_what_nothing_explains_is_only_possible() -> None:
    """The cause is the usual one, and the report does not claim more."""
    (entry,) = reported(BROKEN["rehearsal-agents"]).causes
    assert (entry.cause, entry.confidence) == (Cause.NO_PROVISIONING_AGENT, Confidence.POSSIBLE)


def test_what_the_agent_reports_explains_itself() -> None:
    """By the signatures of its log: waagent finds the disc mounted by fstab, and nothing where it looks."""
    words = "... Error reading file ... [Errno 2]"
    facts = until("platform", reports=(HealthReport("NotReady", "waagent 2.7.3.0", 151.0, words, "ovf-unreadable"),))
    (entry,) = reported(facts, files(SSHD)).causes
    assert entry.cause is Cause.PROVISIONING_MEDIA
    assert "mounted by nothing else" in entry.fix


def test_what_the_vm_left_explains_where_the_image_does_not() -> None:
    """The files of the disk afterwards."""
    after = files(("logs-vm-identifier", Cause.NOT_GENERALIZED, Severity.ERROR))
    (entry,) = reported(BROKEN["rehearsal-ready"], NOTHING, after).causes
    assert entry.cause is Cause.NOT_GENERALIZED
    assert "the disk afterwards" in entry.confidence_reason


def test_a_healthy_rehearsal_needs_no_explanation() -> None:
    """Whatever the checks of files say: nothing failed."""
    report = reported(HEALTHY, files(FSTAB, SSHD))
    assert (report.verdict, report.causes) == (Readiness.READY, ())
    assert report.run.stage is Stage.REHEARSAL
    assert [step.name for step in report.timeline][-1] == "ready"
    assert not reporting.failed(HEALTHY, IMAGE)
    assert reporting.failed(BROKEN["rehearsal-dhcp"], IMAGE)


def test_a_notice_about_files_explains_nothing() -> None:
    """Only what is a warning or an error does."""
    (entry,) = reported(BROKEN["rehearsal-login"], files(("login-sshd", Cause.BOOT_CONFIG, Severity.NOTE))).causes
    assert entry.confidence is Confidence.POSSIBLE


def test_a_network_explains_an_extension_that_fails_in_it() -> None:
    """The cause is that of the network that was asked for."""
    facts = first(extension=None, extension_state=None, login=replace(LOGIN, extension=None))
    boots = (replace(facts.boots[0], network=Network.DNS_DEAD),)
    (entry,) = reported(replace(facts, plan=replace(PLAN, trials=()), boots=boots), files(MASKED)).causes
    assert entry.cause is Cause.DNS_UNREACHABLE
    shut = replace(OTHER, extension_state=None, login=replace(OTHER.login, extension=None))
    (entry,) = reported(with_boots(FIRST, SECOND, shut)).causes
    assert entry.cause is Cause.NO_EGRESS


def test_in_a_dual_stack_network_a_vm_without_ipv6_is_noted() -> None:
    """And no more than that, whatever the files say: provisioning needs none."""
    taken = {**MILESTONES, "address-ipv6": 41.0}
    assert reported(first(network=Network.IPV6, milestones=taken)).causes == ()
    report = reported(first(network=Network.IPV6), files(("boot-nic", Cause.BOOT_CONFIG, Severity.ERROR)))
    (entry,) = report.causes
    assert (report.verdict, entry.severity, entry.cause) == (Readiness.READY, Severity.NOTE, Cause.NO_NETWORK)
    assert "never asked DHCPv6" in entry.summary


def test_a_root_that_stays_small_on_a_larger_disk_is_warned_of() -> None:
    """Only where the VM was given a larger one; one that grew is well."""
    larger = replace(PLAN, disk_mib=8192)
    (entry,) = reported(replace(HEALTHY, plan=larger)).causes
    assert (entry.severity, entry.cause) == (Severity.WARNING, Cause.BOOT_CONFIG)
    assert "1967 MiB on a disk of 8192 MiB" in entry.summary
    grown = first(login=replace(LOGIN, root_mib=8000, free_mib=7000))
    assert reported(replace(grown, plan=larger)).causes == ()


# --- what is unknown ----------------------------------------------------------------------------------------------


def status(facts: RehearsalFacts) -> dict[str, Status]:
    """By check."""
    return {result.check.removeprefix("rehearsal-"): result.status for result in reported(facts).results}


def test_what_a_vm_did_not_come_to_is_unknown() -> None:
    """One failure, and nothing of what comes after it is said to have failed."""
    found = status(until("kernel"))
    assert [name for name, what in found.items() if what is Status.FAIL] == ["boots"]
    assert found["ready"] is found["login"] is found["extension"] is Status.UNKNOWN


def without_disc(there: float) -> RehearsalFacts:
    """cloud-init has found none, and the kernel found its drive after so many seconds."""
    missed = Sign(DISC_MISSED, "Unable to find provisioning media, falling back to IMDS", 108.8)
    login = replace(LOGIN, password=False, custom_data=False)
    return first(signs=(missed,), milestones={**MILESTONES, "disc": there}, login=login)


def test_a_disc_that_the_emulator_brings_too_late_says_nothing_of_the_image() -> None:
    """cloud-init looks once; without the disc there is no password and no custom data."""
    found = status(without_disc(114.6))
    assert (found["login"], found["custom-data"]) == (Status.UNKNOWN, Status.UNKNOWN)


def test_a_disc_that_was_there_and_not_found_is_named() -> None:
    """What the disc alone has did not arrive, and the console shows why."""
    report = reported(without_disc(98.0))
    assert {entry.cause for entry in report.causes} == {Cause.PROVISIONING_MEDIA}
    assert "console: Unable to find provisioning media" in report.causes[0].summary


def test_in_emergency_mode_no_agent_is_due() -> None:
    """Although the network came up beside it: one failure."""
    found = status(until("address", signs=(EMERGENCY,)))
    assert [name for name, what in found.items() if what is Status.FAIL] == ["boots"]


def test_without_a_driver_nothing_is_said_of_the_boot() -> None:
    """Never that it does not boot."""
    found = status(replace(until("kernel"), plan=BROKEN["rehearsal-devices"].plan))
    assert found["boots"] is Status.UNKNOWN
    assert found["devices"] is Status.FAIL
    assert reported(replace(until("kernel"), plan=BROKEN["rehearsal-devices"].plan)).verdict is Readiness.UNDECIDED


def test_a_rehearsal_that_could_not_be_made_is_undecided() -> None:
    """With the reason at every check that needed it."""
    report = reported(RehearsalFacts(PLAN, (), "the network cannot be made: Operation not permitted"))
    assert report.verdict is Readiness.UNDECIDED
    assert {result.reason for result in report.results if result.status is Status.UNKNOWN} == {
        "the network cannot be made: Operation not permitted"
    }


def test_what_was_not_asked_for_does_not_apply() -> None:
    """With --quick neither a second boot nor a second VM is missing."""
    found = status(replace(HEALTHY, plan=replace(PLAN, trials=()), boots=(FIRST,)))
    assert found["second-boot"] is found["identity"] is Status.NOT_APPLICABLE


def test_a_second_boot_with_other_host_keys_is_warned_of() -> None:
    """Clients refuse it."""
    changed = replace(SECOND, login=replace(LOGIN, host_keys=("SHA256:" + "c" * 43,)))
    (entry,) = reported(with_boots(FIRST, changed, OTHER)).causes
    assert "other SSH host keys" in entry.summary


def test_without_waagent_there_are_no_extensions() -> None:
    """A warning, as of an image that cloud-init alone provisions: the VM works."""
    nobody = replace(
        FIRST, asked={"wire": Traffic(4, 49.8)}, extension_state=None, login=replace(LOGIN, extension=None)
    )
    report = reported(replace(HEALTHY, plan=replace(PLAN, trials=()), boots=(nobody,)))
    (entry,) = report.causes
    assert (report.verdict, entry.severity) == (Readiness.READY, Severity.WARNING)
    assert "no agent asked for extensions" in entry.summary


def test_a_login_that_was_not_tried_passes_nowhere() -> None:
    """A VM without an SSH server has no custom data that anybody saw."""
    found = status(first(login=Login()))
    assert found["login"] is Status.FAIL
    assert found["custom-data"] is Status.UNKNOWN
