"""The command line: which command runs, and how whatever happens ends.

Results go to standard output and words about the run to standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Optional

from azpreflight.cli.parser import parse
from azpreflight.model.errors import UsageError
from azpreflight.model.exit_codes import EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE
from azpreflight.sinks.stderr import say


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit code."""
    _occupy_closed_streams()
    try:
        signal.signal(signal.SIGTERM, _terminated)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        module, request = parse(sys.argv[1:] if arguments is None else arguments)
        return module.run(request)
    except UsageError as error:
        say(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # the outermost edge: otherwise a bug would exit 1, which means findings
        from azpreflight.model import bugs

        with suppress(OSError, ValueError):
            sys.stderr.write(bugs.account(error))
        return EXIT_BUG


def _occupy_closed_streams() -> None:
    """Put something that fails as a closed stream does in place of each that the caller closed (`>&-`).

    Otherwise Python has no object for it, and the next file that is opened takes its number: what any library or
    program prints would go into that file.
    """
    for number, name, wrong_way in ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            os.open(os.devnull, wrong_way)  # it takes the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _terminated(number: int, frame: Any) -> None:
    """End as for any other reason, so that programs that are still running are ended too."""
    raise SystemExit(EXIT_TERMINATED)
