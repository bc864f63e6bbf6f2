"""Arguments of printed commands: real shells make of them the bytes that they were."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.shell import argument, words

BYTES = st.binary(max_size=40).filter(lambda name: b"\0" not in name)


def taken(shell: str, printed: str) -> bytes:
    """What a program gets as its argument."""
    done = subprocess.run([shell, "-c", f"printf '%s.' {printed}"], capture_output=True, timeout=30, check=True)
    return done.stdout[:-1]


@given(name=BYTES)
def test_it_is_one_line_of_printable_ascii(name: bytes) -> None:
    printed = argument(os.fsdecode(name))
    assert printed.isascii() and printed.isprintable()


@pytest.mark.parametrize("shell", ["sh", "bash"])
@given(name=BYTES)
def test_a_shell_takes_it_for_the_path(shell: str, name: bytes) -> None:
    """The sh of a Debian is dash; a name that ends in a newline is for bash alone, and in dash no other file's name."""
    got = taken(shell, argument(os.fsdecode(name)))
    assert got == name or (shell == "sh" and name.endswith(b"\n") and got.startswith(b"$"))


@pytest.mark.parametrize(
    ("path", "printed"),
    [
        ("/root/.ssh/id_rsa", "/root/.ssh/id_rsa"),
        ("/mnt/my image", "'/mnt/my image'"),
        ("/root/caf\u00e9", "\"$(printf -- '/root/caf\\303\\251')\""),
        ("/root/\udcff'%\x1b", "\"$(printf -- '/root/\\377\\047\\045\\033')\""),
        ("/root/id\n", "$'/root/id\\012'"),
        ("/root/\ud800", "\"$(printf -- '/root/\\077')\""),
    ],
)
def test_how_it_is_written(path: str, printed: str) -> None:
    assert argument(path) == printed


def by(split: Callable[[str, bool], list[str]], text: str, comments: bool) -> list[str] | None:
    """The words; None where the text is none of a shell's."""
    try:
        return split(text, comments)
    except ValueError:
        return None


@pytest.mark.parametrize("comments", [False, True])
@given(text=st.text(alphabet="ab \t\n\r\x0b'\"\\#;\u00e9", max_size=20))
def test_words_are_those_of_shlex(text: str, comments: bool) -> None:
    """Which takes quadratic time for a long one."""
    assert by(words, text, comments) == by(shlex.split, text, comments)
