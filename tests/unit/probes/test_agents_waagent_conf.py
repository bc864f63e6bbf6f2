"""Lines of waagent.conf that the agent or another program reads otherwise than they look."""

from __future__ import annotations

import pytest

from azpreflight.model import Severity
from azpreflight.probes.agents import PROBE
from tests.support.judging import findings, judged
from tests.support.machines.agents import NO_CLOUD_INIT, RUN, conf, host


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


@pytest.mark.parametrize("word", ["disabled", "none"])
def test_disabled_is_a_word_that_waagent_knows(word: str) -> None:
    """Its consequence is the same beside cloud-init."""
    (found,) = findings(judged(host(conf(f"Provisioning.Agent={word}")), RUN, PROBE), "agents-config")
    assert ("is no word" in found.message, "before cloud-init is done" in found.message) == (word == "none", True)
