"""The pages that `explain` prints, offline: one for every check and one for every cause, shipped with the package.

In the source tree `data/checks` and `data/causes` are links to the folders below `docs/`, so that the pages can be read
in a browser of the repository too; a wheel and an installed package carry the files themselves.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Optional

from azpreflight.package import data, data_names

LANGUAGES = ("en", "ja")
"""English has all pages, and any other language those of causes. Messages, which people search for, are English."""

_FOLDERS = ("checks", "causes")
_ID = re.compile(r"[a-z0-9-]+")
"""Anything else is no id, and could leave the folder."""


def page(page_id: str, language: str = "en") -> Optional[str]:
    """The text of the page of a check or a cause in one of LANGUAGES; None if there is none."""
    if not _ID.fullmatch(page_id):
        return None
    for folder in _FOLDERS if language == "en" else (f"causes/{language}",):
        with suppress(OSError):
            return data(f"{folder}/{page_id}.md").decode("utf-8")
    return None


def page_ids() -> tuple[str, ...]:
    """Ids of all checks and causes that have a page."""
    names = [name for folder in _FOLDERS for name in data_names(folder)]
    return tuple(sorted(name[: -len(".md")] for name in names if name.endswith(".md")))
