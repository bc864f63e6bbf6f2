"""When a build VM is judged, what becomes of it, and what `arm` writes down."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import pytest

from azpreflight.host import Completed
from azpreflight.model import Cause, Report
from azpreflight.model.errors import UsageError
from azpreflight.watch import arming, deprovision_effects
from azpreflight.watch.build import POLL_S, QUIET_S, CaptureWatch
from azpreflight.watch.deprovision_effects import Effects, cleaned_since
from azpreflight.watch.power_off import JOBS, Ending, ending, ending_of
from tests.support.boot_reports import READY, failing
from tests.support.fakes import Denied, FakeHost

PROVISIONED = FakeHost(
    files={
        "/etc/hostname": "template\n",
        "/var/lib/waagent/provisioned": "0b8f3d5c\n",
        "/var/lib/waagent/ovf-env.xml": "<Environment/>",
    }
)
DEPROVISIONED = FakeHost(files={"/etc/hostname": "localhost.localdomain\n"})

# --- effects ------------------------------------------------------------------------------------------------------


def test_deprovisioning_is_known_by_what_is_gone() -> None:
    before, after = deprovision_effects.look(PROVISIONED), deprovision_effects.look(DEPROVISIONED)
    assert cleaned_since(before, after) and after.clean
    assert not cleaned_since(before, before) and not before.clean


def test_a_machine_that_is_provisioned_is_not_being_cleaned() -> None:
    assert not cleaned_since(deprovision_effects.look(DEPROVISIONED), deprovision_effects.look(PROVISIONED))


def test_what_cannot_be_looked_at_counts_as_being_there() -> None:
    denied = FakeHost(files={"/var/lib/waagent/provisioned": Denied(), "/etc/hostname": Denied()})
    assert not deprovision_effects.look(denied).clean


def test_stamps_tell_of_changes(tmp_path: Path) -> None:
    places = (str(tmp_path), str(tmp_path / "absent"))
    before = deprovision_effects.stamps(places)
    (tmp_path / "new").touch()
    assert deprovision_effects.stamps(places) != before
    assert before[1] is None


# --- what becomes of the machine ----------------------------------------------------------------------------------

POWER_OFF = """\
 532 systemd-poweroff.service    start waiting
 531 poweroff.target             start waiting
 580 azpreflight-capture.service stop  running
