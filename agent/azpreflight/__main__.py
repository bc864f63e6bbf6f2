"""Run azpreflight as `python3 -m azpreflight`."""

import sys

from azpreflight.cli import main

if __name__ == "__main__":
    sys.exit(main())
