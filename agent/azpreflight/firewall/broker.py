"""The rehearsal as a service: a process that may make no namespaces has another one make them, for a moment.

What waits through a first boot holds no right that a rehearsal needs (CAP_SYS_ADMIN, mount, unshare). It asks a socket
of systemd's, and systemd starts azpreflight-rehearsal@.service for that one request. A request is data: the flows, the
interfaces and the text of rules. Which programs load the text, and with which arguments, is decided here by a closed
table, so that whoever can write to the socket can have nothing else run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from azpreflight.host import Host, HostError

SOCKET = "/run/azpreflight-rehearsal.socket"
"""systemd/azpreflight-rehearsal.socket; root alone may connect."""
REQUEST_LIMIT = 64 << 20
"""Bytes of a request or an answer: 50,000 rules are about 8 MiB."""
LONGEST = 10.0
"""Seconds that a request may ask for."""
START_S = 10.0
"""Seconds for systemd and Python to start on a machine that starts everything else too."""
LOADERS: Mapping[str, tuple[str, ...]] = {
    "ipset": ("restore",),
    "nft": ("-f", "-"),
    **{f"{prefix}{kind}-restore": () for prefix in ("iptables", "ip6tables") for kind in ("", "-legacy", "-nft")},
}
"""Programs that load rules from standard input, with the arguments that make them do so."""
FIELDS = ("interfaces", "stand_ins", "ingress_devices", "destinations", "flows", "settings")
"""What the worker is told besides the rules; see `Scene.as_json`."""
STATUS = "/proc/self/status"
CAP_SYS_ADMIN = 21

Json = dict[str, Any]


def is_confined(host: Host) -> bool:
    """This is root's process, but without the right to make a namespace (capabilities(7))."""
    status = (host.text(STATUS) or "").splitlines() if host.privileged else []
    effective = next((line.split()[1] for line in status if line.startswith("CapEff:")), None)
    return effective is not None and not int(effective, 16) >> CAP_SYS_ADMIN & 1


def command(host: Host, tool: str) -> list[str]:
    """How a loader is run. HostError where there is no such program, or where it is none."""
    if tool not in LOADERS:
        raise HostError(f"{tool[:40]!r} is no program that loads rules")
    path = host.which(tool)
    if path is None:
        raise HostError(f"no program {tool}")
    return [path, *LOADERS[tool]]


def loads(host: Host, steps: Sequence[Mapping[str, str]]) -> list[Json]:
    """Steps that name a tool and its input, with the commands that the worker runs."""
    return [{"name": step["name"], "command": command(host, step["name"]), "input": step["input"]} for step in steps]


def ask(host: Host, job: Mapping[str, Any], limit: float) -> Json:
    """Have the service do it. HostError says why there is no rehearsal."""
    request = json.dumps({**job, "limit_s": limit}).encode("utf-8", "replace")
    try:
        said = host.exchange(SOCKET, request, limit + 1 + START_S, REQUEST_LIMIT)
    except HostError as error:
        raise HostError(f"this process may make no namespace (CAP_SYS_ADMIN), and {error}") from None
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        raise HostError("the answer of azpreflight-rehearsal.socket cannot be read") from None
    if not isinstance(answer, dict) or "invalid" in answer:
        raise HostError(str(answer["invalid"]) if isinstance(answer, dict) else "the rehearsal has no answer")
    return answer


def job_of(host: Host, request: bytes) -> tuple[Json, float]:
    """The worker's job and its limit in seconds. HostError where a request is not what it has to be."""
    try:
        asked = json.loads(request)
        steps = [{"name": str(step["name"]), "input": str(step["input"])} for step in asked["loads"]]
        job = {field: asked[field] for field in FIELDS}
        limit = float(asked["limit_s"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HostError(f"not a request for a rehearsal: {type(error).__name__}") from None
    if not 0 < limit <= LONGEST:
        raise HostError(f"a rehearsal of {limit} s; it takes {LONGEST:.0f} s at most")
    return {**job, "loads": loads(host, steps)}, limit
