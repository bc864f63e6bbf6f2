"""Look at everything at once: one daemon thread a probe, each waiting only for the probes whose facts it needs."""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from azpreflight import __version__
from azpreflight.guest import writers
from azpreflight.host import Host, HostError
from azpreflight.host.child import name_thread
from azpreflight.model import (
    Config,
    Gathered,
    Os,
    Platform,
    Probe,
    Profile,
    Run,
    RunInfo,
    Snapshot,
    Stage,
    Tool,
    bugs,
    libraries,
)
from azpreflight.paths import STAMP, STAMP_LIMIT

AZURE_CHASSIS_TAG = "7783-7084-3265-9085-8269-3286-77"
"""SMBIOS chassis asset tag of every Azure VM, by which cloud-init's ds-identify knows the platform too."""
GRACE = 0.3
"""Seconds left for judging and printing when the budget for gathering is used up."""
OUT_OF_MEMORY = "the memory that an inspection may take was used up"
NO_THREAD = "no thread could be started for it"

Progress = Callable[[str, Gathered], None]


def run_of(
    host: Host,
    *,
    stage: Stage = Stage.CAPTURE,
    profile: Profile = Profile.GENERALIZED,
    platform: Optional[Platform] = None,
    config: Optional[Config] = None,
    extensions: tuple[str, ...] = (),
    files_only: bool = False,
) -> Run:
    """What is asked of this host; the platform is detected where it is not given."""
    return Run(
        stage=stage,
        profile=profile,
        platform=platform or detect_platform(host),
        root=host.root,
        config=config or Config(),
        extensions=extensions,
        files_only=files_only,
    )


def detect_platform(host: Host) -> Platform:
    """Azure if the SMBIOS chassis asset tag says so; a mounted image is of no platform."""
    if host.root != "/":
        return Platform.NONE
    tag = _read(host, "/sys/class/dmi/id/chassis_asset_tag")
    return Platform.AZURE if tag == AZURE_CHASSIS_TAG else Platform.NONE


def gather(host: Host, probes: Sequence[Probe[Any]], run: Run, progress: Optional[Progress] = None) -> Snapshot:
    """The facts of all probes, gathered in this process: for hosts that answer, such as those of the tests.

    A probe that fails, or that is not done in the budget, brings a reason instead; one that does not let go of the
    interpreter brings everything to a halt, see `inspection`.
    """
    started, began = now(), time.monotonic()
    work = Work(host, probes, run, progress or _nobody)
    work.begin()
    gathered = work.finish(began)
    info = run_info(host, run, started, time.monotonic() - began)
    return Snapshot(Tool("azpreflight", __version__), info, run.config, run.extensions, gathered, stamp_of(host, run))


def stamp_of(host: Host, run: Run) -> Optional[str]:
    """At first boot, what `seal` left in the image."""
    wanted = run.stage is Stage.FIRSTBOOT and writers.believed(host, STAMP)
    return _read(host, STAMP, STAMP_LIMIT) if wanted else None


def in_order(probes: Sequence[Probe[Any]]) -> list[Probe[Any]]:
    """The probes, each after those that it needs."""
    ordered: list[Probe[Any]] = []
    waiting = list(probes)
    while waiting:
        names = {probe.name for probe in waiting}
        ready = [probe for probe in waiting if not names.intersection(probe.needs)]
        ordered += ready or waiting
        waiting = [probe for probe in waiting if probe not in ordered]
    return ordered


def _nobody(name: str, gathered: Gathered) -> None:
    """Who wants to hear of it where nobody does."""


