"""Which agent provisions, and what in its configuration stops it."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.guest import openssl_conf, unit_runs
from azpreflight.host import Completed, FileInfo, FileKind, Outcome, Phase
from azpreflight.model import Finding, Platform, Profile, Run, Severity, Stage
from azpreflight.probes.agents import PROBE
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.probes.agents.state import CLOUD_INIT_UNITS, STATUS
from azpreflight.probes.agents.versions import judge_version
from azpreflight.probes.egress.facts import EgressFacts, Package
from tests.support import fixing as mending
from tests.support.fakes import Denied, FakeHost, Fifo, Link
from tests.support.judging import by_check, findings, judged, statuses

DEBIAN = "ID=debian\nVERSION_ID=12\n"
CONFIG = """\
Extensions.Enabled=y
Provisioning.Agent=cloud-init
Provisioning.DeleteRootPassword=y
Provisioning.RegenerateSshHostKeyPair=y
OS.OpensslPath=None
"""
AGENT = "/usr/lib/python3/dist-packages/azurelinuxagent"
WANTED = Link("/lib/systemd/system/walinuxagent.service")
LOCAL_WANTED = "/etc/systemd/system/cloud-init.target.wants/cloud-init-local.service"
FILES: dict[str, Any] = {
    "/etc/os-release": DEBIAN,
    "/lib/systemd/systemd": "",
    "/usr/bin/openssl": "",
    "/usr/sbin/waagent": "#!/usr/bin/python3\nimport azurelinuxagent\n",
    "/usr/bin/python3": Link("python3.11"),
    "/usr/bin/python3.11": "",
    "/usr/lib/python3.11/crypt.py": "",
    "/usr/lib/python3.11/distutils/__init__.py": "",
    f"{AGENT}/common/utils/textutil.py": "import base64\nimport crypt\n",
    f"{AGENT}/common/osutil/factory.py": "from distutils.version import LooseVersion as Version\n",
    "/lib/systemd/system/walinuxagent.service": "[Service]\nExecStart=/usr/sbin/waagent -daemon\n",
    "/etc/systemd/system/multi-user.target.wants/walinuxagent.service": WANTED,
    "/etc/waagent.conf": CONFIG,
    "/usr/bin/cloud-init": "",
    "/lib/systemd/system/cloud-init-local.service": "[Unit]\n",
    LOCAL_WANTED: Link("/lib/systemd/system/cloud-init-local.service"),
    "/etc/cloud/cloud.cfg": "disable_root: true\nssh_deletekeys: true\n",
    "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "# to update this file, run dpkg-reconfigure\ndatasource_list: [ Azure ]\n",
    f"{AGENT}/common/version.py": "AGENT_VERSION = '2.16.0.2'\n",
}
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)


def host(changes: dict[str, Any], *removed: str) -> FakeHost:
    """The healthy machine with some files changed and some away."""
    return FakeHost(files={path: node for path, node in {**FILES, **changes}.items() if path not in removed})


def conf(*lines: str) -> dict[str, Any]:
    """waagent.conf with further lines; the last of a key wins."""
    return {"/etc/waagent.conf": CONFIG + "\n".join(lines) + "\n"}


PIP = {"/usr/local/sbin/waagent": "#!/usr/bin/python3\nimport azurelinuxagent\n"}
GUEST_PROXY_UNIT = "/usr/lib/systemd/system/azure-proxy-agent.service"
GUEST_PROXY_WANTED = "/etc/systemd/system/multi-user.target.wants/azure-proxy-agent.service"
GUEST_PROXY: dict[str, Any] = {
    "/usr/sbin/azure-proxy-agent": "",
    "/etc/azure/proxy-agent.json": "{}",
    "/usr/lib/azure-proxy-agent/ebpf_cgroup.o": "",
    GUEST_PROXY_UNIT: "[Unit]\n",
    GUEST_PROXY_WANTED: Link(GUEST_PROXY_UNIT),
}
FIRSTBOOT = replace(RUN, stage=Stage.FIRSTBOOT)
SYSTEMD_RUNS: dict[str, Any] = {"/run/systemd/system": None}
ASK = unit_runs.command(("walinuxagent.service", *CLOUD_INIT_UNITS))
DONE = {"errors": [], "start": 1.0, "finished": 2.0}
STAGES = {"init-local": DONE, "init": DONE, "modules-config": DONE, "modules-final": DONE}


def unit(name: str, active: str = "active", **changes: str) -> str:
    """A block of `systemctl show`."""
    block = {
        "Id": name,
        "LoadState": "loaded",
        "ActiveState": active,
        "Result": "success",
        "NRestarts": "0",
        "ConditionResult": "yes",
        "ConditionTimestampMonotonic": "2000000",
        **changes,
    }
    return "".join(f"{key}={value}\n" for key, value in block.items())


def booted(*units: str, status: Any = None, **stages: Any) -> FakeHost:
    """The healthy machine at its first boot, with these units and these stages of cloud-init otherwise."""
    document = status or {"v1": {"datasource": "DataSourceAzure [seed=/dev/sr0]", "stage": None, **STAGES, **stages}}
    blocks = units or (unit("walinuxagent.service"), unit("cloud-init-local.service"))
    text = document if isinstance(document, str) else json.dumps(document)
    return replace(host({STATUS: text, **SYSTEMD_RUNS}), programs={ASK: Completed(0, "\n".join(blocks), "")})


OPENSSL = "/usr/bin/openssl"
BUILT = b'\x7fELF OPENSSLDIR: "/usr/lib/ssl"\0'
"""A program that says which directory it was built with."""
POLICY = "/etc/waagent_policy.json"
CLOUD_INIT_VERSION = "/usr/lib/python3/dist-packages/cloudinit/version.py"


def version(number: str) -> dict[str, Any]:
    """waagent of another version."""
    return {f"{AGENT}/common/version.py": f"AGENT_VERSION = '{number}'\n"}


PYTHON_3_13: dict[str, Any] = {
    "/usr/bin/cloud-init": "#!/usr/bin/python3\n",
    "/usr/bin/python3": Link("python3.13"),
    "/usr/bin/python3.13": "",
    "/usr/lib/python3/dist-packages/cloudinit/version.py": '__VERSION__ = "25.1.4"\n',
    f"{AGENT}/common/utils/textutil.py": "import base64\n",
    f"{AGENT}/common/osutil/factory.py": "",
}

HEALTHY = (host({}), RUN)
BROKEN = {
    "agents-config": (host(conf("Extensions.Enabled=n")), RUN),
    "agents-provisioner": (host({"/etc/cloud/cloud-init.disabled": ""}), RUN),
    "agents-program": (host({}, "/usr/lib/python3.11/crypt.py"), RUN),
    "agents-stages": (host({"/etc/cloud/cloud.cfg.d/99-x.cfg": "users: []\n"}), RUN),
    "agents-openssl": (host({OPENSSL: BUILT}), RUN),
    "agents-password": (host(PYTHON_3_13, "/usr/lib/python3.11/crypt.py"), RUN),
    "agents-version": (
        host({f"{AGENT}/common/version.py": "AGENT_VERSION = '2.2.47'\n", **conf("AutoUpdate.Enabled=n")}),
        RUN,
    ),
    "agents-policy": (host({**version("2.16.0.2"), POLICY: "{"}), RUN),
    "agents-provenance": (host(PIP, "/usr/sbin/waagent"), RUN),
    "agents-guest-proxy": (host(GUEST_PROXY, GUEST_PROXY_WANTED), RUN),
    "agents-units": (booted(unit("walinuxagent.service", "failed", Result="exit-code")), FIRSTBOOT),
    "agents-cloud-init": (
        booted(**{"init-local": {**DONE, "errors": ["'NoneType' object has no attribute 'get'"]}}),
        FIRSTBOOT,
    ),
}


def facts_of(host: FakeHost) -> AgentsFacts:
    facts = PROBE.gather(host, RUN)
    assert isinstance(facts, AgentsFacts)
    return facts


def test_a_healthy_image_passes() -> None:
    """Debian's waagent with cloud-init as its provisioner."""
    assert set(statuses(judged(*HEALTHY, PROBE)).values()) == {"pass", "notapplicable"}
    first = statuses(judged(booted(), FIRSTBOOT, PROBE))
    assert {first[check] for check in ("agents-units", "agents-cloud-init")} == {"pass"}


