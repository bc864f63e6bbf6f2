"""Kinds of values: how a YAML node is read, what the message says that is allowed, and the same for an editor.

Each is made once and used for all three, so that the program, its messages and the schema agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from azpreflight.dataclass import dataclass
from azpreflight.text import printable, similar

TAG = "tag:yaml.org,2002:"
_ANY = re.compile(".+")
_SHOWN = 80
"""Characters of a value that a message quotes."""


class Refused(Exception):
    """A node whose value is not allowed, with a hint at what was meant; `said` is the complete sentence if there is a
    better one than what was expected."""

    def __init__(self, node: Any, hint: str = "", said: str = "") -> None:
        super().__init__(said or hint)
        self.node, self.hint, self.said = node, hint, said

    def sentence(self, allowed: str) -> str:
        """What is wrong with it."""
        return self.said or f"expected {allowed}{self.hint}, found {shown(self.node)}"


@dataclass(frozen=True)
class Kind:
    """One kind of value."""

    allowed: str
    """What the value may be, as a message says it."""
    read: Callable[[Any], Any]
    """The value of a YAML node; raises Refused."""
    schema: Mapping[str, Any]
    """What an editor is told of it (JSON Schema)."""
    many: bool = False
    """A list, to which further files add."""


def line_of(marked: Any) -> int:
    """The line of a node or an event, from 1."""
    return int(marked.start_mark.line) + 1


def shown(node: Any) -> str:
    """A value as the message shows it: its type where that is not what it looks like."""
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return "nothing"
    if isinstance(node.value, str):
        return f"{printable(node.value)[:_SHOWN]} ({kind})"
    return {"map": "a mapping"}.get(kind, "a list")


def text(most: int, allowed: str = "", pattern: re.Pattern[str] = _ANY, scalar: bool = False) -> Kind:
    """A text of one printable line. `scalar`: also what YAML takes for a number or a date, as it is written there."""
    tags = ("str", "int", "float", "timestamp") if scalar else ("str",)

    def read(node: Any) -> str:
        value = node.value
        fits = node.tag in tuple(TAG + tag for tag in tags) and len(value) <= most and value.isprintable()
        if not fits or pattern.fullmatch(value) is None:
            raise Refused(node)
        return str(value)

    types = ["string", "number"] if scalar else "string"
    schema = {"type": types, "maxLength": most, "pattern": f"^(?:{pattern.pattern})$"}
    return Kind(allowed or f"a text of one line, of at most {most} characters", read, schema)


def word(words: Sequence[str], allowed: str = "") -> Kind:
    """One of these words."""

    def read(node: Any) -> str:
        if node.tag != TAG + "str":
            raise Refused(node)
        if node.value not in words:
            raise Refused(node, similar(node.value, words))
        return str(node.value)

    return Kind(allowed or f"one of {', '.join(words)}", read, {"enum": list(words)})


def flag() -> Kind:
    """true or false."""

    def read(node: Any) -> bool:
        if node.tag != TAG + "bool":
            raise Refused(node)
        return bool(node.value.lower() in ("true", "yes", "on"))

    return Kind("true or false", read, {"type": "boolean"})


def number(low: float, high: float, unit: str) -> Kind:
    """A number in a range."""

    def read(node: Any) -> float:
        if node.tag not in (TAG + "int", TAG + "float"):
            raise Refused(node)
        try:
            value = float(node.value)
        except ValueError:  # YAML's own spellings: 1:30, 0x10, .inf
            raise Refused(node) from None
        if not low <= value <= high:
            raise Refused(node)
        return value

    schema = {"type": "number", "minimum": low, "maximum": high}
    return Kind(f"{unit} from {low:g} to {high:g}", read, schema)


def converted(kind: Kind, make: Callable[[Any], Any], allowed: str = "") -> Kind:
    """The same, with the value made into something else; a ValueError of `make` refuses it."""

    def read(node: Any) -> Any:
        try:
            return make(kind.read(node))
        except ValueError:
            raise Refused(node) from None

    return Kind(allowed or kind.allowed, read, kind.schema, kind.many)


def list_of(item: Kind, allowed: str, most: int = 1000) -> Kind:
    """A list, of at most so many."""

    def read(node: Any) -> tuple[Any, ...]:
        if node.tag != TAG + "seq":
            raise Refused(node)
        if len(node.value) > most:
            raise Refused(node, said=f"more than {most} entries")
        return tuple(item.read(one) for one in node.value)

    return Kind(allowed, read, {"type": "array", "items": item.schema, "maxItems": most}, many=True)


def mapping(
    keys: Mapping[str, Kind], required: Sequence[str], make: Callable[[Mapping[str, Any]], Any], allowed: str
) -> Kind:
    """A mapping with these keys; what `make` refuses with a ValueError is said in its words."""

    def read(node: Any) -> Any:
        if node.tag != TAG + "map":
            raise Refused(node)
        values = dict(pairs(node, keys))
        missing = [name for name in required if name not in values]
        if missing:
            raise Refused(node, said=f"{missing[0]} is missing")
        try:
            return make(values)
        except ValueError as error:
            raise Refused(node, said=str(error)) from None

    properties = {name: kind.schema for name, kind in keys.items()}
    schema = {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}
    return Kind(allowed, read, schema)


def pairs(node: Any, keys: Mapping[str, Kind]) -> list[tuple[str, Any]]:
    """The keys and values of a mapping; Refused with the whole sentence for one that is not allowed."""
    found: dict[str, Any] = {}
    for key_node, value in node.value:
        name = printable(str(key_node.value))
        if name not in keys:
            known = ", ".join(keys)
            raise Refused(key_node, said=f"no key {name[:_SHOWN]}{similar(name, keys)}; there are {known}")
        if name in found:
            raise Refused(key_node, said=f"{name} is given twice")
        try:
            found[name] = keys[name].read(value)
        except Refused as refused:
            raise Refused(refused.node, said=f"{name}: {refused.sentence(keys[name].allowed)}") from None
    return list(found.items())
