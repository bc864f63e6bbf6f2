"""The rules of the house for all that a user reads: pages, words, and the README."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path

import pytest

from azpreflight.cli import parser
from azpreflight.config import parse
from azpreflight.model import Cause
from azpreflight.render.arrangement import DOCUMENTATION
from tests import generate
from tests.support.examples import CHECKS, printed
from tests.support.house import ROOT

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


def test_the_index_lists_every_document() -> None:
    """All pages of causes, and all other documents beside it."""
    text = (ROOT / "docs" / "index.md").read_text()
    expected = {f"causes/{cause}.md" for cause in CAUSES} | {path.name for path in (ROOT / "docs").glob("*.md")}
    assert expected - {"index.md"} - set(re.findall(r"\]\(([^)]+)\)", text)) == set()


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
    in_help = list(parser.EXIT_CODES)
    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == in_help


def test_one_home_is_promised() -> None:
    """Findings, packages and documents name the same address, which a release sets in one go (docs/release.md)."""
    home = re.compile(r"https://[\w.-]+\.example/azpreflight\b")
    files = ("setup.cfg", "packaging/debian/control", "packaging/rpm/azpreflight.spec", "README.md")
    assert {name: set(home.findall((ROOT / name).read_text())) - {DOCUMENTATION} for name in files} == {
        name: set() for name in files
    }
    assert all(DOCUMENTATION in (ROOT / name).read_text() for name in files)
