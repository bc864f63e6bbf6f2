"""The rules of the house, for all checks and all modules at once: what no single test can see."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from azpreflight import package
from azpreflight.cli import parser
from azpreflight.config import parse
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import GRACE, gather
from azpreflight.host.local import RUN_BUDGET
from azpreflight.model import Cause, Finding, Probe, Run, Severity, Stage, Status
from azpreflight.probes import PROBES
from azpreflight.render.json import document
from azpreflight.watch.boot_policy import LIMIT_S
from tests import generate
from tests.support.examples import CHECKS, examples, on_broken, on_healthy, printed
from tests.support.fakes import FakeHost

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "agent" / "azpreflight"
MODULES: Mapping[str, ast.Module] = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        path.read_text()
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}
BY_NAME: Mapping[str, Probe[Any]] = {probe.name: probe for probe in PROBES}

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
    *(
        f"engine.{name}"
        for name in ("assess", "diagnosis", "baseline", "timeline", "fleet", "selection", "waivers", "tally", "alike")
    ),
    *("fleet.item", "fleet.rows"),
    *(f"standin.{name}" for name in ("addresses", "identity", "config", "documents", "metadata", "services")),
    *(f"standin.{name}" for name in ("reports", "dhcp", "ntp")),
    *(f"rehearse.{name}" for name in ("facts", "order", "machine", "disc", "login", "console", "requests", "patience")),
    *(f"rehearse.{name}" for name in ("checks_boot", "checks_vm", "explain", "reporting")),
)
"""These inspect nothing and change nothing."""
SHARED = (
    *("egress.consequences", "egress.fetch", "egress.messages", "firewall.flow_words", "firewall.flows"),
    *("generalization.leftover", "network.clearance", "network.detours", "network.marks"),
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


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    """A module imports from its own layer and from those below it."""
    ours = [name for name in imports(MODULES[module]) if name.startswith("azpreflight.")]
    up = [name for name in ours if name != "azpreflight.__version__" and layer(name) > layer(module)]
    assert up == []


@pytest.mark.parametrize("module", MODULES)
def test_only_the_doors_reach_the_machine(module: str) -> None:
    """Sockets, programs and libraries that use them are behind the host; what is pure does not even read a file."""
    tops = {name.split(".")[0] for name in imports(MODULES[module])}
    if not module.startswith(DOORS):
        assert tops & DOOR_MODULES == set()
    if within(module, PURE):
        assert tops & LOOKING == set()
        assert [name for name in imports(MODULES[module]) if name.startswith("azpreflight.host")] == []


@pytest.mark.parametrize("module", [name for name in MODULES if area(name) == "probes" and name.count(".") > 1])
def test_a_probe_imports_nothing_but_facts_of_another(module: str) -> None:
    """What two probes need beside facts belongs to guest, azure, firewall or text."""
    own = module.split(".")[2]
    others = [name.split(".")[2:] for name in imports(MODULES[module]) if name.startswith("azpreflight.probes.")]
    inside = [
        ".".join(parts)
        for parts in others
        if parts[0] != own and parts[1:2] != ["facts"] and ".".join(parts[:2]) not in SHARED
    ]
    assert [name for name in inside if name.partition(".")[0] != "subjects"] == []


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


@pytest.mark.parametrize("module", MODULES)
def test_slow_libraries_are_imported_where_they_are_used(module: str) -> None:
    """At the head of a module only behind a door that itself is opened late."""
    head = {name.split(".")[0] for node in MODULES[module].body for name in imports_of_statement(node)}
    if not within(module, OPENED_LATE):
        assert head & SLOW == set()


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


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_small_and_flat(module: str) -> None:
    """Under 60 lines, and at most three levels deep, in a module of 300 lines at most."""
    assert (MODULES[module].body[-1].end_lineno or 0) <= LONGEST_MODULE
    for function in functions(MODULES[module]):
        assert (function.end_lineno or 0) - function.lineno < LONGEST_FUNCTION, function.name
        assert depth(function) <= DEEPEST, function.name


@pytest.mark.parametrize("module", MODULES)
def test_what_is_public_is_explained(module: str) -> None:
    """Modules, public functions and public classes have a docstring."""
    tree = MODULES[module]
    public = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"]
    assert [module] * (ast.get_docstring(tree) is None) == []
    assert [node.name for node in public if ast.get_docstring(node) is None] == []


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


# --- checks -------------------------------------------------------------------------------------------------------


CAPITALISED = re.compile(r"[A-Z][a-z]* ")
"""A sentence's first word; names such as VMs, DNS or Extensions.Enabled are written as they are."""


