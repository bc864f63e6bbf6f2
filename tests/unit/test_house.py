"""The rules of the house for all modules at once: layers, doors to the machine, and the form of the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.support.house import BY_NAME, ROOT
from tests.support.source import PACKAGE, modules

MODULES = modules()


# --- layers -------------------------------------------------------------------------------------------------------

LAYERS: Mapping[str, int] = {
    "": 0,  # the version
    "model": 1,
    "console": 1,
    "text": 1,
    "paths": 1,
    "package": 1,
    "shell": 1,
    "foreign": 1,
    "dataclass": 1,
    "host": 2,
    "guest": 3,
    "azure": 3,
    "firewall": 4,
    "standin": 4,
    "config": 5,
    "probes": 5,
    "engine": 6,
    "explain": 6,
    "render": 6,
    "sinks": 7,
    "fleet": 8,
    "watch": 8,
    "seal": 8,
    "rehearse": 8,
    "cli": 9,
    "__main__": 9,
    "script": 9,
}
"""The rooms of the package, as in docs/architecture.md; imports point down. A module of no room fails the test."""
PURE = (
    *("model", "console", "text", "paths", "shell", "foreign", "explain", "render", "watch.boot_policy"),
    "dataclass",
    *(
        f"engine.{name}"
        for name in ("assess", "diagnosis", "baseline", "timeline", "fleet", "selection", "waivers", "tally", "alike")
    ),
    *("fleet.item", "fleet.rows"),
    *(f"standin.{name}" for name in ("addresses", "identity", "config", "documents", "metadata", "services")),
    *(f"standin.{name}" for name in ("reports", "dhcp", "dhcpv6", "ntp")),
    *(f"rehearse.{name}" for name in ("facts", "order", "machine", "disc", "login", "console", "requests", "patience")),
    *(f"rehearse.{name}" for name in ("checks_boot", "checks_vm", "explain", "reporting")),
)
"""These inspect nothing and change nothing."""
SHARED = (
    *("egress.consequences", "egress.fetch", "egress.messages", "firewall.flow_words", "firewall.flows"),
    *("generalization.leftover", "network.clearance", "network.detours", "network.uplink", "network.marks"),
)
"""Modules of a probe that others may use too, besides its facts: what they have in common is said there once."""
DOORS = (
    *("azpreflight.host", "azpreflight.firewall.worker", "azpreflight.standin.servers"),
    *("azpreflight.rehearse.worker", "azpreflight.fleet"),
)
"""The only places that reach the machine: the worker of the rehearsal is a program of its own, and so is the stand-in,
which no guest has; many logs are read on an operator's machine, never in a guest either."""
DOOR_MODULES = {"subprocess", "socket", "ssl", "requests", "urllib3", "dns", "http", "ftplib", "multiprocessing", "pty"}
LOOKING = {"os", "io", "pathlib", "shutil", "glob", "tempfile", "time", "random", "threading", "select", "ctypes"}
SLOW = {"requests", "urllib3", "dns", "yaml", "psutil", "iptc", "hashlib", "secrets", "statistics", "html"}

OPENED_LATE = ("host.dns", "host.http", "host.connection", "render.html", "standin", "rehearse", "fleet")
"""Doors that are opened only when something behind them is asked for."""


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of all modules that are imported anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def area(module: str) -> str:
    """The part of the package that a module belongs to, such as "host"."""
    return module.split(".")[1] if "." in module else ""


def layer(module: str) -> int:
    """1 to 9, and 0 for the package itself; KeyError for a module that no room is named for."""
    return LAYERS[area(module)]


def within(module: str, places: tuple[str, ...]) -> bool:
    """The module is one of these places below azpreflight, or in one."""
    name = module.removeprefix("azpreflight.")
    return any(name == place or name.startswith(f"{place}.") for place in places)


def imports_point_down(module: str, tree: ast.Module) -> None:
    """A module imports from its own layer and from those below it."""
    ours = [name for name in imports(tree) if name.startswith("azpreflight.")]
    up = [name for name in ours if name != "azpreflight.__version__" and layer(name) > layer(module)]
    assert up == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    imports_point_down(module, MODULES[module])


def only_doors_reach_the_machine(module: str, tree: ast.Module) -> None:
    """Sockets, programs and libraries that use them are behind the host; what is pure does not even read a file."""
    tops = {name.split(".")[0] for name in imports(tree)}
    if not module.startswith(DOORS):
        assert tops & DOOR_MODULES == set()
    if within(module, PURE):
        assert tops & LOOKING == set()
        assert [name for name in imports(tree) if name.startswith("azpreflight.host")] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_the_doors_reach_the_machine(module: str) -> None:
    only_doors_reach_the_machine(module, MODULES[module])


def imports_facts_alone(module: str, tree: ast.Module) -> None:
    """What two probes need beside facts belongs to guest, azure, firewall or text."""
    own = module.split(".")[2]
    others = [name.split(".")[2:] for name in imports(tree) if name.startswith("azpreflight.probes.")]
    inside = [
        ".".join(parts)
        for parts in others
        if parts[0] != own and parts[1:2] != ["facts"] and ".".join(parts[:2]) not in SHARED
    ]
    assert [name for name in inside if name.partition(".")[0] != "subjects"] == []


