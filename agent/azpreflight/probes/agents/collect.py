"""Looking for the two agents: programs, units, configuration files and seeds. At first boot systemd is asked too."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure import agent_versions, extension_policy
from azpreflight.azure.agent_versions import Agent, Versions
from azpreflight.azure.extension_policy import Policy
from azpreflight.guest import bootloader, os_release, package_database, waagent_conf
from azpreflight.guest import cloud_init as cloudcfg
from azpreflight.host import FileKind, Host, HostError, systemd
from azpreflight.model import Run
from azpreflight.probes.agents import guestproxy, openssl, program, provenance, stages, state
from azpreflight.probes.agents.facts import (
    AZURE_INIT,
    CLOUD_INIT_LOCAL,
    DISABLED_MARKER,
    DS_IDENTIFY_CFG,
    SEED,
    WAAGENT_UNITS,
    AgentsFacts,
    CloudInitFacts,
    WaagentFacts,
)
from azpreflight.probes.agents.provisioner import provisioner

PROGRAM_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/share/oem/bin", "/oem/bin")
"""Where packages, pip and Flatcar's OEM partition put programs."""
WAAGENT_CONFIGS = ("/etc/waagent.conf", "/usr/share/defaults/waagent/waagent.conf", "/usr/share/oem/waagent.conf")
"""Everywhere, Clear Linux, Flatcar."""
EXTENSIONS = ("/etc/extensions", "/var/lib/extensions", "/usr/lib/extensions", "/oem/sysext", "/usr/share/oem/sysext")
CONFIG_LIMIT = 64 * 1024
"""Bytes of one configuration file; waagent.conf has 4 KiB."""
OPENSSL = "/usr/bin/openssl"
MAX_CONFIG_FILES = 50
"""Files in cloud.cfg.d; a distribution ships two or three."""
CLOUD_CFG = "/etc/cloud/cloud.cfg"
_VERSION_FILES = {
    "waagent": (
        ("azurelinuxagent/common/version.py",),
        re.compile(r"^AGENT_VERSION = '([\w.]+)'", re.MULTILINE),
    ),
    "cloud-init": (
        ("cloudinit/version.py", "cloudinit/meson_versions.py"),
        re.compile(r'^(?:__VERSION__|UPSTREAM_VERSION) = "([\w.]+)"', re.MULTILINE),
    ),
}
"""Files of each program that say its version, below PACKAGES; cloud-init has the second from 26.1 on."""
PACKAGES = "/usr/lib*/python3*/*-packages"


def gather(host: Host, run: Run) -> AgentsFacts:
    """What the files say; nothing of the agents is run."""
    waagent, cloud_init = _waagent(host), _cloud_init(host)
    azure_init = systemd.unit(host, AZURE_INIT)
    who = provisioner(waagent, cloud_init, azure_init)
    proxy = guestproxy.look(host)
    others = (*((waagent.unit.name,) if waagent.installed else ()), *((proxy.unit.name,) if proxy is not None else ()))
    now = state.look(host, run, others, cloud_init.installed)
    distribution, extensions = os_release.distribution(host), _system_extensions(host)
    return AgentsFacts(waagent, cloud_init, who, distribution, azure_init, proxy, now, extensions)


def _system_extensions(host: Host) -> tuple[str, ...]:
    """Images and directories that systemd-sysext merges into /usr at boot (systemd-sysext(8)), and Flatcar's own."""
    places = (f"{base}/{pattern}" for base in EXTENSIONS for pattern in ("*.raw", "*/usr"))
    return tuple(sorted({path for place in places for path in host.glob(place)}))[:MAX_CONFIG_FILES]


def _waagent(host: Host) -> WaagentFacts:
    found = _program(host, "waagent")
    if found is None:
        return WaagentFacts()
    unit = systemd.best(host, WAAGENT_UNITS)
    unit_text = systemd.text(host, unit)
    path = _config_path(host, unit_text)
    config, error = None, None
    try:
        content = host.read(path, CONFIG_LIMIT)
        config = waagent_conf.config_of(waagent_conf.parse(content.decode())) if content else None
    except HostError as refused:
        error = str(refused)
    except UnicodeDecodeError:
        error = f"cannot read {path}: it is not UTF-8, and waagent cannot read it either"
    version = _version(host, "waagent")
    hashing = agent_versions.hashing_modules(Agent.WAAGENT, version)
    runs_with = program.with_hashes(host, program.look(host, found, unit_text), hashing)
    policy, policy_error = _policy(host, config)
    return WaagentFacts(
        installed=True,
        version=version,
        versions=_versions(host, version, config),
        policy=policy,
        policy_error=policy_error,
        unit=unit,
        config_path=path,
        config=config,
        error=error,
        openssl_found=config is None or host.info(config.openssl_path) is not None,
        openssl=openssl.look(host, config.openssl_path if config is not None else OPENSSL, unit_text),
        program=runs_with,
        unowned=provenance.unowned(host, (found, runs_with.interpreter, config.openssl_path if config else None)),
        strays=tuple(name for name in WAAGENT_UNITS if _is_stray(host, name)),
    )


def _versions(host: Host, installed: Optional[str], config: Optional[waagent_conf.WaagentConfig]) -> Versions:
    settings = config or waagent_conf.WaagentConfig()
    try:
        names = host.list(settings.lib_dir) or ()
    except HostError:
        names = None
    return agent_versions.versions(installed, names, settings.auto_update, settings.update_to_latest)


