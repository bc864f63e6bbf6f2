"""Every scenario of the table: the right first cause, severity, exit code, and no harm done."""

from __future__ import annotations

import jsonschema
import pytest

from azpreflight.probes import PROBES
from azpreflight.render.json import report_schema
from tests.netns.observe import findings, observe, problems
from tests.netns.scenarios import TABLE, Scenario

pytestmark = pytest.mark.root


@pytest.mark.parametrize("scenario", TABLE, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    """The diagnosis is the table's, and the report is valid."""
    seen = observe(scenario)
    wrong = problems(scenario, seen)
    assert not wrong, "\n".join((scenario.broken, *wrong, *findings(seen.report)))
    jsonschema.validate(seen.report, report_schema(PROBES))


def test_names_are_unique() -> None:
    """A scenario is asked for by its name."""
    assert len({scenario.name for scenario in TABLE}) == len(TABLE)
