"""The rules of the house for all probes and checks at once, and for the schema of what they report."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from azpreflight import package
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import GRACE, gather
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Cause, Finding, Probe, Run, Severity, Stage, Status
from azpreflight.probes import PROBES
from azpreflight.render.json import document
from azpreflight.watch.boot_policy import LIMIT_S
from tests import generate
from tests.support.examples import CHECKS, examples, on_broken, on_healthy
from tests.support.fakes import FakeHost
from tests.support.house import BY_NAME, ROOT

# --- checks -------------------------------------------------------------------------------------------------------


CAPITALISED = re.compile(r"[A-Z][a-z]* ")
"""A sentence's first word; names such as VMs, DNS or Extensions.Enabled are written as they are."""


def test_ids_are_unique_and_in_kebab_case() -> None:
    """Ids are permanent: scripts ignore checks by them, and pages are found by them."""
    ids = [check.id for probe in PROBES for check in probe.checks]
    assert sorted(ids) == sorted(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)] == []
    assert len(BY_NAME) == len(PROBES)
    assert not set(ids) & {cause.value for cause in Cause}


OF_NO_CAUSE = ("configuration-waivers",)
"""Errors that stop no provisioning: the configuration says that they are to be seen."""


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_check_is_declared_well(check_id: str) -> None:
    """Its title is an assertion on one line, an error has a cause, and what it names exists."""
    probe, check = CHECKS[check_id]
    assert check.title.isascii() and not CAPITALISED.match(check.title) and not check.title.endswith(".")
    assert check.cause is not None or check.severity is not Severity.ERROR or check_id in OF_NO_CAUSE
    assert set(check.depends_on) <= set(CHECKS) - {check_id}
    assert set(check.reads) <= set(BY_NAME) - {probe.name}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_needs_exist_and_make_no_circle(probe: Probe[Any]) -> None:
    """Else the probes would wait for one another until the budget is gone."""
    assert probe.name not in {need for name in probe.needs for need in all_needs(name, {probe.name})}


def all_needs(name: str, seen: set[str]) -> set[str]:
    """The probe and all that it waits for; KeyError for one that does not exist."""
    needs = BY_NAME[name].needs
    further = (all_needs(need, seen | {name}) for need in needs if need not in seen)
    return {name, *needs}.union(*further)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_probe_has_its_examples(probe: Probe[Any]) -> None:
    """A healthy machine, and a broken one for each of its checks and for nothing else."""
    assert set(examples(probe).BROKEN) == {check.id for check in probe.checks}


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_check_is_silent_on_a_healthy_machine(check_id: str) -> None:
    """It passes, or does not apply."""
    assert on_healthy(check_id).status in (Status.PASS, Status.NOT_APPLICABLE)


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_check_speaks_on_its_broken_machine(check_id: str) -> None:
    """Its findings are no worse than it says they can be, on one line, with a fix that is a sentence."""
    result = on_broken(check_id)
    assert result.status is Status.FAIL
    for finding in result.findings:
        assert finding.severity.rank <= CHECKS[check_id][1].severity.rank
        assert_well_said(finding)


def assert_well_said(finding: Finding) -> None:
    """The form of a message and its fix."""
    said = (finding.message, finding.fix, finding.confidence_reason, *finding.commands, *finding.evidence.values())
    assert all(text.isascii() and text.isprintable() for text in said)
    assert not CAPITALISED.match(finding.message)
    assert not finding.message.endswith(".")
    assert finding.fix.rstrip().endswith(".") and finding.fix[0].isupper()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_that_sees_nothing_breaks_nothing(probe: Probe[Any]) -> None:
    """On a machine without a single file, program or answer no probe and no judge has a bug."""
    for stage in Stage:
        snapshot = gather(FakeHost(privileged=False), PROBES, Run(stage=stage))
        report = assess(snapshot, PROBES)
        assert [result.traceback for result in report.results if result.traceback] == []


# --- time ---------------------------------------------------------------------------------------------------------


def worst_case(probe: Probe[Any]) -> float:
    """Seconds until this probe is done where everything that it and its needs wait for is silent."""
    own: float = importlib.import_module(f"azpreflight.probes.{probe.name}").WORST_CASE_S
    return own + max((worst_case(BY_NAME[name]) for name in probe.needs), default=0.0)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_worst_probe_fits_the_run(probe: Probe[Any]) -> None:
    """With all that it waits for, before only the time to print is left."""
    assert worst_case(probe) <= RUN_BUDGET - GRACE


def test_a_watched_boot_ends_before_the_platform_gives_up() -> None:
    """The unit sets no other limit than the daemon's own."""
    assert LIMIT_S <= 20 * 60
    unit = (ROOT / "systemd" / "azpreflight.service").read_text()
    limits = re.findall(r"^(?:TimeoutStartSec|RuntimeMaxSec)=(.*)$", unit, re.MULTILINE)
    assert [limit for limit in limits if limit.isdigit() and int(limit) < RUN_BUDGET] == []


# --- schema -------------------------------------------------------------------------------------------------------


def test_the_schemas_are_those_of_the_program() -> None:
    """`make schema` writes them; a change of what is printed is seen in review. The package carries them."""
    files = {path.name: path.read_text() for path in generate.SCHEMAS.iterdir()}
    assert files == generate.schema_files()
    assert package.data_names("schema") == tuple(sorted(files))


def test_reports_fit_the_schema() -> None:
    """Of every probe's healthy machine, with real facts in it."""
    schema = json.loads(package.data("schema/report-1.json"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for probe in PROBES:
        example = examples(probe).HEALTHY
        host, run = example if isinstance(example, tuple) else (example, examples(probe).RUN)
        report = document(assess(gather(host, PROBES, run), PROBES))
        assert [error.message for error in validator.iter_errors(json.loads(json.dumps(report)))] == []
