"""`explain`: in another language, and on a terminal that cannot show it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from azpreflight.cli.pages import page
from azpreflight.model import Cause


def explain(*arguments: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    """The program, where standard output has this encoding."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "azpreflight", "explain", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)


@pytest.mark.parametrize("encoding", ["utf-8", "euc-jp", "shift_jis"])
def test_a_cause_is_explained_in_japanese(encoding: str) -> None:
    done = explain("--lang", "ja", "dns-unreachable", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding) == page("dns-unreachable", "ja")


@pytest.mark.parametrize("cause", Cause)
def test_no_page_has_a_character_that_japanese_encodings_lack(cause: Cause) -> None:
    text = page(cause.value, "ja")
    assert text is not None
    assert text.encode("euc-jp") and text.encode("shift_jis")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_where_standard_output_has_no_characters_for_it_the_error_says_what_to_set(encoding: str) -> None:
    done = explain("--lang", "ja", "clock", encoding=encoding)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(b"has no characters for ja; set LC_ALL=C.UTF-8 on a terminal that shows UTF-8\n")


def test_a_check_is_explained_in_english_and_it_is_said() -> None:
    done = explain("--lang", "ja", "dns-servers")
    assert (done.returncode, done.stdout.decode()) == (0, page("dns-servers"))
    assert b"no page for dns-servers in ja" in done.stderr


def test_english_is_the_default() -> None:
    assert explain("clock").stdout == explain("--lang", "en", "clock").stdout != explain("--lang", "ja", "clock").stdout