def test_ids_are_unique_and_in_kebab_case() -> None:
    """Ids are permanent: scripts ignore checks by them, and pages are found by them."""
    ids = [check.id for probe in PROBES for check in probe.checks]
    assert sorted(ids) == sorted(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)] == []
    assert len(BY_NAME) == len(PROBES)
    assert not set(ids) & {cause.value for cause in Cause}


OF_NO_CAUSE = ("configuration-waivers",)
"""Errors that stop no provisioning: the configuration says that they are to be seen."""


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_check_is_declared_well(check_id: str) -> None:
    """Its title is an assertion on one line, an error has a cause, and what it names exists."""
    probe, check = CHECKS[check_id]
    assert check.title.isascii() and not CAPITALISED.match(check.title) and not check.title.endswith(".")
    assert check.cause is not None or check.severity is not Severity.ERROR or check_id in OF_NO_CAUSE
    assert set(check.depends_on) <= set(CHECKS) - {check_id}
    assert set(check.reads) <= set(BY_NAME) - {probe.name}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_needs_exist_and_make_no_circle(probe: Probe[Any]) -> None:
    """Else the probes would wait for one another until the budget is gone."""
    assert probe.name not in {need for name in probe.needs for need in all_needs(name, {probe.name})}


def all_needs(name: str, seen: set[str]) -> set[str]:
    """The probe and all that it waits for; KeyError for one that does not exist."""
    needs = BY_NAME[name].needs
    further = (all_needs(need, seen | {name}) for need in needs if need not in seen)
    return {name, *needs}.union(*further)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_probe_has_its_examples(probe: Probe[Any]) -> None:
    """A healthy machine, and a broken one for each of its checks and for nothing else."""
    assert set(examples(probe).BROKEN) == {check.id for check in probe.checks}


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_check_is_silent_on_a_healthy_machine(check_id: str) -> None:
    """It passes, or does not apply."""
    assert on_healthy(check_id).status in (Status.PASS, Status.NOT_APPLICABLE)


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_check_speaks_on_its_broken_machine(check_id: str) -> None:
    """Its findings are no worse than it says they can be, on one line, with a fix that is a sentence."""
    result = on_broken(check_id)
    assert result.status is Status.FAIL
    for finding in result.findings:
        assert finding.severity.rank <= CHECKS[check_id][1].severity.rank
        assert_well_said(finding)


def assert_well_said(finding: Finding) -> None:
    """The form of a message and its fix."""
    said = (finding.message, finding.fix, finding.confidence_reason, *finding.commands, *finding.evidence.values())
    assert all(text.isascii() and text.isprintable() for text in said)
    assert not CAPITALISED.match(finding.message)
    assert not finding.message.endswith(".")
    assert finding.fix.rstrip().endswith(".") and finding.fix[0].isupper()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_that_sees_nothing_breaks_nothing(probe: Probe[Any]) -> None:
    """On a machine without a single file, program or answer no probe and no judge has a bug."""
    for stage in Stage:
        snapshot = gather(FakeHost(privileged=False), PROBES, Run(stage=stage))
        report = assess(snapshot, PROBES)
        assert [result.traceback for result in report.results if result.traceback] == []


# --- time ---------------------------------------------------------------------------------------------------------


def worst_case(probe: Probe[Any]) -> float:
    """Seconds until this probe is done where everything that it and its needs wait for is silent."""
    own: float = importlib.import_module(f"azpreflight.probes.{probe.name}").WORST_CASE_S
    return own + max((worst_case(BY_NAME[name]) for name in probe.needs), default=0.0)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_worst_probe_fits_the_run(probe: Probe[Any]) -> None:
    """With all that it waits for, before only the time to print is left."""
    assert worst_case(probe) <= RUN_BUDGET - GRACE


def test_a_watched_boot_ends_before_the_platform_gives_up() -> None:
    """The unit sets no other limit than the daemon's own."""
    assert LIMIT_S <= 20 * 60
    unit = (ROOT / "systemd" / "azpreflight.service").read_text()
    limits = re.findall(r"^(?:TimeoutStartSec|RuntimeMaxSec)=(.*)$", unit, re.MULTILINE)
    assert [limit for limit in limits if limit.isdigit() and int(limit) < RUN_BUDGET] == []


