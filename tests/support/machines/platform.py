"""Machines for the checks of the platform's endpoints: a healthy one, and a broken one for each check."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from azpreflight.azure import imds, wire_server
from azpreflight.host import HttpAnswer, Outcome, Phase, Route
from azpreflight.model import Platform, Run, Stage
from azpreflight.standin import documents
from azpreflight.standin.extension import HELLO
from azpreflight.standin.identity import VM_ID
from azpreflight.standin.metadata import instance
from tests.support.fakes import FakeHost

RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)
CONFIG_URL = "http://168.63.129.16:80/machine/c/i?comp=config&type=extensionsConfig&incarnation=1"
BY_GATEWAY = Route(Outcome.OK, "eth0", "10.0.0.1", "10.0.0.4")
SILENT = HttpAnswer(Outcome.TIMEOUT, Phase.TCP, 1.2, detail="no answer in time")
REFUSED = HttpAnswer(Outcome.REFUSED, Phase.TCP, 0.001)


def ok(body: str, status: int = 200) -> HttpAnswer:
    return HttpAnswer(Outcome.OK, Phase.HTTP, 0.004, status=status, body=body.encode())


HTTP = {
    wire_server.VERSIONS_URL: ok(documents.VERSIONS),
    wire_server.GOAL_STATE_URL: ok(documents.goal_state()),
    CONFIG_URL: ok(documents.extensions_config(HELLO)),
    wire_server.PLUGIN_URL: ok(documents.HOST_PLUGIN_VERSIONS),
    wire_server.SETTINGS_URL: ok("not found", 404),
    imds.URL: ok(json.dumps(instance())),
}
HEALTHY = FakeHost(
    files={
        "/sys/class/dmi/id/chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n",
        "/sys/class/dmi/id/product_uuid": VM_ID.upper() + "\n",
    },
    routes={"168.63.129.16": BY_GATEWAY, "169.254.169.254": BY_GATEWAY},
    http=HTTP,
)


def answering(url: str, answer: HttpAnswer, **kw: Any) -> FakeHost:
    """The healthy machine with another answer from one address."""
    return replace(HEALTHY, http={**HTTP, url: answer}, **kw)


BROKEN = {
    "platform-route": replace(HEALTHY, routes={"169.254.169.254": BY_GATEWAY}),
    "wireserver-http": answering(wire_server.VERSIONS_URL, SILENT),
    "wireserver-goal-state": answering(wire_server.GOAL_STATE_URL, ok("<html>hello</html>")),
    "hostgaplugin-http": answering(wire_server.PLUGIN_URL, REFUSED),
    "imds-instance": answering(imds.URL, SILENT),
}
