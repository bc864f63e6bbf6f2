"""What the script that pip makes calls, which starts Python without -I, as the packages' program does not.

A variable of the environment must not decide which libraries a program of root's imports. So what PYTHONPATH put on the
path is taken off it before anything else is imported: docs/adr/0012 says why it does not start itself again with -I.
"""

from __future__ import annotations

import os
import sys


def run() -> int:
    """The exit code of the command line, with the installation's own libraries alone."""
    sys.path[:] = _without_environment(sys.path)
    from azpreflight.__main__ import run as run_installed

    return run_installed()


def _without_environment(path: list[str]) -> list[str]:
    """The entries that are not there because of PYTHONPATH, and the one that this very package was found in."""
    named = {os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    named -= {os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
    return path if sys.flags.ignore_environment else [entry for entry in path if os.path.abspath(entry) not in named]
