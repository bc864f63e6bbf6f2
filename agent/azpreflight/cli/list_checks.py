"""`azpreflight list`: all checks."""

from __future__ import annotations

import argparse

from azpreflight.probes import PROBES
from azpreflight.render import catalogue
from azpreflight.sinks.stdout import write_stdout


def print_list(asked: argparse.Namespace) -> int:
    """Print a line, or a JSON object, for each check."""
    render = catalogue.render_json if asked.format == "json" else catalogue.render
    write_stdout(render(PROBES))
    return 0
