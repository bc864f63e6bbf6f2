"""How the units of the agents are started, and which files they name."""

from __future__ import annotations

import shlex
from typing import Any, Optional

import pytest

from azpreflight.host import FileInfo, FileKind
from azpreflight.model import Severity
from azpreflight.probes.agents import PROBE
from tests.support.fakes import Fifo, Link
from tests.support.judging import findings, judged, statuses
from tests.support.machines.agents import (
    CFG,
    GUEST_PROXY,
    GUEST_PROXY_UNIT,
    GUEST_PROXY_WANTED,
    MASKED,
    NO_CLOUD_INIT,
    RUN,
    WANTED,
    conf,
    facts_of,
    host,
)


def test_the_unit_may_name_another_configuration_file() -> None:
    """-configuration-path in ExecStart wins."""
    unit = "[Service]\nExecStart=/usr/sbin/waagent -daemon -configuration-path:/opt/w.conf\n"
    facts = facts_of(host({"/lib/systemd/system/walinuxagent.service": unit, "/opt/w.conf": "Extensions.Enabled=n\n"}))
    assert facts.waagent.config is not None
    assert (facts.waagent.config_path, facts.waagent.config.extensions_enabled) == ("/opt/w.conf", False)


def test_paths_that_a_shell_would_run_are_quoted() -> None:
    """Those that a unit names, and those of files that anybody can put into an image."""
    unit = "[Service]\nExecStart=/usr/sbin/waagent -daemon -configuration-path:/opt/$(reboot);w.conf\n"
    text = "Extensions.Enabled=perhaps\nextensions.enabled=y\n"
    files = {"/lib/systemd/system/walinuxagent.service": unit, "/opt/$(reboot);w.conf": text}
    cleaned = {"/etc/cloud/cloud.cfg.d/a;reboot;.cfg": "manual_cache_clean: True\n"}
    commands = [
        command
        for on in (host(files), host(cleaned))
        for finding in findings(judged(on, RUN, PROBE), "agents-config")
        for command in finding.commands
    ]
    assert [shlex.split(command)[-1] for command in commands] == ["/opt/$(reboot);w.conf"] * 2 + [*cleaned]


def test_an_init_script_counts_where_there_is_no_systemd() -> None:
    """Devuan starts waagent from a run level."""
    wants = "/etc/systemd/system/multi-user.target.wants/walinuxagent.service"
    script = {"/etc/rc2.d/S01walinuxagent": Link("../init.d/walinuxagent")}
    assert facts_of(host(script, wants)).waagent.unit.state.value == "disabled"
    assert facts_of(host(script, wants, "/lib/systemd/systemd")).waagent.unit.state.value == "enabled"


def test_an_empty_unit_file_masks() -> None:
    """systemd takes an empty file for a mask, and so does this."""
    empty = {"/etc/systemd/system/walinuxagent.service": FileInfo(FileKind.FILE, 0, 0o644, 0, 0, 0.0)}
    assert facts_of(host(empty)).waagent.unit.state.value == "masked"


def test_a_unit_enabled_under_a_wrong_name() -> None:
    """Debian calls it walinuxagent, and a recipe for another distribution enables waagent."""
    link = {"/etc/systemd/system/multi-user.target.wants/waagent.service": Link("/lib/systemd/system/waagent.service")}
    (finding,) = findings(judged(host(link), RUN, PROBE), "agents-version")
    assert (
        "waagent.service is enabled and there is no such unit; the agent's unit is walinuxagent.service"
        in finding.message
    )


def test_a_drop_in_may_name_another_file() -> None:
    """The last command of the unit counts."""
    drop_in = "/etc/systemd/system/walinuxagent.service.d/conf.conf"
    command = "[Service]\nExecStart=\nExecStart=/usr/sbin/waagent -daemon -configuration-path:/opt/waagent.conf\n"
    other = facts_of(host({drop_in: command, "/opt/waagent.conf": "Provisioning.Agent=auto\n"}))
    assert (other.waagent.config_path, other.waagent.config and other.waagent.config.provisioning_agent) == (
        "/opt/waagent.conf",
        "auto",
    )


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({}, (), []),
        (GUEST_PROXY, (), []),
        ({**GUEST_PROXY, GUEST_PROXY_UNIT: MASKED}, (), ["azure-proxy-agent.service is masked"]),
        (GUEST_PROXY, (GUEST_PROXY_UNIT, GUEST_PROXY_WANTED), ["azure-proxy-agent.service is absent"]),
        (
            GUEST_PROXY,
            ("/usr/lib/azure-proxy-agent/ebpf_cgroup.o",),
            ["/usr/lib/azure-proxy-agent/ebpf_cgroup.o is missing"],
        ),
        (
            {
                **GUEST_PROXY,
                "/usr/lib/azure-proxy-agent/package": Link("Package_1.0"),
                "/usr/lib/azure-proxy-agent/Package_1.0/ebpf_cgroup.o": "",
            },
            ("/usr/lib/azure-proxy-agent/ebpf_cgroup.o", "/etc/azure/proxy-agent.json"),
            [],
        ),
        (
            {**GUEST_PROXY, "/usr/sbin/azure-proxy-agent": Link("/usr/lib/gone")},
            (),
            ["/usr/sbin/azure-proxy-agent is missing"],
        ),
    ],
)
def test_the_guest_proxy_agent(changes: dict[str, Any], removed: tuple[str, ...], expected: list[str]) -> None:
    """It is asked about where it is installed: whole, and enabled."""
    found = findings(judged(host(changes, *removed), RUN, PROBE), "agents-guest-proxy")
    assert [finding.message.partition(":")[0] for finding in found] == expected
    assert {finding.severity for finding in found} <= {Severity.WARNING}


