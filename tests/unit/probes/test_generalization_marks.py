"""Marks of the machine that an image was built on: its age, its groups, its logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest import yaml_file
from azpreflight.host import FileInfo, FileKind
from azpreflight.paths import ARMED
from tests.support.fakes import Link
from tests.support.judging import findings, judged
from tests.support.machines.generalization import FIRST_BOOT, PROBES, RUN, host, verdict


def test_a_kernel_option_of_the_next_boot_disables_cloud_init() -> None:
    """It is in the image, although this boot did not have it."""
    grub = {"/boot/grub/grub.cfg": "linux /vmlinuz ro cloud-init=disabled\n"}
    (finding,) = findings(judged(host(grub), RUN, *PROBES), "agents-provisioner")
    assert "cloud-init=disabled on the kernel command line" in finding.message


DAY = 86_400.0


def at(modified: float, kind: FileKind = FileKind.FILE, target: Optional[str] = None) -> FileInfo:
    """A file of that time."""
    return FileInfo(kind, 400, 0o600, 0, 0, modified, target)


@pytest.mark.parametrize(("age", "status"), [(3 * DAY, "fail"), (60.0, "pass"), (-60.0, "pass")])
def test_host_keys_older_than_the_first_boot_came_with_the_image(age: float, status: str) -> None:
    """Keys are made minutes around the marks of provisioning, or they were there before."""
    booted = 1_700_000_000.0
    machine = host(
        {
            "/var/lib/cloud/instance": at(booted, FileKind.LINK, "instances/x"),
            "/etc/ssh/ssh_host_rsa_key": at(booted - age),
            "/etc/ssh/ssh_host_ed25519_key": at(booted - age - DAY),
        }
    )
    assert verdict(machine, FIRST_BOOT, "gen-ssh-host-keys")[0] == status


def test_without_a_mark_of_provisioning_ages_say_nothing() -> None:
    """Nothing tells when the VM was made."""
    machine = host({"/etc/ssh/ssh_host_rsa_key": at(1.0)})
    assert verdict(machine, FIRST_BOOT, "gen-ssh-host-keys") == ("notapplicable", ())


@pytest.mark.parametrize(
    ("files", "severities"),
    [
        ({"/etc/chrony/chrony.keys": "# keys\n"}, ()),
        ({"/etc/chrony/chrony.keys": "1 SHA1 HEX:00\n"}, ("warning",)),
        ({"/etc/iscsi/initiatorname.iscsi": "GenerateName=yes\n"}, ()),
        ({"/etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.1993-08.org.debian:01:a\n"}, ("warning",)),
        ({"/etc/pki/consumer/key.pem": "x", "/var/lib/sss/db/cache_example.ldb": "x"}, ("error", "warning")),
        ({"/etc/opt/microsoft/omsagent/w1/certs/oms.key": "x"}, ("error",)),
    ],
)
def test_memberships(files: dict[str, Any], severities: tuple[str, ...]) -> None:
    """A credential is an error, an identity a warning, a file with comments alone is nothing."""
    assert verdict(host(files), RUN, "gen-enrolment")[1] == severities


def test_litter_is_told_kind_by_kind() -> None:
    """Pools, dangling units, crontabs of nobody, settings of sshd, memories: notes; what is in use is not told."""
    files = {
        "/var/lib/hyperv/.kvp_pool_1": b"PROVISIONING_REPORT",
        "/etc/systemd/system/network.target.wants/waagent-network-setup.service": Link(
            "/lib/systemd/system/gone.service"
        ),
        "/var/spool/cron/crontabs/gone": "* * * * * x\n",
        "/var/spool/cron/crontabs/root": "* * * * * x\n",
        "/etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
        "/var/lib/NetworkManager/timestamps": "[timestamps]\n",
    }
    report = judged(host(files), RUN, *PROBES)
    assert len(findings(report, "gen-litter")) == 5
    assert not any("crontabs/root" in finding.message for finding in findings(report, "gen-litter"))


@given(st.text(max_size=200))
def test_yaml_ends_in_a_mapping_or_a_reason(text: str) -> None:
    """No text makes it raise anything else."""
    try:
        assert isinstance(yaml_file.mapping(text), dict)
    except (yaml_file.NotYaml, yaml_file.Refused) as error:
        assert str(error).isprintable()


def test_a_lastlog_of_zeros_says_nothing() -> None:
    """useradd makes a place in it for every user."""
    assert verdict(host({"/var/log/lastlog": b"\0" * 292}), RUN, "gen-system-logs") == ("pass", ())
    assert verdict(host({"/var/log/lastlog": b"\0" * 292 + b"\x01pts/0"}), RUN, "gen-system-logs")[0] == "fail"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ((0, 1), "the image is still armed for its capture: "),
        ((0,), "the image is still armed for its capture: "),
        ((1,), "not armed, but left by arm: "),
    ],
)
def test_an_image_is_armed_by_the_link(left: tuple[int, ...], said: str) -> None:
    """Settings without it are what an `arm` that was killed has left."""
    image = host({ARMED[number]: "x" for number in left}, root="/mnt/image")
    (finding,) = findings(judged(image, replace(RUN, root="/mnt/image"), *PROBES), "gen-azpreflight")
    assert finding.message.startswith(said)