@pytest.mark.parametrize("check", sorted(BROKEN))
def test_each_check_speaks(check: str) -> None:
    """Every check fails on its own broken image."""
    assert statuses(judged(*BROKEN[check], PROBE))[check] == "fail"


MASKED = Link("/dev/null")
NO_CLOUD_INIT = ("/usr/bin/cloud-init", "/lib/systemd/system/cloud-init-local.service", LOCAL_WANTED)


@pytest.mark.parametrize(
    ("changes", "removed", "who"),
    [
        ({}, (), Provisioner.CLOUD_INIT),
        (conf("Provisioning.Agent=auto"), (), Provisioner.CLOUD_INIT),
        (conf("Provisioning.Agent=auto"), NO_CLOUD_INIT, Provisioner.WAAGENT),
        (conf("Provisioning.Agent=auto"), (LOCAL_WANTED,), Provisioner.WAAGENT),
        (conf("Provisioning.Agent=waagent"), NO_CLOUD_INIT, Provisioner.WAAGENT),
        (conf("Provisioning.Agent=waagent"), (), Provisioner.BOTH),
        ({}, NO_CLOUD_INIT, Provisioner.WAITING),
        ({"/etc/systemd/system/cloud-init-local.service": MASKED}, (), Provisioner.WAITING),
        (conf("Provisioning.Agent=Auto"), NO_CLOUD_INIT, Provisioner.NONE),
        (conf("Provisioning.Agent="), NO_CLOUD_INIT, Provisioner.NONE),
        (conf("Provisioning.Agent=disabled"), (), Provisioner.CLOUD_INIT),
        ({"/etc/systemd/system/walinuxagent.service": MASKED}, (), Provisioner.CLOUD_INIT),
        ({"/etc/systemd/system/walinuxagent.service": MASKED}, NO_CLOUD_INIT, Provisioner.NONE),
        ({}, ("/etc/waagent.conf", *NO_CLOUD_INIT), Provisioner.NONE),
        ({"/etc/waagent.conf": ""}, NO_CLOUD_INIT, Provisioner.NONE),
        ({"/etc/waagent.conf": Denied()}, (), Provisioner.UNKNOWN),
        ({"/etc/waagent.conf": b"Provisioning.Agent=auto\n\xff\n"}, (), Provisioner.UNKNOWN),
        ({"/etc/waagent.conf": Fifo()}, (), Provisioner.UNKNOWN),
        ({"/etc/cloud/cloud.cfg.d/90_dpkg.cfg": Denied()}, (), Provisioner.UNKNOWN),
        ({"/etc/cloud/cloud-init.disabled": ""}, (), Provisioner.WAITING),
        ({"/etc/cloud/ds-identify.cfg": "policy: disabled\n"}, (), Provisioner.WAITING),
        ({"/etc/cloud/ds-identify.cfg": "datasource: NoCloud\n"}, (), Provisioner.WAITING),
        ({"/etc/cloud/ds-identify.cfg": "datasource: Azure\n"}, (), Provisioner.CLOUD_INIT),
        ({"/proc/cmdline": "root=/dev/sda1 cloud-init=disabled\n"}, (), Provisioner.WAITING),
        ({"/proc/cmdline": "ro ds=nocloud;s=/seed/\n"}, (), Provisioner.WAITING),
        ({"/proc/cmdline": "ro ci.ds=Azure\n"}, (), Provisioner.CLOUD_INIT),
        ({"/etc/cloud/cloud.cfg.d/99-installer.cfg": "datasource_list: [NoCloud]\n"}, (), Provisioner.WAITING),
        ({"/etc/cloud/cloud.cfg.d/99-x.cfg": "datasource_list:\n- NoCloud\n"}, (), Provisioner.CLOUD_INIT),
        ({"/etc/cloud/cloud.cfg.d/99-x.cfg": "# datasource_list: [NoCloud]\n"}, (), Provisioner.CLOUD_INIT),
        ({"/etc/cloud/cloud.cfg.d/99-x.cfg": "'datasource_list' : [ 'Ec2', None ]\n"}, (), Provisioner.WAITING),
    ],
)
def test_who_provisions(changes: dict[str, Any], removed: tuple[str, ...], who: Provisioner) -> None:
    """The table of waagent's provisioning factory and of ds-identify."""
    assert facts_of(host(changes, *removed)).provisioner is who


