"""`azpreflight explain`: the page of a check or of a cause."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Optional

from azpreflight.cli import options
from azpreflight.cli.pages import page, page_ids
from azpreflight.model.errors import UsageError
from azpreflight.model.site import PREFIX
from azpreflight.sinks.stdout import write_stdout


@dataclass(frozen=True)
class Request:
    """What is asked."""

    id: str
    """Of a check or a cause."""
    config: Optional[str]
    """The configuration file that may define the check; None: the default one."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which page."""
    parser.add_argument("id", metavar="ID", help="a check, such as dns-servers, or a cause, such as no-egress")
    options.add_config(parser)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.id, asked.config)


def run(request: Request) -> int:
    """Print the page."""
    own = request.id.startswith(PREFIX)
    found, known = _site_page(request) if own else (page(request.id), page_ids())
    if found is None:
        from azpreflight.text import similar

        raise UsageError(f"no page for {request.id}{similar(request.id, known)}; azpreflight list shows all checks")
    write_stdout(found)
    return 0


def _site_page(request: Request) -> tuple[Optional[str], tuple[str, ...]]:
    """The page of a check that the configuration defines, and the ids of all that it does."""
    from azpreflight.cli.inspecting import system_configuration
    from azpreflight.probes.site import words

    defined = [origin for origin in system_configuration(request.config).origins if origin.key == "checks"]
    found = next((words.page(one.value, one.place) for one in defined if one.value.id == request.id), None)
    return found, tuple(one.value.id for one in defined)
