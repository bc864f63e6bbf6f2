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
from typing import Any, Union, get_args, get_origin, get_type_hints


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
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin is Union:
        return _decode_optional(kind, value, where)
    if origin is tuple:
        _expect(isinstance(value, list), where, "a list", value)
        item_kind = get_args(kind)[0]
        return tuple(decode(item_kind, item, f"{where}[{number}]") for number, item in enumerate(value))
    if origin is not None:
        _expect(isinstance(value, dict), where, "an object", value)
        item_kind = get_args(kind)[1]
        return {key: decode(item_kind, item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    return _decode_scalar(kind, value, where)


def _decode_optional(kind: Any, value: Any, where: str) -> Any:
    if value is None:
        return None
    return decode(_optional_of(kind), value, where)


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where, "an object", value)
    hints = _hints(kind)
    known = {
        field.name: decode(hints[field.name], value[field.name], f"{where}.{field.name}")
        for field in dataclasses.fields(kind)
        if field.name in value
    }
    missing = [field.name for field in dataclasses.fields(kind) if field.name not in known and _required(field)]
    if missing:
        raise DecodeError(f"{where}: {missing[0]} is missing")
    return kind(**known)


def _decode_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        _expect(isinstance(value, (int, float)) and not isinstance(value, bool), where, "a number", value)
        try:
            return float(value)
        except OverflowError:
            raise DecodeError(f"{where}: the number is too large") from None
    if kind in (int, str, bool):
        _expect(type(value) is kind, where, f"a value of type {kind.__name__}", value)
        return value
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            words = ", ".join(str(member.value) for member in kind)
            raise DecodeError(f"{where}: expected one of {words}") from None
    raise TypeError(f"codec does not know the type {kind!r}")


def _expect(fits: bool, where: str, wanted: str, value: Any) -> None:
    if not fits:
        raise DecodeError(f"{where}: expected {wanted}, found {type(value).__name__}")


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
