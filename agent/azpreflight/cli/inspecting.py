"""Inspecting a machine: what is asked by the command line and the configuration, which the run's child reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Optional

from azpreflight.cli.options import Asking
from azpreflight.cli.progress import Progress
from azpreflight.config import DEFAULT_PATH, Loaded, load, load_all
from azpreflight.engine.gather import run_of
from azpreflight.engine.inspection import Question, Tell, inspect
from azpreflight.engine.selection import Selection
from azpreflight.host import LocalHost
from azpreflight.host.disk.types import Disk
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Config, Platform, Probe, Run, Snapshot
from azpreflight.probes import PROBES, with_needs
from azpreflight.sinks.stderr import say

CONFIG_S = 10.0
"""Seconds for the files of the configuration alone: what hangs is a dead mount."""
BLIND = (
    "not root, so this cannot see firewall rules, password hashes, the files of root and of other users, the VM's id, "
    "or the wire server, which the agent's own rules keep for root; checks that need them are unknown"
)


def check_ids() -> tuple[str, ...]:
    """The ids of all checks."""
    return tuple(check.id for probe in PROBES for check in probe.checks)


def needed(selection: Selection) -> tuple[Probe[Any], ...]:
    """The probes that the checks asked for are judged by, and all that those need; all where no check is named."""
    return with_needs(selection.probes(PROBES), PROBES) if selection.only else PROBES


def of_files(probes: Sequence[Probe[Any]]) -> tuple[Probe[Any], ...]:
    """Those that files alone can decide something for, and all that they need."""
    named = {probe.name for probe in probes if probe.configured or any(check.offline for check in probe.checks)}
    return with_needs(named, PROBES)


def look(asking: Asking, probes: Sequence[Probe[Any]], files_only: bool = False, tell: bool = True) -> Snapshot:
    """What these probes see below the root that is asked for. `tell`: say what an ordinary user cannot see of it."""
    if tell and os.geteuid() != 0:
        say(BLIND)
    ask = partial(_question, asking, probes, files_only)
    with Progress(sys.stderr, (probe.name for probe in probes)) as progress:
        return inspect(ask, probes, budget(asking), unseen(asking, files_only), progress.done)


def budget(asking: Asking) -> float:
    """Seconds for the whole inspection, as far as the command line says."""
    return asking.timeout or RUN_BUDGET


def unseen(asking: Asking, files_only: bool = False) -> Run:
    """The run that is asked for, where neither the configuration nor the machine could be read."""
    return Run(
        stage=asking.stage,
        profile=asking.profile,
        platform=asking.platform or Platform.NONE,
        root=asking.root,
        extensions=asking.extensions,
        files_only=files_only,
    )


def configured(asking: Asking, left: float) -> Config:
    """The configuration that is asked for, read within so many seconds. ConfigError where it cannot be used."""
    path = asking.config or DEFAULT_PATH
    return load(LocalHost(budget=left), path, required=asking.config is not None, check_ids=check_ids())


def system_configuration(path: Optional[str]) -> Loaded:
    """The configuration in this file, else what the system has, for a command that inspects nothing. ConfigError."""
    host = LocalHost(budget=CONFIG_S)
    return load_all(host, path or DEFAULT_PATH, required=path is not None, check_ids=check_ids())


@contextmanager
def _question(
    asking: Asking, probes: Sequence[Probe[Any]], files_only: bool, spent: float, tell: Tell
) -> Iterator[Question]:
    config = configured(asking, budget(asking) - spent)
    seconds = asking.timeout or config.timeout or RUN_BUDGET
    yield Question(*below(asking, config, seconds - spent, files_only=files_only), probes)


def below(
    asking: Asking, config: Config, left: float, disk: Optional[Disk] = None, files_only: bool = False
) -> tuple[LocalHost, Run]:
    """The root that is asked for, which is that of a disk image if one is given, and what is asked of it."""
    host = LocalHost(asking.root, left, disk, remembers=True)
    run = run_of(
        host,
        stage=asking.stage,
        profile=asking.profile,
        platform=asking.platform,
        config=config,
        extensions=asking.extensions,
        files_only=files_only,
    )
    return host, run
