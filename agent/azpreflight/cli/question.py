"""What an inspection is asked by the command line and the configuration; made in its child, which reads the files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Optional

from azpreflight.config import DEFAULT_PATH, load
from azpreflight.engine.gather import Progress, run_of
from azpreflight.engine.inspection import Question, Tell, inspect
from azpreflight.host import LocalHost
from azpreflight.host.disk.types import Disk
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Config, Platform, Probe, Profile, Run, Snapshot, Stage
from azpreflight.probes import PROBES


def check_ids() -> tuple[str, ...]:
    """The ids of all checks."""
    return tuple(check.id for probe in PROBES for check in probe.checks)


def budget(asked: argparse.Namespace) -> float:
    """Seconds for the whole inspection, as far as the command line says."""
    return float(asked.timeout or RUN_BUDGET)


def unseen(asked: argparse.Namespace, root: str, files_only: bool = False) -> Run:
    """The run that is asked for, where neither the configuration nor the machine could be read."""
    return Run(
        stage=Stage(asked.stage),
        profile=Profile(asked.profile),
        platform=Platform.NONE if asked.platform == "auto" else Platform(asked.platform),
        root=root,
        extensions=tuple(asked.extension),
        files_only=files_only,
    )


def configured(asked: argparse.Namespace, left: float) -> Config:
    """The configuration that is asked for, read within so many seconds. ConfigError where it cannot be used."""
    path = asked.config or DEFAULT_PATH
    return load(LocalHost(budget=left), path, required=asked.config is not None, check_ids=check_ids())


def machine(
    asked: argparse.Namespace, probes: Sequence[Probe[Any]], files_only: bool, progress: Optional[Progress]
) -> Snapshot:
    """What these probes see below the root that is asked for."""
    ask = partial(_machine, asked, probes, files_only)
    return inspect(ask, probes, budget(asked), unseen(asked, asked.root, files_only), progress)


@contextmanager
def _machine(
    asked: argparse.Namespace, probes: Sequence[Probe[Any]], files_only: bool, spent: float, tell: Tell
) -> Iterator[Question]:
    config = configured(asked, budget(asked) - spent)
    seconds = asked.timeout or config.timeout or RUN_BUDGET
    yield Question(*below(asked, config, seconds - spent, files_only=files_only), probes)


def below(
    asked: argparse.Namespace, config: Config, left: float, disk: Optional[Disk] = None, files_only: bool = False
) -> tuple[LocalHost, Run]:
    """The root that is asked for, which is that of a disk image if one is given, and what is asked of it."""
    host = LocalHost(asked.root, left, disk, remembers=True)
    run = run_of(
        host,
        stage=Stage(asked.stage),
        profile=Profile(asked.profile),
        platform=None if asked.platform == "auto" else Platform(asked.platform),
        config=config,
        extensions=tuple(asked.extension),
        files_only=files_only,
    )
    return host, run