def test_a_nocloud_seed_beats_azure_where_it_comes_first() -> None:
    """The built-in list has NoCloud before Azure; a list of Azure alone does not look at the seed."""
    seed = {"/var/lib/cloud/seed/nocloud/meta-data": "", "/var/lib/cloud/seed/nocloud/user-data": "#cloud-config\n"}
    assert facts_of(host(seed)).provisioner is Provisioner.CLOUD_INIT
    open_list = host(seed, "/etc/cloud/cloud.cfg.d/90_dpkg.cfg")
    assert facts_of(open_list).provisioner is Provisioner.WAITING
    (finding,) = findings(judged(open_list, RUN, PROBE), "agents-provisioner")
    assert "rm -rf /var/lib/cloud/seed/nocloud /var/lib/cloud/seed/nocloud-net" in finding.commands


def test_a_machine_without_agents_outside_azure_is_not_judged() -> None:
    """A developer's machine is no image; a mounted root and an Azure VM are."""
    bare = FakeHost(files={"/etc/os-release": DEBIAN})
    elsewhere = statuses(judged(bare, Run(platform=Platform.NONE), PROBE))
    assert set(elsewhere.values()) == {"notapplicable"}
    for run in (Run(platform=Platform.AZURE), Run(platform=Platform.NONE, root="/mnt")):
        report = judged(FakeHost(files=bare.files, root=run.root), run, PROBE)
        (finding,) = findings(report, "agents-provisioner")
        assert finding.severity is Severity.ERROR
        assert [command.rpartition(" ")[2].strip("'") for command in finding.commands] == ["waagent", "cloud-init"]


def test_ready_without_a_user_is_a_matter_of_the_configuration() -> None:
    """A misspelt word is the cause, and that nobody provisions is its symptom."""
    report = judged(host(conf("Provisioning.Agent=Waagent"), *NO_CLOUD_INIT), RUN, PROBE)
    assert [cause.cause.value for cause in report.causes] == ["agent-config"]
    assert "Ready without a user" in report.causes[0].summary
    assert by_check(report)["agents-provisioner"].because_of == ("agents-config",)


def test_two_provisioners_are_an_error() -> None:
    """waagent refuses to provision where cloud-init is enabled."""
    report = judged(host(conf("Provisioning.Agent=waagent")), RUN, PROBE)
    assert [(cause.cause.value, cause.symptoms) for cause in report.causes] == [
        ("agent-config", ("agents-provisioner",))
    ]


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        (conf("Extensions.Enabled=N"), Severity.WARNING, "Extensions.Enabled=n"),
        (conf("Provisioning.Agent=disabled"), Severity.WARNING, "before cloud-init is done"),
        (conf("OS.OpensslPath=/opt/none"), Severity.ERROR, "/opt/none does not exist"),
        (conf("HttpProxy.Host=u:secret@proxy"), Severity.WARNING, "HttpProxy.Host=...@proxy without"),
        (conf("Provisioning.DeleteRootPassword=yes"), Severity.NOTE, "DeleteRootPassword=yes is neither"),
        ({"/etc/cloud/cloud.cfg.d/a.cfg": "manual_cache_clean: True\n"}, Severity.ERROR, "manual_cache_clean is true"),
        ({"/etc/cloud/cloud.cfg.d/a.cfg": "ssh_genkeytypes: [ed25519]\n"}, Severity.WARNING, "waits 30 min for rsa"),
        ({"/etc/cloud/cloud.cfg.d/a.cfg": "network: [\n"}, Severity.WARNING, "cloud-init ignores"),
        ({"/etc/systemd/system/walinuxagent.service": MASKED}, Severity.WARNING, "is masked"),
    ],
)
def test_keys_that_matter(changes: dict[str, Any], severity: Severity, words: str) -> None:
    """Each key that stops something is named with its consequence, and no password is."""
    (finding,) = findings(judged(host(changes), RUN, PROBE), "agents-config")
    assert (finding.severity, words in finding.message) == (severity, True), finding.message
    assert "secret" not in str(facts_of(host(changes)))


@pytest.mark.parametrize(
    "text",
    [
        "network: &a [x]\nssh_deletekeys: *a\n",
        "network: " + "[" * 5000,
        "network: x\n" + "#" * 70_000,
    ],
)
def test_a_hostile_yaml_file_is_unknown(text: str) -> None:
    """Aliases, deep nesting and size are refused in no time, and said so."""
    report = judged(host({"/etc/cloud/cloud.cfg.d/z.cfg": text}), RUN, PROBE)
    result = by_check(report)["agents-config"]
    assert (result.status.value, "z.cfg" in (result.reason or "")) == ("unknown", True)


def test_a_specialised_image_needs_no_provisioner() -> None:
    """It is a copy of a VM that was provisioned; extensions still need the agent."""
    run = replace(RUN, profile=Profile.SPECIALIZED)
    report = judged(host(conf("Extensions.Enabled=n", "Provisioning.Agent=none"), *NO_CLOUD_INIT), run, PROBE)
    assert statuses(report)["agents-provisioner"] == "notapplicable"
    assert [finding.message.split(":")[0] for finding in findings(report, "agents-config")] == ["Extensions.Enabled=n"]


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


