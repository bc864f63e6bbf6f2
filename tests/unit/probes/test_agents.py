"""Which agent provisions, and what in its configuration stops it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azpreflight.model import Platform, Profile, Run, Severity
from azpreflight.probes.agents import PROBE
from azpreflight.probes.agents.facts import Provisioner
from tests.support import fixing as mending
from tests.support.fakes import Denied, FakeHost, Fifo
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.agents import (
    BROKEN,
    BUILT,
    CFG,
    CNF,
    DEBIAN,
    FIRSTBOOT,
    GOOD,
    HEALTHY,
    LOCAL_WANTED,
    MASKED,
    NO_CLOUD_INIT,
    OPENSSL,
    RUN,
    booted,
    conf,
    facts_of,
    host,
)


def test_a_healthy_image_passes() -> None:
    """Debian's waagent with cloud-init as its provisioner."""
    assert set(statuses(judged(*HEALTHY, PROBE)).values()) == {"pass", "notapplicable"}
    first = statuses(judged(booted(), FIRSTBOOT, PROBE))
    assert {first[check] for check in ("agents-units", "agents-cloud-init")} == {"pass"}


@pytest.mark.parametrize("check", sorted(BROKEN))
def test_each_check_speaks(check: str) -> None:
    """Every check fails on its own broken image."""
    assert statuses(judged(*BROKEN[check], PROBE))[check] == "fail"


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
