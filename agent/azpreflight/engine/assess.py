"""Judge the facts, and group what failed into causes with the symptoms that each explains. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Optional

from azpreflight.engine import baseline, waivers
from azpreflight.engine.diagnosis import diagnose
from azpreflight.model import (
    Cause,
    CauseEntry,
    Check,
    ExtensionVerdict,
    Finding,
    Gathered,
    NotApplicable,
    Platform,
    Probe,
    Readiness,
    Report,
    Result,
    Run,
    RunInfo,
    Severity,
    Snapshot,
    Stage,
    Status,
    Unknown,
    WaiverUse,
    bounds,
    bugs,
)
from azpreflight.shell import argument


def assess(snapshot: Snapshot, probes: Sequence[Probe[Any]]) -> Report:
    """The report on a snapshot, by the checks of these probes."""
    config = snapshot.config
    pairs = [(probe, check) for probe in probes for check in probe.checks_in(config) if check.id not in config.ignore]
    checks = [check for late in (False, True) for _, check in pairs if check.after_waivers is late]
    results, causes = diagnose(checks, _waived(pairs, snapshot))
    stamp = baseline.parse(snapshot.stamp) if snapshot.stamp is not None else None
    return Report(
        tool=snapshot.tool,
        run=snapshot.run,
        verdict=_readiness(causes, results),
        causes=_with_witnesses(causes, snapshot, probes),
        results=results,
        extensions=_extensions(snapshot, probes),
        facts={name: gathered.facts for name, gathered in snapshot.probes.items() if gathered.facts is not None},
        ignored=snapshot.config.ignore,
        since_capture=baseline.since_capture(stamp, results, checks) if stamp is not None else None,
    )


def _waived(pairs: Sequence[tuple[Probe[Any], Check]], snapshot: Snapshot) -> list[Result]:
    """The results, with what is waived lowered; what judges the waivers themselves comes last."""
    judged = [_judge(check, probe, snapshot) for probe, check in pairs if not check.after_waivers]
    lowered, uses = waivers.applied(judged, snapshot.config.waive, snapshot.run.started_at)
    return [*lowered, *(_judge(check, probe, snapshot, uses) for probe, check in pairs if check.after_waivers)]


def only(snapshot_report: Report, check_ids: Sequence[str]) -> Report:
    """The report cut down to the results of these checks and the causes that they fail for."""
    wanted = set(check_ids)
    results = tuple(result for result in snapshot_report.results if result.check in wanted)
    words = {result.cause for result in results if result.findings and not result.because_of}
    causes = tuple(
        entry for entry in snapshot_report.causes if entry.cause in words or wanted.intersection(entry.symptoms)
    )
    return replace(snapshot_report, results=results, causes=causes, verdict=_readiness(causes, results))


def exit_code(report: Report, fail_on: Severity) -> int:
    """0, 1, 3 or 70, as the contract says."""
    if any(result.traceback for result in report.results):
        return 70
    worst = [finding.severity.rank for result in report.results for finding in result.findings]
    if any(rank >= fail_on.rank for rank in worst):
        return 1
    return 3 if _nothing_known(report.results) or any(undecided(result) for result in report.results) else 0


def warned(report: Report) -> bool:
    """Something is at least a warning."""
    findings = (finding for result in report.results for finding in result.findings)
    return any(finding.severity.rank >= Severity.WARNING.rank for finding in findings)


def undecided(result: Result) -> bool:
    """A check whose failure would be an error could not be decided."""
    return result.status is Status.UNKNOWN and result.severity is Severity.ERROR


def own_error(result: Result) -> bool:
    """An error that stands for no cause of provisioning, and is a symptom of none: a site's own check reports such."""
    found = result.cause is None and not result.because_of
    return found and any(finding.severity is Severity.ERROR for finding in result.findings)


def _readiness(causes: Sequence[CauseEntry], results: Sequence[Result]) -> Readiness:
    if any(cause.severity is Severity.ERROR for cause in causes) or any(own_error(result) for result in results):
        return Readiness.NOT_READY
    if _nothing_known(results) or any(undecided(result) for result in results):
        return Readiness.UNDECIDED
    return Readiness.READY


def _nothing_known(results: Sequence[Result]) -> bool:
    """None of the checks that were asked for applies here, as `--only` may name them: that is no pass."""
    return all(result.status is Status.NOT_APPLICABLE for result in results)


# --- judging ------------------------------------------------------------------------------------------------------


def _judge(check: Check, probe: Probe[Any], snapshot: Snapshot, uses: tuple[WaiverUse, ...] = ()) -> Result:
    gathered = snapshot.probes.get(probe.name) or Gathered(None, "not gathered in this run")
    out_of_place = _out_of_place(check, snapshot)
    if out_of_place is not None:
        return _result(check, probe, gathered, Status.NOT_APPLICABLE, reason=out_of_place)
    if gathered.facts is None and not check.after_waivers:  # the waivers are part of the run, so nothing was gathered
        result = _result(check, probe, gathered, Status.UNKNOWN, reason=gathered.reason)
        return replace(result, severity=severity_at(check, snapshot.run.stage), traceback=gathered.traceback)
    run = replace(run_of_snapshot(snapshot, (*probe.needs, *check.reads)), waivers=uses)
    try:
        verdicts = list(check.judge(gathered.facts, run))
    except Exception as error:  # a bug in one judge must not take the others' results with it
        result = _result(check, probe, gathered, Status.UNKNOWN, reason=bugs.sentence(error))
        return replace(result, severity=check.severity, traceback=bugs.account(error))
    return _result_of(check, probe, gathered, verdicts, snapshot.run)


