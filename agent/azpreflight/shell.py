"""Words of a shell: of the commands that are printed for a person, and of the command lines in somebody else's files.
None of them is run by azpreflight."""

from __future__ import annotations

import re
import shlex
from typing import Optional

_PLAIN = re.compile(r"[\w./:@,+=~ -]", re.ASCII)
"""What stands for itself between single quotes in a format of printf(1)."""
_PIECE = re.compile(
    r"""(?P<plain>[^ \t\r\n"'\\#]+)|(?P<blank>[ \t\r\n]+)|(?P<hash>\#)|'(?P<single>[^']*)'"""
    r"""|"(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"|\\(?P<escaped>.)""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\\\"])")
"""Between double quotes a backslash escapes these alone."""


def argument(text: str) -> str:
    """A path as one argument of a shell command: printable ASCII, whatever bytes it has, and quoted where it has to be.

    Bytes that cannot be printed are written for printf(1), which every shell has, as $'...' is not known to dash, the
    sh of Debian. A shell drops newlines from the end of what a command prints, and the path would be that of another
    file; there it is $'...', which dash takes for a file that does not exist.
    """
    if text.isascii() and text.isprintable():
        return shlex.quote(text)
    octal = "".join(chr(byte) if _PLAIN.match(chr(byte)) else f"\\{byte:03o}" for byte in _bytes(text))
    return f"$'{octal}'" if text.endswith("\n") else f"\"$(printf -- '{octal}')\""


def _bytes(text: str) -> bytes:
    """What the text was read from; a surrogate that stands for no byte, as only a forged snapshot has, is replaced."""
    escapes = ("surrogateescape" if "\udc80" <= char <= "\udcff" else "replace" for char in text)
    return b"".join(char.encode("utf-8", errors) for char, errors in zip(text, escapes))


_WORD = re.compile(r"""(?:[^ "'\\`$]|\$(?!\()|'[^']*'|"[^"\\`$]*(?:\$(?!\()[^"\\`$]*)*")+""")
"""Of a command that may be folded: nothing escaped, and nothing that runs another command."""


def folded(command: str, first: str, rest: str, width: int) -> list[str]:
    """The command in lines of at most `width` columns that a shell takes for one: each but the last ends with a
    backslash. A word that does not fit stays whole; so does a command of which it is not plain where words end."""
    found = _WORD.findall(command)
    if len(first) + len(command) <= width or " ".join(found) != command:
        return [first + command]
    lines, line = [], first + found[0]
    for number, word in enumerate(found[1:], 2):
        end = "" if number == len(found) else " \\"
        if len(line) + 1 + len(word) + len(end) <= width:
            line += f" {word}"
        else:
            lines.append(f"{line} \\")
            line = rest + word
    return [*lines, line]


def words(text: str, comments: bool = False) -> list[str]:
    """What shlex.split() makes of a text, in linear time: shlex copies a word for each of its characters, which takes
    minutes for one of 1 MiB. ValueError where a quote is not closed, or nothing follows a backslash."""
    found: list[str] = []
    word: Optional[list[str]] = None
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:
            raise ValueError("a quote is not closed, or nothing follows a backslash")
        at, kind = match.end(), match.lastgroup or ""
        if comments and kind == "hash":
            at, kind = text.find("\n", at) % (len(text) + 1), "blank"
        if kind != "blank":
            word = word if word is not None else []
            word.append(_meant(kind, match))
        elif word is not None:
            found.append("".join(word))
            word = None
    return found if word is None else [*found, "".join(word)]


def _meant(kind: str, match: re.Match[str]) -> str:
    """What a piece of a word stands for."""
    if kind == "hash":
        return "#"
    return _ESCAPED.sub(r"\1", match[kind]) if kind == "double" else match[kind]
