"""Dataclasses to JSON values and back, and their JSON Schema (2020-12).

The types are a closed set: str, int, float, bool, None, string enums, Optional[T], tuple[T, ...], Mapping[str, T] and
dataclasses of these. That keeps encoding, decoding and the schema in one small module, and a recorded snapshot
readable by any later version: a key that is missing takes the field's default, an unknown key is ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Callable, Union, get_args, get_origin, get_type_hints


class DecodeError(ValueError):
    """A JSON value that does not fit its type; the message names the place."""


def encode(value: Any) -> Any:
    """The JSON value of a dataclass, enum, tuple, mapping or scalar."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"codec has no JSON for {type(value).__name__}")


def decode(kind: Any, value: Any, where: str = "$") -> Any:
    """The value of type `kind` that `value` stands for.

    Raises DecodeError where it does not fit; `where` is the JSON path that the message begins with.
    """
    try:
        return _reader(kind)(value)
    except _Misfit as error:
        raise DecodeError(f"{where}{error.path}: {error.reason}") from None


_Reader = Callable[[Any], Any]


class _Misfit(Exception):
    """A value that does not fit; its path grows on the way up, so that one that fits costs nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def below(self, step: str) -> _Misfit:
        """The same, seen from one level up."""
        self.path = step + self.path
        return self


@cache
def _reader(kind: Any) -> _Reader:
    """What reads a value of this type: made once for each type, because there may be a million values."""
    origin = get_origin(kind)
    if kind is Any:
        return lambda value: value
    if origin is Union:
        return _optional_reader(_reader(_optional_of(kind)))
    if origin is tuple:
        return _list_reader(_reader(get_args(kind)[0]))
    if origin is not None:
        return _mapping_reader(_reader(get_args(kind)[1]))
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    return _scalar_reader(kind)


def _optional_reader(inner: _Reader) -> _Reader:
    return lambda value: None if value is None else inner(value)


def _list_reader(inner: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        _expect(isinstance(value, list), "a list", value)
        items = []
        try:
            for item in value:
                items.append(inner(item))
        except _Misfit as error:
            raise error.below(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _mapping_reader(inner: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        _expect(isinstance(value, dict), "an object", value)
        items, key = {}, None
        try:
            for key, item in value.items():
                items[key] = inner(item)
        except _Misfit as error:
            raise error.below(f".{key}") from None
        return items

    return read


def _dataclass_reader(kind: Any) -> _Reader:
    names = [field.name for field in dataclasses.fields(kind)]
    required = [field.name for field in dataclasses.fields(kind) if _required(field)]
    readers: dict[str, _Reader] = {}

    def read(value: Any) -> Any:
        if not readers:  # not before, so that a type may contain itself
            hints = _hints(kind)
            readers.update({name: _reader(hints[name]) for name in names})
        _expect(isinstance(value, dict), "an object", value)
        known, name = {}, ""
        try:
            for name, inner in readers.items():
                if name in value:
                    known[name] = inner(value[name])
        except _Misfit as error:
            raise error.below(f".{name}") from None
        missing = [name for name in required if name not in known]
        if missing:
            raise _Misfit(f"{missing[0]} is missing")
        return kind(**known)

    return read


def _scalar_reader(kind: Any) -> _Reader:
    if kind is float:
        return _number
    if kind in (int, str, bool):

        def read(value: Any) -> Any:
            if type(value) is not kind:
                _expect(False, f"a value of type {kind.__name__}", value)
            return value

        return read
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _word_reader(kind)
    raise TypeError(f"codec does not know the type {kind!r}")


def _word_reader(kind: type[Enum]) -> _Reader:
    members = {member.value: member for member in kind}

    def read(value: Any) -> Any:
        try:
            return members[value]
        except (KeyError, TypeError):
            words = ", ".join(str(member.value) for member in kind)
            raise _Misfit(f"expected one of {words}") from None

    return read


def _number(value: Any) -> float:
    _expect(isinstance(value, (int, float)) and not isinstance(value, bool), "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise _Misfit("the number is too large") from None


def _expect(fits: bool, wanted: str, value: Any) -> None:
    if not fits:
        raise _Misfit(f"expected {wanted}, found {type(value).__name__}")


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _optional_of(kind: Any) -> Any:
    inner = [arg for arg in get_args(kind) if arg is not type(None)]
    if len(inner) != 1:
        raise TypeError(f"codec knows no union but Optional: {kind!r}")
    return inner[0]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of `kind`; every dataclass that it reaches is added to `definitions` by its name."""
    if kind is Any:
        return {}
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    origin = get_origin(kind)
    if origin is Union:
        return {"anyOf": [schema(_optional_of(kind), definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": schema(get_args(kind)[0], definitions)}
    if origin is not None:
        return {"type": "object", "additionalProperties": schema(get_args(kind)[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [member.value for member in kind]}
    if dataclasses.is_dataclass(kind):
        return _dataclass_schema(kind, definitions)
    raise TypeError(f"codec does not know the type {kind!r}")


def _dataclass_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(kind)]
    taken = definitions.get(kind.__name__)
    if taken and list(taken["properties"]) != names:
        raise TypeError(f"codec: two dataclasses are called {kind.__name__}")
    if taken is None:
        definitions[kind.__name__] = {}  # taken before the fields, so that a type may contain itself
        hints = _hints(kind)
        definitions[kind.__name__] = {
            "type": "object",
            "description": (kind.__doc__ or "").strip().splitlines()[0],
            "properties": {name: schema(hints[name], definitions) for name in names},
            "required": names,
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}