ON_A_RUNNING_MACHINE = {"/dev/null": Fifo(), "/etc/systemd/system/walinuxagent.service": Link("/dev/null")}
"""As on a machine that runs, where /dev/null is there and is no regular file."""


def test_a_masked_agent_is_told_and_takes_no_other_check_along() -> None:
    """The link to /dev/null is never opened."""
    report = judged(host(ON_A_RUNNING_MACHINE), RUN, PROBE)
    assert "unknown" not in statuses(report).values()
    assert [one.message for one in findings(report, "agents-config")] == [
        "walinuxagent.service is masked: extensions of a VM will never run"
    ]


@pytest.mark.parametrize(
    "starter",
    [
        {"/usr/lib/systemd/system/multi-user.target.d/10-agent.conf": "[Unit]\nUpholds=walinuxagent.service\n"},
        {"/etc/systemd/system/multi-user.target.d/a.conf": "[Unit]\nWants=a.service walinuxagent.service\n"},
        {"/etc/systemd/system/multi-user.target.upholds/walinuxagent.service": WANTED},
        {"/usr/lib/systemd/system/multi-user.target": "[Unit]\nRequires=walinuxagent.service\n"},
        {"/etc/systemd/system/multi-user.target.d/a.conf": "[Unit]\nAfter=walinuxagent.service\n"},
    ],
)
def test_what_a_target_names_is_started(starter: dict[str, Any]) -> None:
    """By Upholds= or Wants= in its file or its drop-ins; an order alone starts nothing."""
    link = "/etc/systemd/system/multi-user.target.wants/walinuxagent.service"
    started = facts_of(host(starter, link)).waagent.unit.state.value
    assert started == ("disabled" if "After=" in str(starter) else "enabled")


def test_agents_of_a_system_extension_are_not_read() -> None:
    """So nothing is said of them, and least of all how to install them."""
    image = host({"/oem/sysext/oem-azure-4230.raw": "hsqs"}, "/usr/sbin/waagent", "/usr/bin/cloud-init")
    report = judged(image, RUN, PROBE)
    assert statuses(report)["agents-provisioner"] == "unknown"
    assert not findings(report, "agents-config")


def stages(**states: str) -> dict[str, Any]:
    """cloud-init's later units, enabled unless told otherwise."""
    files: dict[str, Any] = {"/dev/null": Fifo()}
    for name in ("cloud-init", "cloud-config", "cloud-final"):
        state = states.get(name.replace("-", "_"), "enabled")
        path = f"/lib/systemd/system/{name}.service"
        if state != "absent":
            files[path] = "[Unit]\n"
        if state == "enabled":
            files[f"/etc/systemd/system/cloud-init.target.wants/{name}.service"] = Link(path)
        if state == "masked":
            files[f"/etc/systemd/system/{name}.service"] = Link("/dev/null")
    return files


WHOLE: dict[str, Any] = {"/var/lib/dpkg/status": "", "/boot/vmlinuz-6": "MZ"}
LONG = "cloud_init_modules: [seed_random, bootcmd, write-files, growpart, set_hostname, {}]\n"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (stages(), None),
        (stages(cloud_final="masked"), "cloud-final.service is masked"),
        (stages(cloud_config="disabled"), "cloud-config.service is disabled"),
        (stages(cloud_init="absent"), "cloud-init's cloud-init.service is not there"),
        ({CFG: "users: []\n"}, "without default"),
        ({CFG: "users:\n - name: ops\n"}, "without default"),
        ({CFG: "users: [default, {name: ops}]\n"}, None),
        ({CFG: "users: default, ops\n"}, None),
        ({CFG: LONG.format("ssh")}, "without users_groups"),
        ({CFG: LONG.format("users-groups")}, "without ssh"),
        ({CFG: LONG.format("users_groups, [ssh, always]")}, None),
        ({CFG: "cloud_init_modules: [ssh]\n"}, None),
        (WHOLE, "no client for DHCP"),
        ({**WHOLE, "/usr/sbin/dhcpcd": ""}, None),
        ({"/var/lib/dpkg/status": ""}, None),
    ],
)
def test_cloud_init_beyond_its_first_stage(changes: dict[str, Any], says: Optional[str]) -> None:
    """Units, the user of the VM, the modules that make it, and a first address."""
    found = findings(judged(host(changes), RUN, PROBE), "agents-stages")
    assert [says is not None and says in one.message for one in found] == ([True] if says else [])


def test_a_cloud_init_that_does_not_provision_may_lack_stages() -> None:
    """waagent does without."""
    machine = host({**stages(cloud_final="masked"), **conf("Provisioning.Agent=waagent")}, *NO_CLOUD_INIT)
    assert statuses(judged(machine, RUN, PROBE))["agents-stages"] == "notapplicable"
