"""`azpreflight daemon`: what systemd runs at first boot. This says where its verdicts go, and `watch.boot` when."""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from typing import Optional

from azpreflight.cli import options
from azpreflight.config import DEFAULT_PATH, ConfigError, load
from azpreflight.dataclass import dataclass
from azpreflight.host import Host, LocalHost, service
from azpreflight.model import Config, Report
from azpreflight.paths import REPORT, UNFINISHED
from azpreflight.probes import PROBES
from azpreflight.render import json, serial
from azpreflight.render import kvp as render_kvp
from azpreflight.sinks import kvp, leftovers
from azpreflight.sinks.file import append_line, write_file
from azpreflight.sinks.journal import write_journal
from azpreflight.sinks.kvp import write_kvp
from azpreflight.sinks.serial import consoles, write_serial
from azpreflight.sinks.stderr import say
from azpreflight.watch import child_check, state
from azpreflight.watch.boot import FIRST_LOOK, BootWatch
from azpreflight.watch.boot_policy import LIMIT_S

LOOK_BUDGET = 30
"""Seconds that a look may take: nobody waits for it, and everything else is starting too."""


HISTORY = "/var/log/azpreflight/report.jsonl"


@dataclass(frozen=True)
class Request:
    """What is asked."""

    platform: str
    """auto, azure or none."""
    config: Optional[str]
    report: str
    """The file of the newest JSON report."""
    history: str
    """The file with one line of JSON for each verdict."""
    serial: str
    """auto, never, or the path of a device."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is expected, and where the verdicts go."""
    parser.description = """\
Watch this VM come up: inspect it when the network or the agents' files change, print
the first verdict and those that differ from it, and end when provisioning and extensions
have succeeded, or with a final verdict 20 minutes after boot, when the platform gives
up and starts the VM again, which is watched too. After that this VM is never watched
again; azpreflight=off on the kernel's command line turns it off.
"""
    parser.add_argument("--platform", choices=options.PLATFORMS, default="auto", help="default: auto")
    options.add_config(parser)
    parser.add_argument("--report", metavar="PATH", default=REPORT, help=f"the newest JSON report (default: {REPORT})")
    parser.add_argument(
        "--history",
        metavar="PATH",
        default=HISTORY,
        help=f"one line of JSON for each verdict (default: {HISTORY})",
    )
    parser.add_argument(
        "--serial", metavar="{auto,never,DEVICE}", default="auto", help="where the verdicts are printed (default: auto)"
    )


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.platform, asked.config, asked.report, asked.history, asked.serial)


def run(request: Request) -> int:
    """Watch this machine's first boot; 0 when it is over."""
    for path in leftovers.clear((request.report, state.STATE, UNFINISHED, FIRST_LOOK), time.time() - service.uptime()):
        say(f"removed {path}, which a writer that was ended has left")
    host = LocalHost(budget=LIMIT_S * 2)
    watch = BootWatch(
        host,
        say=partial(_say, host, request),
        tell=partial(child_check.announce, host, request.serial),
        command=child_check.this_program(),
        arguments=lambda: ("--platform", request.platform, "--timeout", str(LOOK_BUDGET), *_configured(host, request)),
    )
    return watch.run()


def _say(host: Host, request: Request, report: Report) -> None:
    places: list[child_check.Place] = [
        partial(write_file, request.report, json.render(report)),
        partial(append_line, request.history, json.render_line(report)),
        partial(write_journal, report),
    ]
    devices = consoles(host, request.serial)
    content = serial.render(report, request.report) if devices else ""
    places += [partial(write_serial, device, content) for device in devices]
    if kvp.available() and _config(host, request).kvp != "never":
        places.append(partial(write_kvp, render_kvp.render(report)))
    child_check.put(places)


def _configured(host: Host, request: Request) -> tuple[str, ...]:
    """The configuration for each look. One that is wrong is told about, and the VM is watched without it."""
    try:
        _load(host, request)
    except ConfigError as error:
        child_check.announce(host, request.serial, f"{error}; this VM is watched with the defaults")
        return ("--config", os.devnull)
    return ("--config", request.config) if request.config else ()


def _config(host: Host, request: Request) -> Config:
    """The configuration; without one, or with a wrong one, the defaults."""
    try:
        return _load(host, request)
    except ConfigError:
        return Config()


def _load(host: Host, request: Request) -> Config:
    check_ids = tuple(check.id for probe in PROBES for check in probe.checks)
    return load(host, request.config or DEFAULT_PATH, required=request.config is not None, check_ids=check_ids)
