"""The libraries that azpreflight needs from the system, and what is said of one that cannot be imported."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Optional

LIBRARIES: Mapping[str, tuple[str, str]] = {
    "dns": ("dnspython", "python3-dnspython"),
    "requests": ("requests", "python3-requests"),
    "urllib3": ("urllib3", "python3-urllib3"),
    "psutil": ("psutil", "python3-psutil"),
    "yaml": ("PyYAML", "python3-yaml"),
}
"""By the module that is imported: its name on PyPI, and that of Debian's package. Red Hat and SUSE name theirs alike,
but for python3-dns and python3-pyyaml."""


def cannot_be_imported(error: ImportError) -> str:
    """Which library is missing or broken, and how to install it."""
    missing = isinstance(error, ModuleNotFoundError)
    module = _module(error)
    if module is None:
        return f"the Python module {error.name} is not installed" if missing else "a Python module cannot be imported"
    name, package = LIBRARIES[module]
    state = "is not installed" if missing and _top(error) == module else f"cannot be imported ({type(error).__name__})"
    return f"the Python library {name} {state}: install {package} with the package manager, or {name} with pip"


def _top(error: ImportError) -> str:
    return (error.name or "").partition(".")[0]


def _module(error: ImportError) -> Optional[str]:
    """The library of ours that failed: by the name that was asked for, else by where it happened."""
    if _top(error) in LIBRARIES:
        return _top(error)
    places = [frame.filename.split("/") for frame in traceback.extract_tb(error.__traceback__)]
    foreign = [part for parts in places if "azpreflight" not in parts for part in parts]
    return next((part for part in foreign if part in LIBRARIES), None)
