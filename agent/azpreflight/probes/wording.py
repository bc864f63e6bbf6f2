"""Words and numbers that come out of somebody else's files, so that a message stays one line of ASCII."""

from collections.abc import Sequence

from azpreflight.shell import argument

SHOWN = 5
"""Names in one message; the rest is counted."""


def plain(text: str, limit: int = 80) -> str:
    """The text as printable ASCII, cut at `limit` characters."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = line.encode("ascii", "backslashreplace").decode()
    return line if len(line) <= limit else line[: limit - 3] + "..."


def several(names: Sequence[str], shown: int = SHOWN, limit: int = 80) -> str:
    """Names as one phrase: "a, b and c", or "a, b and 7 more"; each is cut at `limit` characters."""
    words = [plain(name, limit) for name in names]
    if len(words) > shown:
        words = [*words[: shown - 1], f"{len(words) - shown + 1} more"]
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def count(number: int, noun: str) -> str:
    """ "1 file", "3 files"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def files(paths: Sequence[str]) -> str:
    """Paths as arguments of a shell command."""
    return " ".join(argument(path) for path in paths)
