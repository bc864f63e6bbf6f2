"""What `seal` knows before and after it changes anything: snapshots, and the report on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Optional

from azpreflight.config import DEFAULT_PATH, load
from azpreflight.dataclass import dataclass
from azpreflight.engine.assess import run_of_snapshot
from azpreflight.engine.gather import run_of
from azpreflight.engine.inspection import Question, Tell, inspect
from azpreflight.engine.inspection.judging import judged
from azpreflight.engine.selection import Selection
from azpreflight.host import LocalHost
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Platform, Probe, Report, Run, Severity, Snapshot, Stage
from azpreflight.probes import PROBES, with_needs
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.generalization.facts import GeneralizationFacts
from azpreflight.seal.cleanup import DEFAULT_FIXES
from azpreflight.seal.stamp import damage
from azpreflight.sinks.stderr import say

VERIFIED = {"generalization"}
"""Probes that are asked again afterwards; the others' facts are those from before, when there still was a network."""


@dataclass(frozen=True)
class Asked:
    """What is asked of the inspection before anything is changed."""

    platform: Optional[Platform]
    """None: as SMBIOS reports."""
    timeout: Optional[float]
    """Seconds; None: as the configuration says."""
    config: Optional[str]
    """The configuration file; None: the default one, which may be absent."""
    ignore: tuple[str, ...]
    fail_on: Optional[Severity]


@dataclass(frozen=True)
class Prepared:
    """A look at the machine, and what is to become of it."""

    snapshot: Snapshot
    run: Run
    fixes: tuple[str, ...]
    fail_on: Severity
    user: Optional[str]
    """The user whom deprovisioning deletes; None: there is none, or nothing names one."""

    @property
    def agents(self) -> Optional[AgentsFacts]:
        """The facts of the agents; None if they could not be inspected."""
        facts = self.snapshot.probes["agents"].facts
        return facts if isinstance(facts, AgentsFacts) else None

    @property
    def facts(self) -> GeneralizationFacts:
        """The facts of generalisation; all unknown if they could not be inspected."""
        facts = self.snapshot.probes["generalization"].facts
        return facts if isinstance(facts, GeneralizationFacts) else GeneralizationFacts()

    def report(self, stage: Stage) -> Report:
        """The report on this look, judged as at that stage."""
        return judged(replace(self.snapshot, run=replace(self.snapshot.run, stage=stage)), PROBES)


def prepare(asked: Asked) -> Prepared:
    """Look at everything. UsageError for a configuration that cannot be used, or a check that does not exist."""
    ids = tuple(check.id for probe in PROBES for check in probe.checks)
    Selection(ignore=asked.ignore).refuse_unknown(PROBES)
    budget = asked.timeout or RUN_BUDGET
    snapshot = inspect(partial(_question, asked, ids), PROBES, budget, Run(stage=Stage.BUILD), load=True)
    config = snapshot.config
    looked = Prepared(
        snapshot=snapshot,
        run=run_of_snapshot(snapshot, ()),
        fixes=DEFAULT_FIXES if config.seal_fixes is None else config.seal_fixes,
        fail_on=asked.fail_on or config.fail_on or Severity.ERROR,
        user=None,
    )
    damaged = damage(LocalHost(budget=RUN_BUDGET))
    if damaged is not None:
        say(damaged)
    named = looked.facts.library.user if looked.facts.library is not None else None
    remembered = looked.facts.own.deleting if looked.facts.own is not None else None
    return _knowing(looked, named or remembered)


@contextmanager
def _question(asked: Asked, ids: tuple[str, ...], spent: float, tell: Tell) -> Iterator[Question]:
    """What the first inspection is asked; made in its child."""
    path, budget = asked.config or DEFAULT_PATH, asked.timeout or RUN_BUDGET
    config = load(LocalHost(budget=budget - spent), path, required=asked.config is not None, check_ids=ids)
    selection = Selection(ignore=asked.ignore)
    selection.refuse_undefined(PROBES, config)
    host = LocalHost(budget=(asked.timeout or config.timeout or RUN_BUDGET) - spent, remembers=True)
    run = run_of(
        host,
        stage=Stage.BUILD,
        platform=asked.platform,
        config=replace(config, ignore=selection.ignored(PROBES, config)),
    )
    yield Question(host, run, PROBES)


def look_again(prepared: Prepared) -> Prepared:
    """The same with the image's own files inspected again, judged as at capture."""
    run = replace(prepared.run, stage=Stage.CAPTURE)
    probes = with_needs(VERIFIED, PROBES)
    again = inspect(partial(_question_again, run, probes), probes, RUN_BUDGET, run)
    merged = replace(again, probes={**prepared.snapshot.probes, **again.probes})
    return replace(prepared, snapshot=merged, run=run)


@contextmanager
def _question_again(run: Run, probes: tuple[Probe[Any], ...], spent: float, tell: Tell) -> Iterator[Question]:
    yield Question(LocalHost(budget=RUN_BUDGET - spent, remembers=True), run, probes)


def _knowing(prepared: Prepared, user: Optional[str]) -> Prepared:
    """As if ovf-env.xml still named the user whom an interrupted seal was to delete."""
    facts = prepared.facts
    if facts.library is None or user is None:
        return prepared
    known = replace(facts, library=replace(facts.library, user=user))
    probes = prepared.snapshot.probes
    gathered = replace(probes["generalization"], facts=known)
    snapshot = replace(prepared.snapshot, probes={**probes, "generalization": gathered})
    return replace(prepared, snapshot=snapshot, user=user)