def _policy(host: Host, config: Optional[waagent_conf.WaagentConfig]) -> tuple[Optional[Policy], Optional[str]]:
    path = (config or waagent_conf.WaagentConfig()).policy_path
    try:
        info = host.info(path)
        content = host.read(path, CONFIG_LIMIT) if info is not None and info.kind is FileKind.FILE else None
    except HostError as error:
        return None, str(error)
    return (None if content is None else extension_policy.parse(content)), None


def _is_stray(host: Host, name: str) -> bool:
    """Wanted by a target, and no unit has that name."""
    links = host.glob(f"/etc/systemd/system/*.wants/{name}")
    return bool(links) and systemd.unit(host, name).path is None and all(host.info(link) is None for link in links)


def _config_path(host: Host, unit_text: str) -> str:
    """The file that the unit's command names, else the first usual one that exists."""
    commands = re.findall(r"^ExecStart=.*python.*|^ExecStart=.*waagent.*", unit_text, re.MULTILINE)
    named = re.search(r"-configuration-path:(\S+)", commands[-1]) if commands else None
    if named is not None:
        return named.group(1).strip("\"'")
    return next((path for path in WAAGENT_CONFIGS if host.info(path) is not None), WAAGENT_CONFIGS[0])


def _cloud_init(host: Host) -> CloudInitFacts:
    found = _program(host, "cloud-init")
    if found is None:
        return CloudInitFacts()
    files, errors = _cloud_files(host)
    marker, identify = host.info(DISABLED_MARKER), _text(host, DS_IDENTIFY_CFG, errors)
    named, policy = cloudcfg.identify_config(identify or "")
    options = _kernel_options(host, errors)
    disabled = {
        DISABLED_MARKER: marker is not None,
        f"policy: disabled in {DS_IDENTIFY_CFG}": policy is not None and "disabled" in policy.split(","),
        "cloud-init=disabled on the kernel command line": "cloud-init=disabled" in options,
    }
    forced = cloudcfg.datasource_on_command_line(options)
    version = _version(host, "cloud-init")
    runs_with = program.look_for(host, found, "", "cloudinit")
    return CloudInitFacts(
        installed=True,
        version=version,
        unit=systemd.unit(host, CLOUD_INIT_LOCAL),
        disabled_by=tuple(place for place, holds in disabled.items() if holds),
        forced_datasource=forced or named,
        forced_by="the kernel command line" if forced else DS_IDENTIFY_CFG if named else None,
        datasources=cloudcfg.datasource_list(files),
        seeds=_seeds(host),
        config=cloudcfg.merged(files),
        errors=tuple(errors),
        program=program.with_hashes(host, runs_with, agent_versions.hashing_modules(Agent.CLOUD_INIT, version)),
        stages=stages.look(host),
        without_config=package_database.is_whole(host) and host.info(CLOUD_CFG) is None,
        whole=package_database.is_whole(host),
        dhcp_client=stages.has_dhcp_client(host),
    )


def _kernel_options(host: Host, errors: list[str]) -> str:
    """Those of the next boot and, on a running system, of this one, which come last and win.

    Many systems keep the boot loader's files from all but root; this boot's options then stand for the next one's.
    """
    now = "" if host.root != "/" else _text(host, "/proc/cmdline", errors) or ""
    try:
        line = bootloader.command_line(host)
        return " ".join((*(line.options if line is not None else ()), now))
    except HostError as error:
        errors.extend([str(error)] if host.privileged else [])
        return now


def _cloud_files(host: Host) -> tuple[list[tuple[str, str]], list[str]]:
    """(path, text) of cloud-init's own files in the order in which it reads them, and what could not be read."""
    paths = (CLOUD_CFG, *host.glob(f"{CLOUD_CFG}.d/*.cfg"))
    errors: list[str] = []
    if len(paths) > MAX_CONFIG_FILES:
        errors.append(f"more than {MAX_CONFIG_FILES} files in {CLOUD_CFG}.d")
    texts = ((path, _text(host, path, errors)) for path in paths[:MAX_CONFIG_FILES])
    return [(path, text) for path, text in texts if text is not None], errors


def _text(host: Host, path: str, errors: list[str]) -> Optional[str]:
    try:
        return host.text(path, CONFIG_LIMIT)
    except HostError as error:
        errors.append(str(error))
        return None


def _seeds(host: Host) -> tuple[str, ...]:
    needed = {
        "azure": ("ovf-env.xml",),
        "nocloud": ("meta-data", "user-data"),
        "nocloud-net": ("meta-data", "user-data"),
    }
    return tuple(
        name for name, files in needed.items() if all(host.info(f"{SEED}/{name}/{file}") is not None for file in files)
    )


def _program(host: Host, name: str) -> Optional[str]:
    paths = (f"{directory}/{name}" for directory in PROGRAM_DIRECTORIES)
    return next((path for path in paths if host.info(path) is not None), None)


def _version(host: Host, agent: str) -> Optional[str]:
    files, line = _VERSION_FILES[agent]
    for path in (path for file in files for path in host.glob(f"{PACKAGES}/{file}")):
        match = line.search(host.text(path, CONFIG_LIMIT) or "")
        if match is not None:
            return match.group(1)
    return None
