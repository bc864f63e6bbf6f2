"""Words and numbers out of somebody else's files."""

from __future__ import annotations

from typing import Any, Callable, Optional

import pytest

from azpreflight.firewall import parse_iptables_save, parse_nft
from azpreflight.foreign import whole
from azpreflight.guest import kernels, os_release, passwords

SUPERSCRIPT = "\N{SUPERSCRIPT TWO}"
"""A digit to str.isdigit(), and no number to int()."""
ENDLESS = "9" * 5000
"""More digits than int() takes."""


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("42", 42), ("", None), ("-1", None), (SUPERSCRIPT, None), (ENDLESS, None)]
)
def test_a_number_is_short_and_of_ascii_digits(text: str, number: Optional[int]) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("number", [SUPERSCRIPT, ENDLESS])
@pytest.mark.parametrize(
    ("read", "nothing"),
    [
        (lambda number: passwords.entries(f"user:x:{number}:0::/home/user:/bin/sh\n"), ()),
        (lambda number: passwords.first_uid(f"UID_MIN {number}\n"), passwords.UID_MIN),
        (lambda number: os_release.Distribution(version=number).version_number, ()),
        (lambda number: [known for known, _ in kernels.version_key(number)], [-1]),
        (lambda number: parse_iptables_save.packets(f"[{number}:1] -A OUTPUT -j DROP"), None),
        (lambda number: parse_nft.packets(f"counter packets {number} bytes 1 drop"), None),
        (lambda number: parse_nft.handle(f"drop # handle {number}"), None),
    ],
)
def test_what_looks_like_a_number_and_is_none_does_no_harm(
    read: Callable[[str], Any], nothing: Any, number: str
) -> None:
    assert read(number) == nothing
