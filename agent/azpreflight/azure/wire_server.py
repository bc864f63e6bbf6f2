"""Asking the wire server and the HostGAPlugin, read-only, for what they want of this VM.

Both answer at 168.63.129.16: port 80 has the goal state, port 32526 the HostGAPlugin, which fetches packages and
passes status on for the VM. Reading has no side effect (cloud-init and the agent do it side by side). What would have
one is never done: nothing is posted, and the certificates, for which the agent makes a key pair, are not asked for.
The agent's own firewall lets nobody but root connect here, so this is only asked as root.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable, Optional
from urllib.parse import urlsplit

from azpreflight.azure import goal_state
from azpreflight.azure.addresses import HOST_PLUGIN_PORT, WIRE_SERVER
from azpreflight.azure.answer import PADDED, Answer, answer_of
from azpreflight.azure.goal_state import GoalState, Unreadable, Wanted
from azpreflight.dataclass import dataclass
from azpreflight.host import Host, HttpAnswer

PROTOCOL = "2012-11-30"
"""The version of the wire server's protocol that every agent speaks (WALinuxAgent common/protocol/wire.py)."""
PLUGIN_PROTOCOL = "2015-09-01"
"""Likewise of the HostGAPlugin (common/protocol/hostplugin.py)."""
VERSIONS_URL = f"http://{WIRE_SERVER}/?comp=versions"
GOAL_STATE_URL = f"http://{WIRE_SERVER}/machine/?comp=goalstate"
PLUGIN_URL = f"http://{WIRE_SERVER}:{HOST_PLUGIN_PORT}/versions"
SETTINGS_URL = f"http://{WIRE_SERVER}:{HOST_PLUGIN_PORT}/vmSettings"
HEADERS = {"x-ms-version": PROTOCOL, "x-ms-agent-name": "WALinuxAgent"}
TIMEOUT = 1.2
"""Seconds for one request. The host answers in milliseconds; a lost first packet is sent again after 1.0 s. Two
requests can follow on each other, so that silence everywhere costs 2.4 s."""


@dataclass(frozen=True)
class Offer:
    """Whether a server answers, and which versions of its interface it offers."""

    answer: Answer
    versions: tuple[str, ...]
    """Empty where the answer is no list of versions."""


@dataclass(frozen=True)
class Goal:
    """What the platform wants of this VM, as far as it could be read."""

    answer: Answer
    state: Optional[GoalState] = None
    """None if it could not be had; then the answer, or the fault, says why."""
    fault: Optional[str] = None
    """Why the document that came could not be read."""
    extensions: Optional[Answer] = None
    """How the wire server answered for the extensions; None if it was not asked."""
    settings: Optional[Answer] = None
    """How the HostGAPlugin answered for the same; 404 is normal where it has no vmSettings."""
    wanted: Optional[Wanted] = None
    """The extensions that the agent will go by; None if neither way could be read."""
    wanted_fault: Optional[str] = None
    """Why a document that came could not be read."""


def plugin_headers(state: GoalState) -> dict[str, str]:
    """What the HostGAPlugin wants with every request (common/protocol/hostplugin.py)."""
    return {
        "x-ms-version": PLUGIN_PROTOCOL,
        "x-ms-containerid": state.container_id,
        "x-ms-host-config-name": state.config_name,
    }


def ask_versions(host: Host) -> Offer:
    """Port 80, the first thing that an agent asks."""
    return _offer(host, VERSIONS_URL, goal_state.parse_versions)


def ask_padded(host: Host) -> Answer:
    """The same in a request that takes more than one packet, which must get to the server as small ones do."""
    return _get(host, VERSIONS_URL, PADDED)[1]


def ask_plugin(host: Host) -> Offer:
    """Port 32526."""
    return _offer(host, PLUGIN_URL, goal_state.parse_plugin_versions)


def _offer(host: Host, url: str, parse: Callable[[bytes], tuple[str, ...]]) -> Offer:
    got, answer = _get(host, url, {})
    try:
        return Offer(answer, parse(got.body) if answer.delivered else ())
    except Unreadable:
        return Offer(answer, ())


def ask_goal(host: Host) -> Goal:
    """The goal state, then the extensions by both ways at once."""
    got, answer = _get(host, GOAL_STATE_URL, HEADERS)
    if not answer.delivered:
        return Goal(answer)
    try:
        state, address = goal_state.parse_goal_state(got.body)
    except Unreadable as error:
        return Goal(answer, fault=str(error))
    fabric, settings = host.together(
        [
            lambda: _ask_wanted(host, _own(address), HEADERS, goal_state.parse_extensions_config),
            lambda: _ask_wanted(host, SETTINGS_URL, plugin_headers(state), goal_state.parse_vm_settings),
        ]
    )
    return Goal(
        answer,
        state,
        extensions=fabric.answer,
        settings=settings.answer,
        wanted=goal_state.newer(fabric.wanted, settings.wanted),
        wanted_fault=fabric.fault or settings.fault,
    )


@dataclass(frozen=True)
class _Way:
    """One of the two ways by which the extensions are learnt."""

    answer: Optional[Answer] = None
    wanted: Optional[Wanted] = None
    fault: Optional[str] = None


def _ask_wanted(host: Host, url: Optional[str], headers: Mapping[str, str], parse: Callable[[bytes], Wanted]) -> _Way:
    if url is None:
        return _Way(fault="the goal state names no extensions document at the wire server")
    got, answer = _get(host, url, headers)
    if not answer.delivered:
        return _Way(answer)
    try:
        return _Way(answer, parse(got.body))
    except Unreadable as error:
        return _Way(answer, fault=str(error))


def _own(address: Optional[str]) -> Optional[str]:
    """The address if it is the wire server's: a document from the network shall not send root anywhere else."""
    try:
        return address if address and urlsplit(address).hostname == WIRE_SERVER else None
    except ValueError:
        return None


def _get(host: Host, url: str, headers: Mapping[str, str]) -> tuple[HttpAnswer, Answer]:
    got = host.get(url, TIMEOUT, headers=headers)
    return got, answer_of(url, got)
