"""The pages that `explain` prints, offline: one for every check and one for every cause, shipped with the package.

In the source tree `data/checks` and `data/causes` are links to the folders below `docs/`, so that the pages can be read
in a browser of the repository too; a wheel and a source archive carry the files themselves.
"""

import os
from typing import Optional

_FOLDERS = tuple(os.path.join(os.path.dirname(__file__), "data", kind) for kind in ("checks", "causes"))


def page(page_id: str) -> Optional[str]:
    """The text of the page of a check or a cause; None if there is none."""
    if page_id not in page_ids():
        return None
    for folder in _FOLDERS:
        path = os.path.join(folder, f"{page_id}.md")
        if os.path.isfile(path):
            with open(path, encoding="ascii") as file:
                return file.read()
    return None


def page_ids() -> "tuple[str, ...]":
    """Ids of all checks and causes that have a page."""
    names = [name for folder in _FOLDERS if os.path.isdir(folder) for name in os.listdir(folder)]
    return tuple(sorted(name[: -len(".md")] for name in names if name.endswith(".md")))
