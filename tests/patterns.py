"""Every regular expression of the package, and the strings on which one that backtracks badly takes quadratic time."""

import ast
import importlib
import os
import re
import resource
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from azpreflight.probes.evidence import LINE

PACKAGE = Path(__file__).parents[1] / "agent" / "azpreflight"
FUNCTIONS = ("compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split")
ANCHORED = {"match", "fullmatch"}
"""These try one place alone."""
SIZE = 256 * 1024
"""Characters of each string: the largest limit of a file that is searched as a whole."""
CUT = {"azpreflight.probes.signatures": LINE}
"""Modules whose patterns are given a line that was cut before, and at how many characters."""


class Pattern(NamedTuple):
    """A pattern as it stands in the source."""

    where: str
    """Module and line."""
    text: "str | bytes"
    flags: int
    uses: "frozenset[str]"
    """The functions and methods by which it is used; empty where that cannot be told."""


class Unknown(AssertionError):
    """A pattern whose text cannot be told from the source: no test could vouch for it."""


def collected() -> "list[Pattern]":
    """All of them; Unknown for one that is neither a literal nor an argument of a function that is given literals."""
    trees = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
    everywhere = _uses(trees.values())
    return [pattern for path, tree in trees.items() for pattern in _of_module(path, tree, everywhere)]


def _uses(trees: "Any") -> "dict[str, set[str]]":
    """The methods that are called on each name anywhere in the package."""
    found: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute):
            name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            found.setdefault(name, set()).add(node.attr)
    return found


def _of_module(path: Path, tree: ast.Module, everywhere: "dict[str, set[str]]") -> "Iterator[Pattern]":
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    names = vars(importlib.import_module(name)) if not name.endswith("__main__") else {}
    for function, call in _calls(tree):
        assert isinstance(call.func, ast.Attribute)
        flags = next((_value(word.value, names) for word in call.keywords if word.arg == "flags"), None)
        if flags is None:
            place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)
            flags = _value(call.args[place], names) if len(call.args) > place else 0
        used = frozenset({call.func.attr})
        if call.func.attr == "compile":
            assigned = _assigned(tree, call)
            own = _uses([tree]) if assigned.startswith("_") else everywhere
            used = frozenset(own.get(assigned, set()) & set(FUNCTIONS))
        for text in _texts(tree, function, call.args[0], names, f"{name}:{call.lineno}"):
            yield Pattern(f"{name}:{call.lineno}", text, int(flags), used)


def _calls(tree: ast.Module) -> "Iterator[tuple[Optional[ast.FunctionDef], ast.Call]]":
    """Calls into `re`, each with the function that it stands in."""

    def within(pattern: Pattern, seconds: int) -> bool:
    """Whether a child gets through all of these strings in so many seconds of processor time."""

    def work() -> None:
        for text in worst(pattern):
            run(pattern, text)

    return in_time(work, seconds)


def in_time(work: "Callable[[], None]", seconds: int) -> bool:
    """Whether a child does this in so many seconds of processor time, without an exception. Its limit ends it else: a
    regular expression in C takes no notice of anything within Python."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


def _pieces(pattern: Pattern) -> "tuple[list[str], list[str]]":
    """A text that it matches, in pieces, and what its repetitions take."""
    try:
        from re import _parser as parser  # type: ignore[attr-defined]
    except ImportError:  # Python before 3.11
        import sre_parse as parser  # type: ignore[no-redef]
    pieces: list[str] = []
    pumps: list[str] = []
    _walk(parser.parse(pattern.text, pattern.flags), pieces, pumps)
    return pieces, list(dict.fromkeys(pump for pump in pumps if pump))


def _walk(parsed: "Sequence[Any]", pieces: "list[str]", pumps: "list[str]") -> None:
    for operation, value in parsed:
        name = str(operation)
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            pieces.append(_char(name, value))
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            inner: list[str] = []
            _walk(value[2], inner, pumps)
            pieces += inner * max(value[0], 1)
            pumps += ["".join(inner)] if value[1] > 1 else []
            pumps += _chars(value[2]) if value[1] > 1 else []
        elif name == "SUBPATTERN":
            _walk(value[3], pieces, pumps)
        elif name == "BRANCH":
            for branch in value[1][1:]:
                _walk(branch, [], pumps)
            _walk(value[1][0], pieces, pumps)
        elif name == "ATOMIC_GROUP":
            _walk(value, pieces, pumps)


def _char(name: str, value: Any) -> str:
    """A character that this matches."""
    if name == "LITERAL":
        return chr(value)
    candidates = ["a", "0", "-", " ", "Z", '"', "\n", "~", ":", "/", "\\", "."]
    if name == "ANY":
        return "a"
    if name == "NOT_LITERAL":
        return next(char for char in candidates if ord(char) != value)
    return next(iter(_members(value)), "a")


def _chars(parsed: "Sequence[Any]") -> "list[str]":
    """What a class that is repeated takes: some of its members."""
    return [member for operation, value in parsed if str(operation) == "IN" for member in list(_members(value))[:4]]


def _members(value: "Sequence[Any]") -> "Iterator[str]":
    categories = {
        "CATEGORY_SPACE": " \n\t",
        "CATEGORY_NOT_SPACE": "a",
        "CATEGORY_DIGIT": "0",
        "CATEGORY_NOT_DIGIT": "a",
        "CATEGORY_WORD": "a0_",
        "CATEGORY_NOT_WORD": "-",
    }
    negated = any(str(operation) == "NEGATE" for operation, _ in value)
    named: list[str] = []
    for operation, part in value:
        if str(operation) == "LITERAL":
            named.append(chr(part))
        elif str(operation) == "RANGE":
            named.append(chr(part[0]))
        elif str(operation) == "CATEGORY":
            named += categories[str(part)]
    if negated:
        yield from (char for char in 'a0 -\n"/:[<{' if char not in named)
    else:
        yield from named


def run(pattern: Pattern, text: "str | bytes") -> None:
    """Use the pattern as the package does; where that is not known, in the costliest way."""
    compiled: Any = re.compile(pattern.text, pattern.flags)
    if pattern.uses and pattern.uses <= ANCHORED:
        for use in sorted(pattern.uses):
            getattr(compiled, use)(text)
    else:
        for _ in compiled.finditer(text):
            pass