# --- the program --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "removed", "words"),
    [
        ({}, ("/usr/bin/python3", "/usr/bin/python3.11"), "its interpreter /usr/bin/python3 is not there"),
        ({"/usr/sbin/waagent": "#!/usr/bin/env python\n"}, (), "its interpreter /usr/bin/python is not there"),
        (
            {"/usr/bin/python3": Link("python3.13"), "/usr/bin/python3.13": ""},
            (),
            "Python 3.13 has no crypt and distutils",
        ),
        ({}, ("/usr/lib/python3.11/distutils/__init__.py",), "Python 3.11 has no distutils"),
        (
            {
                "/usr/bin/python3": Link("/etc/alternatives/py"),
                "/etc/alternatives/py": Link("/usr/bin/python2.7"),
                "/usr/bin/python2.7": "",
            },
            (),
            "Python 2.7 does not find its modules",
        ),
    ],
)
def test_why_the_program_cannot_start(changes: dict[str, Any], removed: tuple[str, ...], words: str) -> None:
    """An interpreter, or what it needs, is gone; an error where waagent provisions, else extensions suffer."""
    (finding,) = findings(judged(host(changes, *removed), RUN, PROBE), "agents-program")
    assert (finding.severity, words in finding.message) == (Severity.WARNING, True), finding.message
    alone = host({**conf("Provisioning.Agent=waagent"), **changes}, *removed, *NO_CLOUD_INIT)
    (finding,) = findings(judged(alone, RUN, PROBE), "agents-program")
    assert (finding.severity, "not provisioned" in finding.message) == (Severity.ERROR, True)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "/usr/bin/python3": Link("python3.13"),
            "/usr/bin/python3.13": "",
            "/usr/lib/python3/dist-packages/crypt.py": "",
            "/usr/lib/python3/dist-packages/distutils-precedence.pth": "",
        },
        {f"{AGENT}/common/utils/textutil.py": "try:\n    import crypt\nexcept ImportError:\n    pass\n"},
        {"/lib/systemd/system/walinuxagent.service": "[Service]\nExecStart=/usr/bin/python3 /usr/sbin/waagent\n"},
        {"/usr/bin/python3": ""},
    ],
)
def test_what_the_program_needs_may_come_from_elsewhere(changes: dict[str, Any]) -> None:
    """Packages stand in for what left Python, newer agents try one after another, and some names tell no version."""
    assert statuses(judged(host(changes), RUN, PROBE))["agents-program"] == "pass"


def test_the_reason_is_told_to_its_end() -> None:
    """What matters comes last: that Azure is not in the list."""
    path = "/etc/cloud/cloud.cfg.d/99-installer-of-the-company.cfg"
    changes = {path: "datasource_list: [ NoCloud, ConfigDrive, OpenStack, VMware, None ]\n"}
    (finding,) = findings(judged(host(changes), RUN, PROBE), "agents-provisioner")
    assert finding.message.endswith(f"{path} is NoCloud, ConfigDrive, OpenStack, VMware and None, without Azure")


CLOUD_PROGRAM = {
    "/usr/bin/cloud-init": "#!/usr/bin/python3\nimport cloudinit\n",
    "/usr/lib/python3/dist-packages/cloudinit/version.py": '__VERSION__ = "22.4.2"\n',
}


@pytest.mark.parametrize(
    ("changes", "removed", "words"),
    [
        (
            {"/usr/bin/python3": Link("/etc/alternatives/py"), "/etc/alternatives/py": Link("/usr/bin/python2.7")},
            (),
            "its interpreter /usr/bin/python3 is not there",
        ),
        (
            {"/usr/bin/cloud-init": "#!/usr/bin/python2 -s\n", "/usr/bin/python2": Link("python2.7")}
            | {"/usr/bin/python2.7": ""},
            (),
            "/usr/bin/python2 is Python 2.7, which does not find its modules (cloudinit)",
        ),
        ({}, ("/usr/lib/python3/dist-packages/cloudinit/version.py",), "does not find its modules (cloudinit)"),
        ({"/usr/bin/cloud-init": "#!/opt/ci/bin/python3.11\n"}, (), None),
        ({}, (), None),
    ],
)
def test_cloud_init_cannot_start(changes: dict[str, Any], removed: tuple[str, ...], words: Optional[str]) -> None:
    """`alternatives --set python3` takes its modules away, and nobody provisions; a Python of its own is not known."""
    found = findings(judged(host({**CLOUD_PROGRAM, **changes}, *removed), RUN, PROBE), "agents-program")
    told = [(one.severity, one.message) for one in found if "cloud-init cannot start" in one.message]
    assert [severity for severity, _ in told] == ([Severity.ERROR] if words else [])
    assert all(words and words in message for _, message in told)


def test_cloud_init_that_does_not_provision_may_be_broken() -> None:
    """waagent provisions, and the units of cloud-init are switched off."""
    changes = {"/usr/bin/cloud-init": "#!/usr/bin/python3\n", **conf("Provisioning.Agent=waagent")}
    assert statuses(judged(host(changes, LOCAL_WANTED), RUN, PROBE))["agents-program"] == "pass"


def test_a_program_that_names_no_interpreter_is_unknown() -> None:
    """Something else than Python goes by its name."""
    changes = {"/usr/sbin/waagent": "\x7fELF"}
    assert statuses(judged(host(changes), RUN, PROBE))["agents-program"] == "unknown"


@pytest.mark.parametrize(
    ("version", "extra", "severity"),
    [
        ("2.2.47", "AutoUpdate.Enabled=n", Severity.WARNING),
        ("2.2.47", "", Severity.NOTE),
        ("2.2.53.1", "", None),
        ("2.16.0.2", "", None),
    ],
)
def test_the_oldest_version(version: str, extra: str, severity: Severity | None) -> None:
    """Where the agent updates itself it is a matter of time."""
    changes = {f"{AGENT}/common/version.py": f"AGENT_VERSION = '{version}'\n", **conf(extra)}
    found = findings(judged(host(changes), RUN, PROBE), "agents-version")
    old = [finding.severity for finding in found if "is older than" in finding.message]
    assert old == ([severity] if severity else [])


def test_a_version_that_hides_its_errors() -> None:
    """waagent 2.7.3 hands Python 3.10 an argument that is gone, and the trace of that is all that is logged."""
    source = "import crypt\n\n\ndef format_exception(it):\n    return traceback.format_exception(etype=type(it))\n"
    changes = {f"{AGENT}/common/utils/textutil.py": source, **version("2.7.3.0")}
    finding, _ = findings(judged(host(changes), RUN, PROBE), "agents-version")
    assert (finding.severity, "2.7.3.0 on Python 3.11 hides its errors" in finding.message) == (Severity.NOTE, True)
    assert findings(judged(host(changes), replace(RUN, stage=Stage.FIRSTBOOT), PROBE), "agents-version") == ()
    older = {**changes, "/usr/bin/python3": Link("python3.9"), "/usr/bin/python3.9": ""}
    assert not any("hides" in one.message for one in findings(judged(host(older), RUN, PROBE), "agents-version"))


def features(machine: FakeHost, run: Run, *gathered: object) -> list[str]:
    """What agents-version says of newer versions, with these facts of other probes."""
    facts = PROBE.gather(machine, run)
    verdicts = judge_version(facts, replace(run, needed={str(place): one for place, one in enumerate(gathered)}))
    return [one.message for one in verdicts if isinstance(one, Finding) and "lacks" in one.message]


