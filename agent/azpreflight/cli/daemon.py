"""`azpreflight daemon`: what systemd runs at first boot. This says where its verdicts go, and `bootwatch` when."""

from __future__ import annotations

import argparse
import os
import time
from functools import partial

from azpreflight.config import DEFAULT_PATH, ConfigError, load
from azpreflight.host import Host, LocalHost, service
from azpreflight.model import Config, Report
from azpreflight.paths import UNFINISHED
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
from azpreflight.watch.boot import BootWatch
from azpreflight.watch.boot_policy import LIMIT_S

LOOK_BUDGET = 30
"""Seconds that a look may take: nobody waits for it, and everything else is starting too."""


def daemon(asked: argparse.Namespace) -> int:
    """Watch this machine's first boot; 0 when it is over."""
    for path in leftovers.clear((asked.report, state.STATE, UNFINISHED), time.time() - service.uptime()):
        say(f"removed {path}, which a power cut has left")
    host = LocalHost(budget=LIMIT_S * 2)
    watch = BootWatch(
        host,
        say=partial(_say, host, asked),
        tell=partial(child_check.announce, host, asked.serial),
        command=child_check.this_program(),
        arguments=lambda: ("--platform", asked.platform, "--timeout", str(LOOK_BUDGET), *_configured(host, asked)),
    )
    return watch.run()


def _say(host: Host, asked: argparse.Namespace, report: Report) -> None:
    places: list[child_check.Place] = [
        partial(write_file, asked.report, json.render(report)),
        partial(append_line, asked.history, json.render_line(report)),
        partial(write_journal, report),
    ]
    devices = consoles(host, asked.serial)
    content = serial.render(report, asked.report) if devices else ""
    places += [partial(write_serial, device, content) for device in devices]
    if kvp.available() and _config(host, asked).kvp != "never":
        places.append(partial(write_kvp, render_kvp.render(report)))
    child_check.put(places)


def _configured(host: Host, asked: argparse.Namespace) -> tuple[str, ...]:
    """The configuration for each look. One that is wrong is told about, and the VM is watched without it."""
    try:
        _load(host, asked)
    except ConfigError as error:
        child_check.announce(host, asked.serial, f"{error}; this VM is watched with the defaults")
        return ("--config", os.devnull)
    return ("--config", asked.config) if asked.config else ()


def _config(host: Host, asked: argparse.Namespace) -> Config:
    """The configuration; without one, or with a wrong one, the defaults."""
    try:
        return _load(host, asked)
    except ConfigError:
        return Config()


def _load(host: Host, asked: argparse.Namespace) -> Config:
    check_ids = tuple(check.id for probe in PROBES for check in probe.checks)
    return load(host, asked.config or DEFAULT_PATH, required=asked.config is not None, check_ids=check_ids)
