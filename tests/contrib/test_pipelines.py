"""Pipelines: valid by their own schemas, and each script run as an agent runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tests.support.needs import need_programs

CONTRIB = Path(__file__).parents[2] / "packaging" / "contrib"
ACTION = CONTRIB / "github" / "action.yml"
AZURE = CONTRIB / "azure-pipelines" / "azpreflight.yml"
GITLAB = CONTRIB / "gitlab" / "templates" / "azpreflight.yml"
REPORTS = {"junit.xml", "report.html", "report.json", "report.txt", "summary.md"}
PROGRAM = Path(sys.executable).with_name("azpreflight")


def valid(schema: str, *arguments: str | Path) -> str:
    """What check-jsonschema says of a file by a schema that it brings."""
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_github_takes_the_action_and_the_workflow() -> None:
    assert valid("github-actions", ACTION) == ""
    assert valid("github-workflows", CONTRIB / "github" / "workflow.yml") == ""


def test_azure_pipelines_takes_the_template() -> None:
    assert valid("azure-pipelines", "--data-transform", "azure-pipelines", AZURE) == ""


def component() -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of the component, and its one job."""
    head, body = yaml.safe_load_all(GITLAB.read_text())
    return head["spec"]["inputs"], body["azpreflight"]


def test_gitlab_takes_the_component_and_knows_every_input(tmp_path: Path) -> None:
    """The head is for GitLab's own reader of components; the job is what the schema is for."""
    body = GITLAB.read_text().split("\n---\n")[1]
    (tmp_path / "job.yml").write_text(body)
    assert valid("gitlab-ci", "--data-transform", "gitlab-ci", tmp_path / "job.yml") == ""
    inputs, _ = component()
    assert set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", body)) == set(inputs)


def test_a_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    """Or the tests above would show nothing."""
    (tmp_path / "action.yml").write_text(ACTION.read_text().replace("using: composite", "using: nothing"))
    assert "using" in valid("github-actions", tmp_path / "action.yml")


# --- run ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """The folder of an agent, in which the first step has installed the program."""
    programs = tmp_path / "azpreflight" / "bin"
    programs.mkdir(parents=True)
    (programs / "azpreflight").symlink_to(PROGRAM)
    image = tmp_path / "an image" / "etc"
    image.mkdir(parents=True)
    (image / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    return tmp_path


def bash(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A step, as the agents of both services run it."""
    need_programs("bash")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=120,
    )


def action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The step of the action that checks."""
    document = yaml.safe_load(ACTION.read_text())
    (step,) = [one for one in document["runs"]["steps"] if one.get("id") == "check"]
    given = {name: one["default"] for name, one in document["inputs"].items()} | inputs
    variables = {
        name: given[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]  # type: ignore[index]  # all are inputs
        for name, value in step["env"].items()
    }
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return bash(step["run"], folder, {**variables, **files, "RUNNER_TEMP": str(folder)})


def test_the_action_fails_the_job_and_leaves_every_report(agent: Path) -> None:
    done = action(agent, root=str(agent / "an image"))
    assert done.returncode == 1, done.stderr
    assert "::error title=" in done.stdout and "NOT READY" in done.stdout
    reports = agent / "azpreflight-reports"
    assert {path.name for path in reports.iterdir()} == REPORTS
    assert {path.stat().st_mode & 0o777 for path in reports.iterdir()} == {0o644}
    assert JUnitXml.fromfile(str(reports / "junit.xml")).failures > 0
    assert (agent / "summary").read_text().startswith((reports / "summary.md").read_text()[:20])
    assert f"exit-code=1\nreports={reports}\n" in (agent / "output").read_text()


def test_the_action_prints_a_report_of_a_build_vm(agent: Path) -> None:
    assert action(agent, root=str(agent / "an image")).returncode == 1
    report = agent / "from the build.json"
    (agent / "azpreflight-reports" / "report.json").rename(report)
    done = action(agent, report=str(report))
    assert (done.returncode, "NOT READY" in done.stdout) == (1, True)


def test_the_action_needs_something_to_check(agent: Path) -> None:
    done = action(agent)
    assert done.returncode != 0 and "image, root or report" in done.stderr


def test_a_name_of_a_file_is_no_command(agent: Path) -> None:
    done = action(agent, image="$(touch planted); `touch planted`")
    assert done.returncode == 2 and not (agent / "planted").exists()
    assert "exit-code=2" in (agent / "output").read_text()


def test_the_action_installs_this_tree() -> None:
    """Three folders above the action's own."""
    (step, *_) = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    source = step["env"]["SOURCE"].replace("${{ github.action_path }}", str(ACTION.parent))
    assert (Path(source) / "pyproject.toml").exists()


@pytest.mark.parametrize("given", ["an image", "report.json"])
def test_azure_pipelines_fails_the_job_and_uploads_a_summary(given: str, agent: Path) -> None:
    """Of an image, and of the report that was made of it."""
    if given == "report.json":
        made = subprocess.run(
            [PROGRAM, "check", "--root", agent / "an image", "-o", f"json:{agent / given}"],
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert made.returncode == 1
    install, check, publish = yaml.safe_load(AZURE.read_text())["steps"]
    assert "SOURCE" in install["env"] and publish["inputs"]["testResultsFiles"].endswith("/junit.xml")
    variables = {"IMAGE": given, "FAIL_ON": "error", "AGENT_TEMPDIRECTORY": str(agent)}
    assert set(check["env"]) <= set(variables)
    done = bash(check["bash"], agent, variables)
    assert done.returncode == 1, done.stderr
    assert "##vso[task.logissue type=error" in done.stdout
    assert f"##vso[task.uploadsummary]{agent}/azpreflight-reports/summary.md" in done.stdout
    assert {path.name for path in (agent / "azpreflight-reports").iterdir()} == REPORTS


def test_gitlab_fails_the_job_and_leaves_its_artifacts(agent: Path) -> None:
    _, job = component()
    last = job["script"][-1].replace("/tmp/azpreflight", str(agent / "azpreflight"))
    done = bash(last, agent, {"PREFLIGHT_IMAGE": "an image", "PREFLIGHT_SEVERITY": "error"})
    assert done.returncode == 1 and "NOT READY" in done.stdout, done.stderr
    wanted = (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"])
    assert [name for name in wanted if not (agent / name).exists()] == []


def test_the_workflows_that_are_shown_give_the_action_what_it_takes() -> None:
    """The one to copy, and the steps on the page."""
    inputs = set(yaml.safe_load(ACTION.read_text())["inputs"])
    page = (CONTRIB.parents[1] / "docs" / "pipelines.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    workflow = yaml.safe_load((CONTRIB / "github" / "workflow.yml").read_text())
    steps = [*yaml.safe_load(shown), *workflow["jobs"]["image"]["steps"]]
    ours = [step for step in steps if step.get("uses", "").startswith("OWNER/azpreflight/packaging/contrib/github@")]
    assert len(ours) == 2 and [step["with"] for step in ours if not set(step["with"]) <= inputs] == []
