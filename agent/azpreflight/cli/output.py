"""Where a report goes, and in which form: what check, assess, image and seal have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Callable, Optional, Union

from azpreflight.cli.options import Output, Place
from azpreflight.cli.terminal import columns, on_terminal
from azpreflight.host import LocalHost
from azpreflight.model import Report, Severity
from azpreflight.model.exit_codes import EXIT_CONSOLE, EXIT_USAGE
from azpreflight.render import formats, json, text
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import FILE_MODE, write_file
from azpreflight.sinks.serial import consoles, write_serial
from azpreflight.sinks.stderr import say
from azpreflight.sinks.stdout import write_stdout

Tell = Callable[[str], None]

LINKING_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby")
LINKING_TERMINALS = ("alacritty", "foot", "xterm-kitty", "xterm-ghostty", "wezterm", "contour")
"""Terminals that show links, by TERM_PROGRAM and by TERM."""


def publish(output: Output, report: Report, fail_on: Severity, tell: Tell = say) -> int:
    """Put the report wherever it is wanted; 0, or the exit code for a place that did not take it.

    A place that fails is told about, and the others still get theirs. Of consoles only one that is named counts: what
    `auto` finds may be dead. `fail_on`: from which severity on a finding fails.
    """
    silent = list(_serial(output.serial, report, output.report))
    failed = [
        failure(place.path, rendered(output, place, report, fail_on), output.mode or mode_of(place.format))
        for place in output.places
    ]
    if output.report is not None:
        failed.append(failure(output.report, json.render(report), output.mode or FILE_MODE))
    files = [error for error in failed if error is not None]
    for error in (*silent, *files):
        tell(error)
    if files:
        return EXIT_USAGE
    return EXIT_CONSOLE if silent and output.serial != "auto" else 0


def rendered(output: Output, place: Place, report: Report, fail_on: Severity) -> str:
    """The report in the form that is asked for there."""
    if place.format == "text":
        color = colored(output.color, place.path)
        return text.render(
            report,
            verbose=output.verbose,
            quiet=output.quiet,
            color=color,
            links=color and place.path is None and shows_links(os.environ),
            width=columns(place.path),
            fold=on_terminal(place.path),
        )
    return formats.render(place.format, report, fail_on)


def colored(wanted: str, path: Optional[str]) -> bool:
    """Whether the text has colors (https://no-color.org and https://force-color.org: a variable counts if not empty).

    `wanted`: auto, always or never.
    """
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return os.environ.get("TERM") != "dumb" and path is None and sys.stdout.isatty()


def shows_links(environment: Mapping[str, str]) -> bool:
    """The terminal is one of those that are known to have links (OSC 8), and is not in a multiplexer that has none."""
    if environment.get("TMUX") or environment.get("STY") or not sys.stdout.isatty():
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        (vte.isascii() and vte.isdigit() and len(vte) < 8 and int(vte) >= 5000)
        or environment.get("TERM_PROGRAM") in LINKING_PROGRAMS
        or environment.get("TERM", "") in LINKING_TERMINALS
        or any(environment.get(name) for name in ("WT_SESSION", "KONSOLE_VERSION", "KITTY_WINDOW_ID"))
    )


def mode_of(form: str) -> Optional[int]:
    """Of a new file in this format; None leaves it to the umask."""
    return None if form in formats.FOR_OTHERS else FILE_MODE


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


def _serial(wanted: str, report: Report, path: Optional[str]) -> Iterator[str]:
    """Put summary and frame on the serial console; what each that failed says."""
    devices = consoles(LocalHost(), wanted)
    if not devices:
        return
    from azpreflight.render import serial

    content = serial.render(report, path)
    for device in devices:
        try:
            write_serial(device, content)
        except SinkError as error:
            yield str(error)
