"""What a check of the site's own may say: one object, what is expected of it, and how that is reported."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from azpreflight.azure.goal_state import bare
from azpreflight.config.kinds import Kind, converted, flag, list_of, mapping, number, text, word
from azpreflight.foreign import whole
from azpreflight.model import Severity, SiteCheck, SiteKind, Stage
from azpreflight.model.site import PREFIX

MOST_CHECKS = 200
MOST_OF_NETWORK = 50
"""Checks that ask the network, all of them at once: a thread each."""
MOST_ITEMS = 50
"""Texts, versions or networks of one check."""
TIMEOUTS = (0.1, 4.0)
"""Seconds for each answer: a lookup and a connection after it fit a run of ten."""
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")

_ADDRESS = converted(
    text(45, "an IP address", re.compile("[0-9A-Fa-f.:]+")), lambda value: str(ipaddress.ip_address(value))
)
_NETWORK = converted(
    text(50, "a network, such as 10.1.0.0/16", re.compile("[0-9A-Fa-f.:/]+")),
    lambda value: str(ipaddress.ip_network(value)),
)
_MODE = converted(
    text(5, "a mode in octal, such as 0640", re.compile("0?[0-7]{3,4}"), scalar=True),
    lambda value: f"{int(value, 8):o}",
)
_USER = text(32, "the name or number of a user or group", re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*[$]?"), scalar=True)
_PRESENT = flag()
_SECONDS = number(*TIMEOUTS, "seconds")


def _path(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError(path)
    return path


def _unit(name: str) -> str:
    return name if "." in name else f"{name}.service"


def _endpoint(place: str) -> str:
    host, _, port = place.rpartition(":")
    number = whole(port)
    if number is None or not 0 < number < 65536:
        raise ValueError(place)
    if host.startswith("[") and host.endswith("]"):
        ipaddress.IPv6Address(host[1:-1])
    elif _HOST.fullmatch(host) is None:
        raise ValueError(place)
    return place


def _url(url: str) -> str:
    """Without user and query, which may be secrets."""
    stripped = bare(url)
    parts = urlsplit(stripped)
    if not parts.hostname or parts.port == 0:
        raise ValueError(url)
    return stripped


URL = converted(text(2000, "a http:// or https:// URL", re.compile("https?://[!-~]+")), _url)
SUBJECTS: Mapping[SiteKind, Kind] = {
    SiteKind.FILE: converted(text(1024, "an absolute path without ..", re.compile("/.*")), _path),
    SiteKind.UNIT: converted(
        text(255, "the name of a unit, such as corp.service", re.compile(r"[A-Za-z0-9:_.\\@-]+")), _unit
    ),
    SiteKind.PACKAGE: text(100, "the name of a package", re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")),
    SiteKind.KERNEL_PARAMETER: text(64, "the name of a kernel parameter", re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")),
    SiteKind.SYSCTL: converted(
        text(128, "the name of a sysctl, such as net.ipv4.ip_forward", re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")),
        _path,
    ),
    SiteKind.NAME: text(253, "a name of DNS", _HOST),
    SiteKind.TCP: converted(text(260, "HOST:PORT", re.compile("[!-~]+")), _endpoint),
    SiteKind.URL: URL,
}
"""What is inspected, by the key that names it."""

_TEXTS = list_of(text(500, "texts of one line"), "a list of texts of one line", MOST_ITEMS)
EXPECTED: Mapping[SiteKind, Mapping[str, Kind]] = {
    SiteKind.FILE: {
        "present": _PRESENT,
        "contains": _TEXTS,
        "lacks": _TEXTS,
        "mode": _MODE,
        "owner": _USER,
        "group": _USER,
    },
    SiteKind.UNIT: {"state": word(("enabled", "disabled", "masked", "absent"))},
    SiteKind.PACKAGE: {
        "present": _PRESENT,
        "versions": list_of(
            text(100, "a version", scalar=True), "a list of versions, or of their beginnings with *", 50
        ),
    },
    SiteKind.KERNEL_PARAMETER: {"present": _PRESENT, "value": text(200, scalar=True)},
    SiteKind.SYSCTL: {"value": text(200, scalar=True)},
    SiteKind.NAME: {
        "resolves": _PRESENT,
        "server": _ADDRESS,
        "within": list_of(_NETWORK, "a list of networks, such as [10.1.0.0/16]", MOST_ITEMS),
        "timeout": _SECONDS,
    },
    SiteKind.TCP: {"reachable": _PRESENT, "timeout": _SECONDS},
    SiteKind.URL: {
        "reachable": _PRESENT,
        "status": converted(number(100, 599, "a status"), int),
        "timeout": _SECONDS,
    },
}
"""What may be expected of it."""
REQUIRED: Mapping[SiteKind, str] = {SiteKind.UNIT: "state", SiteKind.SYSCTL: "value"}
"""Without which nothing would be asked."""
POSITIVE = ("present", "resolves", "reachable")
"""Words for the same: it is there."""

COMMON: Mapping[str, Kind] = {
    "id": converted(
        text(60, "an id of lower-case letters, digits and -", re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")),
        lambda name: name if name.startswith(PREFIX) else f"{PREFIX}{name}",
    ),
    "severity": converted(word(tuple(severity.value for severity in Severity)), Severity),
    "message": text(300),
    "fix": text(500),
    "stages": list_of(
        converted(word(tuple(stage.value for stage in Stage)), Stage), "a list of build, capture, firstboot", 3
    ),
}


def site_check() -> Kind:
    """One check."""
    subjects = {kind.value: SUBJECTS[kind] for kind in SiteKind}
    expected = {name: kind for of_kind in EXPECTED.values() for name, kind in of_kind.items()}
    allowed = f"a mapping with id, one of {', '.join(subjects)}, and what is expected of it"
    whole = mapping({**COMMON, **subjects, **expected}, ("id",), _made, allowed)
    return Kind(whole.allowed, whole.read, {"type": "object", "oneOf": [_schema(kind) for kind in SiteKind]})


def _schema(kind: SiteKind) -> Mapping[str, Any]:
    required = ("id", kind.value, *([REQUIRED[kind]] if kind in REQUIRED else []))
    return mapping({**COMMON, kind.value: SUBJECTS[kind], **EXPECTED[kind]}, required, dict, "").schema


def _made(values: Mapping[str, Any]) -> SiteCheck:
    """ValueError with a sentence where the keys do not go together."""
    kinds = [kind for kind in SiteKind if kind.value in values]
    if len(kinds) != 1:
        found = " and ".join(kind.value for kind in kinds) or "none"
        raise ValueError(f"expected one of {', '.join(kind.value for kind in SiteKind)}, found {found}")
    kind = kinds[0]
    foreign = [name for name in values if name not in (*COMMON, kind.value, *EXPECTED[kind])]
    if foreign:
        raise ValueError(f"{foreign[0]} does not go with {kind.value}; there are {', '.join(EXPECTED[kind])}")
    if kind in REQUIRED and REQUIRED[kind] not in values:
        raise ValueError(f"{REQUIRED[kind]} is missing")
    fields = {name: value for name, value in values.items() if name != kind.value and name not in POSITIVE}
    present = next((values[name] for name in POSITIVE if name in values), True)
    further = [name for name in EXPECTED[kind] if name in fields and name not in ("timeout", "server")]
    if not present and further:
        raise ValueError(f"{further[0]} is expected of what must not be there")
    return SiteCheck(kind=kind, subject=values[kind.value], present=present, **fields)
