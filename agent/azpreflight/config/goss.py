"""A goss file as checks of the site's own: what can be taken is, and the rest is named. Pure.

goss-org/goss, docs/gossfile.md, has the words. What it does with a command, a regular expression or a running process
has no counterpart here: nothing that a configuration names is run, and nothing can take quadratic time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Callable, Optional

from azpreflight.config.errors import ConfigError
from azpreflight.config.site_keys import TIMEOUTS
from azpreflight.config.sources import parse
from azpreflight.dataclass import dataclass
from azpreflight.guest import yaml_file
from azpreflight.text import plain

_Values = dict[str, Any]
_ID_MOST = 50


@dataclass(frozen=True)
class Converted:
    """What became of a goss file."""

    text: str
    """The YAML of the checks, for the configuration."""
    left_out: tuple[str, ...]
    """What has no counterpart, a sentence each."""


@dataclass
class _Entry:
    """One resource of goss on its way."""

    kind: str
    name: str
    given: _Values
    """Its attributes; what is taken is removed."""
    taken: _Values = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def take(self, attribute: str, key: str, kinds: tuple[type, ...] = (bool,)) -> None:
        """An attribute as it is, if it is a plain value; a matcher stays."""
        if isinstance(self.given.get(attribute), kinds):
            self.taken[key] = self.given.pop(attribute)

    def leave(self, what: str) -> None:
        """Name what is not taken."""
        self.left_out.append(f"{self.kind} {plain(self.name)}: {what}")


def convert(text: str) -> Converted:
    """The checks that a goss file stands for. ConfigError where it cannot be read."""
    if "{{" in text:
        raise ConfigError("it is a template: render it first (goss render)")
    try:
        sections = yaml_file.mapping(text)
    except (yaml_file.NotYaml, yaml_file.Refused) as error:
        raise ConfigError(str(error)) from None
    entries = [entry for kind, resources in sections.items() for entry in _entries(str(kind), resources)]
    checks: list[_Values] = []
    for entry in entries:
        _convert(entry, {check["id"] for check in checks}, checks)
    return Converted(_yaml(checks), tuple(one for entry in entries for one in entry.left_out))


def _entries(kind: str, resources: Any) -> Iterator[_Entry]:
    for name, given in resources.items() if isinstance(resources, Mapping) else ():
        yield _Entry(kind, str(name), dict(given) if isinstance(given, Mapping) else {})


def _convert(entry: _Entry, ids: set[str], checks: list[_Values]) -> None:
    """Add the check that the entry stands for, if anything of it can be asked."""
    if entry.kind not in _KINDS:
        entry.leave("nothing here inspects that")
        return
    if entry.given.pop("skip", False) is True:
        entry.leave("it is skipped")
        return
    entry.given.pop("meta", None)
    entry.take("title", "message", (str,))
    subject = _KINDS[entry.kind](entry)
    for attribute in entry.given:
        entry.leave(f"{plain(str(attribute))} has no counterpart")
    if subject is None:
        return
    check = {"id": _id(f"{entry.kind}-{entry.name}", ids), **subject, **entry.taken}
    try:
        parse(_yaml([check]), "goss", ())
    except ConfigError as error:
        entry.leave(plain(str(error).partition(": checks: ")[2] or str(error), 200))
    else:
        checks.append(check)


def _id(name: str, ids: set[str]) -> str:
    words = re.findall("[a-z0-9]+", name.lower()[: 4 * _ID_MOST])
    base = "-".join(words)[:_ID_MOST].strip("-")
    number = 1
    while (found := base if number == 1 else f"{base}-{number}") in ids:
        number += 1
    return found


# --- kinds --------------------------------------------------------------------------------------------------------


def _file(entry: _Entry) -> _Values:
    path = entry.given.pop("path", entry.name)
    entry.take("exists", "present")
    if entry.taken.get("present") is False:
        return {"file": path}
    mode = entry.given.get("mode")
    if isinstance(mode, int) and not isinstance(mode, bool):
        entry.given["mode"] = f"{mode:04o}"
    for attribute in ("mode", "owner", "group"):
        entry.take(attribute, attribute, (str, int))
    patterns = entry.given.pop("contents", None) or []
    if not isinstance(patterns, list):
        entry.leave("contents with a matcher")
        patterns = []
    for pattern in patterns:
        _pattern(entry, str(pattern))
    return {"file": path}


def _pattern(entry: _Entry, pattern: str) -> None:
    """A text that some line contains, or none with a ! before it; between slashes it is a regular expression."""
    key, text = ("lacks", pattern[1:]) if pattern.startswith("!") else ("contains", pattern)
    if text.startswith("/") and text.endswith("/") and len(text) > 1:
        entry.leave(f"the regular expression {plain(text)}")
    else:
        entry.taken.setdefault(key, []).append(text[1:] if text.startswith("\\!") else text)


def _package(entry: _Entry) -> _Values:
    entry.take("installed", "present")
    if entry.taken.get("present", True):
        entry.take("versions", "versions", (list,))
    return {"package": entry.given.pop("name", entry.name)}


def _service(entry: _Entry) -> Optional[_Values]:
    """Whether it runs is not asked: what is of interest is the next boot."""
    unit = {"unit": entry.given.pop("name", entry.name)}
    enabled = entry.given.pop("enabled", None)
    if enabled is False:
        entry.leave("enabled: false may be disabled, masked or absent here: name one of them as its state")
    return {**unit, "state": "enabled"} if enabled is True else None


def _address(entry: _Entry) -> Optional[_Values]:
    address = str(entry.given.pop("address", entry.name))
    if not address.startswith("tcp://"):
        entry.leave("only tcp is connected to")
        return None
    entry.take("reachable", "reachable")
    _timeout(entry)
    return {"tcp": address[len("tcp://") :]}


def _dns(entry: _Entry) -> Optional[_Values]:
    name = str(entry.given.pop("resolve", entry.name))
    if ":" in name:
        entry.leave("records of one type are not asked for")
        return None
    entry.take("resolvable", "resolves")
    entry.take("server", "server", (str,))
    if entry.given.pop("addrs", None):
        entry.leave("addrs are some of its addresses there, and within are the networks of all of them here")
    _timeout(entry)
    return {"name": name}


def _http(entry: _Entry) -> _Values:
    entry.take("status", "status", (int,))
    for off in ("allow-insecure", "no-follow-redirects"):
        if entry.given.get(off) is (off == "no-follow-redirects"):
            del entry.given[off]
    _timeout(entry)
    return {"url": entry.given.pop("url", entry.name)}


def _kernel_parameter(entry: _Entry) -> Optional[_Values]:
    subject = {"sysctl": entry.given.pop("name", entry.name)}
    entry.take("value", "value", (str, int))
    return subject if "value" in entry.taken else None


def _timeout(entry: _Entry) -> None:
    """In milliseconds there; what is longer than is waited here is named."""
    milliseconds = entry.given.get("timeout")
    if isinstance(milliseconds, int) and TIMEOUTS[0] <= milliseconds / 1000 <= TIMEOUTS[1]:
        entry.taken["timeout"] = entry.given.pop("timeout") / 1000


_KINDS: Mapping[str, Callable[[_Entry], Optional[_Values]]] = {
    "file": _file,
    "package": _package,
    "service": _service,
    "addr": _address,
    "dns": _dns,
    "http": _http,
    "kernel-param": _kernel_parameter,
}


def _yaml(checks: Sequence[_Values]) -> str:
    """JSON's texts and lists are YAML's too."""
    lines = ["checks:" if checks else "checks: []"]
    for check in checks:
        rows = [f"{key}: {json.dumps(value)}" for key, value in check.items()]
        lines += [f"  {'-' if number == 0 else ' '} {row}" for number, row in enumerate(rows)]
    return "\n".join([*lines, ""])
