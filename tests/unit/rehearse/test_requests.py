"""What is read from the stand-in's log."""

from __future__ import annotations

from typing import Any

import pytest

from azpreflight.rehearse import requests
from azpreflight.rehearse.facts import Traffic

AGENT = {"user-agent": "WALinuxAgent/2.7.3.0"}
PACKAGE = "/Example.Standin.Hello/Example.Standin.Hello__1.0.0.zip"
LOG: list[dict[str, Any]] = [
    {"service": "dhcp", "message": "DISCOVER", "mac": "00:0d:3a:12:34:56", "answer": "OFFER"},
    {"service": "dhcp", "message": "REQUEST", "mac": "00:0d:3a:12:34:56", "answer": "ACK"},
    {"service": "wire", "method": "GET", "target": "/?comp=versions", "headers": AGENT, "status": 200},
    {
        "service": "wire",
        "method": "POST",
        "target": "/machine/?comp=health",
        "headers": AGENT,
        "status": 200,
        "reported": {
            "state": "NotReady",
            "substatus": "Provisioning",
            "description": "[CopyOvfEnv] Error reading file /mnt/x: secret hunter2",
        },
    },
    {"service": "store", "method": "GET", "target": PACKAGE, "headers": {}, "status": 206},
    {
        "service": "hostgaplugin",
        "method": "PUT",
        "target": "/status",
        "headers": AGENT,
        "status": 201,
        "reported": {"agent": "2.7.3.0", "extensions": {"Example.Standin.Hello": "transitioning"}},
    },
    {
        "service": "hostgaplugin",
        "method": "PUT",
        "target": "/status",
        "headers": AGENT,
        "status": 201,
        "reported": {"agent": "2.7.3.0", "extensions": {"Example.Standin.Hello": "success"}},
    },
]
ENTRIES = [requests.entry(value, 10.0 + number) for number, value in enumerate(LOG)]


def test_what_was_asked_is_counted() -> None:
    """By part, with the time of the first."""
    found = requests.asked(ENTRIES)
    assert found["wire"] == Traffic(2, 12.0)
    assert found["dhcp"] == Traffic(2, 10.0)
    assert "imds" not in found


def test_an_address_is_leased_once_it_is_acknowledged() -> None:
    """An offer is not yet one."""
    assert [entry.leased for entry in ENTRIES[:2]] == [False, True]


def test_reports_name_who_sent_them() -> None:
    """By their User-Agent."""
    (report,) = requests.reports(ENTRIES)
    assert (report.state, report.by, report.at_s) == ("NotReady", "waagent 2.7.3.0", 13.0)
    assert report.signature == "ovf-unreadable"
    assert "Error reading file" in report.description
    assert "hunter2" not in report.description


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("WALinuxAgent/2.7.3.0", "waagent 2.7.3.0"),
        ("Cloud-Init/22.4.2", "cloud-init 22.4.2"),
        ("azure-init v0.1", "azure-init"),
        ("curl/8.1", "curl/8.1"),
        ("", "a client without a name"),
    ],
)
def test_clients(agent: str, name: str) -> None:
    """Known ones in one word, others as they say."""
    assert requests.client(agent) == name


def test_the_extension() -> None:
    """The last state that was reported, and how its package came; nothing where nobody fetched it."""
    assert requests.extension_state(ENTRIES) == "success"
    assert requests.fetched(ENTRIES) == "direct"
    assert requests.fetched(ENTRIES[:4]) is None
    by_host = requests.entry(
        {"service": "hostgaplugin", "method": "GET", "target": "/extensionArtifact", "status": 200}, 1
    )
    assert requests.fetched([by_host]) == "hostgaplugin"
    failed = requests.entry({"service": "store", "method": "GET", "target": PACKAGE, "status": 404}, 1)
    assert requests.fetched([failed]) is None