def releases(*answers: Answer, relayed: Optional[Answer] = None) -> EgressFacts:
    """What came of the way to the agent's own releases."""
    return EgressFacts(packages=(Package("Prod", None, False, answers, relayed),))


RELEASES = "https://umsa.blob.core.windows.net/ga.xml"
OPEN = Answer(RELEASES, Outcome.OK, Phase.HTTP, 0.1, status=200, address="20.60.0.10")
SHUT = Answer(RELEASES, Outcome.TIMEOUT, Phase.TCP, 1.2, address="20.60.0.10")


@pytest.mark.parametrize(
    ("changes", "run", "facts", "says"),
    [
        ({}, RUN, (), None),
        (version("2.15.0.1"), RUN, (), "looks for a newer release every 1 h"),
        ({**version("2.7.3.0"), **conf("AutoUpdate.Enabled=n")}, RUN, (), "AutoUpdate is off"),
        (version("2.15.0.1"), RUN, (releases(OPEN),), "from umsa.blob.core.windows.net, and that way is open"),
        (version("2.15.0.1"), RUN, (releases(SHUT, relayed=OPEN),), "by the HostGAPlugin"),
        (version("2.15.0.1"), RUN, (releases(SHUT, relayed=SHUT),), "neither that way nor the HostGAPlugin"),
        (version("2.15.0.1"), FIRSTBOOT, (releases(OPEN),), None),
        (version("2.15.0.1"), FIRSTBOOT, (releases(SHUT, relayed=SHUT),), "neither that way nor the HostGAPlugin"),
        ({**version("2.7.3.0"), "/var/lib/waagent/WALinuxAgent-2.16.0.2": None}, RUN, (), None),
    ],
)
def test_what_an_older_agent_lacks(
    changes: dict[str, Any], run: Run, facts: tuple[Any, ...], says: Optional[str]
) -> None:
    """And whether a newer one comes; one that has come lacks nothing."""
    found = features(host(changes), run, *facts)
    assert [says in message for message in found] == ([True] if says else [])


def test_what_lacks_is_named_with_the_version_that_has_it() -> None:
    """2.13 has rules by nft, and no policy."""
    (message,) = features(host(version("2.13.1.1")), RUN)
    assert ("nft" in message, "policy" in message, "(from 2.16 on)" in message) == (False, True, True)


def test_a_unit_enabled_under_a_wrong_name() -> None:
    """Debian calls it walinuxagent, and a recipe for another distribution enables waagent."""
    link = {"/etc/systemd/system/multi-user.target.wants/waagent.service": Link("/lib/systemd/system/waagent.service")}
    (finding,) = findings(judged(host(link), RUN, PROBE), "agents-version")
    assert (
        "waagent.service is enabled and there is no such unit; the agent's unit is walinuxagent.service"
        in finding.message
    )


# --- azure-init ---------------------------------------------------------------------------------------------------

AZURE_INIT = {
    "/lib/systemd/system/azure-init.service": "[Service]\nExecStart=/usr/bin/azure-init\n",
    "/etc/systemd/system/multi-user.target.wants/azure-init.service": Link("/lib/systemd/system/azure-init.service"),
}
NO_WAAGENT = ("/usr/sbin/waagent", "/etc/systemd/system/multi-user.target.wants/walinuxagent.service")


def test_azure_init_provisions_where_nobody_else_does() -> None:
    """With or without waagent, as long as that keeps out of it."""
    for on in (
        host(AZURE_INIT, *NO_CLOUD_INIT, *NO_WAAGENT),
        host({**AZURE_INIT, **conf("Provisioning.Agent=none")}, *NO_CLOUD_INIT),
    ):
        assert facts_of(on).provisioner is Provisioner.AZURE_INIT
        assert statuses(judged(on, RUN, PROBE))["agents-provisioner"] == "pass"


def test_azure_init_beside_another_is_one_too_many() -> None:
    """Both would make the user and report Ready."""
    (finding,) = findings(judged(host(AZURE_INIT), RUN, PROBE), "agents-provisioner")
    assert (finding.severity, "azure-init.service is enabled, and cloud-init" in finding.message) == (
        Severity.WARNING,
        True,
    )


# --- keys that are not what they seem -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "severity", "expected", "command"),
    [
        (
            "ResourceDisk.Format=false",
            Severity.NOTE,
            "ResourceDisk.Format=false is neither y nor n, so waagent takes its default n",
            "ResourceDisk.Format=n",
        ),
        (
            "Logs.Console=yes",
            Severity.NOTE,
            "Logs.Console=yes is neither y nor n, so waagent takes its default y",
            "Logs.Console=y",
        ),
        (
            "provisioning.agent=waagent",
            Severity.WARNING,
            "provisioning.agent is not read: waagent's key is Provisioning.Agent, letter by letter",
            "Provisioning.Agent",
        ),
        ("ResourceDisk.format=n", Severity.WARNING, "ResourceDisk.format is not read", "ResourceDisk.Format"),
    ],
)
def test_lines_that_waagent_reads_otherwise(line: str, severity: Severity, expected: str, command: str) -> None:
    """A switch that is none, and a key in another case; the command makes of it what was meant."""
    (finding,) = findings(judged(host(conf(line)), RUN, PROBE), "agents-config")
    assert (finding.severity, finding.message.startswith(expected)) == (severity, True)
    assert command in finding.commands[0]


@pytest.mark.parametrize("line", ["Autoupdate.Frequency=60", "My.Own.Key=1", "Role.StateConsumer=None", "Debug.X=1"])
def test_other_keys_are_nobodys_business(line: str) -> None:
    """One of the agent's own keys is written with a small u, and unknown keys are ignored by it."""
    assert findings(judged(host(conf(line)), RUN, PROBE), "agents-config") == ()


@pytest.mark.parametrize(
    ("lines", "removed", "speaks"),
    [
        (("Provisioning.UseCloudInit=y", "Provisioning.Agent=auto"), NO_CLOUD_INIT, True),
        (("Provisioning.Enabled=n", "Provisioning.Agent=auto"), NO_CLOUD_INIT, True),
        (("Provisioning.Enabled=y", "Provisioning.Agent=auto"), NO_CLOUD_INIT, False),
        (("Provisioning.UseCloudInit=y", "Provisioning.Enabled=n"), (), False),
    ],
)
def test_keys_of_old_agents(lines: tuple[str, ...], removed: tuple[str, ...], speaks: bool) -> None:
    """They are named where they say the opposite of what happens."""
    found = findings(judged(host(conf(*lines), *removed), RUN, PROBE), "agents-config")
    assert [finding.severity for finding in found] == [Severity.NOTE] * speaks


