"""Run azpreflight out of this one file, after saying what this Python lacks and what is therefore unknown.

This module alone may be read by a Python that is too old for the rest.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.util import find_spec

OLDEST = (3, 9)
BESIDE = "/usr/local/lib/azpreflight"
"""Where the administrator puts libraries that the distribution does not have for this Python: docs/adr/0005."""
LIBRARIES = {
    "dns": "dnspython: checks of DNS servers, and of packages and endpoints, which have names",
    "psutil": "psutil: checks of addresses and the default route",
    "yaml": "PyYAML: checks of cloud-init's and netplan's files, and /etc/azpreflight/config.yaml",
}
"""By module: the library, and what needs it."""
INSPECTING = ("check", "record", "image", "seal")
"""Commands whose reports have unknown checks where a library is missing."""


def main() -> int:
    """Say what is missing, and run the command."""
    if sys.version_info < OLDEST:
        running = "{}.{}".format(*sys.version_info[:2])
        sys.stderr.write(
            f"azpreflight: this is Python {running}, and it takes 3.9 or later: python3.X -I {sys.argv[0]}\n"
        )
        return 2
    sys.path.append(BESIDE)
    missing = [text for module, text in LIBRARIES.items() if find_spec(module) is None]
    if missing and sys.argv[1:2] and sys.argv[1] in INSPECTING:
        with suppress(OSError, AttributeError):  # a full disk behind it, or none at all
            sys.stderr.write("azpreflight: unknown without libraries that this Python does not have:\n")
            sys.stderr.writelines(f"  {text}\n" for text in missing)
    from azpreflight.__main__ import run  # noqa: PLC0415 - not before it is known that this Python can

    return run()


sys.exit(main())
