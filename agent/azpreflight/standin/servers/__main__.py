"""The servers of one configuration: `python -m azpreflight.standin.servers`.

The first line of standard input is a `Config` as JSON. "ready" on standard output says that all ports are open. The
process ends when standard input does, so it cannot outlive who started it, however that one ends.
"""

from __future__ import annotations

import json
import sys

from azpreflight.model import codec
from azpreflight.standin.config import Config
from azpreflight.standin.servers.start import start


def main() -> None:
    """Serve until standard input ends."""
    start(codec.decode(Config, json.loads(sys.stdin.readline())))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
