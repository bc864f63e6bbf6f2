"""The edge at which somebody else's text comes in: whatever its parser raises, one kind of exception comes out.

A parser raises what its author thought of, and with hostile text something else at times: PyYAML a KeyError for a
word that it takes for a truth value, struct an error of its own for a header that is cut short, json a RecursionError.
None of that is a fault of azpreflight's, and none of it may take along what else is inspected. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional, Union

DIGITS_MOST = 40
"""Digits of an integer in JSON; older Pythons take quadratic time for a long one, and newer ones refuse to print it."""


@contextmanager
def edge(refused: Callable[[str], Exception], *passed: type[Exception]) -> Iterator[None]:
    """Within it, whatever is raised becomes what `refused` makes of a reason, which quotes nothing of the text.

    What is of the types `passed`, and a lack of memory, goes through as it is. To be put around the parser of one text
    alone, so that the reason is true.
    """
    try:
        yield
    except Exception as error:  # libraries raise anything on hostile text, and the text is to blame
        if isinstance(error, (MemoryError, *passed)):
            raise
        raise refused(f"its content is malformed ({type(error).__name__})") from error


def loads(text: Union[str, bytes]) -> Any:
    """What a JSON text stands for. ValueError for whatever is none, and for one that is too deep for Python."""
    with edge(ValueError):
        return json.loads(text, parse_int=_integer)


def whole(text: str) -> Optional[int]:
    """The number that plain ASCII digits stand for, of at most 18; None for anything else, such as a superscript."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MOST:
        raise ValueError("a number of too many digits")
    return int(digits)
