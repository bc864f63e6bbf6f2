"""The configuration that is in force, for people and for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from azpreflight.config import Loaded
from azpreflight.model import codec
from azpreflight.text import plain, printable

SCHEMA = "azpreflight.config/1"
DEFAULT = "default"
_WORDS = 60
"""Characters of one value in a line."""


def render(loaded: Loaded, variables: Mapping[str, str]) -> str:
    """A line a value, after where it comes from; what is not set is the default."""
    files = ", ".join(loaded.files) or "none"
    rows = [(printable(place), key, _shown(value)) for key, value, place in _values(loaded, variables)]
    width = max(len(place) for place, _, _ in rows)
    lines = [f"{place:<{width}}  {key}: {value}" for place, key, value in rows]
    return "\n".join([f"files: {printable(files)}", *lines, ""])


def render_json(loaded: Loaded, variables: Mapping[str, str]) -> str:
    """The same as one document."""
    values = [
        {"key": key, "value": codec.encode(value), "from": place} for key, value, place in _values(loaded, variables)
    ]
    return json.dumps({"schema": SCHEMA, "files": list(loaded.files), "values": values}, indent=2) + "\n"


def render_schema(schema: Mapping[str, Any]) -> str:
    """The JSON Schema of a file of the configuration, as a document."""
    return json.dumps(schema, indent=1) + "\n"


def _values(loaded: Loaded, variables: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    """Key, value and place: of a list each item, of a key that no file has its default; then the variables."""
    for field in fields(loaded.config):
        said = [origin for origin in loaded.origins if origin.key == field.name]
        yield from ((field.name, origin.value, origin.place) for origin in said)
        if not said:
            yield field.name, None if field.default is MISSING else field.default, DEFAULT
    yield from ((name, value, "environment") for name, value in variables.items())


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        defaults = {field.name: field.default for field in fields(value)}
        parts = [f"{name} {_shown(one)}" for name, one in given.items() if one != defaults[name]]
        return plain(", ".join(parts), 2 * _WORDS)
    if isinstance(value, tuple):
        return plain(", ".join(_shown(one) for one in value), _WORDS)
    return plain(str(codec.encode(value)), _WORDS)