def run_of_snapshot(snapshot: Snapshot, needed: Sequence[str]) -> Run:
    """The run as it was when the snapshot was taken, with the facts of the probes named."""
    facts = {name: snapshot.probes[name].facts for name in needed if name in snapshot.probes}
    return Run(
        stage=snapshot.run.stage,
        profile=snapshot.run.profile,
        platform=snapshot.run.platform,
        root=snapshot.run.root or "/",
        config=snapshot.config,
        extensions=snapshot.extensions,
        needed={name: value for name, value in facts.items() if value is not None},
        files_only=snapshot.run.files_only,
    )


def _out_of_place(check: Check, snapshot: Snapshot) -> Optional[str]:
    run = snapshot.run
    if run.stage not in check.stages:
        return f"not asked at stage {run.stage.value}"
    if run.profile not in check.profiles:
        return f"not asked of a {run.profile.value} image"
    if run.root is not None and not check.offline:
        return "needs the running system, and a mounted image is inspected"
    if run.files_only and not check.offline:
        return "needs the running system, and only files are inspected"
    if check.azure_only and run.platform is not Platform.AZURE:
        return "not on Azure"
    return None


def severity_at(check: Check, stage: Stage) -> Severity:
    """The worst that a failure of this check can be at this stage."""
    return Severity.NOTE if check.environment and stage is not Stage.FIRSTBOOT else check.severity


def _result_of(check: Check, probe: Probe[Any], gathered: Gathered, verdicts: Sequence[Any], run: RunInfo) -> Result:
    """Findings outweigh an unknown part, an unknown part outweighs a part that does not apply."""
    findings = tuple(
        _in_place(_at_stage(check, verdict, run.stage), run) for verdict in verdicts if isinstance(verdict, Finding)
    )
    unknown = [verdict.reason for verdict in verdicts if isinstance(verdict, Unknown)]
    not_applicable = [verdict.reason for verdict in verdicts if isinstance(verdict, NotApplicable)]
    if findings:
        worst = max((finding.severity for finding in findings), key=lambda severity: severity.rank)
        result = _result(check, probe, gathered, Status.FAIL, reason="; ".join(unknown) or None)
        return replace(result, severity=worst, findings=bounds.findings(findings))
    if unknown:
        result = _result(check, probe, gathered, Status.UNKNOWN, reason="; ".join(unknown))
        return replace(result, severity=severity_at(check, run.stage))
    if not_applicable:
        return _result(check, probe, gathered, Status.NOT_APPLICABLE, reason="; ".join(not_applicable))
    return _result(check, probe, gathered, Status.PASS, reason=None)


def _at_stage(check: Check, finding: Finding, stage: Stage) -> Finding:
    if check.environment and stage is not Stage.FIRSTBOOT and not finding.in_image:
        return replace(finding, severity=Severity.NOTE)
    return finding


def _in_place(finding: Finding, run: RunInfo) -> Finding:
    """On a mounted image its commands are run inside it, in namespaces of their own: waagent sets the host name.

    A disk image was mounted for this run alone: its commands are for whoever mounts it to be written, or starts it.
    """
    if run.root is None or run.image:
        return finding
    enter = f"unshare --mount --uts --pid --fork --mount-proc --root={argument(run.root)} sh -c"
    return replace(finding, commands=tuple(f"{enter} {shlex.quote(command)}" for command in finding.commands))


def _result(check: Check, probe: Probe[Any], gathered: Gathered, status: Status, *, reason: Optional[str]) -> Result:
    return Result(
        check=check.id,
        title=check.title,
        probe=probe.name,
        status=status,
        severity=None,
        cause=check.cause,
        because_of=(),
        reason=None if reason is None else bounds.sentence(reason),
        duration_s=gathered.duration_s,
        findings=(),
    )


def _with_witnesses(
    causes: tuple[CauseEntry, ...], snapshot: Snapshot, probes: Sequence[Probe[Any]]
) -> tuple[CauseEntry, ...]:
    said: dict[Cause, tuple[str, ...]] = {}
    for probe in probes:
        gathered = snapshot.probes.get(probe.name)
        if probe.witness is not None and gathered is not None and gathered.facts is not None:
            for cause, line in probe.witness(gathered.facts):
                said[cause] = (*said.get(cause, ()), line)
    return tuple(replace(entry, evidence=said.get(entry.cause, ())) for entry in causes)


def _extensions(snapshot: Snapshot, probes: Sequence[Probe[Any]]) -> tuple[ExtensionVerdict, ...]:
    for probe in probes:
        gathered = snapshot.probes.get(probe.name)
        if probe.extensions is not None and gathered is not None and gathered.facts is not None:
            return probe.extensions(gathered.facts, run_of_snapshot(snapshot, probe.needs))
    return ()
