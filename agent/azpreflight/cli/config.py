"""`azpreflight config`: validate the configuration, and print what is in force and where each value comes from."""

from __future__ import annotations

import argparse
import os
from typing import Optional

from azpreflight.cli import environment, options, values
from azpreflight.cli.inspecting import CONFIG_S, check_ids, system_configuration
from azpreflight.config import SIZE_LIMIT, ConfigError
from azpreflight.config.keys import schema
from azpreflight.dataclass import dataclass
from azpreflight.host import HostError, LocalHost
from azpreflight.render import configuration
from azpreflight.sinks.stderr import say
from azpreflight.sinks.stdout import write_stdout


@dataclass(frozen=True)
class Request:
    """What is asked."""

    path: Optional[str]
    """The configuration file; None: the default one, with what is dropped in beside it."""
    format: str
    schema: bool
    """Print the schema of a file instead."""
    goss: Optional[str]
    """Print the checks that this goss file stands for instead."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which configuration, and in which form."""
    parser.description = """\
Validate the configuration, and print what is in force and where each value comes from:
the file, those in /etc/azpreflight/config.d, and the environment. Options of the
command line come before all of these.
"""
    options.add_config(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--schema", action="store_true", help="print the JSON Schema of a file, for editors")
    instead.add_argument(
        "--from-goss",
        metavar="FILE",
        type=values.absolute,
        help="print the checks that this file of goss stands for; what it has beyond that is named (exit 1)",
    )


def request(asked: argparse.Namespace) -> Request:
    """What is asked."""
    return Request(asked.config, asked.format, asked.schema, asked.from_goss)


def run(request: Request) -> int:
    """Print it; a mistake is exit 2 with its line."""
    if request.schema:
        write_stdout(configuration.render_schema(schema(check_ids())))
        return 0
    if request.goss is not None:
        return _from_goss(request.goss)
    loaded = system_configuration(request.path)
    variables = environment.settings(os.environ)
    render = configuration.render_json if request.format == "json" else configuration.render
    write_stdout(render(loaded, {environment.PREFIX + name: value for name, value in variables.items()}))
    return 0


def _from_goss(path: str) -> int:
    """0 if everything in the file has a counterpart, else 1."""
    from azpreflight.config.goss import convert

    try:
        text = LocalHost(budget=CONFIG_S).text(path, SIZE_LIMIT)
    except HostError as error:
        raise ConfigError(str(error)) from None
    if text is None:
        raise ConfigError(f"cannot read {path}: no such file")
    try:
        converted = convert(text)
    except ConfigError as error:
        raise ConfigError(f"cannot take {path}: {error}") from None
    write_stdout(converted.text)
    for sentence in converted.left_out:
        say(f"left out: {sentence}")
    return 1 if converted.left_out else 0
