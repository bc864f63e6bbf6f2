"""`azpreflight list`: all checks."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Optional

from azpreflight.cli import options
from azpreflight.cli.terminal import columns
from azpreflight.dataclass import dataclass
from azpreflight.package import data
from azpreflight.paths import CONFIG, CONFIG_DROP_INS
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
    checks = [*_checks(request.config), *_of_rehearsals()]
    as_json = request.format == "json"
    write_stdout(catalogue.render_json(checks) if as_json else catalogue.render(checks, columns(None)))
    return 0


def _checks(config: Optional[str]) -> Sequence[catalogue.Row]:
    """Those of the program and of the site; the program's own are written down, so that no probe has to be imported."""
    if _says_nothing(config):
        checks: list[catalogue.Row] = json.loads(data("catalogue.json"))
        return checks
    from azpreflight.cli.inspecting import system_configuration
    from azpreflight.probes import PROBES

    return catalogue.rows(PROBES, system_configuration(config).config)


def _says_nothing(config: Optional[str]) -> bool:
    """There is no configuration, or nothing but comments in it, as packages install it."""
    if config is not None or (os.path.isdir(CONFIG_DROP_INS) and os.listdir(CONFIG_DROP_INS)):
        return config == os.devnull
    if not os.path.lexists(CONFIG):
        return True
    with suppress(OSError, ValueError):
        if os.path.isfile(CONFIG):
            with open(CONFIG, encoding="utf-8") as file:
                return all(line.lstrip()[:1] in ("", "#") for line in file)
    return False


def _of_rehearsals() -> Sequence[catalogue.Row]:
    """Where rehearsals can be made, which is in no guest."""
    if importlib.util.find_spec("azpreflight.rehearse") is None:
        return ()
    from azpreflight.model import Config
    from azpreflight.rehearse.probe import PROBE

    return catalogue.rows((PROBE,), Config())