# --- pages --------------------------------------------------------------------------------------------------------

CHECK_HEADINGS = (
    "## What it checks",
    "## Why it matters",
    "## What it looks like",
    "## How to fix it",
    "## False alarms",
)
CAUSE_HEADINGS = (
    "## What it is",
    "## Symptoms",
    "## How to be sure",
    "## How to fix it",
    "## Retry the extensions without redeploying",
)
CAUSES = tuple(cause.value for cause in Cause)


FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def headings(path: Path, encoding: str = "ascii") -> list[str]:
    """The headings of a page, those in fenced blocks left out; the page is ASCII, as `explain` prints it."""
    outside = FENCED.sub("", path.read_text(encoding=encoding))
    return re.findall(r"^#+ .*$", outside, re.MULTILINE)


@pytest.mark.parametrize("check_id", CHECKS)
def test_every_check_has_a_page(check_id: str) -> None:
    """With exactly the headings of the others."""
    assert headings(generate.page(check_id)) == [f"# {check_id}", *CHECK_HEADINGS]


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_page_says_what_a_pass_does_not_mean(check_id: str) -> None:
    """Below what is checked: no title is true of more than was looked at."""
    checked = generate.page(check_id).read_text().partition("## What it checks")[2].partition("\n## ")[0]
    assert re.search(r"^A pass says nothing of [^.]{10,}", checked, re.MULTILINE)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_a_page(cause: str) -> None:
    """Whether a check stands for it already or not: the words are permanent."""
    assert headings(ROOT / "docs" / "causes" / f"{cause}.md") == [f"# {cause}", *CAUSE_HEADINGS]


CAUSE_HEADINGS_JA = ("## 概要", "## 症状", "## 確認方法", "## 対処方法", "## 再デプロイせずに拡張機能を再試行する")


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_a_page_in_japanese(cause: str) -> None:
    """With the parts of the English one, the same commands, and the same names of files, options and errors."""
    english, japanese = (ROOT / "docs" / "causes" / place / f"{cause}.md" for place in ("", "ja"))
    assert headings(japanese, "utf-8") == [f"# {cause}", *CAUSE_HEADINGS_JA]
    assert FENCED.findall(japanese.read_text("utf-8")) == FENCED.findall(english.read_text("ascii"))
    assert inline_code(japanese) == inline_code(english)
    assert quoted(japanese) == quoted(english)
    assert numbers(english) <= numbers(japanese)


def inline_code(path: Path) -> set[str]:
    """What stands between back quotes, on however many lines."""
    return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", FENCED.sub("", path.read_text("utf-8")))}


def quoted(path: Path) -> set[str]:
    """Messages of agents and of the platform, which are searched for as they are; names of pages are translated."""
    found = {" ".join(text.split()) for text in re.findall(r'"([^"]+)"', path.read_text("utf-8"))}
    return found - TITLES


def numbers(path: Path) -> set[str]:
    """Seconds, ports, addresses and versions."""
    return set(re.findall(r"\d+(?:\.\d+)*", path.read_text("utf-8")))


TITLES = {"Time sync for Linux VMs in Azure", "What is IP address 168.63.129.16?", "Next hop", "IP flow verify"}


def test_no_page_is_left_over() -> None:
    """A page of nothing would be found by `explain`."""
    assert {path.stem for path in (ROOT / "docs" / "checks").iterdir()} == set(CHECKS)
    for place in ("", "ja"):
        assert {path.stem for path in (ROOT / "docs" / "causes" / place).glob("*.md")} == set(CAUSES)


@pytest.mark.parametrize("check_id", CHECKS)
def test_a_page_shows_what_is_printed(check_id: str) -> None:
    """Word for word, as of today; `make pages` writes it."""
    assert generate.shown(generate.page(check_id).read_text()) == printed(check_id) + "\n"


