"""`azpreflight explain`: the page of a check or of a cause."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from azpreflight.cli.pages import page, page_ids
from azpreflight.model.errors import UsageError
from azpreflight.sinks.stdout import write_stdout


@dataclass(frozen=True)
class Request:
    """What is asked."""

    id: str
    """Of a check or a cause."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which page."""
    parser.add_argument("id", metavar="ID", help="a check, such as dns-servers, or a cause, such as no-egress")


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.id)


def run(request: Request) -> int:
    """Print the page."""
    found = page(request.id)
    if found is None:
        from azpreflight.config import similar

        raise UsageError(
            f"no page for {request.id}{similar(request.id, page_ids())}; azpreflight list shows all checks"
        )
    write_stdout(found)
    return 0
