"""The configuration file: a few known keys, each with a type and its allowed values.

It is written by hand and read as root, so nothing is guessed: a key that does not exist, a value of another type or
out of range, an alias or a key given twice is an error with the line, and never a default in silence.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable
from urllib.parse import urlsplit

from azpreflight.azure.goal_state import bare
from azpreflight.host import Host, HostError
from azpreflight.model import Config, Severity
from azpreflight.model.errors import UsageError
from azpreflight.model.vocabulary import SEAL_FIXES
from azpreflight.text import printable

DEFAULT_PATH = "/etc/azpreflight/config.yaml"
SIZE_LIMIT = 64 * 1024
"""Bytes; a file with every key and a hundred endpoints is under 10 KiB."""
MAX_DEPTH = 4
"""Levels of nesting that are read at all; the deepest that any key has is 2."""
TIMEOUTS = (1.0, 3600.0)
"""Seconds: in less than one not even the files are read; the platform gives up on a boot before an hour has passed."""
CLOUDS = ("public", "usgov", "china")
"""Sovereign clouds have endpoints of their own."""
KVP = ("auto", "never")

_TAG = "tag:yaml.org,2002:"


class ConfigError(UsageError):
    """The configuration cannot be used; the text names the file, the line, the key and what is allowed."""


def load(host: Host, path: str, *, required: bool, check_ids: Sequence[str]) -> Config:
    """The configuration in a file of the running system; the defaults if it is absent and not `required`, or /dev/null.

    Raises ConfigError.
    """
    if path == os.devnull:
        return Config()
    try:
        text = host.text(path, SIZE_LIMIT)
    except HostError as error:
        raise ConfigError(str(error)) from None
    if text is None and required:
        raise ConfigError(f"cannot read {path}: no such file")
    return Config() if text is None else parse(text, path, check_ids)


def parse(text: str, path: str, check_ids: Sequence[str]) -> Config:
    """The configuration that the text says; ConfigError with `path` and the line where it is wrong.

    A text of comments alone, as packages ship it, is read without PyYAML.
    """
    if all(line.startswith("#") or not line.strip() for line in text.splitlines()):
        return Config()
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise ConfigError(f"cannot read {path}: the Python module {error.name} is not installed") from None

    try:
        _refuse_tricks(text, path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ConfigError(f"{path}:{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: not YAML: {' '.join(str(error).split())}") from None
    if root is None or root.tag == _TAG + "null":
        return Config()
    keys = _keys(check_ids)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}:{_line(root)}: expected a mapping of {', '.join(keys)}")
    return _config(root, path, keys)


def similar(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that was probably meant, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _refuse_tricks(text: str, path: str) -> None:
    """Refuse what makes a small file large or deep, before anything is built from it."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None) is not None:
            raise ConfigError(f"{path}:{_line(event)}: anchors and aliases are not allowed")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{path}:{_line(event)}: nested too deeply")


def _config(root: Any, path: str, keys: Mapping[str, _Key]) -> Config:
    values: dict[str, Any] = {}
    for key_node, node in root.value:
        name, line = printable(str(key_node.value)), _line(key_node)
        if name not in keys:
            raise ConfigError(f"{path}:{line}: no key {name}{similar(name, keys)}; there are {', '.join(keys)}")
        if name in values:
            raise ConfigError(f"{path}:{line}: {name} is given twice")
        try:
            values[name] = keys[name].read(node)
        except _Refused as refused:
            expected = f"expected {keys[name].allowed}{refused.hint}, found {_shown(refused.node)}"
            raise ConfigError(f"{path}:{_line(refused.node)}: {name}: {expected}") from None
    return replace(Config(), **values)


def _line(marked: Any) -> int:
    return int(marked.start_mark.line) + 1


def _shown(node: Any) -> str:
    """A value as the message shows it: its type where that is not what it looks like."""
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return "nothing"
    return (
        f"{printable(node.value)[:80]} ({kind})"
        if isinstance(node.value, str)
        else {"map": "a mapping"}.get(kind, "a list")
    )


# --- the keys -----------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """A node whose value is not allowed, with a hint at what was meant."""

    def __init__(self, node: Any, hint: str = "") -> None:
        super().__init__(hint)
        self.node, self.hint = node, hint


@dataclass(frozen=True)
class _Key:
    allowed: str
    """What the value may be, as the message says it."""
    read: Callable[[Any], Any]
    """The value of a YAML node; raises _Refused."""


def _keys(check_ids: Sequence[str]) -> dict[str, _Key]:
    """Every key of `Config` with its schema."""

    low, high = TIMEOUTS
    severities = tuple(severity.value for severity in Severity)
    return {
        "cloud": _Key(f"one of {', '.join(CLOUDS)}", _word(CLOUDS)),
        "region": _Key("the short name of a region, such as westeurope", _matching(r"[a-z][a-z0-9]{2,40}")),
        "endpoints": _Key("a list of http:// or https:// URLs", _list_of(_url)),
        "ignore": _Key("a list of check ids (see azpreflight list)", _list_of(_word(check_ids))),
        "fail_on": _Key(f"one of {', '.join(severities)}", lambda node: Severity(_word(severities)(node))),
        "seal_fixes": _Key(f"a list of {', '.join(SEAL_FIXES)}", _list_of(_word(tuple(SEAL_FIXES)))),
        "kvp": _Key(f"one of {', '.join(KVP)}", _word(KVP)),
        "timeout": _Key(f"seconds from {low:.0f} to {high:.0f}", _number(low, high)),
    }


def _text(node: Any) -> str:
    if node.tag != _TAG + "str":
        raise _Refused(node)
    return str(node.value)


def _word(words: Sequence[str]) -> Callable[[Any], str]:
    def read(node: Any) -> str:
        word = _text(node)
        if word not in words:
            raise _Refused(node, similar(word, words))
        return word

    return read


def _matching(pattern: str) -> Callable[[Any], str]:
    def read(node: Any) -> str:
        text = _text(node)
        if re.fullmatch(pattern, text) is None:
            raise _Refused(node)
        return text

    return read


def _url(node: Any) -> str:
    """Without user and query: that something answers is all that is asked of it, and a snapshot holds no secrets."""
    url = bare(_matching(r"https?://[!-~]{1,2000}")(node))
    try:
        parts = urlsplit(url)
        sensible = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an address, a port that is none
        sensible = False
    if not sensible:
        raise _Refused(node)
    return url


def _list_of(read_item: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    def read(node: Any) -> tuple[str, ...]:
        if node.tag != _TAG + "seq":
            raise _Refused(node)
        return tuple(read_item(item) for item in node.value)

    return read


def _number(low: float, high: float) -> Callable[[Any], float]:
    def read(node: Any) -> float:
        if node.tag not in (_TAG + "int", _TAG + "float"):
            raise _Refused(node)
        try:
            number = float(node.value)
        except ValueError:  # YAML's own spellings: 1:30, 0x10, .inf
            raise _Refused(node) from None
        if not low <= number <= high:
            raise _Refused(node)
        return number

    return read
