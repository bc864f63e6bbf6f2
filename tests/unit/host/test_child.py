"""What a child says where its work fails: where that is and of which type, and never the text of the exception."""

from __future__ import annotations

import subprocess
import sys

FAILS = """
import os, sys
from azpreflight.host import child

def work(send):
    raise KeyError(sys.argv[1])

read, write = os.pipe()
child._work(work, write)
"""


def test_what_a_child_says_of_a_failure_quotes_nobody() -> None:
    """Python puts what it could not use into the exception, which may be a piece of somebody's secret."""
    done = subprocess.run(
        [sys.executable, "-c", FAILS, "geheimnis"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode != 0
    assert "KeyError" in done.stderr and "Traceback" in done.stderr
    assert "geheimnis" not in done.stderr
