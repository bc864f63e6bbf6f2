"""`azpreflight explain`: the page of a check or of a cause."""

from __future__ import annotations

import argparse
import sys
from typing import Optional

from azpreflight.cli import options
from azpreflight.cli.pages import LANGUAGES, page, page_ids
from azpreflight.cli.terminal import columns, on_terminal
from azpreflight.dataclass import dataclass
from azpreflight.model.errors import UsageError
from azpreflight.model.site import PREFIX
from azpreflight.sinks.stderr import say
from azpreflight.sinks.stdout import write_stdout


@dataclass(frozen=True)
class Request:
    """What is asked."""

    id: str
    """Of a check or a cause."""
    language: str
    """One of LANGUAGES; English where a page is not translated."""
    config: Optional[str]
    """The configuration file that may define the check; None: the default one."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which page."""
    parser.add_argument("id", metavar="ID", help="a check, such as dns-servers, or a cause, such as no-egress")
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        default="en",
        help="language, which other than English the pages of causes have (default: en)",
    )
    options.add_config(parser)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.id, asked.lang, asked.config)


def run(request: Request) -> int:
    """Print the page."""
    own = request.id.startswith(PREFIX)
    found, known = _site_page(request) if own else (page(request.id), page_ids())
    if found is None:
        from azpreflight.text import similar

        raise UsageError(f"no page for {request.id}{similar(request.id, known)}; azpreflight list shows all checks")
    found = _translated(request) or found
    if on_terminal(None):
        from azpreflight.render.page import reflowed

        found = reflowed(found, columns(None))
    write_stdout(found)
    return 0


def _translated(request: Request) -> Optional[str]:
    """The page in the language that is asked for. None, with a word about it, where there is none; UsageError where
    standard output has no characters for it."""
    if request.language == "en":
        return None
    found = page(request.id, request.language)
    if found is None:
        say(f"no page for {request.id} in {request.language}: only causes have one; this is the English page")
        return None
    encoding = sys.stdout.encoding
    try:
        found.encode(encoding)
    except UnicodeEncodeError:
        raise UsageError(
            f"{encoding}, the encoding of this locale, has no characters for {request.language}; "
            "set LC_ALL=C.UTF-8 on a terminal that shows UTF-8"
        ) from None
    return found


def _site_page(request: Request) -> tuple[Optional[str], tuple[str, ...]]:
    """The page of a check that the configuration defines, and the ids of all that it does."""
    from azpreflight.cli.inspecting import system_configuration
    from azpreflight.probes.site import words

    defined = [origin for origin in system_configuration(request.config).origins if origin.key == "checks"]
    found = next((words.page(one.value, one.place) for one in defined if one.value.id == request.id), None)
    return found, tuple(one.value.id for one in defined)
