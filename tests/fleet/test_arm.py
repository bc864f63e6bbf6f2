"""Managed boot diagnostics: listed and fetched through a stand-in that throttles, lacks logs and wants a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azpreflight.cli.main import main
from azpreflight.fleet.arm import Scope
from tests.support import truths
from tests.support.arm_standin import SIGNATURE, SUBSCRIPTION, TOKEN, Account, standin


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Account]]:
    """A stand-in, whose managed identity azure-identity finds by its variables."""
    kept = Account()
    with standin(kept) as url:
        for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "x")
        yield url, kept


def fetched(url: str, out: Path, *arguments: str) -> dict[str, Any]:
    """The JSON document of this subscription."""
    main(["fleet", "--subscription", SUBSCRIPTION, "--arm", url, "--format", "json", "-o", str(out), *arguments])
    document: dict[str, Any] = json.loads(out.read_bytes())
    return document


def test_all_machines_and_instances_are_read_and_the_others_are_said(
    account: tuple[str, Account], tmp_path: Path
) -> None:
    """Page by page; 429 is waited for; a machine without boot diagnostics and a log that is gone have a row each."""
    url, asked = account
    found = fetched(url, tmp_path / "out", "--jobs", "2")
    machines = {one["log"]: one for one in found["machines"]}
    assert len(machines) == asked.machines + asked.instances
    assert machines["web/vm000002"]["reason"] == "no boot diagnostics: HTTP 409, OperationNotAllowed"
    assert machines["web/vm000004"]["reason"] == "cannot read: storage answered HTTP 404"
    for number in set(range(asked.machines)) - {2, 4}:
        one = truths.truth(number)
        told = machines[f"web/{one.name}"]
        assert [entry["cause"] for entry in told["causes"]] == [word.value for word in one.causes]
        assert (told["traits"]["region"], told["traits"]["size"]) == (one.region, one.size)
    assert machines["web/vm000019"]["verdict"] is None  # it has no report, and Azure says what it is
    assert machines["web/vm000019"]["traits"]["image"] == truths.truth(19).image
    assert machines["web/Uniform/vm000101"]["vm_id"] == truths.truth(101).vm_id
    assert (asked.refused_tokens, asked.too_soon) == (0, 0)
    assert sum(count for path, count in asked.asked.items() if path.endswith("/virtualMachines")) > 3 * asked.throttled
    assert SIGNATURE not in json.dumps(found) and TOKEN not in json.dumps(found)


def test_one_process_gives_the_same_answer(account: tuple[str, Account], tmp_path: Path) -> None:
    assert fetched(account[0], tmp_path / "a", "--jobs", "1") == fetched(account[0], tmp_path / "b", "--jobs", "2")


def test_a_second_run_fetches_only_the_logs_that_changed(account: tuple[str, Account], tmp_path: Path) -> None:
    """Storage is asked for the ETag of each; what is not there is asked for again."""
    url, asked = account
    asked.throttled = 0
    first = fetched(url, tmp_path / "out", "--jobs", "1", "--state", str(tmp_path / "state"))
    assert len(asked.read) == asked.machines + asked.instances - 2
    asked.read.clear()
    asked.grown["vm000003"] = 7
    assert fetched(url, tmp_path / "out", "--jobs", "1", "--state", str(tmp_path / "state")) == first
    assert asked.read == ["vm000003"]


def test_a_group_is_a_part_of_a_subscription(account: tuple[str, Account], tmp_path: Path) -> None:
    fetched(account[0], tmp_path / "out", "--resource-group", "web")
    lists = {path for path in account[1].asked if path.endswith("virtualMachineScaleSets")}
    assert {"/resourceGroups/web/" in path for path in lists} == {True}


def test_who_is_not_logged_in_is_said(
    account: tuple[str, Account], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No traceback, and exit code 2."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{account[0]}/nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["fleet", "--subscription", SUBSCRIPTION, "--arm", account[0]]) == 2
    assert "nobody is logged in to Azure" in capsys.readouterr().err


def test_a_scope_is_public_azure_where_nothing_else_is_said() -> None:
    assert Scope("x").endpoint == "https://management.azure.com"
