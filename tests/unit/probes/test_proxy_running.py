"""The proxy that the running agent has, and what the service manager was told, beside what files say."""

from __future__ import annotations

from azpreflight.host import Completed
from azpreflight.model import Finding, Run
from azpreflight.probes.proxy import ProxyFacts, gather
from azpreflight.probes.proxy.checks import judge_settings
from azpreflight.probes.proxy.collect import SHOW_ENVIRONMENT
from azpreflight.probes.proxy.facts import agent_proxy
from tests.support.fakes import FakeHost, Node

STORE = "https://a.blob.core.windows.net/x"
DROP_IN = "/etc/systemd/system/walinuxagent.service.d/proxy.conf"
UNIT: dict[str, Node] = {DROP_IN: "[Service]\nEnvironment=https_proxy=http://10.0.0.6:3128\n"}


def agent(environment: str, program: str = "/usr/sbin/waagent", uid: int = 0) -> dict[str, Node]:
    return {
        "/proc/812/status": f"Name:\twaagent\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t0\t0\t0\t0\n",
        "/run/waagent.pid": "812\n",
        "/proc/812/cmdline": f"/usr/bin/python3\0-u\0{program}\0-daemon\0",
        "/proc/812/environ": f"LANG=C\0{environment}\0TOKEN=secret\0",
    }


def facts_of(files: dict[str, Node], manager: str = "") -> ProxyFacts:
    told: dict[tuple[str, ...], Completed] = {SHOW_ENVIRONMENT: Completed(0, manager, "")} if manager else {}
    return gather(FakeHost(files=files, programs=told), Run())


def test_the_environment_of_the_running_agent_counts() -> None:
    facts = facts_of({**UNIT, **agent("https_proxy=http://u:p@10.0.0.9:8080")})
    assert agent_proxy(facts, STORE) == "10.0.0.9:8080"
    assert facts.environment is not None
    assert facts.environment.place == "the environment of the running agent (process 812)"
    assert list(judge_settings(facts, Run())) == []


def test_an_agent_that_was_started_before_its_file_was_written_is_told() -> None:
    facts = facts_of({**UNIT, **agent("PATH=/usr/bin")})
    assert agent_proxy(facts, STORE) is None
    (found,) = judge_settings(facts, Run())
    assert isinstance(found, Finding) and DROP_IN in found.message


def test_a_process_of_another_user_counts_for_nothing() -> None:
    """It may call itself what it wants."""
    facts = facts_of({**UNIT, **agent("https_proxy=http://10.0.0.9:8080", uid=1000)})
    assert agent_proxy(facts, STORE) == "10.0.0.6:3128"


def test_another_process_with_that_number_counts_for_nothing() -> None:
    facts = facts_of({**UNIT, **agent("https_proxy=http://10.0.0.9:8080", program="/usr/sbin/cron")})
    assert agent_proxy(facts, STORE) == "10.0.0.6:3128"


def test_what_the_service_manager_was_told_counts_until_the_unit_says_otherwise() -> None:
    told = "LANG=C\nhttps_proxy=http://10.0.0.7:3128\n"
    facts = facts_of({}, manager=told)
    assert (agent_proxy(facts, STORE), facts.agent_place) == ("10.0.0.7:3128", "systemctl set-environment")
    assert agent_proxy(facts_of(UNIT, manager=told), STORE) == "10.0.0.6:3128"
