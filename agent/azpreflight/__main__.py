"""Run azpreflight as `python3 -m azpreflight`, and as the program that is installed."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

INTERRUPTED = 130


def run() -> int:
    """The exit code of the command line, which answers an interruption itself while it runs."""
    from azpreflight.cli.main import main

    try:
        return main()
    finally:
        end_quietly()


def end_quietly() -> None:
    """Let Ctrl-C end a program that only starts or ends: Python would print where it was. Not where it is ignored."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _ended)


def _ended(number: int, frame: Any) -> None:
    os._exit(INTERRUPTED)


end_quietly()

if __name__ == "__main__":
    sys.exit(run())