@pytest.mark.parametrize("module", [name for name in MODULES if area(name) == "probes" and name.count(".") > 1])
def test_a_probe_imports_nothing_but_facts_of_another(module: str) -> None:
    imports_facts_alone(module, MODULES[module])


@pytest.mark.parametrize("name", BY_NAME)
def test_a_probe_is_a_folder_of_one_shape(name: str) -> None:
    """`__init__` only lists: facts, how they are collected and checks are in modules, and a check beside its judge."""
    package = f"azpreflight.probes.{name}"
    kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    assert [ast.unparse(node) for node in MODULES[package].body if not isinstance(node, kinds)] == []
    listing = [module for module in MODULES if module.startswith(f"{package}.") and _lists_checks(MODULES[module])]
    assert listing
    judges = {module: ast.unparse(MODULES[module]).count("Iterator[Verdict]") for module in listing}
    assert [module for module, count in judges.items() if not count] == []


def _lists_checks(tree: ast.Module) -> bool:
    return any("CHECKS" in names for names in _assigned(tree))


def _assigned(tree: ast.Module) -> Iterator[list[str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield [target.id for target in node.targets if isinstance(target, ast.Name)]


def slow_libraries_are_late(module: str, tree: ast.Module) -> None:
    """At the head of a module only behind a door that itself is opened late."""
    head = {name.split(".")[0] for node in tree.body for name in imports_of_statement(node)}
    if not within(module, OPENED_LATE):
        assert head & SLOW == set()


@pytest.mark.parametrize("module", MODULES)
def test_slow_libraries_are_imported_where_they_are_used(module: str) -> None:
    slow_libraries_are_late(module, MODULES[module])


OWN_PROGRAMS = ("azpreflight.firewall.worker", "azpreflight.standin", "azpreflight.rehearse.worker")
"""Programs of their own, which have nothing of the package's, and what is in no guest."""


def dataclasses_are_cheap(module: str, tree: ast.Module) -> None:
    """Those of the standard library cost half of the time that it takes to start."""
    if module != "azpreflight.dataclass" and "dataclasses.dataclass" in set(imports(tree)):
        assert "frozen=True" not in ast.unparse(tree)


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith(OWN_PROGRAMS)])
def test_frozen_dataclasses_are_the_cheap_ones(module: str) -> None:
    dataclasses_are_cheap(module, MODULES[module])


def imports_of_statement(node: ast.stmt) -> Iterator[str]:
    """What a statement at the head of a module imports at once."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from imports(node)


def test_the_whole_package_imports_without_a_library() -> None:
    """What the command line imports at its start is the standard library and our own modules."""
    code = f"import sys, azpreflight.cli.main; print(sorted(set(sys.modules) & {SLOW!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"


# --- the form of the code -----------------------------------------------------------------------------------------

LONGEST_FUNCTION = 60
LONGEST_MODULE = 300
"""Lines. A module that is longer says more than one thing."""
DEEPEST = 3
BRANCHES = (ast.If, ast.For, ast.While, ast.With, ast.Try)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def depth(node: ast.AST, elif_of: ast.AST | None = None) -> int:
    """How deep if, for, while, with and try are nested in it; an elif is as deep as its if."""
    below = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.Lambda)):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        below = max(below, depth(child) + (isinstance(child, BRANCHES) and not is_elif))
    return below


def functions_are_small(module: str, tree: ast.Module) -> None:
    """Under 60 lines, and at most three levels deep, in a module of 300 lines at most."""
    assert (tree.body[-1].end_lineno or 0) <= LONGEST_MODULE
    for function in functions(tree):
        assert (function.end_lineno or 0) - function.lineno < LONGEST_FUNCTION, function.name
        assert depth(function) <= DEEPEST, function.name


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_small_and_flat(module: str) -> None:
    functions_are_small(module, MODULES[module])


def the_public_is_explained(module: str, tree: ast.Module) -> None:
    """Modules, public functions and public classes have a docstring."""
    public = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"]
    assert [module] * (ast.get_docstring(tree) is None) == []
    assert [node.name for node in public if ast.get_docstring(node) is None] == []


@pytest.mark.parametrize("module", MODULES)
def test_what_is_public_is_explained(module: str) -> None:
    the_public_is_explained(module, MODULES[module])


PLATFORM = re.compile(r"(?:(?:tcp|udp) )?(?:168\.63\.129\.16|169\.254\.169\.254)(?:[:/]\d+)?|:?32526(?:/.*)?")
"""An address or a port of the platform as a value. Messages have them among their words, where a search finds them."""
NAMES_PLATFORM = ("azure.addresses", "firewall.worker")
"""Where they are named; the worker is a program of its own, and has nothing of the package's."""


