"""`azpreflight explain`: the page of a check or of a cause."""

from __future__ import annotations

import argparse

from azpreflight.cli.pages import page, page_ids
from azpreflight.model.errors import UsageError
from azpreflight.sinks.stdout import write_stdout


def explain(asked: argparse.Namespace) -> int:
    """Print the page."""
    found = page(asked.id)
    if found is None:
        from azpreflight.config import similar

        raise UsageError(f"no page for {asked.id}{similar(asked.id, page_ids())}; azpreflight list shows all checks")
    write_stdout(found)
    return 0