"""
"""As systemd 252 says it while it stops this service."""


@pytest.mark.parametrize(
    ("jobs", "told"),
    [
        (POWER_OFF, Ending.OFF),
        (POWER_OFF.replace("poweroff", "halt"), Ending.OFF),
        (POWER_OFF.replace("poweroff", "reboot"), Ending.AGAIN),
        (POWER_OFF.replace("poweroff", "kexec"), Ending.AGAIN),
        (POWER_OFF.replace("poweroff", "soft-reboot"), Ending.AGAIN),
        ("580 azpreflight-capture.service stop running\n", Ending.STAYS),
        ("531 poweroff.target stop waiting\n", Ending.STAYS),
        ("No jobs running.\n", Ending.STAYS),
        ("", Ending.STAYS),
    ],
)
def test_the_managers_jobs_tell_what_becomes_of_the_machine(jobs: str, told: Ending) -> None:
    assert ending_of(jobs) is told


def test_a_manager_that_does_not_answer_is_unknown() -> None:
    assert ending(FakeHost()) is Ending.UNKNOWN
    assert ending(FakeHost(programs={JOBS: Completed(1, "", "no bus")})) is Ending.UNKNOWN


# --- the watch ----------------------------------------------------------------------------------------------------


@dataclass
class Build:
    """A build VM whose files change at given seconds; what the watch does to it is written down."""

    effects: dict[int, Effects]
    """From this second on."""
    until: int
    """Second at which the service is stopped."""
    ending: Ending = Ending.STAYS
    reports: dict[int, Optional[Report]] = field(default_factory=lambda: {0: READY})
    changes: tuple[int, ...] = ()
    sealing: tuple[int, ...] = ()
    second: float = 0.0
    said: list[tuple[int, Report]] = field(default_factory=list)
    disarmed: bool = False

    def at(self, values: dict[int, object]) -> object:
        return values[max(second for second in values if second <= self.second)]

    def watched(self) -> Build:
        watch = CaptureWatch(
            seen=lambda: self.at(self.effects),  # type: ignore[arg-type, return-value]
            changed=lambda: sum(second <= self.second for second in (*self.effects, *self.changes)),
            busy=lambda: int(self.second) in self.sealing,
            judged=lambda: self.at(self.reports),  # type: ignore[arg-type, return-value]
            say=lambda report: self.said.append((int(self.second), report)),
            ending=lambda: self.ending,
            ready=lambda: None,
            disarm=lambda: setattr(self, "disarmed", True),
            pause=lambda seconds: self.passes(watch, seconds),
            clock=lambda: self.second,
        )
        assert watch.run() == 0
        return self

    def passes(self, watch: CaptureWatch, seconds: float) -> None:
        self.second += seconds
        watch.stopped = self.second >= self.until


USED = Effects(frozenset(deprovision_effects.MARKS), name_reset=False)
CLEANED = Effects(frozenset(), name_reset=True)
HALF = Effects(frozenset(deprovision_effects.MARKS[1:]), name_reset=False)


def seconds(build: Build) -> list[int]:
    return [second for second, _ in build.said]


def test_it_is_judged_once_cleaning_has_come_to_rest() -> None:
    build = Build({0: USED, 10: HALF, 12: CLEANED}, until=100).watched()
    assert len(build.said) == 1
    assert 12 + QUIET_S <= build.said[0][0] <= 12 + QUIET_S + 2 * POLL_S
    assert not build.disarmed


def test_work_on_the_image_is_not_judged() -> None:
    assert Build({0: USED}, until=300, changes=tuple(range(10, 200, 3))).watched().said == []


def test_a_machine_that_never_rests_is_judged_all_the_same() -> None:
    build = Build({0: USED, 10: CLEANED}, until=200, changes=tuple(range(10, 190))).watched()
    assert build.said and build.said[0][0] <= 80


def test_seal_has_the_first_word() -> None:
    build = Build({0: USED, 10: CLEANED}, until=200, sealing=tuple(range(8, 60))).watched()
    assert seconds(build) == [60]


def test_a_later_change_is_said_only_if_the_verdict_differs() -> None:
    same = Build({0: USED, 10: CLEANED}, until=200, changes=(50,)).watched()
    assert len(same.said) == 1
    other: dict[int, Optional[Report]] = {0: READY, 40: failing(Cause.NOT_GENERALIZED)}
    assert len(Build({0: USED, 10: CLEANED}, until=200, changes=(50,), reports=other).watched().said) == 2


@pytest.mark.parametrize(
    ("how", "state", "said", "disarmed"),
    [
        (Ending.OFF, CLEANED, 1, True),
        (Ending.OFF, USED, 1, False),
        (Ending.UNKNOWN, USED, 1, False),
        (Ending.AGAIN, CLEANED, 0, False),
        (Ending.STAYS, CLEANED, 0, False),
    ],
)
def test_the_last_word_is_said_when_the_machine_goes_off(
    how: Ending, state: Effects, said: int, disarmed: bool
) -> None:
    build = Build({0: state}, until=5, ending=how).watched()
    assert (len(build.said), build.disarmed) == (said, disarmed)


def test_a_look_that_gave_no_report_is_not_said() -> None:
    assert Build({0: CLEANED}, until=5, ending=Ending.OFF, reports={0: None}).watched().said == []


# --- arming -------------------------------------------------------------------------------------------------------


def test_the_settings_say_where_the_report_goes_and_on_which_machine() -> None:
    assert arming.drop_in(None, None) == "[Service]\nExecStart=\nExecStart=/usr/bin/azpreflight capture\n"
    settings = arming.drop_in("0123", "/mnt/out/r.json")
    assert "ExecStart=/usr/bin/azpreflight capture --armed-on 0123 --report /mnt/out/r.json\n" in settings
    assert "ReadWritePaths=-/mnt/out\n" in settings


def test_the_mark_of_a_machine_does_not_say_which_it_is() -> None:
    vm_id = "0B8F3D5C-7A12-4E6B-9C3D-51F0A2B4C6D8"
    marks = [arming.mark(FakeHost(files={"/sys/class/dmi/id/product_uuid": text})) for text in (vm_id, vm_id.lower())]
    assert marks[0] == marks[1] and len(marks[0] or "") == 16 and (marks[0] or "") not in vm_id.lower()
    assert arming.mark(FakeHost()) is None


@pytest.mark.parametrize(
    "path", ["r.json", "/mnt/a b", "/mnt/%h", "/mnt/../etc/x", "/nowhere/r.json", "/etc/r.json", "/r.json"]
)
def test_a_report_that_would_be_lost_or_captured_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="cannot report to"):
        arming.check_report(path)


def test_a_report_on_another_filesystem_is_taken() -> None:
    arming.check_report("/dev/shm/report.json")


def test_only_root_can_arm() -> None:
    with pytest.raises(UsageError, match="only root"):
        arming.arm(FakeHost(privileged=False), None)
