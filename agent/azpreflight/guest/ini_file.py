"""INI files as systemd and NetworkManager write them: entries in order, because a key may come more than once. Pure."""

from __future__ import annotations

from collections.abc import Iterator

Entry = tuple[str, str, str]
"""Section and key in lower case, and the value as it is written."""


def entries(text: str) -> Iterator[Entry]:
    """Every entry; comments and lines without "=" are left out."""
    section = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].lower()
        elif "=" in stripped and stripped[0] not in "#;":
            key, _, value = stripped.partition("=")
            yield section, key.strip().lower(), value.strip()