def test_a_drop_in_may_name_another_file() -> None:
    """The last command of the unit counts."""
    drop_in = "/etc/systemd/system/walinuxagent.service.d/conf.conf"
    command = "[Service]\nExecStart=\nExecStart=/usr/sbin/waagent -daemon -configuration-path:/opt/waagent.conf\n"
    other = facts_of(host({drop_in: command, "/opt/waagent.conf": "Provisioning.Agent=auto\n"}))
    assert (other.waagent.config_path, other.waagent.config and other.waagent.config.provisioning_agent) == (
        "/opt/waagent.conf",
        "auto",
    )


# --- where it comes from, and what stands before it ---------------------------------------------------------------

OWNED = {"/var/lib/dpkg/info/waagent.list": "/.\n/usr\n/usr/sbin\n/usr/sbin/waagent\n"}
PYTHON_OWNED = {"/var/lib/dpkg/info/python3-minimal.list": "/usr/bin/python3\n"}
OPENSSL_OWNED = {"/var/lib/dpkg/info/openssl.list": "/usr/bin/openssl\n"}
ALL_OWNED = {**OWNED, **PYTHON_OWNED, **OPENSSL_OWNED}


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({}, (), ()),
        (ALL_OWNED, (), ()),
        ({**PYTHON_OWNED, **OPENSSL_OWNED}, (), ("/usr/sbin/waagent",)),
        ({**OWNED, **PYTHON_OWNED}, (), ("/usr/bin/openssl",)),
        ({**ALL_OWNED, **conf("OS.OpensslPath=/opt/ssl/openssl"), "/opt/ssl/openssl": ""}, (), ("/opt/ssl/openssl",)),
        ({**ALL_OWNED, "/var/lib/dpkg/info/openssl.list": "/bin/openssl\n"}, (), ()),
        (PIP, ("/usr/sbin/waagent",), ("/usr/local/sbin/waagent",)),
        (
            {"/usr/sbin/waagent": "#!/usr/local/bin/python3\n", "/usr/local/bin/python3": ""},
            (),
            ("/usr/local/bin/python3",),
        ),
    ],
)
def test_what_no_package_owns(changes: dict[str, Any], removed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """By dpkg's lists where there are some, else by a place that is no package's."""
    assert facts_of(host(changes, *removed)).waagent.unowned == expected


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


MASKED = {"/dev/null": Fifo(), "/etc/systemd/system/walinuxagent.service": Link("/dev/null")}
"""As on a machine that runs, where /dev/null is there and is no regular file."""


def test_a_masked_agent_is_told_and_takes_no_other_check_along() -> None:
    """The link to /dev/null is never opened."""
    report = judged(host(MASKED), RUN, PROBE)
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


@pytest.mark.parametrize(
    ("line", "severities"),
    [
        ("Lib.Dir=/opt/waagent", ["warning"]),
        ("Lib.Dir=/var/lib/waagent/", []),
        ("OS.EnableFIPS=y", ["warning"]),
        ("OS.EnableFIPS=n", []),
        ("AutoUpdate.Enabled=n", []),
        ("OS.SshDir=/opt/ssh", ["warning"]),
        ("OS.PasswordPath=/opt/shadow", ["warning"]),
        ("ResourceDisk.Format=y\nResourceDisk.MountPoint=/home", ["error"]),
        ("ResourceDisk.Format=n\nResourceDisk.MountPoint=/home", []),
        ("ResourceDisk.Format=y\nResourceDisk.MountPoint=/mnt", []),
    ],
)
def test_a_value_that_others_do_not_live_with(line: str, severities: list[str]) -> None:
    """The agent takes it, and extensions or openssl do not."""
    found = findings(judged(host(conf(line)), RUN, PROBE), "agents-config")
    assert [one.severity.value for one in found] == severities


# --- the third provisioner, and settings of one version -----------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "removed", "says"),
    [
        ({CLOUD_INIT_VERSION: '__VERSION__ = "24.2"\n'}, (), "cloud-init 24.2 does not wait"),
        ({CLOUD_INIT_VERSION: '__VERSION__ = "24.3"\n'}, (), None),
        ({CLOUD_INIT_VERSION: ""}, (), None),
        ({CLOUD_INIT_VERSION: '__VERSION__ = "24.2"\n', **conf("Provisioning.Agent=auto")}, NO_CLOUD_INIT, None),
    ],
)
def test_a_cloud_init_that_does_not_wait_for_the_guest_proxy_agent(
    changes: dict[str, Any], removed: tuple[str, ...], says: Optional[str]
) -> None:
    """One before 24.3 asks the platform before it may."""
    found = findings(judged(host({**GUEST_PROXY, **changes}, *removed), RUN, PROBE), "agents-guest-proxy")
    assert [says in one.message for one in found] == ([True] if says else [])


def test_azure_init_alone_provisions_and_installs_no_extension() -> None:
    """It is an agent, and the third one."""
    machine = host(AZURE_INIT, *NO_WAAGENT, *NO_CLOUD_INIT)
    assert facts_of(machine).needs_metadata
    (found,) = findings(judged(machine, RUN, PROBE), "agents-config")
    assert found.message.startswith("waagent is not installed, and azure-init installs none: extensions")
    assert statuses(judged(machine, RUN, PROBE))["agents-provisioner"] == "pass"


@pytest.mark.parametrize(
    ("line", "says"),
    [("Provisioning.Agent=disabled", None), ("Provisioning.Agent=cloud-init", "waits 30 min for cloud-init")],
)
def test_what_waagent_is_told_beside_azure_init(line: str, says: Optional[str]) -> None:
    """disabled is the documented word; with another one it waits for nobody."""
    machine = host({**AZURE_INIT, **conf(line)}, *NO_CLOUD_INIT)
    assert facts_of(machine).provisioner is Provisioner.AZURE_INIT
    found = findings(judged(machine, RUN, PROBE), "agents-config")
    assert [says in one.message for one in found] == ([True] if says else [])


