"""Logs in a storage account: listed, read, missing, empty and large, at Azurite."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from azpreflight.cli.main import main
from azpreflight.fleet import run, storage
from azpreflight.fleet.run import Engine
from azpreflight.fleet.store import Store
from azpreflight.model import Severity
from tests.support import truths
from tests.support.azurite import azurite

pytestmark = pytest.mark.xdist_group("azurite")

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.timezone.utc)
BLOBS, MISSING, EMPTY, LARGE = 500, 10, 10, 5
LARGE_SIZE = 20_000_000


def container(number: int) -> str:
    """One for each ten machines; Azure makes one a machine."""
    return f"bootdiagnostics-{number // 10:03}"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobServiceClient]:
    """A storage account with the logs of many machines, a picture beside some, and what is no log."""
    with azurite(tmp_path_factory.mktemp("azurite")) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
        service = BlobServiceClient.from_connection_string(connection)
        for number in range(0, BLOBS, 10):
            service.create_container(container(number))
        service.create_container("other")
        service.get_blob_client("other", "x.log").upload_blob(truths.log(3))
        for number in range(BLOBS):
            put(service, number)
        service.get_blob_client(container(0), "vm000000.screenshot.bmp").upload_blob(b"BM")
        yield service
        service.close()


def put(service: BlobServiceClient, number: int) -> None:
    """The log of this machine; some are empty and some are large."""
    size = LARGE_SIZE if number < LARGE else 20_000
    content = b"" if LARGE <= number < LARGE + EMPTY else truths.log(number, size)
    blob = service.get_blob_client(container(number), f"{truths.truth(number).name}.serialconsole.log")
    blob.upload_blob(content, overwrite=True)


def test_every_blob_is_a_machine_or_is_said(account: BlobServiceClient) -> None:
    """Of 500, ten are deleted after they were listed, ten are empty, and five have 20 MB."""
    items = list(storage.found("az://bootdiagnostics-*/"))
    assert len(items) == BLOBS
    gone = [one for one in items if one.name.endswith("7.serialconsole.log")][:MISSING]
    for one in gone:
        account.get_blob_client(*one.place.removeprefix("az://").split("/")).delete_blob()
    with Store(None) as store:
        run.read(items, store, Engine(2), NOW, lambda done, last: None)
        found = store.fleet(NOW, Severity.ERROR, None)
        machines = {one.log: one for one in found.machines}
    lost = {int(one.name.rsplit("vm", 1)[1][:6]) for one in gone}
    for number in lost:
        put(account, number)
    for one in gone:
        assert machines[one.name].unread and "cannot read" in (machines[one.name].reason or "")
    expected = [truths.truth(number) for number in range(BLOBS)]
    silent = [one for one in expected if LARGE <= one.number < LARGE + EMPTY or not one.report]
    assert found.tally.verdicts["unread"] == MISSING
    assert found.tally.verdicts["without a report"] == len([one for one in silent if one.number not in lost])
    large = [machines[one.name] for one in items if one.size > LARGE_SIZE - 1000]
    assert [one.vm_id for one in large] == [one.vm_id for one in expected[:LARGE]]


def test_a_container_and_a_blob_have_urls_too(account: BlobServiceClient) -> None:
    """And what is not there is said."""
    assert len(list(storage.found("az://bootdiagnostics-003"))) == 10
    one = "az://bootdiagnostics-003/vm000031.serialconsole.log"
    assert [item.name for item in storage.found(one)] == [one]
    assert [item.name for item in storage.found("az://bootdiagnostics-00[34]/*31.*")] == [one]
    (lost,) = storage.found("az://nowhere")
    assert lost.place.startswith("cannot list: ")


def test_a_second_run_reads_only_the_blobs_that_changed(
    account: BlobServiceClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A blob has another ETag when its content is another."""
    place, state = "az://bootdiagnostics-004/", tmp_path / "state"
    arguments = ["fleet", place, "--state", str(state), "--format", "jsonl", "--jobs", "1"]
    main(arguments)
    first = capsys.readouterr().out
    with Store(str(state)) as store:
        assert list(store.new(storage.found(place))) == []
    blob = account.get_blob_client(container(41), "vm000041.serialconsole.log")
    blob.upload_blob(truths.log(3), overwrite=True)
    with Store(str(state)) as store:
        assert [one.place for one in store.new(storage.found(place))] == [f"{place}vm000041.serialconsole.log"]
    main(arguments)
    then = capsys.readouterr().out
    changed = [new for old, new in zip(first.splitlines(), then.splitlines()) if old != new]
    assert [json.loads(line)["vm_id"] for line in changed] == [truths.truth(3).vm_id]
