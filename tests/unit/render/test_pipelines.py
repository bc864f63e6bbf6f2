"""Commands for pipelines, read as the runner and the agent read them: each line is one of ours, whatever was found."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.model import Report, Severity, Status
from azpreflight.render import azure_pipelines, github
from tests.support.hostile_reports import EVERY, hostile
from tests.support.reports import BROKEN, READY, RULE, UNDECIDED, result

WARNED = replace(READY, results=(result("a-b", Status.FAIL, replace(RULE, severity=Severity.WARNING)),))


@dataclass(frozen=True)
class Command:
    """What a runner makes of a line."""

    name: str
    properties: dict[str, str]
    data: str


def of_github(line: str) -> Command:
    """The rules of actions/runner ActionCommand.TryParseV2; ValueError for a line that is no command."""
    found = re.fullmatch(r"::([a-z-]+)(?: ([^:]*))?::(.*)", line.strip(), re.DOTALL)
    if found is None or "##[" in line:
        raise ValueError(line)
    pairs = (part.split("=", 1) for part in (found[2] or "").split(",") if part)
    decoded = {key: _decoded(value, {"%3A": ":", "%2C": ","}) for key, value in pairs}
    return Command(found[1], decoded, _decoded(found[3], {}))


def _decoded(text: str, more: dict[str, str]) -> str:
    for token, character in {**more, "%0D": "\r", "%0A": "\n", "%25": "%"}.items():
        text = text.replace(token, character)
    return text


def of_azure(line: str) -> Command | None:
    """The rules of azure-pipelines-agent Command.TryParse, which looks for its mark anywhere; None for plain text."""
    at = line.find("##vso[")
    if at < 0:
        return None
    inside, _, data = line[at + len("##vso[") :].partition("]")
    name, _, rest = inside.partition(" ")
    pairs = (part.split("=", 1) for part in rest.split(";") if part)
    return Command(name, dict(pairs), data.replace("%0A", "\n").replace("%0D", "\r"))


# --- GitHub -------------------------------------------------------------------------------------------------------


def test_github_has_an_annotation_for_each_cause() -> None:
    """With its fix and commands on lines of their own; notes are notices; the verdict comes last."""
    commands = [of_github(line) for line in github.render(BROKEN).splitlines()]
    assert [one.name for one in commands] == ["error", "error", "warning", "notice", "notice"]
    first = commands[0]
    assert first.properties["title"] == "azpreflight: guest-firewall"
    lines = first.data.splitlines()
    assert lines[:2] == [RULE.message, f"fix: {RULE.fix}"] and f"  $ {RULE.commands[0]}" in lines
    assert commands[1].properties["title"] == "azpreflight: could not be determined"
    assert commands[-1].data.startswith("NOT READY: ")
    assert [of_github(line).name for line in github.render(READY).splitlines()] == ["notice"]


@pytest.mark.parametrize("text", EVERY)
def test_github_obeys_nothing_that_was_found(text: str) -> None:
    expected = len(github.render(BROKEN).splitlines())
    names = [of_github(line).name for line in github.render(_same(text)).splitlines()]
    assert len(names) <= expected + 30 and set(names) <= {"error", "warning", "notice"}


@given(st.text())
def test_github_shows_any_text(text: str) -> None:
    """What arrives is one command with this text as its data, apart from the mark of the older form."""
    finding = replace(RULE, message=f"a{text}b")
    report = replace(READY, results=(result("x-y", Status.FAIL, finding),))
    commands = [of_github(line) for line in github.render(report).split("\n")[:-1]]
    assert [one.name for one in commands] == ["error", "notice"]
    assert commands[0].data.startswith("a") and set(commands[0].properties) == {"title"}


def _same(text: str) -> Report:
    return hostile(text)


# --- Azure Pipelines ----------------------------------------------------------------------------------------------


def test_azure_has_an_issue_for_each_error_and_warning_and_ends_the_task() -> None:
    lines = azure_pipelines.render(BROKEN).splitlines()
    commands = [of_azure(line) for line in lines]
    kinds = [one and (one.name, *one.properties.values()) for one in commands]
    assert kinds == [
        ("task.logissue", "error"),
        ("task.logissue", "error"),
        ("task.logissue", "warning"),
        None,
        ("task.complete", "Failed"),
    ]
    assert lines[3].startswith("note: gen-odd")
    assert commands[0] is not None and f"fix: {RULE.fix}" in commands[0].data.splitlines()


@pytest.mark.parametrize(
    ("report", "fail_on", "ends"),
    [
        (READY, Severity.ERROR, "Succeeded"),
        (UNDECIDED, Severity.ERROR, "Failed"),
        (WARNED, Severity.ERROR, "SucceededWithIssues"),
        (WARNED, Severity.WARNING, "Failed"),
    ],
)
def test_the_task_ends_as_the_exit_code_says(report: Report, fail_on: Severity, ends: str) -> None:
    last = of_azure(azure_pipelines.render(report, fail_on).splitlines()[-1])
    assert last is not None and last.properties == {"result": ends}


@pytest.mark.parametrize("text", EVERY)
def test_azure_obeys_nothing_that_was_found(text: str) -> None:
    """Neither as a command, nor as a line that the agent colours."""
    for line in azure_pipelines.render(_same(text)).splitlines():
        command = of_azure(line)
        assert command is None or command.name in ("task.logissue", "task.complete")
        assert line.count("##vso[") <= 1 and not line.startswith("##[")
        assert "\n##" not in (command.data if command is not None else line)


@given(st.text())
def test_azure_shows_any_text_in_one_line(text: str) -> None:
    report = replace(READY, results=(result("x-y", Status.FAIL, replace(RULE, message=f"a{text}b")),))
    lines = azure_pipelines.render(report).split("\n")[:-1]
    assert [one.name if (one := of_azure(line)) else None for line in lines] == ["task.logissue", "task.complete"]
    assert len((of_azure(lines[0]) or Command("", {}, "")).data.splitlines()) == len(RULE.commands) + 3
