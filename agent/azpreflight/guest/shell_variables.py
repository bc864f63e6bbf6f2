"""Variables in files of the shell's form, put in where they are referred to. Pure.

A line of twenty bytes doubles a value, so that thirty of them would unfold to gigabytes. A value has a limit, beyond
which it is cut: no proxy, list of exceptions or kernel command line has as much.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VALUE_MOST = 8192
"""Characters of a value: a kernel command line has 2,048 at most on x86 and arm64 (COMMAND_LINE_SIZE)."""
_REFERENCE = re.compile(r"\$\{?(\w+)\}?")


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """With variables replaced by what is known of them, else by nothing, and cut at VALUE_MOST characters."""
    pieces: list[str] = []
    at = length = 0
    for match in _REFERENCE.finditer(text[:VALUE_MOST]):
        pieces += [text[at : match.start()], variables.get(match.group(1), "")]
        at, length = match.end(), length + match.start() - at + len(pieces[-1])
        if length >= VALUE_MOST:
            break
    return "".join([*pieces, text[at : at + VALUE_MOST]])[:VALUE_MOST]
