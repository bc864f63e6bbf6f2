"""Look at everything at once: one daemon thread a probe, each waiting only for the probes whose facts it needs."""

import datetime
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from azpreflight import __version__, bugs
from azpreflight.host import Host, HostError
from azpreflight.model import Config, Gathered, Os, Platform, Probe, Profile, Run, RunInfo, Snapshot, Stage, Tool
from azpreflight.probes import writers
from azpreflight.sealed import STAMP, STAMP_LIMIT

AZURE_CHASSIS_TAG = "7783-7084-3265-9085-8269-3286-77"
"""SMBIOS chassis asset tag of every Azure VM, by which cloud-init's ds-identify knows the platform too."""
GRACE = 0.3
"""Seconds left for judging and printing when the budget for gathering is used up."""

Progress = Callable[[str, Gathered], None]


def run_of(
    host: Host,
    *,
    stage: Stage = Stage.CAPTURE,
    profile: Profile = Profile.GENERALIZED,
    platform: Optional[Platform] = None,
    config: Optional[Config] = None,
    extensions: "tuple[str, ...]" = (),
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


def gather(host: Host, probes: "Sequence[Probe[Any]]", run: Run, progress: Optional[Progress] = None) -> Snapshot:
    """The facts of all probes. A probe that fails, or that is not done in the budget, brings a reason instead."""
    started, began = _now(), time.monotonic()
    work = _Work(host, probes, run, progress)
    gathered = work.finish(began)
    info = run_info(host, run, started, time.monotonic() - began)
    wanted = run.stage is Stage.FIRSTBOOT and writers.believed(host, STAMP)
    stamp = _read(host, STAMP, STAMP_LIMIT) if wanted else None
    return Snapshot(Tool("azpreflight", __version__), info, run.config, run.extensions, gathered, stamp)


class _Work:
    """The probes of one run, each in a thread of its own."""

    def __init__(self, host: Host, probes: "Sequence[Probe[Any]]", run: Run, progress: Optional[Progress]) -> None:
        self._host, self._run, self._progress = host, run, progress
        self._probes = {probe.name: probe for probe in probes}
        self._done = {name: threading.Event() for name in self._probes}
        self._gathered: dict[str, Gathered] = {}
        for probe in probes:
            threading.Thread(target=self._work, args=(probe,), daemon=True).start()

    def _work(self, probe: "Probe[Any]") -> None:
        for name in probe.needs:
            self._done[name].wait(self._host.remaining())
        needed = {
            name: self._gathered[name].facts
            for name in probe.needs
            if name in self._gathered and self._gathered[name].facts is not None
        }
        gathered = _gather_one(probe, self._host, replace(self._run, needed=needed))
        self._gathered[probe.name] = gathered
        self._done[probe.name].set()
        if self._progress is not None:
            self._progress(probe.name, gathered)

    def finish(self, began: float) -> Mapping[str, Gathered]:
        """Wait until all are done, or until only the time to print is left."""
        for event in self._done.values():
            event.wait(max(self._host.remaining() - GRACE, 0))
        late = Gathered(None, f"not done within the {time.monotonic() - began:.1f} s that this run had")
        return {name: self._gathered.get(name, late) for name in self._probes}


def _gather_one(probe: "Probe[Any]", host: Host, run: Run) -> Gathered:
    began = time.monotonic()
    try:
        facts, reason, trace = probe.gather(host, run), None, None
    except HostError as error:
        facts, reason, trace = None, str(error), None
    except ModuleNotFoundError as error:
        facts, reason, trace = None, f"the Python module {error.name} is not installed", None
    except Exception as error:  # a bug in one probe must not take the others' results with it
        facts, reason, trace = None, bugs.sentence(error), bugs.account(error)
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


def vm_id(host: Host) -> Optional[str]:
    """The SMBIOS system UUID in lower case; only root may read it."""
    text = _read(host, "/sys/class/dmi/id/product_uuid")
    return text.lower() if text else None


def _os_release(host: Host) -> "dict[str, str]":
    text = _read(host, "/etc/os-release") or _read(host, "/usr/lib/os-release") or ""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def _read(host: Host, path: str, limit: int = 1 << 20) -> Optional[str]:
    try:
        text = host.text(path, limit)
    except HostError:
        return None
    return text.strip() if text is not None else None


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