def the_platform_is_named_once(module: str, tree: ast.Module) -> None:
    """No value is an address of the platform, or its port, but in azure/addresses.py."""
    values = [str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    if not within(module, NAMES_PLATFORM):
        assert [value for value in values if PLATFORM.fullmatch(value)] == []


@pytest.mark.parametrize("module", MODULES)
def test_the_platform_is_named_once(module: str) -> None:
    the_platform_is_named_once(module, MODULES[module])


BROAD = {
    "engine/gather.py",
    "engine/inspection/child.py",
    "engine/assess.py",
    "cli/main.py",
    "firewall/worker/python_iptables.py",
    "foreign.py",
}
"""A bug in a probe, a bug in a judge, the outermost edge, whatever a foreign library does in a child of its own; and
the edge at which foreign text is parsed: it is to blame, and no list of what libraries raise on it is complete."""


def test_no_shell_and_no_endless_wait() -> None:
    """No command line is given to a shell, and broad handlers are where the architecture says."""
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    assert [path for path, text in sources.items() if re.search(r"shell=True|os\.system\(|os\.popen\(", text)] == []
    broad = {path.relative_to(PACKAGE).as_posix() for path, text in sources.items() if "except Exception" in text}
    assert broad == BROAD


def test_the_architecture_describes_the_rooms_that_exist() -> None:
    """Its table of layers is that of this test, and every module that it names is there."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^(\d)  (\S+(?:  \S+)*) {3,}\S", text, re.MULTILINE)
    described = {room: int(number) for number, rooms in rows for room in rooms.split()}
    assert described == {room: number for room, number in LAYERS.items() if room not in ("", "__main__", "script")}
    named = re.findall(r"`((?:\w+/)*\w+\.py|(?:agent|tests|packaging)/[\w/]+)`", text)
    bases = (ROOT, PACKAGE)
    assert [name for name in named if not any((base / name).exists() for base in bases)] == []


# --- each rule, broken once ---------------------------------------------------------------------------------------

DEEP = "def f(x):\n for a in x:\n  if a:\n   while a:\n    with a:\n     pass\n"
OFFENCES = {
    "up": (imports_point_down, "model.x", "from azpreflight.host import Host"),
    "no room": (imports_point_down, "model.x", "from azpreflight.attic import thing"),
    "door": (only_doors_reach_the_machine, "probes.dns.checks", "import socket"),
    "late door": (only_doors_reach_the_machine, "probes.dns.checks", "def f():\n import subprocess"),
    "pure": (only_doors_reach_the_machine, "render.text", "import os"),
    "pure of a host": (only_doors_reach_the_machine, "render.text", "from azpreflight.host import Host"),
    "another probe": (imports_facts_alone, "probes.dns.checks", "from azpreflight.probes.egress.collect import gather"),
    "slow": (slow_libraries_are_late, "probes.dns.checks", "import yaml"),
    "dataclass": (
        dataclasses_are_cheap,
        "model.x",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A: pass",
    ),
    "long module": (functions_are_small, "model.x", "x = 1\n" * (LONGEST_MODULE + 1)),
    "long function": (functions_are_small, "model.x", "def f():\n" + " x = 1\n" * LONGEST_FUNCTION),
    "deep": (functions_are_small, "model.x", DEEP),
    "module without a docstring": (the_public_is_explained, "model.x", "x = 1"),
    "function without a docstring": (the_public_is_explained, "model.x", '"""M."""\ndef f(): pass'),
    "class without a docstring": (the_public_is_explained, "model.x", '"""M."""\nclass A: pass'),
    "address": (the_platform_is_named_once, "probes.dns.checks", "SERVER = '168.63.129.16'"),
    "flow": (the_platform_is_named_once, "probes.dns.checks", "FLOW = 'tcp 169.254.169.254:80'"),
    "port": (the_platform_is_named_once, "probes.dns.checks", "URL = f'http://{HOST}:32526/versions'"),
}
"""What breaks a rule: the rule, the module, and its text."""


@pytest.mark.parametrize("offence", OFFENCES)
def test_what_breaks_a_rule_is_found(offence: str) -> None:
    """And the same module without it is not."""
    rule, module, text = OFFENCES[offence]
    with pytest.raises((AssertionError, KeyError)):
        rule(f"azpreflight.{module}", ast.parse(text))
    rule(f"azpreflight.{module}", ast.parse('"""Nothing."""'))


# --- the tests ----------------------------------------------------------------------------------------------------

LONGEST_TEST_FILE = 400
"""Lines. A test file that is longer tests more than one subject."""
TESTS: Mapping[str, ast.Module] = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in sorted((ROOT / "tests").rglob("*.py"))
}


def test_a_test_file_has_one_subject() -> None:
    """And is short enough to be read at once."""
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in TESTS}
    assert {path: count for path, count in lines.items() if count > LONGEST_TEST_FILE} == {}


def test_nothing_is_imported_from_a_test() -> None:
    """What tests share is in tests/support, or in a module of their own folder that tests nothing."""
    modules = {path.removesuffix(".py").replace("/", ".") for path in TESTS if "/test_" in path}
    found = {(path, name) for path in TESTS for name in imports(TESTS[path]) if _is_in(name, modules)}
    assert found == set()


def _is_in(name: str, modules: set[str]) -> bool:
    """The name of a module, or of something in one."""
    return name in modules or name.rpartition(".")[0] in modules
