"""Where a report goes, and in which form: what check, assess, image and seal have in common."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import Callable, Optional, Union

from azpreflight.cli.options import Output
from azpreflight.host import LocalHost
from azpreflight.model import Report
from azpreflight.render import json, junit, prometheus, text
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import FILE_MODE, write_file
from azpreflight.sinks.serial import consoles, write_serial
from azpreflight.sinks.stderr import say
from azpreflight.sinks.stdout import write_stdout
from azpreflight.text import WIDTH

Tell = Callable[[str], None]

FOR_COLLECTORS = ("junit", "prometheus")
"""Formats that another user's program fetches from a file: the umask decides who may read a new one."""


def publish(output: Output, report: Report, tell: Tell = say) -> bool:
    """Put the report wherever it is wanted; True if it is in every file.

    A place that fails is told about, and the others still get theirs. A console that does not take it counts for
    nothing.
    """
    _serial(output.serial, report, output.report, tell)
    mode = None if output.format in FOR_COLLECTORS else FILE_MODE
    results = [failure(output.path, rendered(output, report), mode)]
    if output.report is not None:
        results.append(failure(output.report, json.render(report)))
    failed = [error for error in results if error is not None]
    for error in failed:
        tell(error)
    return not failed


def rendered(output: Output, report: Report) -> str:
    """The report in the form that is asked for."""
    if output.format == "text":
        return text.render(
            report, verbose=output.verbose, quiet=output.quiet, color=_color(output), width=_width(output.path)
        )
    renderers = {
        "json": json.render,
        "jsonl": json.render_lines,
        "junit": junit.render,
        "prometheus": prometheus.render,
    }
    return renderers[output.format](report)


def _color(output: Output) -> bool:
    if output.color != "auto":
        return output.color == "always"
    wanted = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return wanted and output.path is None and sys.stdout.isatty()


def _width(path: Optional[str]) -> int:
    """Columns of the terminal that the report is printed on; those of a log elsewhere."""
    if path is not None or not sys.stdout.isatty():
        return WIDTH
    return shutil.get_terminal_size((WIDTH, 24)).columns


def write(path: Optional[str], content: Union[str, Iterable[str]], mode: Optional[int] = FILE_MODE) -> None:
    """Into the file, whose mode is that of a new one, or on standard output. SinkError where it cannot be written."""
    if path is None:
        write_stdout(content)
    else:
        write_file(path, content, mode)


def failure(path: Optional[str], content: str, mode: Optional[int] = FILE_MODE) -> Optional[str]:
    """Why the content could not be written; None if it was."""
    try:
        write(path, content, mode)
    except SinkError as error:
        return str(error)
    return None


def _serial(wanted: str, report: Report, path: Optional[str], tell: Tell) -> None:
    """Summary and frame on the serial console."""
    devices = consoles(LocalHost(), wanted)
    if not devices:
        return
    from azpreflight.render import serial

    content = serial.render(report, path)
    for device in devices:
        try:
            write_serial(device, content)
        except SinkError as error:
            tell(str(error))
