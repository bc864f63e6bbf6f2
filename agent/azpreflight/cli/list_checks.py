"""`azpreflight list`: all checks."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any, Optional

from azpreflight.cli import options
from azpreflight.cli.inspecting import system_configuration
from azpreflight.cli.terminal import columns
from azpreflight.dataclass import dataclass
from azpreflight.model import Probe
from azpreflight.probes import PROBES
from azpreflight.render import catalogue
from azpreflight.sinks.stdout import write_stdout


@dataclass(frozen=True)
class Request:
    """What is asked."""

    format: str
    config: Optional[str]
    """The configuration file, which may define further checks; None: the default one."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """In which form."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    options.add_config(parser)


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.format, asked.config)


def run(request: Request) -> int:
    """Print a line, or a JSON object, for each check."""
    probes, config = (*PROBES, *_of_rehearsals()), system_configuration(request.config).config
    as_json = request.format == "json"
    write_stdout(catalogue.render_json(probes, config) if as_json else catalogue.render(probes, config, columns(None)))
    return 0


def _of_rehearsals() -> tuple[Probe[Any], ...]:
    """Where rehearsals can be made, which is in no guest."""
    if importlib.util.find_spec("azpreflight.rehearse") is None:
        return ()
    from azpreflight.rehearse.probe import PROBE

    return (PROBE,)
