"""`dataclass(frozen=True)` as the standard library's, at a tenth of the cost for a class that is never made.

The standard library writes six methods for each class, as text, and compiles them: 0.4 ms (Python 3.11), and half of
the time that a run took to start, most of it for classes that this run makes no instance of. Here the five methods that
are the same for all classes are shared, and the one that is not, `__init__`, is compiled when the first instance is
made. `fields`, `replace` and `is_dataclass` of the standard library work as with its own, and a type checker sees its
own. Of `field` only `default` and `default_factory` have a meaning here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, *, frozen=False):
        """The class with the methods of a dataclass; one that is not frozen is the standard library's."""
        if cls is None:
            return _declared if frozen else dataclasses.dataclass
        return dataclasses.dataclass(cls)


def _declared(cls: type) -> type:
    cls.__doc__ = cls.__doc__ or cls.__name__  # else the standard library writes a signature, which takes long
    declare: Any = dataclasses.dataclass(init=False, repr=False, eq=False)
    declare(cls)

    def __init__(self: object, *arguments: object, **named: object) -> None:
        initializer = _initializer(cls)
        setattr(cls, "__init__", initializer)  # noqa: B010 - mypy forbids to assign it
        initializer(self, *arguments, **named)

    for method in (__init__, __repr__, __eq__, __hash__, __setattr__, __delattr__):
        if method.__name__ not in cls.__dict__:
            setattr(cls, method.__name__, method)
    return cls


def _initializer(cls: Any) -> Any:
    """`__init__` of this class; two threads may each make one, and both are right."""
    scope: dict[str, Any] = {"_set": object.__setattr__, "_made": dataclasses.MISSING}
    parameters, lines = ["self"], []
    for field in dataclasses.fields(cls):
        name, value = field.name, field.name
        if field.default is not dataclasses.MISSING:
            scope[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        elif field.default_factory is not dataclasses.MISSING:
            scope[f"_make_{name}"] = field.default_factory
            parameters.append(f"{name}=_made")
            value = f"_make_{name}() if {name} is _made else {name}"
        else:
            parameters.append(name)
        lines.append(f" _set(self, {name!r}, {value})")
    text = "\n".join((f"def __init__({', '.join(parameters)}):", *lines)) if lines else "def __init__(self): pass"
    exec(text, scope)  # noqa: S102 - the names of our own fields, as the standard library does it
    return scope["__init__"]


def _values(self: Any) -> tuple[object, ...]:
    return tuple([getattr(self, name) for name in self.__dataclass_fields__])


def __repr__(self: object) -> str:
    named = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self))  # type: ignore[arg-type]
    return f"{type(self).__qualname__}({', '.join(named)})"


def __eq__(self: object, other: object) -> bool:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def __hash__(self: object) -> int:
    return hash(_values(self))


def __setattr__(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
