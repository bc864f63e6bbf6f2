"""What a version of an agent can do, and what it does otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest

from azpreflight.azure.answer import Answer
from azpreflight.host import Outcome, Phase
from azpreflight.model import Finding, Run, Severity, Stage
from azpreflight.probes.agents import PROBE
from azpreflight.probes.agents.versions import judge_version
from azpreflight.probes.egress.facts import EgressFacts, Package
from tests.support.fakes import FakeHost, Link
from tests.support.judging import findings, judged
from tests.support.machines.agents import (
    AGENT,
    CLOUD_INIT_VERSION,
    FIRSTBOOT,
    GUEST_PROXY,
    NO_CLOUD_INIT,
    RUN,
    conf,
    host,
    version,
)


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
    assert [says is not None and says in message for message in found] == ([True] if says else [])


def test_what_lacks_is_named_with_the_version_that_has_it() -> None:
    """2.13 has rules by nft, and no policy."""
    (message,) = features(host(version("2.13.1.1")), RUN)
    assert ("nft" in message, "policy" in message, "(from 2.16 on)" in message) == (False, True, True)


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
    assert [says is not None and says in one.message for one in found] == ([True] if says else [])


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
