"""Words of the shell commands that are printed for a person; none of them is run by azpreflight."""

import re
import shlex

_PLAIN = re.compile(r"[\w./:@,+=~ -]", re.ASCII)
"""What stands for itself between single quotes in a format of printf(1)."""


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