class Work:
    """The probes of one run, each in a thread of its own, or one after another. `told` hears of each in its thread."""

    def __init__(
        self,
        host: Host,
        probes: Sequence[Probe[Any]],
        run: Run,
        told: Progress,
        known: Optional[Mapping[str, Gathered]] = None,
    ) -> None:
        self._host, self._run, self._told = host, run, told
        self._probes = {probe.name: probe for probe in probes}
        self._done = {name: threading.Event() for name in self._probes}
        self._gathered: dict[str, Gathered] = dict(known or {})

    def begin(self) -> None:
        """Ask all probes at once; one that gets no thread brings that as its reason."""
        for probe in self._probes.values():
            try:
                threading.Thread(target=self._work, args=(probe,), name=probe.name, daemon=True).start()
            except RuntimeError:  # "can't start new thread" is all that Python says
                self._bring(probe.name, Gathered(None, NO_THREAD))

    def at_once(self) -> None:
        """Ask all probes at once, until the last is done."""
        self.begin()
        for event in self._done.values():
            event.wait()

    def one_by_one(self) -> None:
        """Ask one probe after another, in this thread."""
        for probe in in_order(tuple(self._probes.values())):
            self._work(probe)

    def _work(self, probe: Probe[Any]) -> None:
        name_thread(probe.name)
        for name in self._done.keys() & set(probe.needs):
            self._done[name].wait(self._host.remaining())
        needed = {
            name: self._gathered[name].facts
            for name in probe.needs
            if name in self._gathered and self._gathered[name].facts is not None
        }
        self._bring(probe.name, _gather_one(probe, self._host, replace(self._run, needed=needed)))

    def _bring(self, name: str, gathered: Gathered) -> None:
        self._gathered[name] = gathered
        self._done[name].set()
        self._told(name, gathered)

    def finish(self, began: float) -> Mapping[str, Gathered]:
        """Wait until all are done, or until only the time to print is left."""
        for event in self._done.values():
            event.wait(max(self._host.remaining() - GRACE, 0))
        late = Gathered(None, f"not done within the {time.monotonic() - began:.1f} s that this run had")
        return {name: self._gathered.get(name, late) for name in self._probes}


def _gather_one(probe: Probe[Any], host: Host, run: Run) -> Gathered:
    began = time.monotonic()
    trace = None
    facts = None
    try:
        facts, reason = probe.gather(host, run), None
    except HostError as error:
        reason = str(error)
    except ImportError as error:
        reason = libraries.cannot_be_imported(error)
    except MemoryError:
        reason = OUT_OF_MEMORY
    except Exception as error:  # a bug in one probe must not take the others' results with it
        reason, trace = bugs.sentence(error), bugs.account(error)
    return Gathered(facts, reason, trace, round(time.monotonic() - began, 4))


def run_info(host: Host, run: Run, started_at: str, duration_s: float) -> RunInfo:
    """Where and when this was; what cannot be read is None."""
    release = _os_release(host)
    live = run.root == "/"
    return RunInfo(
        stage=run.stage,
        profile=run.profile,
        platform=run.platform,
        root=host.disk.path if host.disk is not None else None if live else run.root,
        started_at=started_at,
        duration_s=round(duration_s, 4),
        vm_id=vm_id(host) if live else None,
        boot_id=_read(host, "/proc/sys/kernel/random/boot_id") if live else None,
        os=Os(release.get("ID"), release.get("VERSION_ID")),
        kernel=_read(host, "/proc/sys/kernel/osrelease") if live else None,
        privileged=host.privileged,
        files_only=run.files_only,
        image=host.disk is not None,
    )


def unseen_info(run: Run) -> RunInfo:
    """The run where nothing could be seen of the machine, not even who it is."""
    root = None if run.root == "/" else run.root
    privileged = os.geteuid() == 0
    return RunInfo(
        run.stage,
        run.profile,
        run.platform,
        root,
        now(),
        0.0,
        None,
        None,
        Os(None, None),
        None,
        privileged,
        run.files_only,
    )


def vm_id(host: Host) -> Optional[str]:
    """The SMBIOS system UUID in lower case; only root may read it."""
    text = _read(host, "/sys/class/dmi/id/product_uuid")
    return text.lower() if text else None


def _os_release(host: Host) -> dict[str, str]:
    text = _read(host, "/etc/os-release") or _read(host, "/usr/lib/os-release") or ""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def _read(host: Host, path: str, limit: int = 1 << 20) -> Optional[str]:
    try:
        text = host.text(path, limit)
    except HostError:
        return None
    return text.strip() if text is not None else None


def now() -> str:
    """UTC, RFC 3339."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
