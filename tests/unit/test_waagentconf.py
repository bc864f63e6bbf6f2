"""waagent.conf as the agent itself reads it."""

import pytest

from azpreflight.probes import waagentconf


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
    assert waagentconf.parse(line) == {key: value}


def test_comments_and_other_lines_do_not_count() -> None:
    """Neither do lines without =."""
    assert waagentconf.parse("#A=b\n\nA\n") == {}


def test_the_last_line_wins_and_case_matters() -> None:
    """As in the agent's own dictionary."""
    assert waagentconf.parse("A=1\na=2\nA=3\n") == {"A": "3", "a": "2"}


def test_switches_are_y_and_n_only() -> None:
    """Any other word is the default of the code, and is told."""
    text = "Extensions.Enabled=false\nProvisioning.RegenerateSshHostKeyPair=Y\n"
    config = waagentconf.config_of(waagentconf.parse(text))
    assert (config.extensions_enabled, config.regenerate_ssh_host_keys) == (True, True)
    assert config.not_switches == {"Extensions.Enabled": "false"}
