"""Every regular expression of the package, and the strings on which one that backtracks badly takes quadratic time."""

from __future__ import annotations

import ast
import importlib
import os
import re
import resource
import signal
from collections.abc import Iterator, Sequence
from typing import Any, Callable, NamedTuple, Optional

from azpreflight.azure.log_evidence import LINE
from tests.support.processes import end_me_after
from tests.support.source import modules

FUNCTIONS = ("compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split")
ANCHORED = {"match", "fullmatch"}
"""These try one place alone."""
SIZE = 128 * 1024
"""Characters of each string: half of the largest limit of a file that is searched as a whole, so that what is quadratic
takes a quarter of its time there, still very many times the limit, and what is linear half."""
PATIENCE_S = 600
"""Seconds on the clock for what has a limit of processor time, on a machine with much else to do."""
CUT = {"azpreflight.azure.log_signatures": LINE, "azpreflight.explain.times": LINE}
"""Modules and packages whose patterns are given a line that was cut before, and at how many characters."""


class Pattern(NamedTuple):
    """A pattern as it stands in the source."""

    where: str
    """Module and line."""
    text: str | bytes
    flags: int
    uses: frozenset[str]
    """The functions and methods by which it is used; empty where that cannot be told."""


class Unknown(AssertionError):
    """A pattern whose text cannot be told from the source: no test could vouch for it."""


def collected() -> list[Pattern]:
    """All of them; Unknown for one that is neither a literal nor an argument of a function that is given literals."""
    uses = {name: _uses(tree) for name, tree in modules().items()}
    everywhere: dict[str, set[str]] = {}
    for own in uses.values():
        for name, methods in own.items():
            everywhere.setdefault(name, set()).update(methods)
    with_patterns = [name for name, own in uses.items() if own.get("re", set()) & set(FUNCTIONS)]
    return [found for name in with_patterns for found in _of_module(name, modules()[name], uses[name], everywhere)]


def _uses(tree: ast.Module) -> dict[str, set[str]]:
    """The methods that are called on each name anywhere in the module."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            found.setdefault(name, set()).add(node.attr)
    return found


def _of_module(
    name: str, tree: ast.Module, own: dict[str, set[str]], everywhere: dict[str, set[str]]
) -> Iterator[Pattern]:
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
            uses = own if assigned.startswith("_") else everywhere
            used = frozenset(uses.get(assigned, set()) & set(FUNCTIONS))
        for text in _texts(tree, function, call.args[0], names, f"{name}:{call.lineno}"):
            yield Pattern(f"{name}:{call.lineno}", text, int(flags), used)


def _calls(tree: ast.Module) -> Iterator[tuple[Optional[ast.FunctionDef], ast.Call]]:
    """Calls into `re`, each with the function that it stands in."""

    def within(node: ast.AST, function: Optional[ast.FunctionDef]) -> Iterator[tuple[Any, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, ast.FunctionDef) else function
            if isinstance(child, ast.Call) and _is_of_re(child):
                yield inner, child
            yield from within(child, inner)

    yield from within(tree, None)


def _is_of_re(call: ast.Call) -> bool:
    func = call.func
    return isinstance(func, ast.Attribute) and getattr(func.value, "id", "") == "re" and func.attr in FUNCTIONS


def _assigned(tree: ast.Module, call: ast.Call) -> str:
    """The name at the head of the module that this compiled pattern is given."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.value is call and isinstance(node.targets[0], ast.Name):
            return node.targets[0].id
    return ""


def _texts(
    tree: ast.Module, function: Optional[ast.FunctionDef], node: ast.expr, names: dict[str, Any], where: str
) -> list[str | bytes]:
    """What the expression can be: one text, or for a parameter what all calls in the module give it."""
    parameters = [argument.arg for argument in function.args.args] if function is not None else []
    if isinstance(node, ast.Name) and node.id in parameters and function is not None:
        place = parameters.index(node.id)
        calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and _named(one) == function.name]
        if calls:
            return [_value(call.args[place], names, where) for call in calls]
    around = _enclosing(tree, function) if function is not None and isinstance(node, ast.Name) else []
    outer = next(iter(around), None)
    if outer is not None:
        return _texts(tree, outer, node, names, where)
    return [_value(node, names, where)]


