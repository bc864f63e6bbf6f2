"""What is shown of a text that somebody else wrote: words that are known, and values of a known form.

A log line is evidence, and may hold a secret: an agent quotes the command, the address or the document that it failed
with. No list of words that announce a secret is ever complete, so this is the opposite list: of what is shown. A word
that is not on it becomes an ellipsis. Of an address the scheme and the host stay, of a number only what its context
explains (an errno, an HTTP status, an attempt), of a path only components that are words.

A secret that is itself made of nothing but these words, or the name of a host, would be shown.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from azpreflight.azure.log_words import WORDS

HIDDEN = "..."
LINE = 400
"""Characters of a text that are inspected; longer ones are dumps of whole documents."""
SHOWN = 240
"""Characters that are shown at most."""

_TIME = re.compile(
    r"(?:\[ {0,5}\d{1,7}\.\d{6}\]|\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z?)"
    r"(?: (?:cloud-init|waagent|python3|azure-init)\[\d{1,7}\]:)?(?= )",
    re.ASCII,
)
"""With which each line of an agent's log begins, and on a console each line of the kernel's and of a program."""
_URL = re.compile(
    r"(?P<scheme>https?)://(?:[^\s/@]{0,200}@)?"
    r"(?P<host>(?:[A-Za-z0-9-]{1,63}\.){1,10}[A-Za-z0-9-]{1,63})(?P<port>:[0-9]{1,5})?(?=[/?#'\",;)\]]|$)"
)
_SEPARATORS = re.compile(r"[/|=:;,!()\[\]{}<>'\"]+")
_EDGES = "()[]{}<>'\",;:.!"
_ADDRESS_STARTS = frozenset("0123456789abcdefABCDEF:")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_SMALL = re.compile("[0-9]{1,2}")
"""A count, of seconds or attempts."""
_NUMBERS = {
    "Errno": re.compile("-?[0-9]{1,3}"),
    "Code": re.compile("[1-5][0-9]{2}"),
    "error": re.compile("[1-5][0-9]{2}"),
    "failed": re.compile("[1-5][0-9]{2}"),
    "Failed": re.compile("[1-5][0-9]{2}"),
    "attempt": re.compile("[0-9]{1,4}"),
    "line": re.compile("[0-9]{1,6}"),
    "column": re.compile("[0-9]{1,6}"),
    "retry": re.compile("[0-9]{1,3}(?:/[0-9]{1,3})?"),
}
"""What a number may stand behind, and how it looks there."""
_PART = re.compile("part-[0-9]{3}|(?:eth|ens|eno|sr)[0-9]{1,2}|nvme[0-9]n[0-9](?:p[0-9]{1,2})?|sd[a-z][0-9]{0,2}")
"""Names that are made by rule: a part of custom data, an interface, a disk."""


def shown(text: str) -> str:
    """The text in known words and typed values, on one line of printable ASCII; the rest is an ellipsis."""
    line = text[:LINE]
    time = _TIME.match(line)
    head = [time.group()] if time is not None else []
    body = line[time.end() :] if time is not None else line
    return " ".join([*head, *_joined(body)])[:SHOWN].rstrip()


def _joined(text: str) -> Iterator[str]:
    """The words, with one ellipsis for several in a row."""
    before, last = "", ""
    for word in text.split():
        now = _word(word, before)
        if now != HIDDEN or last != HIDDEN:
            yield now
        before, last = word.strip(_EDGES), now


def _word(word: str, before: str) -> str:
    url = _URL.search(word)
    if url is not None:
        return f"{url['scheme']}://{url['host']}{url['port'] or ''}/{HIDDEN}"
    core = word.strip(_EDGES)
    number = _NUMBERS.get(before)
    if (number or _SMALL).fullmatch(core) or _SMALL.fullmatch(core) or _is_address(core) or _MAC.fullmatch(core):
        return word
    pieces = [piece for piece in _SEPARATORS.split(word) if piece]
    known = all(piece.rstrip(".") in WORDS or _PART.fullmatch(piece) for piece in pieces)
    return word if known and word.isascii() and word.isprintable() else HIDDEN


def _is_address(text: str) -> bool:
    if text[:1] not in _ADDRESS_STARTS or not ("." in text or ":" in text):
        return False  # most words, which cost the library two exceptions each
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
