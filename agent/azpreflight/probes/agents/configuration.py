"""What the agents' own files say that stops provisioning or extensions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from azpreflight.azure.agent_versions import FAILS_WITHOUT_HOST_KEY, READS_OLD_KEYS, SKIPS_READY, WAIT_FOR_CLOUD_INIT_S
from azpreflight.guest import os_release, waagent_conf
from azpreflight.host.systemd import UnitState
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Profile, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner, WaagentFacts
from azpreflight.probes.agents.provisioner import waagent_refuses
from azpreflight.shell import argument
from azpreflight.text import files, plain, several

NO = ("false", "no", "0", "off", "none", "disabled")
"""What people write for n."""
LIB_DIR = "/var/lib/waagent"
"""Built into extensions, whatever Lib.Dir says (WALinuxAgent, issue 2949)."""
OF_THE_SYSTEM = (
    *("/", "/boot", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/usr", "/var", "/var/lib", "/var/log"),
)
"""Directories that are not empty, or that others mount."""
SWITCHED_OFF = "disabled"
"""The word that waagent's own documents have for an image that somebody else provisions (README.md,
config/waagent.conf); any other unknown word does the same, and is meant otherwise."""
WAIT = f"{WAIT_FOR_CLOUD_INIT_S / 60:.0f} min"
KEY = re.compile(r"[\w.]+", re.ASCII)
"""Keys that a command can have in it as they are; its dots match themselves."""


def judge_config(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """waagent's and cloud-init's configuration stops neither provisioning nor extensions."""
    installed = facts.waagent.installed or facts.cloud_init.installed
    if not installed and facts.azure_init.state is UnitState.ABSENT:
        yield NotApplicable("no Azure agent is installed")
        return
    if facts.waagent.error is not None:
        yield Unknown(facts.waagent.error)
    yield from (Unknown(error) for error in facts.cloud_init.errors)
    if run.profile is Profile.GENERALIZED:
        yield from _judge_provisioning_keys(facts)
        yield from _judge_cloud_config(facts)
    yield from _judge_extension_keys(facts)


def _judge_provisioning_keys(facts: AgentsFacts) -> Iterator[Verdict]:
    waagent, path = facts.waagent, facts.waagent.config_path
    if waagent.config is None or not waagent.starts:
        return
    yield from _judge_dead_keys(facts, waagent.config)
    chosen = plain(waagent.config.provisioning_agent)
    if facts.provisioner is Provisioner.BOTH:
        yield Finding(
            Severity.ERROR,
            "Provisioning.Agent=waagent while cloud-init is enabled: waagent reports ProvisioningFailed",
            "Let cloud-init provision.",
            (waagent_conf.set_key(path, "Provisioning.Agent", "cloud-init"),),
            flow="any",
        )
    elif facts.azure_init_provisions:
        yield from _judge_beside_azure_init(waagent)
    elif waagent_refuses(waagent) and facts.provisioner is Provisioner.NONE:
        yield Finding(
            Severity.ERROR,
            f"Provisioning.Agent={chosen} provisions nothing: a VM is reported Ready without a user",
            "Use one of auto, waagent and cloud-init, in lower case.",
            (waagent_conf.set_key(path, "Provisioning.Agent", "auto"),),
            flow="any",
        )
    elif waagent_refuses(waagent):
        yield Finding(
            Severity.WARNING,
            f"Provisioning.Agent={chosen}{_meaning(chosen)}: waagent reports Ready before {facts.provisioner.value} "
            "is done",
            "Use one of auto, waagent and cloud-init, in lower case.",
            (waagent_conf.set_key(path, "Provisioning.Agent", "auto"),),
        )


def _meaning(chosen: str) -> str:
    return "" if chosen == SWITCHED_OFF else " is no word that waagent knows"


def _judge_beside_azure_init(waagent: WaagentFacts) -> Iterator[Finding]:
    """azure-init reports for itself; a waagent that waits for cloud-init starts extensions late."""
    if not waagent_refuses(waagent):
        yield Finding(
            Severity.WARNING,
            f"azure-init provisions, and waagent waits {WAIT} for cloud-init before extensions run",
            f"Switch waagent's provisioning off with Provisioning.Agent={SWITCHED_OFF}.",
            (waagent_conf.set_key(waagent.config_path, "Provisioning.Agent", SWITCHED_OFF),),
        )


def _judge_cloud_config(facts: AgentsFacts) -> Iterator[Verdict]:
    config = facts.cloud_init.config
    yield from (Unknown(f"cannot read {reason}") for reason in config.refused)
    if not facts.cloud_init_provisions:
        return
    for reason in config.invalid:
        yield Finding(
            Severity.WARNING,
            f"cloud-init ignores {plain(reason, 160)}",
            "Correct the file, or remove it.",
            (f"python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' {files([reason.partition(':')[0]])}",),
        )
    if config.manual_cache_clean:
        source = config.source("manual_cache_clean")
        yield Finding(
            Severity.ERROR,
            f"manual_cache_clean is true in {plain(source)}: a new VM is taken for the old one and is never"
            " provisioned",
            "Remove the setting.",
            (f"sed -i '/^manual_cache_clean/d' {argument(source)}",),
        )
    if config.skips_ready and SKIPS_READY.holds(facts.cloud_init.version) is not False:
        yield _never_ready(facts)
    yield from _judge_host_key_type(facts)


def _never_ready(facts: AgentsFacts) -> Finding:
    source = facts.cloud_init.config.source("experimental_skip_ready_report")
    known = SKIPS_READY.holds(facts.cloud_init.version)
    return Finding(
        Severity.ERROR,
        f"experimental_skip_ready_report is true in {plain(source)}: cloud-init provisions a VM and never reports "
        "Ready",
        "Remove the setting.",
        (f"sed -i '/experimental_skip_ready_report/d' {argument(source)}",),
        flow="any",
        confidence=Confidence.CERTAIN if known else Confidence.LIKELY,
        confidence_reason="seen directly" if known else f"cloud-init before {SKIPS_READY.first} does not know it",
    )


def _judge_host_key_type(facts: AgentsFacts) -> Iterator[Verdict]:
    """waagent waits for the host key of this type; what follows when it does not come depends on its version."""
    kinds, config = facts.cloud_init.config.ssh_genkeytypes, facts.waagent.config
    if kinds is None or config is None or not facts.waagent.starts or waagent_refuses(facts.waagent):
        return
    wanted = "rsa" if config.ssh_host_key_type == "auto" else config.ssh_host_key_type
    if wanted not in kinds:
        source = facts.cloud_init.config.source("ssh_genkeytypes")
        spared = FAILS_WITHOUT_HOST_KEY.holds(facts.waagent.version) is False
        late = "and extensions with it" if spared else "and then reports that the VM failed"
        yield Finding(
            Severity.WARNING if spared else Severity.ERROR,
            f"cloud-init makes host keys of type {several(kinds)} ({source}), and waagent waits {WAIT} "
            f"for {plain(wanted)}, {late}",
            "Name in waagent.conf a type that cloud-init makes.",
            (
                waagent_conf.set_key(
                    facts.waagent.config_path, "Provisioning.SshHostKeyPairType", plain((*kinds, wanted)[0])
                ),
            ),
        )


def _judge_extension_keys(facts: AgentsFacts) -> Iterator[Verdict]:
    waagent, path = facts.waagent, facts.waagent.config_path
    if waagent.error is not None:
        return
    if not waagent.installed and facts.system_extensions:
        yield Unknown(
            f"waagent may come from a system extension, which is not read: {several(facts.system_extensions)}"
        )
    elif not waagent.installed:
        install = os_release.install_command(facts.distribution, "waagent")
        beside = ", and azure-init installs none" if facts.azure_init_provisions else ""
        yield _no_extensions(f"waagent is not installed{beside}", "Install the agent.", install)
    elif waagent.unit.state is not UnitState.ENABLED:
        state = waagent.unit.state
        unmask = (f"systemctl unmask {waagent.unit.name}",) if state is UnitState.MASKED else ()
        enable = f"systemctl enable {waagent.unit.name}"
        yield _no_extensions(f"{waagent.unit.name} is {state.value}", "Enable the agent.", *unmask, enable)
    elif waagent.config is None:
        reason = f"{path} is missing or empty, and waagent does not start"
        yield _no_extensions(reason, "Put the distribution's file back.")
    else:
        yield from _judge_running_agent(waagent, waagent.config)


def _judge_running_agent(waagent: WaagentFacts, config: waagent_conf.WaagentConfig) -> Iterator[Verdict]:
    path = waagent.config_path
    if not config.extensions_enabled:
        command = waagent_conf.set_key(path, "Extensions.Enabled", "y")
        yield _no_extensions("Extensions.Enabled=n", "Switch extensions on.", command)
    if not waagent.openssl_found:
        yield Finding(
            Severity.ERROR,
            f"OS.OpensslPath={plain(config.openssl_path)} does not exist: no certificate, no goal state, never Ready",
            "Name the openssl program.",
            (waagent_conf.set_key(path, "OS.OpensslPath", "/usr/bin/openssl"),),
        )
    yield from _judge_values(config, path)
    if config.http_proxy_host is not None and config.http_proxy_port is None:
        yield Finding(
            Severity.WARNING,
            f"HttpProxy.Host={plain(config.http_proxy_host)} without HttpProxy.Port: waagent uses no proxy at all",
            "Set the port.",
        )
    for key, value in sorted(config.not_switches.items()):
        default = "y" if waagent_conf.default_of(key) else "n"
        yield Finding(
            Severity.NOTE,
            f"{key}={plain(value)} is neither y nor n, so waagent takes its default {default}",
            "Write y or n.",
            (waagent_conf.set_key(path, key, "n" if value.lower() in NO else "y"),),
        )
    for key, meant in sorted(config.misspelt.items()):
        yield Finding(
            Severity.WARNING,
            f"{plain(key)} is not read: waagent's key is {meant}, letter by letter",
            "Write the key as the agent does.",
            (rf"sed -i -E 's/^{plain(key)}([[:space:]]*=)/{meant}\1/' {argument(path)}",) if KEY.fullmatch(key) else (),
        )


def _judge_places(config: waagent_conf.WaagentConfig, path: str) -> Iterator[Finding]:
    """Paths that the agent takes as they are, and that sshd, login and the rest of the system do not follow."""
    point = config.resource_disk_mount_point.rstrip("/") or "/"
    if config.resource_disk_format and point in OF_THE_SYSTEM:
        yield Finding(
            Severity.ERROR,
            f"ResourceDisk.MountPoint={plain(point)} with ResourceDisk.Format=y: the temporary disk hides it",
            "Mount the temporary disk elsewhere.",
            (waagent_conf.set_key(path, "ResourceDisk.MountPoint", "/mnt/resource"),),
        )
    for key, value, usual in (
        ("OS.SshDir", config.ssh_dir, "/etc/ssh"),
        ("OS.PasswordPath", config.password_path, "/etc/shadow"),
    ):
        if value.rstrip("/") != usual:
            yield Finding(
                Severity.WARNING,
                f"{key}={plain(value)}: waagent works there, and the system reads {usual}",
                "Leave the path as the system has it.",
                (waagent_conf.set_key(path, key, usual),),
                confidence=Confidence.LIKELY,
                confidence_reason="the system may have been told the same",
            )


def _judge_values(config: waagent_conf.WaagentConfig, path: str) -> Iterator[Finding]:
    """Settings that are taken, and that extensions or openssl do not live with."""
    yield from _judge_places(config, path)
    if config.lib_dir.rstrip("/") != LIB_DIR:
        yield Finding(
            Severity.WARNING,
            f"Lib.Dir={plain(config.lib_dir)}: extensions have {LIB_DIR} built in and find no certificates there",
            "Leave the directory where extensions look for it.",
            (waagent_conf.set_key(path, "Lib.Dir", LIB_DIR),),
            confidence=Confidence.LIKELY,
            confidence_reason="a link from one directory to the other would do",
        )
    if config.enable_fips:
        yield Finding(
            Severity.WARNING,
            "OS.EnableFIPS=y: waagent sets OPENSSL_FIPS=1, with which openssl of a system that knows the variable "
            "fails, and FIPS itself is switched on by the kernel alone",
            "Leave the key at n; fips=1 on the kernel command line is what counts.",
            (waagent_conf.set_key(path, "OS.EnableFIPS", "n"),),
            confidence=Confidence.LIKELY,
            confidence_reason="openssl 3 ignores the variable, and openssl 1.0 and 1.1 may fail with it",
        )


def _judge_dead_keys(facts: AgentsFacts, config: waagent_conf.WaagentConfig) -> Iterator[Finding]:
    """They say that cloud-init is to provision, and nobody listens."""
    for key, value in sorted(config.dead.items()):
        meant = value.lower() == ("n" if key == "Provisioning.Enabled" else "y")
        if meant and facts.provisioner is Provisioner.WAAGENT:
            yield Finding(
                Severity.NOTE,
                f"{key}={plain(value)} is read by no agent after {READS_OLD_KEYS.last}, and waagent provisions",
                "Say with Provisioning.Agent who provisions.",
            )


def _no_extensions(reason: str, fix: str, *commands: str) -> Finding:
    return Finding(Severity.WARNING, f"{reason}: extensions of a VM will never run", fix, commands)


CHECKS = (
    Check(
        "agents-config",
        "the agents' configuration allows provisioning and extensions",
        judge_config,
        Severity.ERROR,
        cause=Cause.AGENT_CONFIG,
        offline=True,
    ),
)
