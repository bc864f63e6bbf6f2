"""What is printed on terminals: no line is wider, no word is broken that fits, and colors are there on request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from azpreflight.cli.pages import page, page_ids
from azpreflight.explain import explain
from azpreflight.render import explained, text
from azpreflight.render.page import reflowed
from azpreflight.shell import folded, words
from azpreflight.text import Columns, wrapped
from tests.support.boot_logs import TRUTHS, content
from tests.support.terminals import NAMES, WIDTHS, colors, lines, report, saved, screen


def too_wide(printed: str, width: int) -> list[str]:
    """Lines that are wider, and that have a blank at which they could end."""
    wide = [line for line in printed.splitlines() if len(line) > width]
    return [line for line in wide if " " in re.sub(r"^[ |$]*|'[^']*'|\\$", "", line).strip()]


def spoken(printed: str) -> list[str]:
    """Its words, without the ends of folded lines."""
    return re.sub(r" \\\n *", " ", printed).split()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_report_fits_and_keeps_its_words(name: str, width: int) -> None:
    """But for an address that has no room, and stands on the page that the line names."""
    printed = text.render(report(name), width=width, fold=True)
    assert too_wide(printed, width) == []
    addresses = {word for word in text.render(report(name), width=200).split() if "://" in word} | {"or"}
    whole = spoken(text.render(report(name), width=200))
    assert [word.rstrip(",") for word in spoken(printed) if word not in addresses] == [
        word.rstrip(",") for word in whole if word not in addresses
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_an_explained_log_fits(width: int) -> None:
    """Each of them."""
    logs = tuple(explain(f"/var/log/{name}", (content(name),)) for name in TRUTHS)
    assert too_wide(explained.render(logs, verbose=True, width=Columns(width, width)), width) == []


@pytest.mark.parametrize("width", (60, 80))
def test_a_page_fits_and_keeps_its_words(width: int) -> None:
    """Examples, headings and tables are left as they are."""
    for name in page_ids():
        before = page(name) or ""
        after = reflowed(before, width)
        assert after.split() == before.split(), name
        assert [line for line in after.splitlines() if line.startswith(("#", "|", "```"))] == [
            line for line in before.splitlines() if line.startswith(("#", "|", "```"))
        ]
        prose = re.sub(r"(?ms)^ *```.*?^ *```$", "", after)
        assert [line for line in too_wide(prose, width) if not line.startswith(("#", "|"))] == [], name
        assert reflowed(before, 200) == before


COMMANDS = (
    "iptables -D OUTPUT -d 168.63.129.16/32 -p tcp -m tcp --dport 80 -j DROP",
    "sed -i -e '$a AutoUpdate.Enabled=y' -e '/^AutoUpdate\\.Enabled=/d' /etc/waagent.conf",
    "nft delete rule inet filter output handle 12",
    'printf \'%s\\n\' "two  blanks" > "/etc/a b"',
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", (24, 40, 60))
def test_a_folded_command_is_the_same_to_a_shell(command: str, width: int) -> None:
    """And to who counts its words."""
    shown = folded(command, "  $ ", "      ", width)
    assert words("\n".join(shown).replace("\\\n", "")[4:]) == words(command)
    assert all(line.endswith(" \\") for line in shown[:-1])
    assert too_wide("\n".join(shown), width) == []


@pytest.mark.parametrize("command", ["cat \"$(printf -- '\\303 x')\" y", "a\\ b c", "echo `date` x", "a  b"])
def test_a_command_whose_words_are_not_plain_stays_whole(command: str) -> None:
    assert folded(command, "$ ", "  ", 5) == [f"$ {command}"]


def test_a_number_stays_with_its_unit() -> None:
    """And an address with its protocol."""
    assert wrapped("it took 0.50 s", width=12) == ["it took", "0.50 s"]
    assert wrapped("it drops tcp 168.63.129.16:80", width=14) == ["it drops", "tcp 168.63.129.16:80"]


@pytest.mark.parametrize("name", NAMES)
def test_on_a_real_terminal_of_60_columns(name: str, tmp_path: Path) -> None:
    """No word runs over its edge; colors say how bad it is, and NO_COLOR switches them off."""
    path = str(saved(name, tmp_path))
    shown = screen(("show", path), 60)
    expected = text.render(report(name), width=60, fold=True)
    assert lines(shown) == [line.rstrip() for line in expected.splitlines()]
    verdict = {"healthy": "green", "first-boot": "brown"}.get(name, "red")
    assert shown.buffer[0][0].fg == verdict
    assert colors(shown) <= {"red", "brown", "green"}
    plain = screen(("show", path), 60, {"NO_COLOR": "1"})
    assert (colors(plain), lines(plain)) == (set(), lines(shown))


@pytest.mark.parametrize("arguments", [("--help",), ("list",)])
def test_help_and_lists_break_no_word_at_60_columns(arguments: tuple[str, ...]) -> None:
    """Their words are those of a terminal on which everything has room."""
    narrow, wide = (" ".join(lines(screen(arguments, width))).split() for width in (60, 160))
    assert narrow == wide
