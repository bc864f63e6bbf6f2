"""YAML of somebody else's image: cloud-init's and netplan's files, read without being led astray by them.

A file of a few hundred bytes can unfold to gigabytes through aliases, and deep nesting exhausts the stack. None of the
files that are read here needs either, so both are refused, and so is anything larger than such a file ever is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from azpreflight.foreign import edge
from azpreflight.host import HostError
from azpreflight.model.libraries import cannot_be_imported

_QUOTED = re.compile("'[^'<]{4,}'|\"[^\"<]{4,}\"")
"""Words of the text that PyYAML quotes: tags, names of anchors."""
LIMIT = 64 * 1024
"""Bytes: cloud.cfg has 4 KiB. PyYAML in pure Python reads some 200 KiB/s, so a file costs less than half a second."""
LARGEST = 1 << 64


class NotYaml(ValueError):
    """It is no YAML, or no mapping; the text says where, and quotes nothing."""


class Refused(ValueError):
    """It may be YAML, and is more than such a file may be; the text says in which way."""


def mapping(text: str) -> Mapping[str, Any]:
    """The mapping that a YAML text stands for; an empty text is an empty mapping. Raises NotYaml or Refused.

    HostError where PyYAML is not installed: only what depends on this file is unknown then.
    """
    if len(text) > LIMIT:
        raise Refused(f"larger than {LIMIT} bytes")
    with edge(NotYaml, NotYaml, Refused, HostError):
        value = _loaded(text)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise NotYaml("not a mapping")
        return {str(key): item for key, item in value.items()}


def _loaded(text: str) -> Any:
    """The value; PyYAML's constructors raise anything, such as a KeyError for `!!bool maybe`."""
    try:
        import yaml
    except ImportError as error:
        raise HostError(cannot_be_imported(error)) from None

    try:
        return _by_libyaml(text) if yaml.__with_libyaml__ else yaml.load(text, _loader(yaml.SafeLoader))  # noqa: S506
    except RecursionError:
        raise Refused("nested too deeply") from None
    except yaml.YAMLError as error:
        raise NotYaml(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    """Where it is wrong, without quoting the text, which may be a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return f"{_QUOTED.sub('...', problem.splitlines()[0])}, line {mark.line + 1}" if mark is not None else "not YAML"


def _by_libyaml(text: str) -> Any:
    """The same, five times as fast: libyaml reads, and Python composes: libyaml does that by a recursion without
    a limit. What libyaml does not take PyYAML is asked about, so that one parser has the word on mistakes."""
    import yaml

    cyaml: Any = yaml.cyaml
    bases = (yaml.composer.Composer, cyaml.CParser, yaml.constructor.SafeConstructor, yaml.resolver.Resolver)

    class SafeLoader(*bases):  # type: ignore[misc]  # known at run time
        """As PyYAML's own, with the events of libyaml."""

        def __init__(self, stream: str) -> None:
            cyaml.CParser.__init__(self, stream)
            for base in (bases[0], *bases[2:]):
                base.__init__(self)

    with suppress(yaml.YAMLError):
        return yaml.load(text, _loader(SafeLoader))  # noqa: S506 - a SafeLoader that refuses aliases
    return yaml.load(text, _loader(yaml.SafeLoader))  # noqa: S506


def _loader(base: Any) -> Any:
    """A SafeLoader that knows no aliases; made where it is used, because importing yaml costs 20 ms."""
    import yaml

    class Loader(base):  # type: ignore[misc]  # known at run time
        """SafeLoader without aliases, and without numbers that Python refuses to print."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Refuse an alias, else as ever."""
            if self.check_event(yaml.events.AliasEvent):
                raise Refused("has an alias")
            return super().compose_node(parent, index)

        def construct_yaml_int(self, node: Any) -> Any:
            """Refuse one of thousands of digits, which `1:1:1:1` with some more of them is, else as ever."""
            number = super().construct_yaml_int(node)
            if abs(number) > LARGEST:
                raise Refused("has a number that no setting has")
            return number

    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)
    return Loader