def test_an_azure_init_that_is_switched_off_is_why_nothing_provisions() -> None:
    """And enabling it is what helps."""
    machine = host(
        {path: node for path, node in AZURE_INIT.items() if "wants" not in path}, *NO_WAAGENT, *NO_CLOUD_INIT
    )
    (found,) = findings(judged(machine, RUN, PROBE), "agents-provisioner")
    assert "azure-init.service is disabled" in found.message
    assert found.commands == ("systemctl enable azure-init.service",)


@pytest.mark.parametrize("word", ["disabled", "none"])
def test_disabled_is_a_word_that_waagent_knows(word: str) -> None:
    """Its consequence is the same beside cloud-init."""
    (found,) = findings(judged(host(conf(f"Provisioning.Agent={word}")), RUN, PROBE), "agents-config")
    assert ("is no word" in found.message, "before cloud-init is done" in found.message) == (word == "none", True)


@pytest.mark.parametrize(
    ("number", "severity", "says"),
    [("2.15.0.1", Severity.ERROR, "reports that the VM failed"), ("2.16.0.2", Severity.WARNING, "extensions with it")],
)
def test_a_host_key_that_never_comes(number: str, severity: Severity, says: str) -> None:
    """2.16 no longer fails the VM."""
    changes = {**version(number), "/etc/cloud/cloud.cfg.d/a.cfg": "ssh_genkeytypes: [ed25519]\n"}
    (found,) = findings(judged(host(changes), RUN, PROBE), "agents-config")
    assert (found.severity, says in found.message) == (severity, True), found.message


SKIPS = "datasource:\n  Azure: {experimental_skip_ready_report: true}\n"


@pytest.mark.parametrize(
    ("number", "text", "confidence"),
    [
        ("26.2", SKIPS, ["certain"]),
        ("26.1", SKIPS, []),
        ("", SKIPS, ["likely"]),
        ("26.2", SKIPS.replace("true", "false"), []),
        ("26.2", "experimental_skip_ready_report: true\n", []),
    ],
)
def test_a_cloud_init_that_never_reports_ready(number: str, text: str, confidence: list[str]) -> None:
    """By a setting that only the newest knows."""
    changes = {CLOUD_INIT_VERSION: f'__VERSION__ = "{number}"\n', "/etc/cloud/cloud.cfg.d/a.cfg": text}
    found = findings(judged(host(changes), RUN, PROBE), "agents-config")
    assert [one.confidence.value for one in found] == confidence


# --- stages, passwords, openssl -----------------------------------------------------------------------------------


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
CFG = "/etc/cloud/cloud.cfg.d/99-x.cfg"


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
    assert [says in one.message for one in found] == ([True] if says else [])


def test_a_cloud_init_that_does_not_provision_may_lack_stages() -> None:
    """waagent does without."""
    machine = host({**stages(cloud_final="masked"), **conf("Provisioning.Agent=waagent")}, *NO_CLOUD_INIT)
    assert statuses(judged(machine, RUN, PROBE))["agents-stages"] == "notapplicable"


CLOUD_INIT_MESON = "/usr/lib/python3/dist-packages/cloudinit/meson_versions.py"
WITHOUT = "/usr/lib/python3.11/crypt.py"


def cloud_init(number: str) -> dict[str, Any]:
    """cloud-init of this version on a Python without crypt."""
    return {**PYTHON_3_13, CLOUD_INIT_VERSION: f'__VERSION__ = "{number}"\n'}


@pytest.mark.parametrize(
    ("changes", "module", "status"),
    [
        (cloud_init("25.1.4"), "passlib/__init__.py", "pass"),
        (cloud_init("25.1.4"), "crypt.py", "pass"),
        (cloud_init("25.1.4"), "legacycrypt/__init__.py", "fail"),
        (cloud_init("25.1.4"), "crypt_r.py", "fail"),
        (cloud_init("23.2"), "passlib/__init__.py", "fail"),
        (cloud_init("x"), "passlib/__init__.py", "pass"),
        ({**PYTHON_3_13, CLOUD_INIT_VERSION: "", CLOUD_INIT_MESON: 'UPSTREAM_VERSION = "26.2"\n'}, "crypt.py", "pass"),
        ({}, "", "pass"),
    ],
)
def test_what_cloud_init_hashes_a_password_with(changes: dict[str, Any], module: str, status: str) -> None:
    """One of those that its version tries; an older Python has its own."""
    there = {f"/usr/lib/python3/dist-packages/{module}": ""} if module else {}
    removed = (WITHOUT,) if changes else ()
    assert statuses(judged(host({**changes, **there}, *removed), RUN, PROBE))["agents-password"] == status


@pytest.mark.parametrize(
    ("number", "module", "status"),
    [
        ("2.12.0.2", "legacycrypt/__init__.py", "pass"),
        ("2.12.0.2", "crypt.py", "fail"),
        ("2.15.0.1", "crypt.py", "pass"),
        ("2.15.0.1", "passlib/__init__.py", "fail"),
        ("2.16.0.2", "passlib/__init__.py", "pass"),
        ("2.16.0.2", "json.py", "fail"),
    ],
)
def test_what_waagent_hashes_a_password_with(number: str, module: str, status: str) -> None:
    """Its versions differ."""
    changes = {**PYTHON_3_13, **version(number), **conf("Provisioning.Agent=waagent")}
    machine = host({**changes, f"/usr/lib/python3/dist-packages/{module}": ""}, WITHOUT, *NO_CLOUD_INIT)
    assert statuses(judged(machine, RUN, PROBE))["agents-password"] == status


def test_a_cloud_init_that_imports_crypt_finds_no_datasource() -> None:
    """Before 23.3 it is not a matter of passwords."""
    (found,) = findings(judged(host(cloud_init("22.4.2"), WITHOUT), RUN, PROBE), "agents-password")
    assert (found.severity, "no VM is provisioned" in found.message) == (Severity.ERROR, True)


# --- the policy file ----------------------------------------------------------------------------------------------

ALLOW = {
    "policyVersion": "0.1.0",
    "extensionPolicies": {
        "allowListedExtensionsOnly": True,
        "extensions": {"Microsoft.Azure.Extensions.CustomScript": {}},
    },
}
SIGNED = {"policyVersion": "0.1.0", "extensionPolicies": {"signatureRequired": True}}
NEW = version("2.16.0.2")
OLD_ALONE = {**version("2.15.0.1"), **conf("AutoUpdate.Enabled=n")}
HANDLER = {**OLD_ALONE, **conf("AutoUpdate.UpdateToLatestVersion=n"), "/var/lib/waagent/WALinuxAgent-2.16.0.2": None}


