"""Looking for proxies in the places where programs find theirs: files, and on a running system the environment of the
agent and of the service manager."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Optional

from azpreflight.guest import proxy_files
from azpreflight.host import Host, HostError
from azpreflight.host.systemd import UNIT_PATHS
from azpreflight.model import Run
from azpreflight.probes.agents.facts import CLOUD_INIT_LOCAL, WAAGENT_UNITS, AgentsFacts
from azpreflight.probes.proxy.facts import ProxyFacts, ProxySetting, Reader

FILE_LIMIT = 64 * 1024
"""Bytes of one file; none of these comes near it."""
MAX_FILES = 60
"""Files of one pattern: a distribution ships a dozen."""
PID_FILE = "/run/waagent.pid"
OF_ROOT = re.compile(r"^Uid:\t0\t0\t", re.MULTILINE)
"""Of a process's status: its real and its effective user (proc(5))."""
"""Written by the agent's daemon (WALinuxAgent, common/conf.py, Pid.File)."""
RUNNING = "the environment of the running agent (process {pid})"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
SHOW_ENVIRONMENT = ("systemctl", "show-environment")
RUN_TIMEOUT = 0.5
"""Seconds for the service manager's answer, which takes some ten milliseconds."""
MANAGER = ("/etc/systemd/system.conf", "/usr/lib/systemd/system.conf")
LOGIN_FILES = ("/etc/environment", "/etc/profile.d/*.sh")
SUSE = "/etc/sysconfig/proxy"
APT_FILES = ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*")
DNF_FILES = ("/etc/dnf/dnf.conf", "/etc/yum.conf")

_Layer = tuple[str, Mapping[str, str]]
"""A file, and the variables that it sets."""


def gather(host: Host, run: Run) -> ProxyFacts:
    """What the files say."""
    look = _Look(host, run.offline)
    agents = run.facts(AgentsFacts)
    waagent = agents.waagent if agents is not None else None
    config = waagent.config if waagent is not None else None
    units = dict.fromkeys((*((waagent.unit.name,) if waagent is not None else ()), *WAAGENT_UNITS))
    written = _of_service(look, Reader.WAAGENT, tuple(units))
    running = None if run.offline else _of_running(host, next(iter(units)))
    settings = (
        running or written,
        _of_service(look, Reader.CLOUD_INIT, (CLOUD_INIT_LOCAL,)),
        *(_of_variables(path, Reader.LOGINS, proxy_files.assignments(text)) for path, text in look.all(LOGIN_FILES)),
        *_of_suse(look),
        *_of_packagers(look),
    )
    return ProxyFacts(
        settings=tuple(one for one in settings if one.proxies or one.http_mistake or one.https_mistake),
        config_path=waagent.config_path if waagent is not None else ProxyFacts.config_path,
        config_host=config.http_proxy_host if config is not None else None,
        config_port=config.http_proxy_port if config is not None else None,
        errors=tuple(look.errors),
        unread_place=written.place if running is not None and written.proxies and not running.proxies else None,
    )


