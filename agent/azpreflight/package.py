"""This package as files and programs, wherever it was imported from: a directory, or the archive of an installation.

Files of an archive have no path of their own, so they are read through whatever imported the package. A folder of its
data is one file there, in JSON: small pages deflate to two thirds of what they do one by one.
"""

import json
import os
from typing import Any, cast

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The directory or archive that Python finds this package in."""


def data(name: str) -> bytes:
    """The content of a file below data/. OSError if there is none."""
    folder, _, page = name.rpartition("/")
    if not folder or os.path.isdir(_path(folder)):
        return _content(name)
    try:
        return _packed(folder)[page].encode()
    except KeyError:
        raise FileNotFoundError(name) from None


def data_names(folder: str) -> "tuple[str, ...]":
    """What is in a folder below data/. OSError if there is none."""
    path = _path(folder)
    return tuple(sorted(os.listdir(path) if os.path.isdir(path) else _packed(folder)))


def _path(name: str) -> str:
    return os.path.join(os.path.dirname(__file__), "data", *name.split("/"))


def _content(name: str) -> bytes:
    return cast(bytes, cast(Any, __spec__).loader.get_data(_path(name)))


def _packed(folder: str) -> "dict[str, str]":
    """The files of a folder of an archive, by their names. OSError if there is none."""
    return cast("dict[str, str]", json.loads(_content(f"{folder}.json")))


def arguments(module: str) -> "tuple[str, str]":
    """Python's arguments that run the main() of one of our modules as a program of its own."""
    return "-c", f"import sys; sys.path.append({HOME!r}); import {module} as child; sys.exit(child.main())"
