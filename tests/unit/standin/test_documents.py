"""What the stand-in says, read by what azpreflight itself reads the platform with, and by literals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from azpreflight.azure import goal_state, imds
from azpreflight.standin import extension, metadata, reports
from azpreflight.standin.config import Setup
from azpreflight.standin.documents import extensions_config, vm_settings
from azpreflight.standin.extension import HELLO
from azpreflight.standin.identity import Identity
from azpreflight.standin.services import SERVICES, Platform, Request, Response

VERSION = {"x-ms-version": "2012-11-30", "host": "168.63.129.16"}
METADATA = {"metadata": "True"}
VM = Identity(vm_id="7d2b9a5e-1f60-4c1d-8f4e-2b6d3c9a0e55", container_id="c-1", config_name="n-1", custom_data=True)
PLUGIN = {"x-ms-containerid": "c-1", "x-ms-host-config-name": "n-1"}


def asked(part: str, target: str, headers: dict[str, str] | None = None, method: str = "GET", **setup: Any) -> Response:
    """The answer of a part to this VM."""
    platform = Platform(Setup(identity=VM, **setup), b"PK")
    return SERVICES[part](Request(method, target, headers or {}), platform)


def test_the_goal_state_names_this_vm_and_its_documents_where_the_client_is() -> None:
    """At the real address with its port, and on loopback at whatever port it is."""
    for host, base in (("168.63.129.16", "http://168.63.129.16:80"), ("127.0.0.1:8080", "http://127.0.0.1:8080")):
        answer = asked("wire", "/machine/?comp=goalstate", {**VERSION, "host": host})
        assert f"<SharedConfig>{base}/machine/" in answer.body.decode()
        state = goal_state.parse_xml(answer.body)
        assert state.findtext("Container/ContainerId") == "c-1"


@pytest.mark.parametrize("host", ["", "a b", "<x>", "h:1:2", "h" * 300])
def test_a_host_that_is_none_does_not_get_into_a_document(host: str) -> None:
    answer = asked("wire", "/machine/?comp=goalstate", {**VERSION, "host": host})
    assert b"<SharedConfig>http://168.63.129.16:80/machine/" in answer.body


def test_the_wire_server_wants_a_version_for_all_but_the_versions() -> None:
    assert asked("wire", "/?comp=versions").status == 200
    assert asked("wire", "/machine/?comp=goalstate").status == 400
    assert asked("wire", "/machine/c/i?comp=config&type=elseConfig", VERSION).status == 404
    assert asked("wire", "/machine?comp=health", VERSION, "POST").status == 200


def test_settings_of_an_extension_come_through_both_forms_of_the_goal_state() -> None:
    """Whatever characters are in them."""
    wanted = replace(HELLO, settings=json.dumps({"command": "a < b && echo ']]>'"}))
    fabric = goal_state.parse_xml(extensions_config(wanted).encode())
    settings = json.loads(fabric.findtext("PluginSettings/Plugin/RuntimeSettings") or "")
    (fast_track,) = json.loads(vm_settings(wanted))["extensionGoalStates"]
    handler = settings["runtimeSettings"][0]["handlerSettings"]
    assert handler["publicSettings"] == json.loads(wanted.settings)
    assert fast_track["settings"][0]["publicSettings"] == wanted.settings


def test_a_vm_without_an_extension_has_none_in_either_form() -> None:
    assert b"<Plugin " not in asked("wire", "/m?comp=config&type=extensionsConfig", VERSION, extension=None).body
    answer = asked("hostgaplugin", "/vmSettings", PLUGIN, extension=None, fast_track=True)
    assert json.loads(answer.body)["extensionGoalStates"] == []


def test_vm_settings_are_there_with_fast_track_and_once_for_an_etag() -> None:
    assert asked("hostgaplugin", "/vmSettings", PLUGIN).status == 404
    answer = asked("hostgaplugin", "/vmSettings", PLUGIN, fast_track=True)
    etag = answer.headers["ETag"]
    assert answer.status == 200
    assert asked("hostgaplugin", "/vmSettings", {**PLUGIN, "if-none-match": etag}, fast_track=True).status == 304


@pytest.mark.parametrize(
    ("headers", "status"),
    [(PLUGIN, 200), ({**PLUGIN, "x-ms-containerid": "other"}, 410), ({**PLUGIN, "x-ms-host-config-name": ""}, 400)],
)
def test_the_host_plugin_fetches_for_this_vm_alone(headers: dict[str, str], status: int) -> None:
    wanted = {**headers, "x-ms-artifact-location": HELLO.packages[0]}
    assert asked("hostgaplugin", "/extensionArtifact", wanted).status == status


def test_the_host_plugin_may_be_unable_to_fetch() -> None:
    wanted = {**PLUGIN, "x-ms-artifact-location": HELLO.packages[0]}
    assert asked("hostgaplugin", "/extensionArtifact", wanted, artifacts=502).status == 502


def test_instance_metadata_is_what_azpreflight_reads() -> None:
    answer = asked("imds", "/metadata/instance?api-version=2021-08-01", METADATA)
    assert imds.parse(answer.body).vm_id == VM.vm_id


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/metadata/instance/compute/vmId?api-version=2021-08-01&format=text", VM.vm_id),
        ("/metadata/instance/network/interface/0/macAddress?api-version=2021-08-01&format=text", "000D3A123456"),
        ("/metadata/instance?api-version=2021-08-01&format=text", "compute/\nnetwork/"),
        ("/metadata/instance/network/interface?api-version=2021-08-01&format=text", "0/"),
    ],
)
def test_a_part_of_instance_metadata_as_text(target: str, text: str) -> None:
    assert asked("imds", target, METADATA).body.decode() == text


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/metadata/instance?api-version=2021-08-01", {}, 400),
        ("/metadata/instance?api-version=2021-08-01", {**METADATA, "x-forwarded-for": "10.0.0.4"}, 400),
        ("/metadata/instance", METADATA, 400),
        ("/metadata/versions", METADATA, 200),
        ("/metadata/instance/compute/nothing?api-version=2021-08-01", METADATA, 404),
        ("/metadata/instance/network/interface/1?api-version=2021-08-01", METADATA, 404),
        ("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x", METADATA, 404),
        ("/metadata/attested/document?api-version=2020-09-01", METADATA, 404),
    ],
)
def test_what_instance_metadata_refuses(target: str, headers: dict[str, str], status: int) -> None:
    assert asked("imds", target, headers).status == status


def test_custom_data_are_announced_where_they_are_asked_for() -> None:
    """cloud-init asks with extended=true."""
    plain, more = (
        json.loads(asked("imds", f"/metadata/instance?api-version=2021-08-01{query}", METADATA).body)
        for query in ("", "&extended=true")
    )
    assert "extended" not in plain
    assert more["extended"] == {"compute": {"hasCustomData": True}}


def test_a_users_keys_are_in_the_metadata() -> None:
    document: Any = metadata.instance(replace(VM, public_keys=("ssh-ed25519 AAAA x",), user="someone"))
    (key,) = document["compute"]["publicKeys"]
    assert key == {"keyData": "ssh-ed25519 AAAA x\r\n", "path": "/home/someone/.ssh/authorized_keys"}


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [("bytes=0-1", 206, b"PK"), ("bytes=1-", 206, b"K"), ("", 200, b"PK"), ("lines=0-1", 200, b"PK")],
)
def test_the_store_delivers_parts(wanted: str, status: int, part: bytes) -> None:
    host, path = HELLO.packages[0].removeprefix("https://").split("/", 1)
    answer = asked("store", f"/{path}", {"host": host, "range": wanted})
    assert (answer.status, answer.body) == (status, part)


def test_the_made_package_is_the_same_whenever_it_is_made() -> None:
    assert extension.package(HELLO) == extension.package(HELLO)


# --- what the agents report ---------------------------------------------------------------------------------------

HEALTH = (
    "<?xml version='1.0' encoding='utf-8'?><Health><GoalStateIncarnation>1</GoalStateIncarnation><Container>"
    "<RoleInstanceList><Role><InstanceId>i</InstanceId><Health><State>{state}</State>{more}</Health></Role>"
    "</RoleInstanceList></Container></Health>"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HEALTH.format(state="Ready", more=""), {"state": "Ready", "substatus": "", "description": ""}),
        (
            HEALTH.format(
                state="NotReady",
                more="<Details><SubStatus>ProvisioningFailed</SubStatus><Description>no disc</Description></Details>",
            ),
            {"state": "NotReady", "substatus": "ProvisioningFailed", "description": "no disc"},
        ),
        ("<Health/>", None),
        ("not XML", None),
        ("", None),
    ],
)
def test_a_health_report_says_its_state(body: str, expected: dict[str, str] | None) -> None:
    request = Request("POST", "/machine?comp=health", {}, body.encode())
    assert reports.reported("wire", request) == expected
    assert reports.reported("imds", request) is None


STATUS = {
    "aggregateStatus": {
        "guestAgentStatus": {"version": "2.16.0.2", "status": "Ready"},
        "handlerAggregateStatus": [
            {
                "handlerName": "A",
                "status": "Ready",
                "runtimeSettingsStatus": {"settingsStatus": {"status": {"status": "success"}}},
            },
            {"handlerName": "B", "status": "NotReady"},
        ],
    }
}
SAID = {"agent": "2.16.0.2", "extensions": {"A": "success", "B": "NotReady"}}


def test_a_status_says_what_became_of_the_extensions_by_either_way() -> None:
    """Uploaded by the agent itself, or given to the HostGAPlugin."""
    import base64

    blob = json.dumps(STATUS).encode()
    given = json.dumps({"requestUri": "x", "content": base64.b64encode(blob).decode()}).encode()
    assert reports.reported("store", Request("PUT", "/status/vm.status?sig=x", {}, blob)) == SAID
    assert reports.reported("hostgaplugin", Request("PUT", "/status", {}, given)) == SAID


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"content": 1}', b'{"content": "e30="}', b"\xff"])
def test_a_status_that_is_none_says_nothing(body: bytes) -> None:
    assert reports.reported("hostgaplugin", Request("PUT", "/status", {}, body)) is None