class _Look:
    """Reads files, and remembers those that could not be read."""

    def __init__(self, host: Host, offline: bool) -> None:
        self._host, self._offline = host, offline
        self.errors: list[str] = []

    def text(self, path: str) -> Optional[str]:
        """None where there is no such file, or it is switched off by a link to /dev/null."""
        try:
            info = self._host.info(path, follow=False)
            off = info is None or info.target == "/dev/null"
            return None if off else self._host.text(path, FILE_LIMIT)
        except HostError as error:
            self.errors.append(str(error))
            return None

    def run(self, command: Sequence[str]) -> str:
        """What a program prints on the running system; nothing where it fails or there is none."""
        if self._offline:
            return ""
        with suppress(HostError):
            done = self._host.run(command, RUN_TIMEOUT)
            return done.stdout if done.status == 0 else ""
        return ""

    def all(self, patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Path and text of all files that match, in order."""
        for pattern in patterns:
            for path in self.paths(pattern):
                text = self.text(path)
                if text is not None:
                    yield path, text

    def paths(self, pattern: str) -> tuple[str, ...]:
        """The first MAX_FILES files that match."""
        try:
            return self._host.glob(pattern)[:MAX_FILES]
        except HostError as error:
            self.errors.append(str(error))
            return ()


# --- what runs ----------------------------------------------------------------------------------------------------


def _of_running(host: Host, service: str) -> Optional[ProxySetting]:
    """The environment with which the agent was started, whatever files say now; None where none runs. Of it nothing but
    the proxies is kept. Its number may be another user's by now, whose environment proves nothing, and a process may
    have its files in /proc owned by root (PR_SET_DUMPABLE), but not the kernel's word on who it is."""
    with suppress(HostError):
        pid = (host.text(PID_FILE, 32) or "").strip()
        ours = pid.isdecimal() and OF_ROOT.search(host.text(f"/proc/{pid}/status", FILE_LIMIT) or "") is not None
        if ours and "waagent" in (host.text(f"/proc/{pid}/cmdline", FILE_LIMIT) or ""):
            entries = (host.text(f"/proc/{pid}/environ", FILE_LIMIT) or "").split("\0")
            pairs = (entry.partition("=") for entry in entries)
            values = {name: value for name, _, value in pairs if name.lower() in VARIABLES}
            return _of_variables(RUNNING.format(pid=pid), Reader.WAAGENT, values, service)
    return None


def _told_manager(look: _Look) -> Iterator[_Layer]:
    """`systemctl set-environment`, which no file has and the next boot forgets; DefaultEnvironment= shows there too."""
    values = proxy_files.assignments(look.run(SHOW_ENVIRONMENT))
    found = {name: value for name, value in values.items() if name.lower() in VARIABLES}
    if found:
        yield "systemctl set-environment", found


# --- services -----------------------------------------------------------------------------------------------------


def _of_service(look: _Look, reader: Reader, names: tuple[str, ...]) -> ProxySetting:
    """The environment that systemd gives to a service: the manager's, the unit's, its drop-ins', the files' that they
    name. The last one that sets a variable wins."""
    values: dict[str, str] = {}
    place = ""
    for path, variables in (*_manager(look), *_told_manager(look), *_unit(look, names)):
        values.update(variables)
        if any(proxy_files.variable(variables, name) for name in ("http_proxy", "https_proxy", "all_proxy")):
            place = path
    return _of_variables(place, reader, values, names[0])


def _manager(look: _Look) -> Iterator[_Layer]:
    """DefaultEnvironment= of the service manager (systemd-system.conf(5))."""
    for path in _by_name(look, *MANAGER, drop_ins="/etc/systemd/system.conf.d/*.conf"):
        yield path, proxy_files.unit_environment(look.text(path) or "", "DefaultEnvironment")[0]


def _by_name(look: _Look, *main: str, drop_ins: str) -> Iterator[str]:
    """The first of the main files that exists, then the drop-ins."""
    found = [path for path in main if look.text(path) is not None]
    yield from (*found[:1], *look.paths(drop_ins))


def _unit(look: _Look, names: tuple[str, ...]) -> Iterator[_Layer]:
    """The unit and its drop-ins in their order, then the files of variables."""
    named: list[str] = []
    for path in _unit_files(look, names):
        values, more = proxy_files.unit_environment(look.text(path) or "", "Environment")
        named += more
        yield path, values
    for pattern in named:
        yield from ((path, proxy_files.assignments(text)) for path, text in look.all((pattern,)))


def _unit_files(look: _Look, names: tuple[str, ...]) -> tuple[str, ...]:
    """A unit's own file, then its drop-ins by their names: the same name in a directory before hides the later one."""
    mains = [f"{directory}/{name}" for directory in UNIT_PATHS for name in names]
    main = [path for path in mains if look.text(path) is not None][:1]
    drop_ins: dict[str, str] = {}
    for directory in UNIT_PATHS:
        for name in (*names, "service"):
            for path in look.paths(f"{directory}/{name}.d/*.conf"):
                drop_ins.setdefault(path.rpartition("/")[2], path)
    return (*main, *(drop_ins[name] for name in sorted(drop_ins)))


# --- other places -------------------------------------------------------------------------------------------------


def _of_variables(path: str, reader: Reader, values: Mapping[str, str], service: Optional[str] = None) -> ProxySetting:
    every = proxy_files.proxy_of(proxy_files.variable(values, "all_proxy"))
    http, https = (proxy_files.variable(values, name) for name in ("http_proxy", "https_proxy"))
    setting = ProxySetting(
        place=path,
        reader=reader,
        http=proxy_files.proxy_of(http) or every,
        https=proxy_files.proxy_of(https) or every,
        exempt=proxy_files.exempt_of(values),
        service=service,
    )
    if reader is not Reader.WAAGENT:
        return setting
    unread = f"the proxy {every} as all_proxy alone" if every is not None else None
    return replace(
        setting,
        http_mistake=proxy_files.mistake(http) if http is not None else unread,
        https_mistake=proxy_files.mistake(https) if https is not None else unread,
    )


def _of_suse(look: _Look) -> Iterator[ProxySetting]:
    """What YaST writes, and logins and zypper read."""
    values = proxy_files.assignments(look.text(SUSE) or "")
    if values.get("PROXY_ENABLED", "").lower() == "yes":
        yield _of_variables(SUSE, Reader.LOGINS, values)


def _of_packagers(look: _Look) -> Iterator[ProxySetting]:
    for path, text in look.all(APT_FILES):
        found = proxy_files.apt_proxies(text)
        yield ProxySetting(path, Reader.PACKAGES, found.get("http"), found.get("https"))
    for path, text in look.all(DNF_FILES):
        proxy = proxy_files.dnf_proxy(text)
        yield ProxySetting(path, Reader.PACKAGES, proxy, proxy)
