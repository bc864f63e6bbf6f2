"""The package's own source, parsed once for all tests of a process that read it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "agent" / "azpreflight"


@lru_cache(maxsize=1)
def modules() -> Mapping[str, ast.Module]:
    """Every module by its full name, in order; nobody may change a tree."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text()
        )
        for path in sorted(PACKAGE.rglob("*.py"))
    }
