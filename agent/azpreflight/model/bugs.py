"""How a bug of azpreflight's own is told: where it is and of which type, without the text of the exception.

Python and the libraries quote in it what they could not use: `KeyError: 'x'`, `invalid literal for int(): 'x'`. At that
moment x is a piece of somebody else's file, which may be a secret, and a report of a bug is sent to strangers.
"""

from __future__ import annotations

import traceback
from typing import Optional

CHAINED = 5
"""Exceptions of a chain that are told."""


def sentence(error: BaseException) -> str:
    """In a few words: "bug in azpreflight: KeyError"."""
    return f"bug in azpreflight: {type(error).__name__}"


def account(error: BaseException) -> str:
    """As Python prints a traceback, each exception by its type alone, the first one first."""
    chain: list[BaseException] = []
    now: Optional[BaseException] = error
    while now is not None and len(chain) < CHAINED and now not in chain:
        chain.append(now)
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return "\n".join(_one(one) for one in reversed(chain))


def _one(error: BaseException) -> str:
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    return f"Traceback (most recent call last):\n{frames}{type(error).__module__}.{type(error).__qualname__}\n"
