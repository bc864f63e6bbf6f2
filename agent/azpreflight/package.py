"""This package as files and programs, wherever it was imported from: a directory, or the single file of `make zipapp`.

Files of an archive have no path of their own, so they are read through whatever imported the package.
"""

from __future__ import annotations

import os
from typing import Any, cast

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The directory or archive that Python finds this package in."""


def data(name: str) -> bytes:
    """The content of a file below data/. OSError if there is none."""
    path = os.path.join(os.path.dirname(__file__), "data", *name.split("/"))
    return cast(bytes, cast(Any, __spec__).loader.get_data(path))


def data_names(folder: str) -> tuple[str, ...]:
    """What is in a folder below data/."""
    from importlib.resources import files

    return tuple(sorted(entry.name for entry in files("azpreflight").joinpath("data").joinpath(folder).iterdir()))


def arguments(module: str) -> tuple[str, str]:
    """Python's arguments that run the main() of one of our modules as a program of its own."""
    return "-c", f"import sys; sys.path.append({HOME!r}); import {module} as child; sys.exit(child.main())"
