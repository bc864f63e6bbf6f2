"""One file of the configuration: YAML without its tricks, read key by key with the lines kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azpreflight.config.errors import ConfigError
from azpreflight.config.kinds import TAG, Kind, Refused, line_of, pairs
from azpreflight.dataclass import dataclass
from azpreflight.model.libraries import cannot_be_imported

SIZE_LIMIT = 64 * 1024
"""Bytes; a file with every key and a hundred endpoints is under 10 KiB."""
MAX_DEPTH = 4
"""Levels of nesting that are read at all, which a list within a check is the deepest of."""


@dataclass(frozen=True)
class Entry:
    """One key of one file."""

    key: str
    value: Any
    line: int
    lines: tuple[int, ...] = ()
    """Of a list, the line of each item."""


def entries(text: str, path: str, keys: Mapping[str, Kind]) -> tuple[Entry, ...]:
    """What the text says; ConfigError with `path` and the line where it is wrong.

    A text of comments alone, as packages ship it, is read without PyYAML.
    """
    if all(line.startswith("#") or not line.strip() for line in text.splitlines()):
        return ()
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(f"cannot read {path}: {cannot_be_imported(error)}") from None

    try:
        _refuse_tricks(text, path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ConfigError(f"{path}:{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: not YAML: {' '.join(str(error).split())}") from None
    if root is None or root.tag == TAG + "null":
        return ()
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}:{line_of(root)}: expected a mapping of {', '.join(keys)}")
    return _entries(root, path, keys)


def _entries(root: Any, path: str, keys: Mapping[str, Kind]) -> tuple[Entry, ...]:
    try:
        values = pairs(root, keys)
    except Refused as refused:
        raise ConfigError(f"{path}:{line_of(refused.node)}: {refused.said}") from None
    found = []
    for (key, value), (key_node, node) in zip(values, root.value):
        lines = tuple(line_of(item) for item in node.value) if keys[key].many else ()
        found.append(Entry(key, value, line_of(key_node), lines))
    return tuple(found)


def _refuse_tricks(text: str, path: str) -> None:
    """Refuse what makes a small file large or deep, before anything is built from it."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if getattr(event, "anchor", None) is not None:
            raise ConfigError(f"{path}:{line_of(event)}: anchors and aliases are not allowed")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{path}:{line_of(event)}: nested too deeply")
