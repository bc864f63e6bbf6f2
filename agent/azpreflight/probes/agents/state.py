"""What became of the agents at this boot: what systemd says of their units, and cloud-init of itself.

An agent that is well configured may still be dead: Debian's unit of waagent has no Restart=, so that one exception is
the end of it, and others are started every five seconds and end every time. cloud-init writes down after each stage
what went wrong in it, and carries on, so that a VM comes up without its users or its disks and nothing looks broken
(WALinuxAgent, init/; cloud-init, cloudinit/cmd/main.py, status.json).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Optional

from azpreflight.azure.log_evidence import shown
from azpreflight.azure.log_words import PROGRAMS
from azpreflight.dataclass import dataclass
from azpreflight.foreign import loads
from azpreflight.guest import unit_runs, writers
from azpreflight.guest.unit_runs import UnitRun
from azpreflight.host import Host, HostError, reading
from azpreflight.host.systemd import RUNNING
from azpreflight.model import Run, Stage

STATUS = "/run/cloud-init/status.json"
DISABLED = "/run/cloud-init/disabled"
"""What the generator leaves where ds-identify finds no datasource, or is told to find none."""
STATUS_LIMIT = 512 * 1024
"""Bytes; with an error in each stage some 10 KiB."""
CLOUD_INIT_UNITS = (
    "cloud-init-main.service",
    "cloud-init-local.service",
    "cloud-init-network.service",
    "cloud-init.service",
    "cloud-config.service",
    "cloud-final.service",
)
"""Of all versions; what does not exist is not told of."""
LATE_UNITS = ("cloud-config.service", "cloud-final.service")
"""Those that run what the user asked for, after Ready has been reported."""
LATE_STAGES = ("modules-config", "modules-final")
READ, LINE = 4000, 160
"""Characters of an error that are inspected, and that are kept."""
NO_DATA = re.compile("no (?:instance )?datasource found", re.IGNORECASE)
"""What every stage says from the one on that found none."""
REPORT = re.compile(r"^Azure datasource failure occurred: .*?\breason=([^|]*)(?:.*?\|'?exception=([^|]*?)'?\|)?")
"""What the datasource tells the host when it gives up, since 23.4 (cloudinit/sources/azure/errors.py)."""
UNHANDLED = "unhandled exception"
OF_MODULE = re.compile(r"\('([\w-]+)', \w+\(([\"']?)(.*?)(?:\2\)\))?", re.DOTALL)
"""How Python shows the name of a module and the exception that ended it; its end is missing where it is long."""
END_OF_LINE = re.compile(r"\\n|\n")
PROGRAM = re.compile(r"\[?b?[\"']?([^\s\"',]+)")
"""The first word of a command, which is a list or a line."""
NO_YAML = re.compile(r"^Failed loading yaml blob\.? *(Invalid format at line \d+ column \d+)?")
"""What is said of custom data, vendor data or a file of cloud.cfg.d that is passed over (cloudinit/util.py)."""


@dataclass(frozen=True)
class StageError:
    """The first error of one stage of cloud-init."""

    stage: str
    """init-local, init, modules-config or modules-final."""
    error: str
    count: int = 1


@dataclass(frozen=True)
class CloudInitStatus:
    """What cloud-init wrote down of this boot."""

    datasource: Optional[str] = None
    """DataSourceAzure [seed=...]; None: not found, or not yet."""
    finished: tuple[str, ...] = ()
    """Stages that came to their end."""
    errors: tuple[StageError, ...] = ()
    """Without those that only say that an earlier stage found no data."""
    no_data: bool = False
    """A stage wanted data and none was found."""
    gave_up: Optional[str] = None
    """Why, as the datasource told the host; None before 23.4, which writes it nowhere but in the log."""
    no_yaml: Optional[str] = None
    """Where configuration is no YAML ("Invalid format at line 2 column 10"), so that all of it is passed over."""


@dataclass(frozen=True)
class BootState:
    """Both agents at this boot."""

    units: tuple[UnitRun, ...] = ()
    units_error: Optional[str] = None
    """Why systemd could not be asked; None if it could."""
    cloud_init: Optional[CloudInitStatus] = None
    """None: nothing is written down yet."""
    cloud_init_error: Optional[str] = None
    """Why what is written down could not be read."""
    cloud_init_off: bool = False
    """cloud-init was switched off at this boot."""


def look(host: Host, run: Run, others: tuple[str, ...], cloud_init: bool) -> Optional[BootState]:
    """Units and status at first boot, of cloud-init if it is installed and of other agents; None if not asked."""
    installed = bool(others) or cloud_init
    if run.stage is not Stage.FIRSTBOOT or run.offline or not installed or host.info(RUNNING) is None:
        return None
    names = (*others, *(CLOUD_INIT_UNITS if cloud_init else ()))
    units, units_error = _units(host, names)
    status, status_error = _status(host) if cloud_init else (None, None)
    off = cloud_init and host.info(DISABLED) is not None
    return BootState(units, units_error, status, status_error, off)


def _units(host: Host, names: tuple[str, ...]) -> tuple[tuple[UnitRun, ...], Optional[str]]:
    try:
        return unit_runs.runs(host, names), None
    except HostError as error:
        return (), str(error)


def _status(host: Host) -> tuple[Optional[CloudInitStatus], Optional[str]]:
    try:
        why = writers.others(host, STATUS)
        if why is not None:
            return None, writers.not_believed(STATUS, why)
        text = host.text(STATUS, STATUS_LIMIT)
        if not text:
            return None, None
        with reading(STATUS):
            return status_of(loads(text)), None
    except HostError as error:
        return None, str(error)


def status_of(document: Any) -> CloudInitStatus:
    """The parts that matter of status.json, whatever else is in it."""
    version = document.get("v1") if isinstance(document, Mapping) else None
    values = version if isinstance(version, Mapping) else {}
    stages = {name: stage for name, stage in values.items() if isinstance(stage, Mapping)}
    source = values.get("datasource")
    errors = tuple(_errors(stages))
    recovered = tuple(_recovered(stages))
    reports = (REPORT.search(text) for text in recovered)
    yaml = (NO_YAML.search(text) for text in recovered)
    return CloudInitStatus(
        datasource=shown(source)[:LINE] if isinstance(source, str) and source else None,
        finished=tuple(name for name, stage in stages.items() if stage.get("finished")),
        errors=tuple(_told(error) for error in errors if not NO_DATA.search(error.error)),
        no_data=any(NO_DATA.search(error.error) for error in errors),
        gave_up=next((_reason(*report.groups()) for report in reports if report), None),
        no_yaml=next((found.group(1) or "it cannot be read" for found in yaml if found), None),
    )


def _errors(stages: Mapping[str, Mapping[str, Any]]) -> Iterator[StageError]:
    for name, stage in stages.items():
        errors = stage.get("errors")
        if isinstance(errors, list) and errors:
            yield StageError(shown(name), str(errors[0])[:READ], len(errors))


def _told(error: StageError) -> StageError:
    return replace(error, error=shown(in_words(error.error))[:LINE])


def in_words(error: str) -> str:
    """What a module says: of a program that failed its last words or its name; another error as it is.

    Not the program's arguments: those of useradd have the hash of a password.
    """
    found = OF_MODULE.fullmatch(error)
    module, text = (f"{found[1]}: ", found[3]) if found is not None else ("", error)
    parts = (line.partition(": ") for line in END_OF_LINE.split(text))
    said = {key: value for key, _, value in parts}
    program = PROGRAM.match(said.get("Command", ""))
    if program is None:
        return f"{module}{text}"
    words = said.get("Stderr", "-")
    name = program[1].rpartition("/")[2]
    return (
        f"{module}{words}" if words not in ("", "-") else f"{module}{name if name in PROGRAMS else 'a program'} failed"
    )


def _recovered(stages: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What went wrong without ending a stage, by level; there since 23.4."""
    for stage in stages.values():
        levels = stage.get("recoverable_errors")
        for texts in levels.values() if isinstance(levels, Mapping) else ():
            yield from (text[:READ] for text in texts if isinstance(text, str)) if isinstance(texts, list) else ()


def _reason(reason: str, exception: Optional[str]) -> str:
    """Quotes are doubled in it."""
    text = exception.replace("''", "'") if exception and reason == UNHANDLED else reason
    return shown(text)[:LINE]
