"""waagent.conf as the agent itself reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from azpreflight.guest import waagent_conf


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("A=b", "A", "b"),
        ("A = b ", "A", "b"),
        ('A="b c"', "A", "b c"),
        ("A=b # remark", "A", "b"),
        ("A=b=c", "A", "b=c"),
        ("A=None", "A", None),
        ("A=", "A", ""),
        (" #A=b", "#A", "b"),
        ("A=b\r", "A", "b"),
    ],
)
def test_a_line(line: str, key: str, value: str) -> None:
    """Split at the first =, cut at #, blanks and quotes off; a comment only in the first column."""
    assert waagent_conf.parse(line) == {key: value}


def test_comments_and_other_lines_do_not_count() -> None:
    """Neither do lines without =."""
    assert waagent_conf.parse("#A=b\n\nA\n") == {}


def test_the_last_line_wins_and_case_matters() -> None:
    """As in the agent's own dictionary."""
    assert waagent_conf.parse("A=1\na=2\nA=3\n") == {"A": "3", "a": "2"}


def test_switches_are_y_and_n_only() -> None:
    """Any other word is the default of the code, and is told."""
    text = "Extensions.Enabled=false\nProvisioning.RegenerateSshHostKeyPair=Y\n"
    config = waagent_conf.config_of(waagent_conf.parse(text))
    assert (config.extensions_enabled, config.regenerate_ssh_host_keys) == (True, True)
    assert config.not_switches == {"Extensions.Enabled": "false"}


@pytest.mark.parametrize("text", ["A=1\nLogs.Verbose=y\n", "Logs.Verbose=y\nA=1\n", "A=1\n", "A=1\nLogs.Verbose=y"])
def test_the_command_that_sets_a_key_sets_it(text: str, tmp_path: Path) -> None:
    """Wherever the key stood, and also on the last line, where the command itself puts it."""
    path = tmp_path / "waagent.conf"
    path.write_text(text)
    subprocess.run(["sh", "-c", waagent_conf.set_key(str(path), "Logs.Verbose", "n")], check=True, timeout=30)
    assert path.read_text() == "A=1\nLogs.Verbose=n\n"