def test_links_in_the_documents_lead_somewhere() -> None:
    """Relative links in all of our own Markdown point to files that exist."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())]
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


# --- words --------------------------------------------------------------------------------------------------------

BANNED = re.compile(
    r"(?<![\w-])(?:mend|mends|mended|mending|remedy|remedies|anew|tells|told|in\s+vain|now\s+and\s+then"
    r"|could\s+not\s+look|looked\s+(?:at|into)|the\s+C\s+library|cards?|ways?\s+out)(?![\w-])",
    re.IGNORECASE,
)
"""Private idiom. The field has fix, rebuild, no answer, intermittently, unknown, inspect, glibc, NIC, outbound."""
GENERATED = re.compile(r"^## What it looks like$.*?(?=^## How)", re.MULTILINE | re.DOTALL)
"""The output on a page is that of the program: messages and fixes."""


def shown_texts() -> dict[str, str]:
    """What a user reads of documents, man pages, help and titles, by its place."""
    kept = {ROOT / "CHANGELOG.md"}
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "man").iterdir()]
    documents = [path for path in documents if path not in kept and "adr" not in path.parts]
    texts = {str(path.relative_to(ROOT)): GENERATED.sub("", path.read_text()) for path in documents}
    titles = {check_id: check.title for check_id, (_, check) in CHECKS.items()}
    top = parser.parser()
    commands = next(action.choices for action in top._actions if isinstance(action, argparse._SubParsersAction))
    helps = {f"azpreflight {name} --help": parser.format_help() for name, parser in commands.items()}
    return {**texts, **titles, **helps, "azpreflight --help": top.format_help()}


def test_documents_use_the_words_of_the_field() -> None:
    """One word a thing in whatever a user reads."""
    found = {place: BANNED.findall(text) for place, text in shown_texts().items() if BANNED.search(text)}
    assert found == {}


def test_the_architecture_describes_the_rooms_that_exist() -> None:
    """Its table of layers is that of this test, and every module that it names is there."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^(\d)  (\S+(?:  \S+)*) {3,}\S", text, re.MULTILINE)
    described = {room: int(number) for number, rooms in rows for room in rooms.split()}
    assert described == {room: number for room, number in LAYERS.items() if room not in ("", "__main__", "script")}
    named = re.findall(r"`((?:\w+/)*\w+\.py|(?:agent|tests|packaging)/[\w/]+)`", text)
    bases = (ROOT, PACKAGE)
    assert [name for name in named if not any((base / name).exists() for base in bases)] == []


def test_the_index_lists_every_document() -> None:
    """All pages of causes, and all other documents beside it."""
    text = (ROOT / "docs" / "index.md").read_text()
    expected = {f"causes/{cause}.md" for cause in CAUSES} | {path.name for path in (ROOT / "docs").glob("*.md")}
    assert expected - {"index.md"} - set(re.findall(r"\]\(([^)]+)\)", text)) == set()


# --- schema -------------------------------------------------------------------------------------------------------


def test_the_schemas_are_those_of_the_program() -> None:
    """`make schema` writes them; a change of what is printed is seen in review. The package carries them."""
    files = {path.name: path.read_text() for path in generate.SCHEMAS.iterdir()}
    assert files == generate.schema_files()
    assert package.data_names("schema") == tuple(sorted(files))


def test_reports_fit_the_schema() -> None:
    """Of every probe's healthy machine, with real facts in it."""
    schema = json.loads(package.data("schema/report-1.json"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for probe in PROBES:
        example = examples(probe).HEALTHY
        host, run = example if isinstance(example, tuple) else (example, examples(probe).RUN)
        report = document(assess(gather(host, PROBES, run), PROBES))
        assert [error.message for error in validator.iter_errors(json.loads(json.dumps(report)))] == []


# --- the README ---------------------------------------------------------------------------------------------------

README = (ROOT / "README.md").read_text()


def test_the_readme_configures_as_it_says() -> None:
    """Its example of a configuration has every key and is taken."""
    example = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0]
    config = parse(example, "README.md", list(CHECKS))
    assert all(getattr(config, field.name) not in (None, ()) for field in fields(config))


def test_the_readme_names_commands_and_targets_that_exist() -> None:
    """Words after azpreflight and after make."""
    commands = set(re.findall(r"\| `azpreflight ([a-z]+)", README))
    targets = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", README, re.MULTILINE))
    assert commands <= set(re.findall(r"^    ([a-z]+) +\S", parser.parser().format_help(), re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert {word for pair in targets for word in pair if word} <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_exit_codes_are_the_same_everywhere() -> None:
    """In the help and in the README."""
    in_help = re.findall(r"^  (\d+) ", parser.EXIT_CODES, re.MULTILINE)
    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == in_help