def _enclosing(tree: ast.Module, function: ast.FunctionDef) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and function in ast.walk(node) and node is not function
    ]


def _named(call: ast.Call) -> str:
    return getattr(call.func, "id", "")


def _value(node: ast.expr, names: dict[str, Any], where: str = "") -> Any:
    """The value of an expression of literals and of the module's own constants."""
    try:
        return eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(names))  # noqa: S307 - our own source
    except NameError as error:
        raise Unknown(f"{where}: {ast.unparse(node)}: {error}") from None


# --- worst strings ------------------------------------------------------------------------------------------------

GENERIC = (
    *("\n", " ", "\t", "\r", "\r\n", "a", "A", "0", "-", "_", ".", "/", ":", "=", ",", "\\", '"', "'", "#", "\0"),
    *("[", "]", "{", "}", "(", ")", "<", ">", "[]", "{}", "<a>", "a ", "a=b\n", " \n", "\n ", 'a"b" ', "a.", "é"),
)


def worst(pattern: Pattern) -> Iterator[str | bytes]:
    """Strings of SIZE characters: the generic ones, pieces of what the pattern matches repeated, and each piece of it
    followed by what one of its repetitions takes."""
    pieces, pumps = _pieces(pattern)
    heads = sorted({"".join(pieces[:count]) for count in range(len(pieces) + 1)})
    units = dict.fromkeys(
        (*GENERIC, *pumps, *heads, *(f"{head}\n" for head in heads), *(f"\n{head}" for head in heads))
    )
    module = pattern.where.partition(":")[0]
    size = next((limit for name, limit in CUT.items() if f"{module}.".startswith(f"{name}.")), SIZE)
    wide = [unit * (size // len(unit)) for unit in units if unit]
    long = [f"{head}{pump * (size // len(pump))}\0" for head in heads for pump in dict.fromkeys((*pumps, " ", "\n"))]
    for text in (*wide, *long):
        yield text.encode("utf-8") if isinstance(pattern.text, bytes) else text


def within(pattern: Pattern, seconds: int) -> bool:
    """Whether a child gets through all of these strings in so many seconds of processor time."""

    def work() -> None:
        for text in worst(pattern):
            run(pattern, text)

    return in_time(work, seconds)


def in_time(work: Callable[[], object], seconds: int, patience_s: int = PATIENCE_S) -> bool:
    """Whether a child does this in so many seconds of processor time, without an exception. Its limit ends it else: a
    regular expression in C takes no notice of anything within Python."""
    child = os.fork()
    if child == 0:
        end_me_after(patience_s)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


def _pieces(pattern: Pattern) -> tuple[list[str], list[str]]:
    """A text that it matches, in pieces, and what its repetitions take."""
    try:
        from re import _parser as parser
    except ImportError:  # Python before 3.11
        import sre_parse as parser
    pieces: list[str] = []
    pumps: list[str] = []
    _walk(parser.parse(pattern.text, pattern.flags), pieces, pumps)
    return pieces, list(dict.fromkeys(pump for pump in pumps if pump))


def _walk(parsed: Sequence[Any], pieces: list[str], pumps: list[str]) -> None:
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


def _chars(parsed: Sequence[Any]) -> list[str]:
    """What a class that is repeated takes: some of its members."""
    return [member for operation, value in parsed if str(operation) == "IN" for member in list(_members(value))[:4]]


def _members(value: Sequence[Any]) -> Iterator[str]:
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


def run(pattern: Pattern, text: str | bytes) -> None:
    """Use the pattern as the package does; where that is not known, in the costliest way."""
    compiled: Any = re.compile(pattern.text, pattern.flags)
    if pattern.uses and pattern.uses <= ANCHORED:
        for use in sorted(pattern.uses):
            getattr(compiled, use)(text)
    else:
        for _ in compiled.finditer(text):
            pass
