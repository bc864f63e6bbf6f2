"""A library that is missing or broken is named, with how to install it; a bug of ours stays one."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from azpreflight.model.libraries import cannot_be_imported


def said(module: str) -> str:
    """What is said where this module cannot be imported."""
    with pytest.raises(ImportError) as caught:
        importlib.import_module(module)
    return cannot_be_imported(caught.value)


def test_a_library_that_is_missing() -> None:
    error = ModuleNotFoundError("No module named 'dns'", name="dns.message")
    assert cannot_be_imported(error) == (
        "the Python library dnspython is not installed: install python3-dnspython with the package manager, or "
        "dnspython with pip"
    )


def test_a_library_that_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By where it failed: its own import of something else has another name."""
    (tmp_path / "psutil").mkdir()
    (tmp_path / "psutil" / "__init__.py").write_text("raise ImportError('undefined symbol: secret')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "psutil", raising=False)
    assert said("psutil").startswith(
        "the Python library psutil cannot be imported (ImportError): install python3-psutil"
    )
    assert "secret" not in said("psutil")


def test_another_module() -> None:
    assert said("no_such_library") == "the Python module no_such_library is not installed"
