"""`azpreflight config`: validate the configuration, and print what is in force and where each value comes from."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Optional

from azpreflight.cli import environment, options
from azpreflight.cli.inspecting import check_ids, system_configuration
from azpreflight.config.keys import schema
from azpreflight.render import configuration
from azpreflight.sinks.stdout import write_stdout


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: Optional[str]
    """The configuration file; None: the default one, with what is dropped in beside it."""
    format: str
    schema: bool
    """Print the schema of a file instead."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and in which form."""
    parser.description = """\
Validate the configuration, and print what is in force and where each value comes from:
the file, those in /etc/azpreflight/config.d, and the environment. Options of the
command line come before all of these.
"""
    options.add_config(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of a file, for editors")


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.config, asked.format, asked.schema)


def run(request: Request) -> int:
    """Print it; a mistake is exit 2 with its line."""
    if request.schema:
        write_stdout(configuration.render_schema(schema(check_ids())))
        return 0
    loaded = system_configuration(request.path)
    variables = environment.settings(os.environ)
    render = configuration.render_json if request.format == "json" else configuration.render
    write_stdout(render(loaded, {environment.PREFIX + name: value for name, value in variables.items()}))
    return 0