def policy_of(changes: dict[str, Any], text: str, *extensions: str) -> tuple[str, list[str], str]:
    """Status, severities and first message."""
    run = replace(RUN, extensions=extensions)
    result = by_check(judged(host({**changes, POLICY: text}), run, PROBE))["agents-policy"]
    first = result.findings[0].message if result.findings else result.reason or ""
    return result.status.value, [one.severity.value for one in result.findings], first


@pytest.mark.parametrize(
    ("changes", "text", "extensions", "status", "severities", "says"),
    [
        (NEW, json.dumps(ALLOW), ("CustomScript",), "pass", [], ""),
        (NEW, json.dumps(ALLOW), ("VMAccessForLinux",), "fail", ["error"], "does not list Microsoft.OSTCExtensions"),
        (NEW, json.dumps(ALLOW), (), "fail", ["note"], "microsoft.azure.extensions.customscript"),
        (NEW, json.dumps(SIGNED), (), "fail", ["warning"], "demands signatures"),
        (NEW, '{"policyVersion": "0.2.0"}', (), "fail", ["error"], "newer than 0.1.0"),
        (NEW, '{"policyVersion": "0.1.0", "allow": []}', (), "fail", ["error"], "a key beside"),
        (NEW, "not json", (), "fail", ["error"], "refuses every extension"),
        (version("2.15.0.1"), "not json", (), "fail", ["warning"], "from 2.16 on, to which waagent 2.15.0.1 updates"),
        (OLD_ALONE, "not json", (), "notapplicable", [], "does not read"),
        (HANDLER, "not json", (), "fail", ["error"], "refuses every extension"),
        ({**NEW, **conf("Debug.EnableExtensionPolicy=n")}, "not json", (), "notapplicable", [], "does not read"),
        ({**OLD_ALONE, **conf("Debug.EnableExtensionPolicy=y")}, "{}", (), "fail", ["error"], "policyVersion"),
    ],
)
def test_a_policy_file_is_told_by_the_version_that_reads_it(
    changes: dict[str, Any], text: str, extensions: tuple[str, ...], status: str, severities: list[str], says: str
) -> None:
    """The handler's, which may be newer than the package and will be."""
    told = policy_of(changes, text, *extensions)
    assert (told[0], told[1], says in told[2]) == (status, severities, True)


def test_without_a_policy_file_nothing_is_refused() -> None:
    """The usual image."""
    assert statuses(judged(host(NEW), RUN, PROBE))["agents-policy"] == "notapplicable"


CNF = "/usr/lib/ssl/openssl.cnf"
GOOD = "HOME = .\n[req]\ndistinguished_name = dn\n[dn]\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "RANDFILE = $ENV::HOME_OF_CA/.rnd\n" + GOOD,
        GOOD + "[ca]\ndir = ${ENV::NOT_SET}\n",
        GOOD + "[ca]\ndir = $nowhere/x\n",
        GOOD + "[ca]\ndir = a\nsub = $dir/b\nhome = $ENV::HOME\n",
        "[req\ndistinguished_name = dn\n[dn]\n",
        GOOD + "no equal sign\n",
        "[req]\n",
        "[req]\ndistinguished_name = gone\n",
        "",
        "# only a comment\n",
        GOOD + ".include /nowhere/that/is.cnf\n",
        GOOD + "a = b \\\n c\n# $ENV::X\n",
        GOOD + "price = \\$5\n",
    ],
)
def test_openssl_itself_agrees(text: str, tmp_path: Path) -> None:
    """`openssl req` is run as waagent runs it, in the environment of a service, with the same file."""
    path = tmp_path / "openssl.cnf"
    path.write_text(text)
    command = [
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=LinuxTransport",
        "-days",
        "730",
        "-newkey",
        "rsa:2048",
        "-keyout",
        "k.pem",
        "-out",
        "c.pem",
    ]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OPENSSL_CONF": str(path)}
    subprocess.run(["openssl", *command], cwd=tmp_path, env=environment, timeout=60, capture_output=True, check=False)
    works = (tmp_path / "c.pem").exists()
    found = openssl_conf.problem(FakeHost(files={CNF: text}), CNF)
    assert works == (found is None), found


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "its configuration /usr/lib/ssl/openssl.cnf is not there"),
        ({CNF: GOOD}, None),
        (
            {CNF: "RANDFILE = $ENV::HOME_OF_CA/.rnd\n" + GOOD},
            "line 1 of /usr/lib/ssl/openssl.cnf: variable ENV::HOME_OF_CA",
        ),
        (
            {CNF: GOOD, "/etc/systemd/system/walinuxagent.service.d/a.conf": "Environment=OPENSSL_CONF=/opt/o.cnf\n"},
            "/opt/o",
        ),
    ],
)
def test_openssl_as_waagent_calls_it(changes: dict[str, Any], says: Optional[str]) -> None:
    """By the directory that it was built with, or by what the unit names."""
    found = findings(judged(host({OPENSSL: BUILT, **changes}), RUN, PROBE), "agents-openssl")
    assert [says in one.message for one in found] == ([True] if says else [])


FIXED: dict[str, tuple[str, dict[str, Any]]] = {
    "nobody": ("agents-stages", {CFG: "users: []\n"}),
    "no configuration": ("agents-openssl", {OPENSSL: BUILT, "/usr/lib/ssl/certs": None}),
    "a variable": ("agents-openssl", {OPENSSL: BUILT, CNF: "A = $ENV::B\n" + GOOD}),
    "no request": ("agents-openssl", {OPENSSL: BUILT, CNF: "[req]\ndistinguished_name = gone\n"}),
    "a directory": ("agents-config", conf("Lib.Dir=/opt/waagent")),
    "FIPS": ("agents-config", conf("OS.EnableFIPS=y")),
}


@pytest.mark.parametrize("state", FIXED)
def test_a_fix_that_is_printed_fixes(state: str, tmp_path: Path) -> None:
    """Its commands are run on a real tree in that state, and the check passes there."""
    check, changes = FIXED[state]
    mending.write(tmp_path, host(changes).files)
    found = findings(mending.report(tmp_path, RUN, PROBE), check)
    assert found
    for finding in found:
        mending.run(tmp_path, finding, values=("/var/lib/waagent",))
    assert not findings(mending.report(tmp_path, RUN, PROBE), check)
